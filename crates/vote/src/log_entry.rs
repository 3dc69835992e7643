//! A counted vote as it stands in the public log: the bytes that a leaf's hash is over.
//!
//! ```text
//! hashicoin/vote/v1
//! coin: <the coin's token, as it was sent>
//! vote: <charity id>=<weight> <charity id>=<weight>
//! counted: 2026-11-23T20:00:00Z
//! ```
//!
//! UTF-8, `\n` at each line's end, this order and nothing else. Only charities with a share are named, in the campaign's order, with reduced weights. The coin stands
//! there whole, so that anybody can check the signature that the mint's key made; it is spent, and worth nothing any more.

use std::fmt::Write;

use coin::{SignedCoin, Timestamp};

use crate::shares::Parts;
use crate::vote::is_reduced;
use crate::{Charities, Nullifier, UNITS_PER_COIN, Vote};

/// The first line: what the bytes are, so that no other log's entry can be taken for one.
const HEADER: &str = "hashicoin/vote/v1";

/// An entry of the log. It has exactly one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The coin that was spent. That its signature is good is not said here.
    pub coin: SignedCoin,
    /// What it voted for.
    pub vote: Vote,
    /// When it was counted, by the ledger's clock.
    pub counted_at: Timestamp,
}

impl LogEntry {
    /// The vote's name.
    pub fn nullifier(&self) -> Nullifier {
        Nullifier::of(&self.coin.coin.serial)
    }

    /// The entry's bytes, fewer than a thousand for a vote that names few charities.
    pub fn to_text(&self) -> String {
        format!(
            "{HEADER}\ncoin: {}\nvote: {}\ncounted: {}\n",
            self.coin.to_token(),
            shares(&self.vote),
            self.counted_at
        )
    }

    /// Reads an entry; `None` unless it is what [`LogEntry::to_text`] writes, for these charities.
    pub fn parse(bytes: &[u8], charities: &Charities) -> Option<LogEntry> {
        let mut reader = LogEntryReader::new(charities);
        let CountedCoin { coin, counted_at } = reader.read(bytes)?;
        Some(LogEntry {
            coin,
            vote: Vote::from_stored(reader.weights, charities)?,
            counted_at,
        })
    }
}

/// A coin and when it was counted: what an entry says besides the shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedCoin {
    /// As in [`LogEntry`].
    pub coin: SignedCoin,
    /// As in [`LogEntry`].
    pub counted_at: Timestamp,
}

/// Reads many entries one after the other, in the same memory: to ask for some for each takes longer than reading it.
#[derive(Clone, Debug)]
pub struct LogEntryReader<'a> {
    charities: &'a Charities,
    weights: Vec<u32>,
    parts: Parts,
    signed_bytes: Vec<u8>,
}

impl<'a> LogEntryReader<'a> {
    /// Of a log whose votes are for these charities.
    pub fn new(charities: &'a Charities) -> LogEntryReader<'a> {
        LogEntryReader {
            charities,
            weights: Vec::with_capacity(charities.len()),
            parts: Parts::default(),
            signed_bytes: Vec::new(),
        }
    }

    /// Reads an entry; `None` if [`LogEntry::parse`] says so. What is asked below is about the entry that was read last; about one that could not be read nothing is said.
    pub fn read(&mut self, bytes: &[u8]) -> Option<CountedCoin> {
        // From the end, where lines are short: the coin's token is what is left, and has no line's end in it.
        let (rest, counted_at) = last_line(bytes)?;
        let (rest, shares) = last_line(rest)?;
        let token = rest.strip_prefix(HEADER.as_bytes())?.strip_prefix(b"\ncoin: ")?;
        let token = token.strip_suffix(b"\n")?;
        read_shares(shares.strip_prefix(b"vote: ")?, self.charities, &mut self.weights)?;
        let counted_at = str::from_utf8(counted_at.strip_prefix(b"counted: ")?).ok()?;
        Some(CountedCoin {
            coin: SignedCoin::read_token(token, &mut self.signed_bytes).ok()?,
            counted_at: Timestamp::parse(counted_at)?,
        })
    }

    /// The bytes that the coin's signature has to be of.
    pub fn signed_bytes(&self) -> &[u8] {
        &self.signed_bytes
    }

    /// What the vote gives to each charity, as [`Vote::units`].
    pub fn units(&mut self) -> &[u64] {
        let weights = self.weights.iter().copied().map(u64::from);
        self.parts.split(UNITS_PER_COIN, weights)
    }
}

/// Takes the last line off lines that each have an end, and gives what is before it, and the line without its end.
fn last_line(lines: &[u8]) -> Option<(&[u8], &[u8])> {
    let lines = lines.strip_suffix(b"\n")?;
    let end_before = lines.iter().rposition(|byte| *byte == b'\n')?;
    lines.split_at_checked(end_before + 1)
}

/// The charities with a share, as they stand in an entry.
fn shares(vote: &Vote) -> String {
    let mut text = String::new();
    let shares = vote.charities().iter().zip(vote.weights());
    for (charity, weight) in shares.filter(|(_, weight)| **weight > 0) {
        let separator = if text.is_empty() { "" } else { " " };
        // Writing into a string does not fail.
        let _ = write!(text, "{separator}{}={weight}", charity.id);
    }
    text
}

/// Reads what [`shares`] writes; `None` for anything else, also for what means the same.
fn read_shares(text: &[u8], charities: &Charities, weights: &mut Vec<u32>) -> Option<()> {
    weights.clear();
    weights.resize(charities.len(), 0);
    // Each share is looked for behind the one before: no other order is read, and no charity twice.
    let mut left = charities.iter().zip(weights.iter_mut());
    for share in text.split(|byte| *byte == b' ') {
        let weight_of = |id: &str| share.strip_prefix(id.as_bytes())?.strip_prefix(b"=");
        let (weight, written) = left.find_map(|(charity, weight)| Some((weight, weight_of(&charity.id)?)))?;
        *weight = read_weight(written)?;
    }
    is_reduced(weights).then_some(())
}

/// Reads a number above zero as it is written: digits, the first of which is no zero.
fn read_weight(digits: &[u8]) -> Option<u32> {
    let canonical = matches!(digits, [b'1'..=b'9', ..]);
    let value = digits.iter().try_fold(0_u32, |value, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value.checked_mul(10)?.checked_add(u32::from(digit))
    });
    value.filter(|_| canonical)
}

