//! Which coins an issuance is made of.
//!
//! A coin's serial follows from the issuance id and the coin's index, so a mint that is restarted makes the same coins, not more. Whoever
//! knows the issuance id knows every serial of it; that is harmless, since a serial without a signature is no coin.

use coin::{Campaign, Coin, Serial, Timestamp};
use service::Failure;
use sha2::{Digest, Sha256};

/// Separates these hashes from every other use of SHA-256 over an id and a number.
const DOMAIN: &str = "hashicoin/serial/v1";

/// The longest issuance id, in bytes. A Nomad allocation id has 36.
const ID_BYTES_MAX: usize = 64;

/// The name of one order of coins: 1 to 64 bytes of `[A-Za-z0-9._-]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuanceId(String);

impl IssuanceId {
    /// Reads an id.
    ///
    /// # Errors
    ///
    /// A sentence that says what an id looks like. No line ends above all: they separate the id from the index under the hash.
    pub fn parse(text: &str) -> Result<IssuanceId, String> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(IssuanceId(text.to_owned()))
        } else {
            Err(format!("an issuance id is 1 to {ID_BYTES_MAX} of A-Z a-z 0-9 . _ -"))
        }
    }

    /// An id from 16 random bytes.
    ///
    /// # Errors
    ///
    /// When the system gives none.
    pub fn random() -> Result<IssuanceId, Failure> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes)
            .map_err(|error| Failure::CouldNot(format!("the system gave no random bytes: {error}")))?;
        Ok(IssuanceId(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The serial of the coin at `index`: a UUID of version 8 (RFC 9562, section 5.8), its other 122 bits from SHA-256.
    pub fn serial(&self, index: u32) -> Serial {
        let digest = Sha256::digest(format!("{DOMAIN}\n{}\n{index}", self.0));
        let mut bytes = [0_u8; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes[6] = 0x80 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        Serial::from_bytes(bytes)
    }
}

/// An order: whose coins, for which campaign, until when.
pub struct Issuance {
    /// The order's name.
    pub id: IssuanceId,
    /// The campaign that every coin names.
    pub campaign: Campaign,
    /// When every coin stops counting.
    pub expires: Timestamp,
}

impl Issuance {
    /// The coin at `index`, from 0.
    pub fn coin(&self, index: u32) -> Coin {
        Coin {
            campaign: self.campaign.clone(),
            serial: self.id.serial(index),
            expires: self.expires,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::IssuanceId;

    /// Computed with coreutils: `printf 'hashicoin/serial/v1\nexample\n0' | sha256sum`, then the version and variant bits.
    #[test]
    fn serials_are_the_ones_that_the_format_promises() {
        let id = IssuanceId::parse("example").unwrap();
        assert_eq!(id.serial(0).to_string(), "eb412143-97de-86c9-b50b-b81bad3c3c21");
        assert_eq!(id.serial(10).to_string(), "a4df6510-bccd-817a-aa4d-fa792f0d80a3");
    }

    #[test]
    fn an_id_that_could_be_read_as_another_is_refused() {
        for bad in ["", "a\n1", "a b", "a/b", "é", &"x".repeat(65)] {
            assert!(IssuanceId::parse(bad).is_err(), "{bad:?}");
        }
    }
}
