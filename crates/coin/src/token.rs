//! A coin with its signature, and the token that carries it over the wire.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::{Coin, Refusal};

/// The longest token that is looked at, in bytes. The longest well-formed one is shorter; anything longer is refused by its length alone.
pub const TOKEN_BYTES_MAX: usize = 512;

/// An Ed25519 signature, in bytes (RFC 8032).
pub const SIGNATURE_BYTES: usize = 64;

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
        RawToken::parse(token)?.signed_coin()
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

/// A token taken apart, its payload still as bytes: those very bytes are what the signature is checked against.
pub(crate) struct RawToken {
    pub(crate) payload: Vec<u8>,
    pub(crate) key_version: u32,
    pub(crate) signature: [u8; SIGNATURE_BYTES],
}

impl RawToken {
    pub(crate) fn parse(token: &[u8]) -> Result<RawToken, Refusal> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(payload), Some(version), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::Malformed);
        };
        // The engine refuses padding and spare bits that are not zero, so each value has one spelling.
        let decode = |part| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed);
        let key_version = parse_key_version(version).ok_or(Refusal::Malformed)?;
        let signature = decode(signature)?.try_into().map_err(|_| Refusal::Malformed)?;
        Ok(RawToken {
            payload: decode(payload)?,
            key_version,
            signature,
        })
    }

    pub(crate) fn signed_coin(&self) -> Result<SignedCoin, Refusal> {
        let coin = Coin::from_signed_bytes(&self.payload).ok_or(Refusal::PayloadMalformed)?;
        Ok(SignedCoin {
            coin,
            key_version: self.key_version,
            signature: self.signature,
        })
    }
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
