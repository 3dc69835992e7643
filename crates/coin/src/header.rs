//! How a coin travels: one header, one scheme, one token.

use crate::{Refusal, TOKEN_BYTES_MAX};

/// The authentication scheme (RFC 9110, section 11.1) in its one accepted spelling.
pub const SCHEME: &str = "Coin";

/// How every token begins: the base64url of the signed bytes' first line with its line end. These 18 bytes fill their 24 characters exactly, so the
/// text is the same in every token, and finding it anywhere but in the coin's header means that a coin travels where it must not.
pub const TOKEN_MARKER: &[u8] = b"aGFzaGljb2luL2NvaW4vdjEK";

/// Takes the token out of the value of the one coin header: `Coin <token>`, one space, this case.
///
/// RFC 9110 lets schemes be written in any case. A coin has exactly one spelling instead, so that no two parsers can differ over it.
///
/// # Errors
///
/// In this order: [`Refusal::List`] for a comma, which the token's alphabet does not have and proxies join header lines with,
/// [`Refusal::WrongScheme`], [`Refusal::TooLong`].
pub fn token_from_header(value: &[u8]) -> Result<&[u8], Refusal> {
    if value.contains(&b',') {
        return Err(Refusal::List);
    }
    let token = value
        .strip_prefix(SCHEME.as_bytes())
        .and_then(|rest| rest.strip_prefix(b" "))
        .ok_or(Refusal::WrongScheme)?;
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Refusal::TooLong);
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::{TOKEN_MARKER, token_from_header};
    use crate::{Campaign, Coin, Refusal, Serial, SignedCoin, Timestamp};

    #[test]
    fn the_header_has_one_spelling() {
        assert_eq!(token_from_header(b"Coin a.1.b"), Ok(&b"a.1.b"[..]));
        for (value, refusal) in [
            (&b""[..], Refusal::WrongScheme),
            (b"Coin", Refusal::WrongScheme),
            (b"coin a.1.b", Refusal::WrongScheme),
            (b"COIN a.1.b", Refusal::WrongScheme),
            (b"Coin\ta.1.b", Refusal::WrongScheme),
            (b"Bearer a.1.b", Refusal::WrongScheme),
            (b"a.1.b", Refusal::WrongScheme),
            (b"Coin a.1.b, Coin a.1.b", Refusal::List),
            (b"Bearer x, Coin a.1.b", Refusal::List),
            (&[b"Coin ".as_slice(), &[b'a'; 513]].concat(), Refusal::TooLong),
        ] {
            assert_eq!(
                token_from_header(value),
                Err(refusal),
                "{}",
                String::from_utf8_lossy(value)
            );
        }
        assert!(token_from_header(&[b"Coin ".as_slice(), &[b'a'; 512]].concat()).is_ok());
    }

    #[test]
    fn every_token_begins_with_the_marker() {
        let coin = Coin {
            campaign: Campaign::parse("a").unwrap(),
            serial: Serial::from_bytes([0xff; 16]),
            expires: Timestamp::from_unix_s(0).unwrap(),
        };
        let token = SignedCoin {
            coin,
            key_version: 1,
            signature: [0; 64],
        }
        .to_token();
        assert!(token.as_bytes().starts_with(TOKEN_MARKER));
    }
}
