//! `Idempotency-Key`: what makes asking twice for a coin the same as asking once.

use axum::http::HeaderMap;
use axum::http::header::HeaderName;
use sha2::{Digest, Sha256};

/// `Idempotency-Key`.
const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// Separates this hash from every other use of SHA-256.
const DOMAIN: &[u8] = b"hashicoin/idempotency-key/v1\n";

/// A client's own random name for one request: 16 to 64 of `[A-Za-z0-9_-]`. Whoever knows it can fetch the coin again.
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key in the headers; `None` unless there is exactly one and it is one.
    pub fn from_headers(headers: &HeaderMap) -> Option<IdempotencyKey> {
        let mut lines = headers.get_all(HEADER).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return None;
        };
        let text = line.to_str().ok()?;
        let sized = (16..=64).contains(&text.len());
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        (sized && plain).then(|| IdempotencyKey(text.to_owned()))
    }

    /// What is kept of it: its hash. A client may have put a name into its key.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(DOMAIN)
            .chain_update(&self.0)
            .finalize()
            .into()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::{HEADER, IdempotencyKey};

    fn accepted(lines: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(HEADER, HeaderValue::from_str(line).unwrap());
        }
        IdempotencyKey::from_headers(&headers).is_some()
    }

    #[test]
    fn a_key_is_one_line_of_16_to_64_plain_characters() {
        assert!(accepted(&["0123456789abcdef"]));
        assert!(accepted(&[&"A_z-".repeat(16)]));
        for bad in [
            &[][..],
            &["0123456789abcde"],
            &[&"a".repeat(65)],
            &["0123456789abcde "],
            &["\"0123456789abcdef\""],
            &["0123456789abcdef, 0123456789abcdef"],
            &["0123456789abcdef", "0123456789abcdef"],
        ] {
            assert!(!accepted(bad), "{bad:?}");
        }
    }
}
