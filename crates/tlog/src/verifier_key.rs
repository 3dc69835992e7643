//! Keys that check notes (c2sp.org/signed-note), written `<name>+<key id in hex>+<base64 of algorithm and public key>`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coin::PublicKey;
use sha2::{Digest, Sha256};

use crate::{Checkpoint, cosigned_message};

/// What a key signs, and with it how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Algorithm {
    /// Ed25519 over the note's text. A log's.
    Ed25519 = 0x01,
    /// Ed25519 over a checkpoint and a time, see [`cosigned_message`]. A witness's.
    CosignatureV1 = 0x04,
}

/// A public key with the name that its holder signs under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    algorithm: Algorithm,
    public_key: PublicKey,
    id: u32,
}

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifierKeyError {
    /// The name cannot stand in a signature line.
    #[error("a key's name is not empty, and has no white space, no control character and no '+'")]
    Name,
    /// Not three parts, or not in base64.
    #[error("a verifier key is <name>+<8 hex digits>+<base64>, as the log or the witness publishes it")]
    Form,
    /// Neither a log's nor a witness's.
    #[error("of algorithm {0:#04x} nothing is known here: Ed25519 is 0x01, and a witness's Ed25519 is 0x04")]
    Algorithm(u8),
    /// No point that may be a key.
    #[error("the public key is not a usable Ed25519 point of 32 bytes")]
    PublicKey,
    /// The id was changed, or the key, or the name.
    #[error("the key id is not that of this name and key: copy the whole key anew")]
    Id,
}

impl VerifierKey {
    /// A key under a name.
    ///
    /// # Errors
    ///
    /// [`VerifierKeyError::Name`].
    pub fn new(name: &str, algorithm: Algorithm, public_key: PublicKey) -> Result<VerifierKey, VerifierKeyError> {
        if !is_name(name) {
            return Err(VerifierKeyError::Name);
        }
        let hash = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', algorithm as u8])
            .chain_update(public_key.as_bytes())
            .finalize();
        let [a, b, c, d, ..]: [u8; 32] = hash.into();
        Ok(VerifierKey {
            name: name.to_owned(),
            algorithm,
            public_key,
            id: u32::from_be_bytes([a, b, c, d]),
        })
    }

    /// Reads a key.
    ///
    /// # Errors
    ///
    /// [`VerifierKeyError`]; whatever [`fmt::Display`] does not write is refused.
    pub fn parse(text: &str) -> Result<VerifierKey, VerifierKeyError> {
        let parts = text.split_once('+');
        let (name, (_, key)) = parts
            .and_then(|(name, rest)| Some((name, rest.split_once('+')?)))
            .ok_or(VerifierKeyError::Form)?;
        let key = STANDARD.decode(key).map_err(|_| VerifierKeyError::Form)?;
        let (algorithm, key) = key.split_first().ok_or(VerifierKeyError::Form)?;
        let algorithm = [Algorithm::Ed25519, Algorithm::CosignatureV1]
            .into_iter()
            .find(|known| *known as u8 == *algorithm)
            .ok_or(VerifierKeyError::Algorithm(*algorithm))?;
        let bytes = key.try_into().map_err(|_| VerifierKeyError::PublicKey)?;
        let public_key = PublicKey::from_bytes(bytes).ok_or(VerifierKeyError::PublicKey)?;
        let key = VerifierKey::new(name, algorithm, public_key)?;
        // Of the three parts only the id is not compared yet.
        if key.to_string() != text {
            return Err(VerifierKeyError::Id);
        }
        Ok(key)
    }

    /// The holder's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// What a signature names the key by, besides the name. It is short: whoever wants another key with the same id finds one.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Checks a signature under a note's text: `Some(Some(time))` if it is a good cosignature, `Some(None)` if it is a good signature over the text alone.
    pub(crate) fn check(&self, text: &str, signature: &[u8]) -> Option<Option<u64>> {
        match self.algorithm {
            Algorithm::Ed25519 => {
                let signature = signature.try_into().ok()?;
                self.public_key.verify(text.as_bytes(), signature).ok()?;
                Some(None)
            }
            Algorithm::CosignatureV1 => {
                let (time, signature) = signature.split_first_chunk()?;
                let time = u64::from_be_bytes(*time);
                // A witness signs nothing but checkpoints, and the specification no later time.
                let checkpoint = Checkpoint::parse(text).ok().filter(|_| time <= TIME_MAX)?;
                let message = cosigned_message(&checkpoint, time);
                let signature = signature.try_into().ok()?;
                self.public_key.verify(message.as_bytes(), signature).ok()?;
                Some(Some(time))
            }
        }
    }
}

/// The latest time of a cosignature.
const TIME_MAX: u64 = i64::MAX.unsigned_abs();

impl fmt::Display for VerifierKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.algorithm as u8];
        key.extend_from_slice(self.public_key.as_bytes());
        write!(formatter, "{}+{:08x}+{}", self.name, self.id, STANDARD.encode(key))
    }
}

/// Whether a name may stand in a signature line.
pub(crate) fn is_name(name: &str) -> bool {
    let is_bad = |character: char| character.is_whitespace() || character < ' ' || character == '+';
    !name.is_empty() && !name.contains(is_bad)
}
