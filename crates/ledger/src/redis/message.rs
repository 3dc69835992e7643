//! How votes, totals and refusals are written in Redis: as JSON, in words that an operator can read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vote::{Charities, LogEntry, Nullifier, Totals, Vote, VoteError};

use crate::{Counted, Position};

/// How long the reason against an entry is kept, in seconds: far longer than anybody waits for it.
pub const REFUSED_TTL_S: u64 = 3600;

/// An entry of the stream: a coin's token and the vote that it casts. Whoever reads one believes none of it.
pub struct Entry<'a> {
    /// The coin's token, as it was sent.
    pub token: &'a [u8],
    /// The vote, as [`vote_text`] writes it.
    pub weights: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The names of the entry's fields.
    pub const FIELDS: [&'static str; 2] = ["token", "weights"];

    /// The coin and the vote of an entry; of the latter, what it is instead.
    ///
    /// # Errors
    ///
    /// Why the weights are no vote.
    pub fn vote(&self, charities: &Charities) -> Result<Vote, NotAVote> {
        let weights: Value = serde_json::from_slice(self.weights).map_err(|_| NotAVote::Malformed)?;
        Vote::parse(&weights, charities).map_err(|error| match error {
            VoteError::UnknownCharity => NotAVote::UnknownCharity,
            _ => NotAVote::Malformed,
        })
    }
}

/// Why an entry holds no vote. The API reads votes before it queues them, so only somebody else's entry is one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAVote {
    /// It does not read.
    Malformed,
    /// It is for a charity that the campaign does not have.
    UnknownCharity,
}

impl NotAVote {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            NotAVote::Malformed => "vote-malformed",
            NotAVote::UnknownCharity => "vote-unknown-charity",
        }
    }
}

/// The value of the tally's key, and the message that says that it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Every entry of the stream up to here is counted or refused.
    pub position: Position,
    /// The sums over all votes.
    pub totals: Totals,
}

#[derive(Deserialize, Serialize)]
struct DecidedText {
    position: String,
    votes: u64,
    units: Vec<u64>,
}

impl Decided {
    /// As JSON.
    pub fn to_text(&self) -> String {
        let text = DecidedText {
            position: self.position.to_string(),
            votes: self.totals.votes,
            units: self.totals.units.clone(),
        };
        // Strings and numbers always write.
        serde_json::to_string(&text).unwrap_or_default()
    }

    /// Reads it again; `None` unless it is what [`Decided::to_text`] writes, for as many charities as there are.
    pub fn read(text: &str, charities: &Charities) -> Option<Decided> {
        let text: DecidedText = serde_json::from_str(text).ok()?;
        let totals = Totals {
            votes: text.votes,
            units: text.units,
        };
        let fits = totals.units.len() == charities.len() && totals.is_conserved();
        Some(Decided {
            position: Position::parse(&text.position)?,
            totals: fits.then_some(totals)?,
        })
    }
}

#[derive(Deserialize, Serialize)]
struct VoteText<'a> {
    index: u64,
    entry: Cow<'a, str>,
}

/// A counted vote as JSON: its place in the log, and its entry there.
pub fn counted_text(index: u64, entry: &str) -> String {
    let text = VoteText {
        index,
        entry: Cow::Borrowed(entry),
    };
    serde_json::to_string(&text).unwrap_or_default()
}

/// Reads a counted vote again; `None` unless it is what [`counted_text`] writes, of a coin with this nullifier.
pub fn read_counted(nullifier: Nullifier, text: &str, charities: &Charities) -> Option<Counted> {
    let VoteText { index, entry } = serde_json::from_str(text).ok()?;
    let entry = LogEntry::parse(entry.as_bytes(), charities)?;
    (entry.nullifier() == nullifier).then(|| Counted {
        nullifier,
        index,
        coin: entry.coin,
        units: entry.vote.units(),
        vote: entry.vote,
        counted_at: entry.counted_at,
    })
}

/// A vote as it stands in the stream: `{"<charity id>":<weight>,…}`.
pub fn vote_text(vote: &Vote) -> String {
    let weights: BTreeMap<String, u32> = named(vote).collect();
    serde_json::to_string(&weights).unwrap_or_default()
}

