//! A published log, as a stranger sees it: where it is, what it says about itself, whose signatures are believed.

mod growth;
mod info;
mod kept;
mod known;
mod present;
mod progress;
mod source;
mod stretch;
mod trust;
mod walk;

pub use info::info;
pub use kept::{Kept, KeptCheckpoints};
pub use known::Known;
pub use present::{Present, check, latest, present, wait};
pub use source::{Place, Source, write};
pub use stretch::Entries;
pub use trust::{LogPins, LogTrust, Pins, Trust, Whose};
pub use walk::{Seen, Walk};

/// Above what any log of this kind says about itself.
pub const LOG_JSON_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Above what a checkpoint with a hundred signatures has.
pub const NOTE_BYTES_MAX: u64 = 64 * 1024;
/// Above the totals of as many charities as a campaign has.
pub const TALLY_BYTES_MAX: u64 = 1024 * 1024;

/// The tally, beside the log.
pub const TALLY: &str = "v1/tally";
/// What the log says about itself.
pub const LOG_JSON: &str = "v1/log/log.json";
/// Under which the log of the votes is.
pub const VOTES: &str = "v1/log";
/// Under which the log of the coins that were minted is, if there is one.
pub const ISSUED: &str = "v1/issued";
