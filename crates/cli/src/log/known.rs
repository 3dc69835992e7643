//! What somebody knows of a log from before, or from others: a checkpoint, or a receipt with one in it. A log that shows different trees to different people is caught by
//! nothing else.

use std::path::{Path, PathBuf};

use service::Failure;
use tlog::{Note, Policy, PolicyError, TlogProof, TreeHead};

use crate::input;

/// Above the longest receipt.
const BYTES_MAX: u64 = 64 * 1024;

/// A tree that the log signed, by a file that the user has.
#[derive(Clone)]
pub struct Known {
    /// The file.
    pub path: PathBuf,
    /// The tree.
    pub head: TreeHead,
}

impl Known {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is neither a checkpoint nor a receipt, or the log did not sign it: then it says nothing about the log.
    pub fn read(path: &Path, policy: &Policy) -> Result<Known, Failure> {
        let bytes = input::read(path, BYTES_MAX)?;
        let note = match TlogProof::parse(&bytes) {
            Ok(receipt) => Ok(receipt.checkpoint),
            Err(_) => Note::parse(&bytes).map_err(PolicyError::from),
        };
        let checkpoint = note.and_then(|note| policy.open(&note));
        let checkpoint = checkpoint.map_err(|error| {
            Failure::CouldNot(format!(
                "could not use {} as something that this log signed: {error}",
                path.display()
            ))
        })?;
        Ok(Known {
            path: path.to_path_buf(),
            head: *checkpoint.head(),
        })
    }
}
