//! The files that a command is given: read, checked, and refused with every mistake at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vote::CampaignFile;

use ledger::{Keys, KeysError, LedgerError, LogKey, Signing, SigningError};
use service::Failure;

use crate::pool::{ImportError, OpenError};

/// Reads the campaign file.
///
/// # Errors
///
/// When it cannot be read; when it is wrong, with every mistake.
pub fn campaign(path: &Path) -> Result<CampaignFile, Failure> {
    CampaignFile::parse(&read(path)?)
        .map_err(|error| Failure::Refused(format!("the campaign file {} is wrong: {error}", path.display())))
}

/// Reads the public keys; versions below `min_key_version` do not count.
///
/// # Errors
///
/// As [`campaign`].
pub fn keys(path: &Path, min_key_version: u32) -> Result<Keys, Failure> {
    Keys::open(path, min_key_version).map_err(|error| match error {
        KeysError::Read { .. } => Failure::CouldNot(error.to_string()),
        KeysError::Wrong { .. } => Failure::Refused(error.to_string()),
    })
}

/// The key of the log of a ledger in a file, which lies beside it: FILE.log-key.
pub fn log_key(ledger: &Path) -> PathBuf {
    beside(ledger, ".log-key")
}

/// How the log of a ledger in a file is signed: by the key beside it, and what was signed last stands beside it too, in FILE.signed.
///
/// # Errors
///
/// When there is no such key, or it is no good.
pub fn signing(ledger: &Path, campaign: &CampaignFile) -> Result<Signing, Failure> {
    let key = LogKey::in_file(&log_key(ledger), &campaign.log_origin())?;
    Ok(Signing {
        key: Arc::new(key),
        signed_head: beside(ledger, ".signed"),
        witnesses: None,
    })
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::io("read", path, &error))
}

/// A ledger that cannot be made or opened: refused where a person has to decide, otherwise an accident.
pub fn ledger_failure(error: &LedgerError) -> Failure {
    match error {
        LedgerError::Io { .. }
        | LedgerError::Store(_)
        | LedgerError::Stopped(_)
        | LedgerError::Signing(SigningError::Io { .. } | SigningError::Store(_)) => {
            Failure::CouldNot(error.to_string())
        }
        _ => Failure::Refused(error.to_string()),
    }
}

/// A pool that cannot be made or opened, in the same way.
pub fn pool_failure(error: &OpenError) -> Failure {
    match error {
        OpenError::Create(..) | OpenError::Sqlite(..) => Failure::CouldNot(error.to_string()),
        OpenError::Exists(_) | OpenError::Missing(_) | OpenError::Other(_) => Failure::Refused(error.to_string()),
    }
}

/// A directory of coins that was not taken in, in the same way.
pub fn import_failure(dir: &Path, error: &ImportError) -> Failure {
    match error {
        ImportError::Mistakes(_) => Failure::Refused(format!(
            "the coins in {} cannot be handed out: {error}; take these files out of the directory",
            dir.display()
        )),
        ImportError::Read(..) | ImportError::Random(_) | ImportError::Store(_) => Failure::CouldNot(error.to_string()),
    }
}
