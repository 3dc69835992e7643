//! The ledger: verified votes, each coin counted once.
//!
//! A [`Ledger`] is a handle to one writer thread behind a bounded queue. The writer takes what is waiting, checks every coin again with its own
//! keyring (the gate in front is the first check, not the only one), and hands the batch to a [`Store`], which writes it in one transaction:
//! nullifier, vote, leaf, tree, totals. Only after the commit does anybody hear that a vote was counted. There are two stores, held to one contract: a file that one
//! process has for itself ([`SqliteStore`]), and a database that outlives its machine ([`PostgresStore`]). Both can also keep how far a queue was consumed.
//!
//! What holds at every moment, and is checked again each time a ledger is opened:
//!
//! - one coin, one vote: a coin's [`Nullifier`](vote::Nullifier) is in the ledger at most once, and the store's unique constraint is what decides it;
//! - the votes are numbered from 0 without a gap;
//! - the votes are the leaves of a Merkle tree (RFC 6962), whose root stands beside the totals: each vote's entry in the log, byte by byte, goes into it;
//! - the totals are the sum of the votes, and their sum is the number of votes times [`UNITS_PER_COIN`](vote::UNITS_PER_COIN).
//!
//! **One rule about time.** A coin is verified before it is looked up. So a coin that was counted and is sent again after it has expired (or after its
//! key was retired) is refused as expired, not answered from the ledger; its vote stays counted, and [`Ledger::vote`] still shows it. The gate
//! decides the same way, and no answer depends on which of the two said it.
//!
//! Time is an argument here: the clock is in the [`Options`].

#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

mod error;
mod handle;
mod kept_coin;
mod kept_vote;
mod keys;
mod log_key;
mod log_kind;
mod made_for;
mod postgres;
mod progress;
mod published;
mod queue;
pub mod redis;
mod signed_head;
mod signed_log;
mod signer;
mod sql_integer;
mod sqlite;
mod store;
mod tree;
mod writer;

pub use error::{LedgerError, SigningError};
pub use handle::{Clock, Ledger, Options, Outcome, Signing, SubmitError};
pub use keys::{Keys, KeysError};
pub use log_key::LogKey;
pub use log_kind::LogKind;
pub use postgres::{PostgresStore, PostgresUrl};
pub use progress::{DeadLetter, Position, Progress, QueueState};
pub use published::{bundle, receipt_from, receipt_tiles, tile};
pub use signer::{Bell, Heard, Published, Ringing, Signer};
pub use sqlite::SqliteStore;
pub use store::{
    Appended, Ballot, Batch, Counted, Entry, KeptCheckpoint, Leaf, LogStore, Reader, State, Store, StoreError,
};