#[cfg(test)]
mod tests {
    use coin::{Campaign, Coin, Serial, SignedCoin, Timestamp};
    use proptest::prelude::*;

    use super::{CountedCoin, LogEntry, LogEntryReader};
    use crate::{CampaignFile, Charities, Vote};

    fn charities() -> Charities {
        CampaignFile::parse(
            br#"{"campaign":"c","donation":{"currency":"USD","minor_units":1},"charities":[
                {"id":"b","name":"B","about":"B."},{"id":"a","name":"A","about":"A."},{"id":"c","name":"C","about":"C."}]}"#,
        )
        .unwrap()
        .charities()
        .clone()
    }

    fn entry(weights: [u32; 3]) -> LogEntry {
        LogEntry {
            coin: SignedCoin {
                coin: Coin {
                    campaign: Campaign::parse("c").unwrap(),
                    serial: Serial::from_bytes([7; 16]),
                    expires: Timestamp::parse("2030-01-01T00:00:00Z").unwrap(),
                },
                key_version: 2,
                signature: [9; 64],
            },
            vote: Vote::from_stored(weights.to_vec(), &charities()).unwrap(),
            counted_at: Timestamp::parse("2026-11-23T20:00:00Z").unwrap(),
        }
    }

    #[test]
    fn an_entry_is_four_lines() {
        let entry = entry([2, 3, 0]);
        let token = entry.coin.to_token();
        let text = format!("hashicoin/vote/v1\ncoin: {token}\nvote: b=2 a=3\ncounted: 2026-11-23T20:00:00Z\n");
        assert_eq!(entry.to_text(), text);
        assert_eq!(LogEntry::parse(text.as_bytes(), &charities()), Some(entry));
    }

    #[test]
    fn another_spelling_is_no_entry() {
        let good = entry([2, 3, 0]).to_text();
        for (from, to) in [
            ("hashicoin/vote/v1", "hashicoin/vote/v2"),
            ("coin: ", "coin:  "),
            ("coin: ", "Coin: "),
            ("b=2 a=3", "a=3 b=2"),
            ("b=2 a=3", "b=4 a=6"),
            ("b=2 a=3", "b=2 a=3 c=0"),
            ("b=2 a=3", "b=2  a=3"),
            ("b=2 a=3", "b=02 a=3"),
            ("b=2 a=3", "b=+2 a=3"),
            ("b=2 a=3", "b=2 a=3 b=2"),
            ("b=2 a=3", "b=2 d=3"),
            ("b=2 a=3", "b=2 a=-3"),
            ("b=2 a=3", "b=2 a=4294967296"),
            ("b=2 a=3", "b=2 a=4294967299"),
            ("b=2 a=3", "b=2 a=1000001"),
            ("b=2 a=3", "b=2 a=3 "),
            ("b=2 a=3", " b=2 a=3"),
            ("b=2 a=3", "b=2 a=3;"),
            ("b=2 a=3", "b=2 a=/3"),
            ("b=2 a=3", "b=2\na=3"),
            ("b=2 a=3", "b=2 a="),
            ("b=2 a=3", "b=2 a"),
            ("b=2 a=3", ""),
            ("\nvote: ", "\r\nvote: "),
            ("T20:00:00Z", "T20:00:00+00:00"),
            ("T20:00:00Z\n", "T20:00:00Z"),
            ("T20:00:00Z\n", "T20:00:00Z\n\n"),
            ("T20:00:00Z\n", "T20:00:00Z\nmore: 1\n"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            assert_eq!(LogEntry::parse(bad.as_bytes(), &charities()), None, "{bad}");
        }
        assert_eq!(LogEntry::parse(&good.as_bytes()[1..], &charities()), None);
        assert_eq!(LogEntry::parse(b"\xff", &charities()), None);
    }

    proptest! {
        #[test]
        fn what_reads_is_written_the_same(weights in [0_u32..5, 0_u32..5, 0_u32..5], at in 0_usize..600, byte in any::<u8>()) {
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let divisor = weights.iter().fold(0, |left, right| gcd(left, *right));
            let text = entry(weights.map(|weight| weight / divisor)).to_text();
            prop_assert!(LogEntry::parse(text.as_bytes(), &charities()).is_some());
            let mut bytes = text.into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let charities = charities();
            let mut reader = LogEntryReader::new(&charities);
            let by_reader = reader.read(&bytes);
            let read = LogEntry::parse(&bytes, &charities);
            prop_assert_eq!(by_reader.is_some(), read.is_some());
            if let (Some(read), Some(CountedCoin { coin, counted_at })) = (read, by_reader) {
                prop_assert_eq!(read.to_text().into_bytes(), bytes);
                prop_assert_eq!(reader.signed_bytes(), coin.coin.to_signed_bytes());
                prop_assert_eq!(reader.units(), read.vote.units());
                prop_assert_eq!((coin, counted_at), (read.coin, read.counted_at));
            }
        }
    }

    fn gcd(left: u32, right: u32) -> u32 {
        if right == 0 { left } else { gcd(right, left % right) }
    }
}
