//! What a log sends to be witnessed: the size that it believes the witness knows, the proof that the new tree grows out of that one, and the checkpoint.
//!
//! ```text
//! old <size>
//! <the proof's hashes in base64, one a line>
//!
//! <the checkpoint, a signed note>
//! ```

use std::fmt;

use tlog::{Checkpoint, Hash, Note, PROOF_LINES_MAX};

/// The longest request that is read, in bytes: a proof and a note with as many signatures as are read fit in.
pub const BYTES_MAX: usize = 32 * 1024;

/// A checkpoint to be witnessed. It has one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// How large the tree is that the witness signed last, as far as the log knows.
    pub old_size: u64,
    /// From that tree to the new one.
    pub proof: Vec<Hash>,
    /// The checkpoint of the new one.
    pub note: Note,
}

impl Submission {
    /// Reads it, and checks no signature and no proof; otherwise what it should be.
    ///
    /// # Errors
    ///
    /// What does not read.
    pub fn parse(bytes: &[u8]) -> Result<(Submission, Checkpoint), &'static str> {
        let text = str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
        let (head, note) = text
            .split_once("\n\n")
            .ok_or("no empty line stands before the checkpoint")?;
        let mut lines = head.split('\n');
        let old_size = lines
            .next()
            .and_then(|line| line.strip_prefix("old "))
            .and_then(parse_size);
        let old_size = old_size.ok_or("the first line is not \"old <size>\"")?;
        let proof: Option<Vec<Hash>> = lines.take(PROOF_LINES_MAX + 1).map(Hash::parse).collect();
        let proof = proof.ok_or("a line of the proof is not 32 bytes in base64")?;
        if proof.len() > PROOF_LINES_MAX {
            return Err("a proof has 63 lines at most");
        }
        let note = Note::parse(note.as_bytes()).map_err(|_| "what follows the empty line is no signed note")?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|_| "the note is no checkpoint")?;
        if old_size > checkpoint.head().size {
            return Err("the old size is above the checkpoint's");
        }
        let submission = Submission { old_size, proof, note };
        Ok((submission, checkpoint))
    }
}

impl fmt::Display for Submission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "old {}", self.old_size)?;
        for hash in &self.proof {
            writeln!(formatter, "{hash}")?;
        }
        write!(formatter, "\n{}", self.note)
    }
}

/// A size in its one spelling.
pub fn parse_size(text: &str) -> Option<u64> {
    let size: u64 = text.parse().ok()?;
    (size.to_string() == text).then_some(size)
}
