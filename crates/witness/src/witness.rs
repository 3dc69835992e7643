//! The witness: what it signs, and what it refuses.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use coin::PublicKey;
use ed25519_compact::KeyPair;
use service::Failure;
use tlog::{Algorithm, Checkpoint, Hash, Note, VerifierKey, cosigned_message};

use crate::{Memory, MemoryError, Submission};

/// Signs the checkpoints of some logs.
pub struct Witness {
    key_pair: KeyPair,
    key: VerifierKey,
    /// The keys of each log, by its origin.
    logs: BTreeMap<String, Vec<VerifierKey>>,
    memory: Mutex<Memory>,
}

/// Why a checkpoint is not signed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It does not read.
    #[error("not a submission: {0}")]
    Malformed(&'static str),
    /// It is of a log that this witness does not know.
    #[error("this witness does not know the log")]
    UnknownLog,
    /// No key of the log signed it.
    #[error("no known key of the log signed the checkpoint")]
    NotSigned,
    /// The log does not know what was signed last.
    #[error("the tree that was signed last has {0} entries")]
    OtherSize(u64),
    /// The new tree does not grow out of the one that was signed last.
    #[error("the proof does not lead from the tree that was signed last to this one")]
    Inconsistent,
    /// What is remembered cannot be read or written.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

impl Witness {
    /// A witness with this name and key for these logs, by their keys.
    ///
    /// # Errors
    ///
    /// When the name cannot be a key's, or the key is one that no verifier accepts.
    pub fn new(
        name: &str,
        key_pair: KeyPair,
        logs: impl IntoIterator<Item = VerifierKey>,
        memory: Memory,
    ) -> Result<Witness, Failure> {
        let mut by_origin: BTreeMap<String, Vec<VerifierKey>> = BTreeMap::new();
        for key in logs {
            by_origin.entry(key.name().to_owned()).or_default().push(key);
        }
        Ok(Witness {
            key: verifier_key(name, &key_pair)?,
            key_pair,
            logs: by_origin,
            memory: Mutex::new(memory),
        })
    }

    /// The key that its signatures are checked with.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Signs a checkpoint that grows out of the one that was signed last; gives the signature's line. Durable when it returns. `now` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub fn add_checkpoint(&self, request: &[u8], now: u64) -> Result<String, Refusal> {
        let (submission, checkpoint) = Submission::parse(request).map_err(Refusal::Malformed)?;
        let keys = self.logs.get(checkpoint.origin()).ok_or(Refusal::UnknownLog)?;
        let verified = submission.note.verify(keys).map_err(|_| Refusal::NotSigned)?;
        let head = *checkpoint.head();
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let mut line = String::new();
        let advanced = memory.advance(checkpoint.origin(), |last| {
            if submission.old_size != last.size {
                return Err(Refusal::OtherSize(last.size));
            }
            if head.size == 0 && head.root != Hash::of_nothing() {
                return Err(Refusal::Inconsistent);
            }
            head.check_consistency(&last, &submission.proof)
                .map_err(|_| Refusal::Inconsistent)?;
            // Others' signatures are not vouched for, and not kept.
            let known = |name: &str| verified.iter().any(|verified| verified.key.name() == name);
            let kept = self.cosigned(&submission.note, &checkpoint, known, now)?;
            line = signature_line(&kept, self.key.name());
            Ok((head, kept))
        })?;
        advanced?;
        Ok(line)
    }

    /// The last checkpoint of the log whose origin has this SHA-256, in lower-case hex; `None` if none was signed.
    ///
    /// # Errors
    ///
    /// When what is remembered cannot be read.
    pub fn checkpoint(&self, origin_hash: &str) -> Result<Option<String>, MemoryError> {
        use sha2::{Digest, Sha256};
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = |origin: &str| -> String {
            Sha256::digest(origin)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect()
        };
        let notes = memory.notes()?;
        Ok(notes
            .into_iter()
            .find(|(origin, _)| hash(origin) == origin_hash)
            .map(|(_, note)| note))
    }

    /// Whether what is remembered can be read.
    pub fn works(&self) -> bool {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.notes().is_ok()
    }

    /// The note with the log's signatures and this witness's.
    fn cosigned(
        &self,
        note: &Note,
        checkpoint: &Checkpoint,
        is_known: impl Fn(&str) -> bool,
        now: u64,
    ) -> Result<String, Refusal> {
        let signature = self
            .key_pair
            .sk
            .sign(cosigned_message(checkpoint, now).as_bytes(), None);
        let mut cosigned = note.clone();
        let added = cosigned.add_cosignature(&self.key, now, &signature);
        added.map_err(|_| Refusal::Malformed("it cannot be cosigned"))?;
        let text = cosigned.to_string();
        let Some((body, lines)) = text.rsplit_once("\n\n") else {
            return Err(Refusal::Malformed("it cannot be cosigned"));
        };
        let own = signature_line(&text, self.key.name());
        let of_the_log = lines.split_inclusive('\n').filter(|line| is_known(name_of(line)));
        Ok(format!("{body}\n\n{}{own}", of_the_log.collect::<String>()))
    }
}

/// The key that the signatures of a witness with this name are checked with.
///
/// # Errors
///
/// When the name cannot be a key's, or the key is one that no verifier accepts.
pub fn verifier_key(name: &str, key_pair: &KeyPair) -> Result<VerifierKey, Failure> {
    let refused = |what: String| Failure::Refused(what);
    let public_key = PublicKey::from_bytes(*key_pair.pk)
        .ok_or_else(|| refused("the witness's key is one that no verifier accepts: make a new one".to_owned()))?;
    VerifierKey::new(name, Algorithm::CosignatureV1, public_key)
        .map_err(|error| refused(format!("{name:?} cannot be a witness's name: {error}")))
}

/// The last signature line of a note under this name.
fn signature_line(note: &str, name: &str) -> String {
    let line = note.split_inclusive('\n').rfind(|line| name_of(line) == name);
    line.unwrap_or_default().to_owned()
}

/// The name in a signature line; empty in any other.
fn name_of(line: &str) -> &str {
    line.strip_prefix("— ")
        .and_then(|line| line.split(' ').next())
        .unwrap_or_default()
}