/// The charities that a vote names, with their weights.
fn named(vote: &Vote) -> impl Iterator<Item = (String, u32)> + '_ {
    let charities = vote.charities().iter().map(|charity| charity.id.clone());
    charities
        .zip(vote.weights().iter().copied())
        .filter(|(_, weight)| *weight > 0)
}

#[cfg(test)]
mod tests {
    use coin::{Campaign, Coin, Serial, SignedCoin, Timestamp};
    use serde_json::{Value, json};

    use super::{Decided, Entry, NotAVote, counted_text, read_counted, vote_text};
    use crate::{Counted, Position};
    use vote::{CampaignFile, Charities, Nullifier, Totals, Vote};

    fn charities() -> Charities {
        let file = br#"{"campaign":"c","donation":{"currency":"USD","minor_units":1},"charities":[
            {"id":"b","name":"B","about":"B."},{"id":"a","name":"A","about":"A."}]}"#;
        CampaignFile::parse(file).unwrap().charities().clone()
    }

    fn vote(weights: &Value) -> Vote {
        Vote::parse(weights, &charities()).unwrap()
    }

    #[test]
    fn a_vote_comes_out_of_the_stream_as_it_went_in() {
        let vote = vote(&json!({"a": 4, "b": 2}));
        let weights = vote_text(&vote);
        assert_eq!(weights, r#"{"a":2,"b":1}"#);
        let entry = |weights| Entry { token: b"", weights };
        assert_eq!(entry(weights.as_bytes()).vote(&charities()), Ok(vote));
        for (bad, why) in [
            (&b"{"[..], NotAVote::Malformed),
            (b"\xff", NotAVote::Malformed),
            (b"{}", NotAVote::Malformed),
            (br#"{"a":0}"#, NotAVote::Malformed),
            (br#"{"c":1}"#, NotAVote::UnknownCharity),
        ] {
            assert_eq!(entry(bad).vote(&charities()), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn a_counted_vote_reads_as_it_was_written() {
        let vote = vote(&json!({"a": 1}));
        let coin = SignedCoin {
            coin: Coin {
                campaign: Campaign::parse("c").unwrap(),
                serial: Serial::from_bytes([7; 16]),
                expires: Timestamp::from_unix_s(1).unwrap(),
            },
            key_version: 2,
            signature: [9; 64],
        };
        let token = coin.to_token();
        let counted = Counted {
            nullifier: Nullifier::of(&coin.coin.serial),
            index: 3,
            coin,
            units: vote.units(),
            vote,
            counted_at: Timestamp::from_unix_s(0).unwrap(),
        };
        let text = counted_text(counted.index, &counted.leaf().entry);
        let entry = format!("hashicoin/vote/v1\\ncoin: {token}\\nvote: a=1\\ncounted: 1970-01-01T00:00:00Z\\n");
        assert_eq!(text, format!(r#"{{"index":3,"entry":"{entry}"}}"#));
        assert_eq!(
            read_counted(counted.nullifier, &text, &charities()),
            Some(counted.clone())
        );
        for (from, to) in [("a=1", "c=1"), (":3", ":-3"), ("1970", "197"), ("index", "place")] {
            let bad = text.replacen(from, to, 1);
            assert_ne!(bad, text);
            assert_eq!(read_counted(counted.nullifier, &bad, &charities()), None, "{bad}");
        }
        let other = Nullifier::from_bytes([7; 32]);
        assert_eq!(read_counted(other, &text, &charities()), None, "another coin's vote");
    }

    #[test]
    fn the_tally_reads_as_it_was_written_or_not_at_all() {
        let decided = Decided {
            position: Position::parse("7-1").unwrap(),
            totals: Totals {
                votes: 2,
                units: vec![1_500_000, 500_000],
            },
        };
        let text = decided.to_text();
        assert_eq!(text, r#"{"position":"7-1","votes":2,"units":[1500000,500000]}"#);
        assert_eq!(Decided::read(&text, &charities()), Some(decided));
        for bad in [
            "",
            r#"{"position":"7","votes":2,"units":[1500000,500000]}"#,
            r#"{"position":"7-1","votes":1,"units":[1500000,500000]}"#,
            r#"{"position":"7-1","votes":2,"units":[2000000]}"#,
        ] {
            assert_eq!(Decided::read(bad, &charities()), None, "{bad}");
        }
    }
}
