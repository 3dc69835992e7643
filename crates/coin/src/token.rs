//! A coin with its signature, and the token that carries it over the wire.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::{Coin, Refusal};

/// The longest token that is looked at, in bytes. The longest well-formed one is shorter; anything longer is refused by its length alone.
pub const TOKEN_BYTES_MAX: usize = 512;

/// An Ed25519 signature, in bytes (RFC 8032).
pub const SIGNATURE_BYTES: usize = 64;

/// How long a signature is in base64url without padding.
const SIGNATURE_CHARACTERS: usize = (SIGNATURE_BYTES * 4).div_ceil(3);

/// A coin and the signature it came with. Nothing here says that the signature is good; [`crate::verify()`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCoin {
    /// What the coin says.
    pub coin: Coin,
    /// The version of Vault's key that signed it, from 1.
    pub key_version: u32,
    /// The Ed25519 signature over [`Coin::to_signed_bytes`].
    pub signature: [u8; SIGNATURE_BYTES],
}

impl SignedCoin {
    /// Reads a token.
    ///
    /// # Errors
    ///
    /// In this order: [`Refusal::TooLong`], [`Refusal::Malformed`] when it is not three parts of canonical base64url, decimal and
    /// canonical base64url, [`Refusal::PayloadMalformed`] when the payload is not the one spelling of a coin.
    pub fn from_token(token: &[u8]) -> Result<SignedCoin, Refusal> {
        SignedCoin::read_token(token, &mut Vec::new())
    }

    /// Reads a token, and leaves in `signed_bytes` what the signature has to be of: the payload, which is what [`Coin::to_signed_bytes`] would write again. Whoever reads many
    /// tokens gives the same vector every time, and no memory is asked for.
    ///
    /// # Errors
    ///
    /// As [`SignedCoin::from_token`]; nothing is said about `signed_bytes` then.
    pub fn read_token(token: &[u8], signed_bytes: &mut Vec<u8>) -> Result<SignedCoin, Refusal> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        let (key_version, signature) = take_apart(token, signed_bytes).ok_or(Refusal::Malformed)?;
        let coin = Coin::from_signed_bytes(signed_bytes).ok_or(Refusal::PayloadMalformed)?;
        Ok(SignedCoin {
            coin,
            key_version,
            signature,
        })
    }

    /// The token: `<base64url payload>.<key version>.<base64url signature>`.
    pub fn to_token(&self) -> String {
        let mut token = String::with_capacity(TOKEN_BYTES_MAX);
        URL_SAFE_NO_PAD.encode_string(self.coin.to_text(), &mut token);
        token.push('.');
        token.push_str(&self.key_version.to_string());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(self.signature, &mut token);
        token
    }

    /// The signature as Vault Transit writes it: `vault:v<version>:<standard base64>`.
    pub fn to_vault_signature(&self) -> String {
        format!("vault:v{}:{}", self.key_version, STANDARD.encode(self.signature))
    }
}

/// The key version and the signature of a token, whose payload replaces what is in `payload`; `None` unless there are three parts with two dots between them, each in its one spelling.
fn take_apart(token: &[u8], payload: &mut Vec<u8>) -> Option<(u32, [u8; SIGNATURE_BYTES])> {
    // From the end, where the lengths are known: a dot in one part too many is not in base64url's alphabet.
    let (rest, signature) = token.split_last_chunk::<SIGNATURE_CHARACTERS>()?;
    let rest = rest.strip_suffix(b".")?;
    let dot = rest.iter().rposition(|byte| *byte == b'.')?;
    let (written, version) = rest.split_at_checked(dot)?;
    let key_version = parse_key_version(version.strip_prefix(b".")?)?;
    // The engine refuses padding and spare bits that are not zero, so each value has one spelling.
    let mut bytes = [0; SIGNATURE_BYTES];
    let length = URL_SAFE_NO_PAD.decode_slice(signature, &mut bytes).ok()?;
    payload.clear();
    URL_SAFE_NO_PAD.decode_vec(written, payload).ok()?;
    (length == SIGNATURE_BYTES).then_some((key_version, bytes))
}

/// Reads `vault:v<version>:<standard base64>` into the key's version and the signature; `None` unless it is exactly what [`SignedCoin::to_vault_signature`] writes.
pub fn parse_vault_signature(text: &str) -> Option<(u32, [u8; SIGNATURE_BYTES])> {
    let (version, signature) = text.strip_prefix("vault:v")?.split_once(':')?;
    Some((
        parse_key_version(version.as_bytes())?,
        STANDARD.decode(signature).ok()?.try_into().ok()?,
    ))
}

/// Reads a key version: decimal, from 1, no sign and no leading zero.
pub(crate) fn parse_key_version(digits: &[u8]) -> Option<u32> {
    let canonical = digits.first().is_some_and(|first| (b'1'..=b'9').contains(first));
    let value = std::str::from_utf8(digits).ok()?.parse().ok()?;
    canonical.then_some(value)
}
