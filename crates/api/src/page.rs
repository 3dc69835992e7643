//! The page: three files, built into the program so that it has nothing to lose or to be tampered with beside it.

use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// One file of the page.
struct File {
    text: &'static str,
    content_type: &'static str,
    /// A strong entity tag: the hash of the text.
    etag: String,
}

static INDEX: LazyLock<File> =
    LazyLock::new(|| File::new(include_str!("../../../web/index.html"), "text/html; charset=utf-8"));
static SCRIPT: LazyLock<File> =
    LazyLock::new(|| File::new(include_str!("../../../web/app.js"), "text/javascript; charset=utf-8"));
static STYLE: LazyLock<File> =
    LazyLock::new(|| File::new(include_str!("../../../web/style.css"), "text/css; charset=utf-8"));

/// `GET /`
pub async fn index(headers: HeaderMap) -> Response {
    INDEX.answer(&headers)
}

/// `GET /app.js`
pub async fn script(headers: HeaderMap) -> Response {
    SCRIPT.answer(&headers)
}

/// `GET /style.css`
pub async fn style(headers: HeaderMap) -> Response {
    STYLE.answer(&headers)
}

impl File {
    fn new(text: &'static str, content_type: &'static str) -> File {
        let hash = Sha256::digest(text);
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        File {
            text,
            content_type,
            etag: format!("\"{hex}\""),
        }
    }

    /// The file, or 304 to a browser that has it. It is asked every time, so that a new version is seen at once.
    fn answer(&self, request: &HeaderMap) -> Response {
        let known = request
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            // Weak comparison (RFC 9110, section 13.1.2): a proxy that compressed the file made the tag weak.
            .any(|tag| tag.trim().trim_start_matches("W/") == self.etag);
        let validators = [(ETAG, self.etag.as_str()), (CACHE_CONTROL, "no-cache")];
        if known {
            return (StatusCode::NOT_MODIFIED, validators).into_response();
        }
        let mut response = (validators, self.text).into_response();
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        response
    }
}
