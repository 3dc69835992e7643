//! Whom a reader of checkpoints trusts: the log's keys, and of some witnesses a number.

use std::collections::BTreeSet;

use crate::{Algorithm, Checkpoint, CheckpointError, Note, NoteError, VerifierKey};

/// Which checkpoints are believed: those of one log, signed by one of its keys and by at least `quorum` of the witnesses.
#[derive(Clone, Debug)]
pub struct Policy {
    origin: String,
    log_keys: Vec<VerifierKey>,
    witnesses: Vec<VerifierKey>,
    quorum: usize,
}

/// Why there is no such policy, or a checkpoint does not satisfy it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A witness's key that is not made for it.
    #[error(
        "the key of {0:?} is not a witness's (its algorithm is not 0x04): take the one that the witness publishes for cosignatures"
    )]
    NotAWitness(String),
    /// More signatures are wanted than there can be.
    #[error("{quorum} witnesses are to sign, and {witnesses} different keys are given: give more, or ask for fewer")]
    OutOfReach {
        /// How many have to sign.
        quorum: usize,
        /// How many different keys there are.
        witnesses: usize,
    },
    /// No note, or a signature is bad.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Signed, and no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Another log's.
    #[error("the checkpoint is of the log {found:?}, and {wanted:?} was asked about")]
    OtherOrigin {
        /// The log that was asked about.
        wanted: String,
        /// The log that it names.
        found: String,
    },
    /// Witnesses alone signed.
    #[error("no key of the log signed the checkpoint: give the log's present key if you trust it")]
    NotByTheLog,
    /// Too few witnesses.
    #[error(
        "{signed} of the witnesses signed the checkpoint, and {quorum} have to: wait for more, or ask why they do not"
    )]
    TooFewWitnesses {
        /// How many did.
        signed: usize,
        /// How many have to.
        quorum: usize,
    },
}

impl Policy {
    /// Believes one log by its keys alone: whoever holds one of them can show different trees to different readers.
    pub fn new(origin: &str, log_keys: Vec<VerifierKey>) -> Policy {
        Policy {
            origin: origin.to_owned(),
            log_keys,
            witnesses: vec![],
            quorum: 0,
        }
    }

    /// Asks for the signatures of some witnesses besides. Two names with one key are one witness: a cosignature does not say which name it is for.
    ///
    /// # Errors
    ///
    /// [`PolicyError::NotAWitness`] or [`PolicyError::OutOfReach`].
    pub fn with_witnesses(mut self, witnesses: Vec<VerifierKey>, quorum: usize) -> Result<Policy, PolicyError> {
        let is_other = |key: &&VerifierKey| key.algorithm() != Algorithm::CosignatureV1;
        if let Some(other) = witnesses.iter().find(is_other) {
            return Err(PolicyError::NotAWitness(other.name().to_owned()));
        }
        let different = different(witnesses.iter());
        if quorum > different {
            return Err(PolicyError::OutOfReach {
                quorum,
                witnesses: different,
            });
        }
        self.witnesses = witnesses;
        self.quorum = quorum;
        Ok(self)
    }

    /// The checkpoint that a note is, if it is to be believed.
    ///
    /// # Errors
    ///
    /// [`PolicyError`]; also for a single bad signature of a key that the policy names, however many others are good.
    pub fn open(&self, note: &Note) -> Result<Checkpoint, PolicyError> {
        let verified = note.verify(self.log_keys.iter().chain(&self.witnesses))?;
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin() != self.origin {
            return Err(PolicyError::OtherOrigin {
                wanted: self.origin.clone(),
                found: checkpoint.origin().to_owned(),
            });
        }
        if !verified.iter().any(|verified| self.log_keys.contains(verified.key)) {
            return Err(PolicyError::NotByTheLog);
        }
        let keys = verified.iter().map(|verified| verified.key);
        let signed = different(keys.filter(|key| self.witnesses.contains(key)));
        if signed < self.quorum {
            let quorum = self.quorum;
            return Err(PolicyError::TooFewWitnesses { signed, quorum });
        }
        Ok(checkpoint)
    }
}

/// How many different public keys these are.
fn different<'a>(keys: impl Iterator<Item = &'a VerifierKey>) -> usize {
    let keys: BTreeSet<&[u8; 32]> = keys.map(|key| key.public_key().as_bytes()).collect();
    keys.len()
}
