//! What the writer asks of a store. SQLite is the embedded one; another is held to the same contract by the same tests (tests/ledger/contract.rs).

use std::error::Error;

use coin::Timestamp;

use crate::{Charities, Nullifier, UNITS_PER_COIN, Vote};

/// A verified coin's vote, not yet counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ballot {
    /// Names the coin.
    pub nullifier: Nullifier,
    /// What it votes for.
    pub vote: Vote,
    /// The version of the key that its signature verified against, from 1.
    pub key_version: u32,
}

/// A vote that is durably counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Names the coin, and the vote.
    pub nullifier: Nullifier,
    /// Its place in the ledger: from 0, without gaps. This, not the time, is the order of votes.
    pub index: u64,
    /// What it votes for.
    pub vote: Vote,
    /// What each charity got of it, in order; sums to [`UNITS_PER_COIN`].
    pub units: Vec<u64>,
    /// The version of the key that the coin's signature verified against.
    pub key_version: u32,
    /// When it was counted, by the writer's clock. Two votes can have the same second, and a clock that was set back shows here.
    pub counted_at: Timestamp,
}

/// The sums over all votes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// How many votes there are.
    pub votes: u64,
    /// Units per charity, in the campaign's order.
    pub units: Vec<u64>,
}

impl Totals {
    /// Before the first vote.
    pub fn zero(charities: &Charities) -> Totals {
        Totals {
            votes: 0,
            units: vec![0; charities.len()],
        }
    }

    /// Adds one vote's units.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when a sum would not fit; no campaign of real coins comes near.
    pub fn add(&mut self, units: &[u64]) -> Result<(), StoreError> {
        let full = || StoreError::Damaged("the totals do not fit into 64 bits".to_owned());
        self.votes = self.votes.checked_add(1).ok_or_else(full)?;
        for (total, units) in self.units.iter_mut().zip(units) {
            *total = total.checked_add(*units).ok_or_else(full)?;
        }
        Ok(())
    }

    /// Whether the units of all charities are those of all votes, no more and no fewer.
    pub fn is_conserved(&self) -> bool {
        let units: u128 = self.units.iter().copied().map(u128::from).sum();
        units == u128::from(self.votes) * u128::from(UNITS_PER_COIN)
    }
}

/// One ballot's fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The vote that holds the ballot's nullifier: its own, or the one that was there first.
    pub counted: Counted,
    /// Whether this ballot is the one that was counted.
    pub is_new: bool,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// One per ballot, in the ballots' order.
    pub entries: Vec<Entry>,
    /// The sums after the batch, as committed.
    pub totals: Totals,
}

/// Why a store could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database refused or could not be reached. Of an append: it may have been kept or not.
    #[error("the ledger's store failed: {0}")]
    Backend(#[source] Box<dyn Error + Send + Sync>),
    /// What the database says cannot be.
    #[error("the ledger's store is damaged: {0}")]
    Damaged(String),
}

/// Where votes are kept. One writer owns it.
pub trait Store: Send {
    /// Counts a batch in one transaction, durable when this returns: for each ballot in order, its vote if its nullifier is new, otherwise the vote
    /// that holds the nullifier already, be it from before or from earlier in the batch. New votes get the next indices, without gaps.
    ///
    /// The uniqueness of nullifiers is the database's own constraint, not a look before a leap.
    ///
    /// # Errors
    ///
    /// Whatever the error, the whole batch was kept or nothing of it, and which one is unknown: [`Store::recover`] before anything else.
    fn append(&mut self, ballots: &[Ballot], counted_at: Timestamp) -> Result<Appended, StoreError>;

    /// Lets go of whatever is unfinished, connects anew and reads the totals as they are committed.
    ///
    /// # Errors
    ///
    /// When they cannot be read or contradict each other. The writer stops then.
    fn recover(&mut self) -> Result<Totals, StoreError>;

    /// A connection of its own for looking up votes, which never waits for the writer.
    ///
    /// # Errors
    ///
    /// When there is no connection to be had.
    fn reader(&self) -> Result<Box<dyn Reader>, StoreError>;
}

/// Looks up what is committed.
pub trait Reader: Send {
    /// The vote that holds this nullifier.
    ///
    /// # Errors
    ///
    /// When the store fails or is damaged.
    fn find(&mut self, nullifier: &Nullifier) -> Result<Option<Counted>, StoreError>;
}
