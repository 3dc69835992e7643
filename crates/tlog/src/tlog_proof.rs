//! What proves one entry of a log offline (c2sp.org/tlog-proof): its place, its inclusion proof and a signed checkpoint, in one text.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra <base64, if there is any>
//! index <decimal>
//! <the proof's hashes in base64, one a line>
//!
//! <the checkpoint, a signed note>
//! ```

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::parse_decimal;
use crate::{Checkpoint, Hash, Note, PROOF_LINES_MAX, Policy, PolicyError, ProofError};

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// A proof that an entry is in a log. It has one spelling; the file's extension is `.tlog-proof`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// What the application adds. Nothing vouches for it.
    pub extra: Vec<u8>,
    /// The entry's place in the log, from 0.
    pub index: u64,
    /// The inclusion proof.
    pub hashes: Vec<Hash>,
    /// The checkpoint that it leads to.
    pub checkpoint: Note,
}

/// Why a proof is none, or proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// Not in the form of a proof.
    #[error("no proof of the form {HEADER}: {0}")]
    Form(&'static str),
    /// What follows the proof is no checkpoint, or not to be believed.
    #[error("the checkpoint in the proof: {0}")]
    Checkpoint(#[from] PolicyError),
    /// The entry is not in the checkpoint's tree.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl TlogProof {
    /// Reads a proof, and checks nothing that it says.
    ///
    /// # Errors
    ///
    /// [`TlogProofError::Form`] or [`TlogProofError::Checkpoint`]; whatever [`fmt::Display`] does not write is refused.
    pub fn parse(bytes: &[u8]) -> Result<TlogProof, TlogProofError> {
        let text = str::from_utf8(bytes).map_err(|_| TlogProofError::Form("it is not UTF-8"))?;
        let (proof, checkpoint) = text
            .split_once("\n\n")
            .ok_or(TlogProofError::Form("no empty line ends the hashes"))?;
        let mut lines = proof.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(TlogProofError::Form("that is not its first line"));
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => parse_extra(line).ok_or(TlogProofError::Form("\"extra\" is not followed by base64"))?,
            None => vec![],
        };
        let index = lines
            .next()
            .and_then(|line| parse_decimal(line.strip_prefix("index ")?))
            .ok_or(TlogProofError::Form("no line \"index <decimal>\""))?;
        let hashes = lines.take(PROOF_LINES_MAX.saturating_add(1)).map(Hash::parse);
        let hashes: Vec<Hash> = hashes
            .collect::<Option<_>>()
            .ok_or(TlogProofError::Form("a line is not 32 bytes in base64"))?;
        if hashes.len() > PROOF_LINES_MAX {
            return Err(TlogProofError::Form("it has more than 63 hashes"));
        }
        let checkpoint = Note::parse(checkpoint.as_bytes()).map_err(PolicyError::Note)?;
        Checkpoint::parse(checkpoint.text()).map_err(PolicyError::Checkpoint)?;
        Ok(TlogProof {
            extra,
            index,
            hashes,
            checkpoint,
        })
    }

    /// Checks offline that an entry is in the log, where the proof says. Gives the checkpoint that proves it.
    ///
    /// # Errors
    ///
    /// [`TlogProofError::Checkpoint`] or [`TlogProofError::Proof`].
    pub fn verify(&self, entry: &[u8], policy: &Policy) -> Result<Checkpoint, TlogProofError> {
        let checkpoint = policy.open(&self.checkpoint)?;
        let leaf = Hash::of_leaf(entry);
        checkpoint.head().check_inclusion(self.index, &leaf, &self.hashes)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{HEADER}")?;
        if !self.extra.is_empty() {
            writeln!(formatter, "extra {}", STANDARD.encode(&self.extra))?;
        }
        writeln!(formatter, "index {}", self.index)?;
        for hash in &self.hashes {
            writeln!(formatter, "{hash}")?;
        }
        write!(formatter, "\n{}", self.checkpoint)
    }
}

fn parse_extra(line: &str) -> Option<Vec<u8>> {
    let extra = STANDARD.decode(line.strip_prefix("extra ")?).ok()?;
    // Without any, there is no line.
    (!extra.is_empty()).then_some(extra)
}
