//! The one decision about a coin.
//!
//! The checks run in order of cost, so that a flood of bad coins costs as little as it can, and the first that fails is the answer:
//!
//! 1. size of the token ([`Refusal::TooLong`]);
//! 2. grammar of the token ([`Refusal::Malformed`]), then of the payload ([`Refusal::PayloadMalformed`]);
//! 3. key version ([`Refusal::KeyUnknown`], [`Refusal::KeyRetired`]): that key or none, never another;
//! 4. campaign ([`Refusal::WrongCampaign`]), then expiry ([`Refusal::Expired`]);
//! 5. signature ([`Refusal::BadSignature`]).
//!
//! **What counts as a signature.** Pure Ed25519 (RFC 8032) as `ed25519-compact` checks it: S below the group order, so that nobody can make a second spelling
//! of a signature; the encodings of the key A and of R canonical, and neither a point of small order; and the group equation with the
//! cofactor (`8·S·B = 8·R + 8·k·A`). The last point matters only to somebody who holds the private key: whoever does not cannot turn
//! one signature into another, since R is hashed into k. A verifier for the same coins must follow the same rule: batch verification
//! does, a check without the cofactor can refuse what this accepts.

use crate::token::SIGNATURE_BYTES;
use crate::{Campaign, Coin, Keyring, PublicKey, Refusal, SignedCoin, Timestamp};

/// A coin that passed every check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What the coin says.
    pub coin: Coin,
    /// The version of the key that its signature verified against.
    pub key_version: u32,
    /// The signature.
    pub signature: [u8; SIGNATURE_BYTES],
}

impl Accepted {
    /// The coin with its signature, as it came.
    pub fn into_signed_coin(self) -> SignedCoin {
        SignedCoin {
            coin: self.coin,
            key_version: self.key_version,
            signature: self.signature,
        }
    }
}

/// A coin that passed every check but that of its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim<'keyring> {
    /// What the coin says, with the signature that nobody has looked at.
    pub signed: SignedCoin,
    /// The bytes that the signature must be of.
    pub signed_bytes: Vec<u8>,
    /// The key that it must verify against.
    pub key: &'keyring PublicKey,
}

impl<'keyring> Claim<'keyring> {
    /// The first four checks, for whoever asks about the signatures of many coins together.
    ///
    /// # Errors
    ///
    /// As [`verify`], except [`Refusal::BadSignature`].
    pub fn read(
        token: &[u8],
        keyring: &'keyring Keyring,
        campaign: &Campaign,
        now: Timestamp,
    ) -> Result<Claim<'keyring>, Refusal> {
        let mut signed_bytes = Vec::new();
        let signed = SignedCoin::read_token(token, &mut signed_bytes)?;
        let key = keyring.find(signed.key_version)?;
        if signed.coin.campaign != *campaign {
            return Err(Refusal::WrongCampaign);
        }
        if now >= signed.coin.expires {
            return Err(Refusal::Expired);
        }
        Ok(Claim {
            signed,
            signed_bytes,
            key,
        })
    }

    /// The last check.
    ///
    /// # Errors
    ///
    /// [`Refusal::BadSignature`].
    pub fn check_signature(&self) -> Result<(), Refusal> {
        self.key.verify(&self.signed_bytes, &self.signed.signature)
    }
}

/// Decides about a token: the coin, or the first reason against it in the order that this module's documentation gives.
///
/// # Errors
///
/// One [`Refusal`] out of [`Refusal::TooLong`], `Malformed`, `PayloadMalformed`, `KeyUnknown`, `KeyRetired`, `WrongCampaign`, `Expired`, `BadSignature`.
pub fn verify(token: &[u8], keyring: &Keyring, campaign: &Campaign, now: Timestamp) -> Result<Accepted, Refusal> {
    let claim = Claim::read(token, keyring, campaign, now)?;
    claim.check_signature()?;
    let SignedCoin {
        coin,
        key_version,
        signature,
    } = claim.signed;
    Ok(Accepted {
        coin,
        key_version,
        signature,
    })
}
