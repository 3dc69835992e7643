//! Reads arguments that several commands have.

use coin::{Campaign, Timestamp};

/// A campaign's name.
pub fn campaign(text: &str) -> Result<Campaign, &'static str> {
    Campaign::parse(text).ok_or("a campaign is 1 to 32 of a-z 0-9 -")
}

/// A point in time.
pub fn timestamp(text: &str) -> Result<Timestamp, &'static str> {
    Timestamp::parse(text).ok_or("write a point in time as 2030-01-01T00:00:00Z: whole seconds, UTC")
}
