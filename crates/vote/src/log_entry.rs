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

use crate::{Charities, Nullifier, Vote};

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
        let text = str::from_utf8(bytes).ok()?;
        let (header, text) = text.split_once('\n')?;
        let (token, text) = text.split_once('\n')?;
        let (written_shares, counted_at) = text.split_once('\n')?;
        let token = token.strip_prefix("coin: ")?;
        let written_shares = written_shares.strip_prefix("vote: ")?;
        let counted_at = counted_at.strip_prefix("counted: ")?.strip_suffix('\n')?;
        if header != HEADER {
            return None;
        }
        let vote = parse_vote(written_shares, charities)?;
        // A token has one spelling, and so has a point in time; shares may stand there in another order, or with a zero before them.
        if shares(&vote) != written_shares {
            return None;
        }
        Some(LogEntry {
            coin: SignedCoin::from_token(token.as_bytes()).ok()?,
            vote,
            counted_at: Timestamp::parse(counted_at)?,
        })
    }
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

fn parse_vote(text: &str, charities: &Charities) -> Option<Vote> {
    let mut weights = vec![0; charities.len()];
    for share in text.split(' ') {
        let (id, weight) = share.split_once('=')?;
        let place = charities.iter().position(|charity| charity.id == id)?;
        *weights.get_mut(place)? = weight.parse().ok()?;
    }
    Vote::from_stored(weights, charities)
}

#[cfg(test)]
mod tests {
    use coin::{Campaign, Coin, Serial, SignedCoin, Timestamp};
    use proptest::prelude::*;

    use super::LogEntry;
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
            if let Some(read) = LogEntry::parse(&bytes, &charities()) {
                prop_assert_eq!(read.to_text().into_bytes(), bytes);
            }
        }
    }

    fn gcd(left: u32, right: u32) -> u32 {
        if right == 0 { left } else { gcd(right, left % right) }
    }
}
