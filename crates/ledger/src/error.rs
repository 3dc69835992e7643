//! Why a ledger cannot be made, opened or closed in order. Every message says what is wrong, then what to do.

use std::io;
use std::path::PathBuf;

use crate::StoreError;

/// Why a ledger cannot be made, opened or closed in order.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// [`crate::Ledger::init`] found a file.
    #[error("{} exists already, and a ledger is never overwritten; give another path, or open this one", .0.display())]
    Exists(PathBuf),
    /// There is no ledger to open.
    #[error(
        "there is no ledger at {0}; check where it is. Init makes a new one, once per campaign: an empty ledger would count every spent coin again"
    )]
    Missing(String),
    /// Another process, or another handle in this one, writes this ledger.
    #[error("{} is in use by another writer; stop that one first, a ledger has exactly one", .0.display())]
    Locked(PathBuf),
    /// It is something else, or of another version of this program.
    #[error("{ledger} is not a ledger of this version: {what}")]
    NotALedger {
        /// The file's path, or the database's address.
        ledger: String,
        /// What it is instead.
        what: String,
    },
    /// The ledger was made for another campaign.
    #[error("{ledger} was made for another campaign file: {}; open it with the one it was made with", .differences.join("; "))]
    OtherCampaign {
        /// The file's path, or the database's address.
        ledger: String,
        /// Every difference, one sentence each.
        differences: Vec<String>,
    },
    /// What the ledger says about itself does not hold.
    #[error("{ledger} is damaged: {what}; keep it as it is and restore a backup")]
    Damaged {
        /// The file's path, or the database's address.
        ledger: String,
        /// What does not hold.
        what: String,
    },
    /// The role that is to write the ledger cannot be given a writer's rights, or has more than those.
    #[error("the role {role} cannot write this ledger: {what}")]
    Role {
        /// The role's name.
        role: String,
        /// What is wrong with it, and what to do.
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
    /// The log must not be signed, or cannot be.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The writer ended before it was told to.
    #[error("the ledger's writer stopped: {0}; open the ledger again, which checks it whole")]
    Stopped(String),
}

impl LedgerError {
    /// Says of which ledger a store's error is.
    pub(crate) fn at(ledger: &impl ToString, error: StoreError) -> LedgerError {
        match error {
            StoreError::Damaged(what) => LedgerError::Damaged {
                ledger: ledger.to_string(),
                what,
            },
            error => LedgerError::Store(error),
        }
    }
}

/// Why the log of a store is not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// The store lost entries since the last signature.
    #[error(
        "the log was signed up to {signed} entries ({}), and this store has {found}: it is an older copy of the one that was used before, or another one. Bring the right \
         one back; what to do if it is lost is in docs/operating.md",
        .path.display()
    )]
    Behind {
        /// How many entries were signed.
        signed: u64,
        /// How many there are.
        found: u64,
        /// The file that says what was signed.
        path: PathBuf,
    },
    /// The store has other entries than those that were signed.
    #[error(
        "the first {size} entries of this store are not those that were signed ({}): it is not the one that was used before. Bring the right one back; what to do if it \
         is lost is in docs/operating.md",
        .path.display()
    )]
    Forked {
        /// How many entries were signed.
        size: u64,
        /// The file that says what was signed.
        path: PathBuf,
    },
    /// Nobody knows what was signed last.
    #[error(
        "there is no {}, and this store's log was signed up to {size} entries at least: that file says what was signed last, and lies beside the ledger that was used \
         before. Bring it here; what to do if it is lost is in docs/operating.md",
        .path.display()
    )]
    NoSignedHead {
        /// Where the file was looked for.
        path: PathBuf,
        /// What the store knows of.
        size: u64,
    },
    /// What was signed last cannot be made out.
    #[error("{} does not say what was signed last: {what}. Bring the right file here", .path.display())]
    SignedHead {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The key, or the witnesses, cannot be those of the log of issued coins too.
    #[error("the log of issued coins cannot be signed: {0}")]
    Issued(String),
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
}
