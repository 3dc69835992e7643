//! Every answer that is not what was asked for: a problem document (RFC 9457).
//!
//! A problem has a stable code, which is the last segment of its type (`/problems/<code>`); a page for people stands at that address.
//! The words are fixed text or made from the campaign: nothing that a client sent is ever repeated to it.

mod kind;
mod page;

use std::borrow::Cow;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use coin::{Refusal, SCHEME};
use serde_json::{Map, Value};

pub use kind::Kind;
pub use page::show as show_page;

/// The media type of a problem document (RFC 9457, section 3).
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// How soon a refused client may ask again when nothing better is known.
const RETRY_SOON_S: u64 = 1;

/// One problem, ready to be answered.
#[derive(Debug)]
pub struct Problem {
    code: &'static str,
    status: StatusCode,
    title: &'static str,
    detail: Cow<'static, str>,
    /// Members of the document besides the four that every problem has.
    extensions: Map<String, Value>,
    retry_after_s: Option<u64>,
    challenge: bool,
}

impl Problem {
    /// Says more exactly what is wrong than the code's own words do.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Problem {
        self.detail = detail.into();
        self
    }

    /// Adds a member to the document.
    #[must_use]
    pub fn with(mut self, member: &str, value: Value) -> Problem {
        self.extensions.insert(member.to_owned(), value);
        self
    }

    /// Says after how many seconds to ask again.
    #[must_use]
    pub fn retry_after_s(mut self, seconds: u64) -> Problem {
        self.retry_after_s = Some(seconds);
        self
    }
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Problem {
        let words = kind.words();
        Problem {
            code: words.code,
            status: words.status,
            title: words.title,
            detail: Cow::Borrowed(words.detail),
            extensions: Map::new(),
            retry_after_s: (words.status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_SOON_S),
            challenge: false,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        Problem {
            code: refusal.code(),
            // The table of refusals holds statuses only; a test walks it.
            status: StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            title: refusal.title(),
            detail: Cow::Borrowed(refusal.detail()),
            extensions: Map::new(),
            retry_after_s: None,
            // A spent coin was good; another one is not asked for in its place.
            challenge: refusal != Refusal::Spent,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut document = self.extensions;
        document.insert("type".to_owned(), Value::from(format!("/problems/{}", self.code)));
        document.insert("title".to_owned(), Value::from(self.title));
        document.insert("status".to_owned(), Value::from(self.status.as_u16()));
        document.insert("detail".to_owned(), Value::from(self.detail.into_owned()));
        let mut response = (self.status, Value::Object(document).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM_JSON);
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.challenge {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(SCHEME));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::http::StatusCode;
    use coin::Refusal;

    use super::{Kind, Problem};

    #[test]
    fn no_two_problems_share_a_code_and_all_have_an_error_s_status() {
        let problems = Kind::ALL.map(Problem::from).into_iter();
        let problems: Vec<Problem> = problems.chain(Refusal::ALL.map(Problem::from)).collect();
        let codes: BTreeSet<&str> = problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes.len(), problems.len());
        for problem in problems {
            let error = problem.status.is_client_error() || problem.status.is_server_error();
            assert!(error, "{}: {}", problem.code, problem.status);
            let asks_to_wait = problem.retry_after_s.is_some();
            assert!(
                !asks_to_wait || problem.status == StatusCode::SERVICE_UNAVAILABLE,
                "{}",
                problem.code
            );
        }
    }
}
