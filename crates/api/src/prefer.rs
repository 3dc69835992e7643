//! `Prefer: wait=N` (RFC 7240): how long a client wants to wait for what came of its vote.

use axum::http::HeaderMap;
use axum::http::header::HeaderName;

/// The longest wait that is honoured, in seconds.
pub const WAIT_MAX_S: u64 = 30;

/// `Prefer`.
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The seconds of `wait=N`, from 1 to [`WAIT_MAX_S`].
///
/// A preference that is not understood is ignored, as the RFC asks, and so is a wait outside this range. Where one is given twice, the first counts.
pub fn wait_s(headers: &HeaderMap) -> Option<u64> {
    let (_, value) = headers
        .get_all(PREFER)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        // What follows a semicolon are parameters; `wait` has none.
        .filter_map(|preference| preference.split(';').next()?.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))?;
    let value = value.trim();
    let value = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(value);
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = value.parse().ok().filter(|_| digits)?;
    (1..=WAIT_MAX_S).contains(&seconds).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::{PREFER, wait_s};

    #[test]
    fn the_first_wait_from_1_to_30_counts() {
        for (lines, expected) in [
            (&["wait=1"][..], Some(1)),
            (&["wait=30"], Some(30)),
            (&["Wait = \"10\""], Some(10)),
            (&["respond-async, wait=10"], Some(10)),
            (&["respond-async", "wait=10"], Some(10)),
            (&["wait=10; foo=bar"], Some(10)),
            (&["wait=10, wait=20"], Some(10)),
            (&[], None),
            (&["respond-async"], None),
            (&["wait"], None),
            (&["wait="], None),
            (&["wait=0"], None),
            (&["wait=31"], None),
            (&["wait=+5"], None),
            (&["wait=-5"], None),
            (&["wait=1.5"], None),
            (&["wait=99999999999999999999"], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(PREFER, HeaderValue::from_static(line));
            }
            assert_eq!(wait_s(&headers), expected, "{lines:?}");
        }
    }
}
