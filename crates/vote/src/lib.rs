//! A vote: what it says, what it is worth, how it stands in the public log, and how all votes add up.
//!
//! - [`CampaignFile`]: which campaign, what is donated, who may be voted for;
//! - [`Vote`]: how one coin is shared among charities, in its one canonical form;
//! - [`Nullifier`]: the vote's name, which is a hash of the coin's serial;
//! - [`LogEntry`]: a counted vote as it stands in the log, in its one canonical form;
//! - [`IssuedEntry`]: a minted coin as it stands in the log of what was minted, likewise;
//! - [`LogInfo`]: what the log says about itself;
//! - [`Totals`] and [`Tally`]: the sums in integers, and the percentages and the donation's parts that follow from them.
//!
//! Whoever recounts a campaign needs this and nothing of the ledger that counted it. Pure: no input or output, no clock, no randomness.

#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

mod campaign_file;
mod issued_entry;
mod log_entry;
mod log_info;
mod nullifier;
mod shares;
mod tally;
mod totals;
mod unique_keys;
mod vote;

pub use campaign_file::{CHARITIES_MAX, CampaignFile, CampaignFileError, Charities, Charity, Donation};
pub use issued_entry::IssuedEntry;
pub use log_entry::{CountedCoin, LogEntry, LogEntryReader};
pub use log_info::{LogInfo, LogInfoError};
pub use nullifier::Nullifier;
pub use tally::{CharityTally, Percent, Tally};
pub use totals::{Totals, TotalsOverflow};
pub use vote::{Vote, VoteError, WEIGHT_MAX};

/// What one coin is worth: the units that its vote shares out.
pub const UNITS_PER_COIN: u64 = 1_000_000;
