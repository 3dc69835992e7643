//! What a log says now: its latest checkpoint, and the tally beside it. On a server that goes on counting the two are never of one moment, so both are asked for
//! until the tally is one that the checkpoint covers.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use service::Failure;
use tlog::{Checkpoint, Note, Policy, PolicyError, TreeHead};

use super::{NOTE_BYTES_MAX, Source, TALLY, TALLY_BYTES_MAX, VOTES};
use crate::findings::Findings;
use crate::http::Fetched;

/// How long after an answer the next one may say something else: checkpoints come at most ten times a second.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What a log says now.
pub struct Present {
    /// The tree that is audited.
    pub head: TreeHead,
    /// What was signed before the tally was asked for: it may not have fewer votes.
    pub signed_before: u64,
    /// The note, as it is published.
    pub note: Vec<u8>,
    /// The tally, and the number of votes that it says it has.
    pub tally: Option<(u64, Value)>,
}

/// Asks for checkpoint and tally, for at most as long as `patience`, until the checkpoint covers the tally and the tally what was signed before it.
///
/// # Errors
///
/// When there is no checkpoint that can be read, or no answer.
pub fn present(
    source: &Source,
    policy: &Policy,
    patience: Duration,
    findings: &mut Findings,
) -> Result<Present, Failure> {
    let deadline = Instant::now() + patience;
    let (first, mut note) = latest(source, VOTES)?;
    let mut head = first;
    let tally = loop {
        let tally = tally(source)?;
        let Some((votes, _)) = &tally else {
            break tally;
        };
        if *votes > head.size {
            (head, note) = latest(source, VOTES)?;
        }
        let agree = (first.size..=head.size).contains(votes);
        if agree || !source.is_live() || Instant::now() >= deadline {
            break tally;
        }
        wait();
    };
    check(&note, policy, "checkpoint", findings);
    Ok(Present {
        head,
        signed_before: first.size,
        note,
        tally,
    })
}

/// Waits until asking again is worth while.
#[expect(
    clippy::disallowed_methods,
    reason = "a server says when it has signed by nothing but its next checkpoint"
)]
pub fn wait() {
    thread::sleep(LOOK_AGAIN);
}

/// The latest checkpoint of the log under a prefix, as it is read and as it is published. Nobody's signature is checked.
///
/// # Errors
///
/// [`Failure::CouldNot`] when there is none, [`Failure::Refused`] when there is something else.
pub fn latest(source: &Source, prefix: &str) -> Result<(TreeHead, Vec<u8>), Failure> {
    let path = format!("{prefix}/checkpoint");
    let note = match source.fetch(&path, NOTE_BYTES_MAX)? {
        Fetched::Bytes(note) => note,
        Fetched::Missing => {
            return Err(Failure::CouldNot(format!(
                "{source} has no /{path} yet: look again when the first one is signed"
            )));
        }
        Fetched::TooLong => {
            return Err(Failure::Refused(format!(
                "/{path} of {source} has more than {NOTE_BYTES_MAX} bytes, and no checkpoint has"
            )));
        }
    };
    let read = |note: &[u8]| -> Result<TreeHead, PolicyError> {
        let note = Note::parse(note)?;
        Ok(*Checkpoint::parse(note.text())?.head())
    };
    let head = read(&note).map_err(|error| Failure::Refused(format!("/{path} of {source}: {error}")))?;
    Ok((head, note))
}

/// Checks the signatures of a note that reads as a checkpoint.
pub fn check(note: &[u8], policy: &Policy, at: &str, findings: &mut Findings) {
    let opened = Note::parse(note)
        .map_err(PolicyError::from)
        .and_then(|note| policy.open(&note));
    if let Err(error) = opened {
        findings.add(at, error.to_string());
    }
}

/// The tally, and how many votes it has; `None` if there is none.
fn tally(source: &Source) -> Result<Option<(u64, Value)>, Failure> {
    let Fetched::Bytes(bytes) = source.fetch(TALLY, TALLY_BYTES_MAX)? else {
        return Ok(None);
    };
    let tally: Option<Value> = serde_json::from_slice(&bytes).ok();
    Ok(tally.and_then(|tally| Some((tally["votes"].as_u64()?, tally))))
}
