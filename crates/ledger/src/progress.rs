//! How far a queue of votes was consumed. A store keeps this in the transaction that counts the votes, so that a vote is counted exactly when its entry is
//! passed.

use std::fmt;

/// Where an entry stands in the queue: the id of a Redis stream's entry. Ordered as the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Milliseconds, by the queue's clock, when the entry was added.
    pub ms: u64,
    /// Tells entries of one millisecond apart, in order.
    pub sequence: u64,
}

impl Position {
    /// Before every entry; no entry has it.
    pub const START: Position = Position { ms: 0, sequence: 0 };

    /// Reads what `Display` writes: two numbers without sign or leading zeros, as in `1700000000000-0`. `None` for anything else.
    pub fn parse(text: &str) -> Option<Position> {
        let (ms, sequence) = text.split_once('-')?;
        let position = Position {
            ms: ms.parse().ok()?,
            sequence: sequence.parse().ok()?,
        };
        // The parser of numbers takes more spellings.
        (position.to_string() == text).then_some(position)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.ms, self.sequence)
    }
}

/// What a batch consumes of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The last entry that the batch consumes; after every one that was consumed before.
    pub position: Position,
    /// The batch's entries that hold no ballot, in the queue's order.
    pub dead_letters: Vec<DeadLetter>,
}

/// An entry of the queue that could not be counted, and why. The entry itself is not kept: it may hold a coin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Which entry it was.
    pub position: Position,
    /// The refusal's code.
    pub code: String,
}

/// What became of all entries of the queue so far: `accepted + refused + dead_lettered` of them were consumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueState {
    /// The last entry that was consumed.
    pub position: Position,
    /// Entries whose vote was counted.
    pub accepted: u64,
    /// Entries with a good coin that had voted before, be it the same vote or another.
    pub refused: u64,
    /// Entries that are [`DeadLetter`]s.
    pub dead_lettered: u64,
}

impl QueueState {
    /// Before the first entry.
    pub const START: QueueState = QueueState {
        position: Position::START,
        accepted: 0,
        refused: 0,
        dead_lettered: 0,
    };
}

#[cfg(test)]
mod tests {
    use super::Position;

    #[test]
    fn a_position_has_one_spelling() {
        for (text, ms, sequence) in [
            ("0-0", 0, 0),
            ("1700000000000-12", 1_700_000_000_000, 12),
            ("18446744073709551615-18446744073709551615", u64::MAX, u64::MAX),
        ] {
            let position = Position { ms, sequence };
            assert_eq!(Position::parse(text), Some(position));
            assert_eq!(position.to_string(), text);
        }
        for bad in [
            "",
            "-",
            "1",
            "1-",
            "-1",
            "+1-1",
            "01-1",
            "1-01",
            "1-1-1",
            "1-1 ",
            "18446744073709551616-0",
        ] {
            assert_eq!(Position::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn positions_are_ordered_as_numbers() {
        let positions = ["0-0", "0-1", "9-0", "9-10", "10-2"].map(|text| Position::parse(text).unwrap());
        assert!(positions.is_sorted());
    }
}
