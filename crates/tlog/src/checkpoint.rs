//! Checkpoints (c2sp.org/tlog-checkpoint): the text by whose signature a log commits to a tree.
//!
//! ```text
//! <origin>
//! <size, in decimal>
//! <root, in base64>
//! <extension lines, if any>
//! ```

use std::fmt;

use crate::{Hash, SIZE_MAX, TreeHead};

/// What a log says its tree is. As text it has one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    head: TreeHead,
    extensions: Vec<String>,
}

/// Why a text is no checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// A line that is empty or does not end.
    #[error("a checkpoint is three lines or more, none empty, each ended by a newline")]
    Lines,
    /// The second line.
    #[error("the second line of a checkpoint is the tree's size: a decimal without leading zeros, up to 2^62")]
    Size,
    /// The third line.
    #[error("the third line of a checkpoint is the root: 32 bytes in standard base64")]
    Root,
}

impl Checkpoint {
    /// A checkpoint of the log that calls itself `origin`.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Lines`] if the origin is not one line, and not empty; [`CheckpointError::Size`] above [`SIZE_MAX`].
    pub fn new(origin: &str, head: TreeHead) -> Result<Checkpoint, CheckpointError> {
        if origin.is_empty() || origin.contains('\n') {
            return Err(CheckpointError::Lines);
        }
        if head.size > SIZE_MAX {
            return Err(CheckpointError::Size);
        }
        Ok(Checkpoint {
            origin: origin.to_owned(),
            head,
            extensions: vec![],
        })
    }

    /// Reads a checkpoint's text, which is a note's without the signatures.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`]; whatever [`fmt::Display`] does not write is refused.
    pub fn parse(text: &str) -> Result<Checkpoint, CheckpointError> {
        let text = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?;
        let mut lines = text
            .split('\n')
            .map(|line| Some(line).filter(|line| !line.is_empty()).ok_or(CheckpointError::Lines));
        let mut line = || lines.next().unwrap_or(Err(CheckpointError::Lines));
        let (origin, size, root) = (line()?, line()?, line()?);
        let head = TreeHead {
            size: parse_decimal(size).ok_or(CheckpointError::Size)?,
            root: Hash::parse(root).ok_or(CheckpointError::Root)?,
        };
        Ok(Checkpoint {
            extensions: lines.map(|line| line.map(str::to_owned)).collect::<Result<_, _>>()?,
            ..Checkpoint::new(origin, head)?
        })
    }

    /// Which log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Which tree.
    pub fn head(&self) -> &TreeHead {
        &self.head
    }

    /// What the log says besides. No auditor can check it.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}\n{}\n{}\n", self.origin, self.head.size, self.head.root)?;
        for line in &self.extensions {
            writeln!(formatter, "{line}")?;
        }
        Ok(())
    }
}

/// The bytes that a witness signs (c2sp.org/tlog-cosignature, for Ed25519): that at this time, in seconds since 1970, it knew no larger tree of this log, and that this
/// one began with all that it knew before.
pub fn cosigned_message(checkpoint: &Checkpoint, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{checkpoint}")
}

/// A decimal in its one spelling.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
