//! An issued coin as it stands in the public log of what was issued: the bytes that a leaf's hash is over.
//!
//! ```text
//! hashicoin/issued/v1
//! coin: <the name that its vote will have, 64 hexadecimal digits>
//! issued: 2026-11-23T20:00:00Z
//! ```
//!
//! UTF-8, `\n` at each line's end, this order and nothing else. The name is a hash of the coin's serial: it says nothing that spends the coin.

use coin::Timestamp;

use crate::Nullifier;

/// The first line.
const HEADER: &str = "hashicoin/issued/v1";

/// An entry of the log of the coins that were issued. It has exactly one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuedEntry {
    /// The name that the coin's vote will have.
    pub nullifier: Nullifier,
    /// When it was logged, by the ledger's clock.
    pub issued_at: Timestamp,
}

impl IssuedEntry {
    /// The entry's bytes.
    pub fn to_text(&self) -> String {
        format!("{HEADER}\ncoin: {}\nissued: {}\n", self.nullifier, self.issued_at)
    }

    /// Reads an entry; `None` unless it is what [`IssuedEntry::to_text`] writes.
    pub fn parse(bytes: &[u8]) -> Option<IssuedEntry> {
        let lines = str::from_utf8(bytes)
            .ok()?
            .strip_prefix(HEADER)?
            .strip_prefix("\ncoin: ")?;
        let (nullifier, issued_at) = lines.strip_suffix('\n')?.split_once("\nissued: ")?;
        Some(IssuedEntry {
            nullifier: Nullifier::parse(nullifier)?,
            issued_at: Timestamp::parse(issued_at)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use coin::{Serial, Timestamp};

    use super::IssuedEntry;
    use crate::Nullifier;

    #[test]
    fn an_entry_is_three_lines_in_one_spelling() {
        let entry = IssuedEntry {
            nullifier: Nullifier::of(&Serial::from_bytes([0; 16])),
            issued_at: Timestamp::parse("2026-11-23T20:00:00Z").unwrap(),
        };
        let text = entry.to_text();
        let name = "0f88424561db42988a21383b30087b434e5bdda5f5f288a092be9b33d3358ead";
        assert_eq!(
            text,
            format!("hashicoin/issued/v1\ncoin: {name}\nissued: 2026-11-23T20:00:00Z\n")
        );
        assert_eq!(IssuedEntry::parse(text.as_bytes()), Some(entry));
        for (from, to) in [
            ("issued/v1", "vote/v1"),
            ("coin: 0f", "coin: 0F"),
            ("coin: ", "coin:"),
            ("\nissued", "\r\nissued"),
            ("00Z\n", "00Z"),
            ("00Z\n", "00Z\n\n"),
            ("00Z", "00+00:00"),
        ] {
            let bad = text.replacen(from, to, 1);
            assert_ne!(bad, text);
            assert_eq!(IssuedEntry::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
