//! Why a ledger cannot be made, opened or closed in order. Every message says what is wrong, then what to do.

use std::io;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Why a ledger cannot be made, opened or closed in order.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// [`crate::Ledger::init`] found a file.
    #[error("{} exists already, and a ledger is never overwritten; give another path, or open this one", .0.display())]
    Exists(PathBuf),
    /// [`crate::Ledger::open`] found no file.
    #[error(
        "there is no ledger at {}; check the path. Init makes a new one, once per campaign: an empty ledger would count every spent coin again",
        .0.display()
    )]
    Missing(PathBuf),
    /// Another process, or another handle in this one, writes this ledger.
    #[error("{} is in use by another writer; stop that one first, a ledger has exactly one", .0.display())]
    Locked(PathBuf),
    /// The file is something else, or of another version of this program.
    #[error("{} is not a ledger of this version: {what}; give the path of the ledger's file", .path.display())]
    NotALedger {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: String,
    },
    /// The ledger was made for another campaign.
    #[error("{} was made for another campaign file: {}; open it with the one it was made with", .path.display(), .differences.join("; "))]
    OtherCampaign {
        /// The file.
        path: PathBuf,
        /// Every difference, one sentence each.
        differences: Vec<String>,
    },
    /// What the ledger says about itself does not hold.
    #[error("{} is damaged: {what}; keep the file as it is and restore a backup", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not hold.
        what: String,
    },
    /// The operating system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The writer ended before it was told to.
    #[error("the ledger's writer stopped: {0}; open the ledger again, which checks it whole")]
    Stopped(String),
}

impl LedgerError {
    /// Says of which file a store's error is.
    pub(crate) fn at(path: &Path, error: StoreError) -> LedgerError {
        match error {
            StoreError::Damaged(what) => LedgerError::Damaged {
                path: path.to_owned(),
                what,
            },
            error => LedgerError::Store(error),
        }
    }
}
