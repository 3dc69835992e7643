//! The nullifier: what the ledger remembers of a coin instead of its serial.

use std::fmt;

use coin::Serial;
use sha2::{Digest, Sha256};

/// Separates this hash from every other use of SHA-256 over a serial.
const DOMAIN: &[u8] = b"hashicoin/nullifier/v1\n";

/// `SHA-256("hashicoin/nullifier/v1\n" || the serial's 16 bytes)`: the name of a vote.
///
/// Whoever holds the coin can compute it; whoever reads the ledger cannot get from it to the coin. That makes votes pseudonymous, not anonymous: the
/// mint knows every serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nullifier([u8; 32]);

impl Nullifier {
    /// The nullifier of a coin with this serial.
    pub fn of(serial: &Serial) -> Nullifier {
        let hash = Sha256::new()
            .chain_update(DOMAIN)
            .chain_update(serial.as_bytes())
            .finalize();
        Nullifier(hash.into())
    }

    /// From its 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Nullifier {
        Nullifier(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads what `Display` writes: 64 lower-case hexadecimal digits. `None` for anything else.
    pub fn parse(text: &str) -> Option<Nullifier> {
        let canonical = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !canonical {
            return None;
        }
        let mut bytes = [0; 32];
        for (position, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * position..2 * position + 2)?, 16).ok()?;
        }
        Some(Nullifier(bytes))
    }
}

impl fmt::Display for Nullifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Sixteen digits at a time: a ledger writes its names a hundred thousand times a second.
        let (parts, _) = self.0.as_chunks();
        let mut numbers = parts.iter().copied().map(u64::from_be_bytes);
        numbers.try_for_each(|number| write!(formatter, "{number:016x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Nullifier;
    use coin::Serial;

    #[test]
    fn a_known_serial_has_a_known_nullifier() {
        // printf 'hashicoin/nullifier/v1\n\0\0…' | sha256sum, with sixteen zero bytes.
        let zero = Nullifier::of(&Serial::from_bytes([0; 16]));
        assert_eq!(
            zero.to_string(),
            "0f88424561db42988a21383b30087b434e5bdda5f5f288a092be9b33d3358ead"
        );
        assert_eq!(Nullifier::parse(&zero.to_string()), Some(zero));
    }

    #[test]
    fn another_spelling_is_no_nullifier() {
        let good = "0123456789abcdef".repeat(4);
        assert!(Nullifier::parse(&good).is_some());
        for bad in [
            "",
            &good[1..],
            &format!("{good}0"),
            &good.to_uppercase(),
            &good.replace('a', "g"),
            &good.replace("01", "+1"),
            &good.replace("ab", "é"),
        ] {
            assert_eq!(Nullifier::parse(bad), None, "{bad:?}");
        }
    }
}
