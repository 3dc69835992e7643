//! The log's side: asks all witnesses of a policy at once, and is content when as many have signed as the policy wants.
//!
//! A witness that does not answer is not waited for once the others are enough, and is not asked again before its last answer came or its time was over.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tlog::{Hash, Note, Policy, PolicyError, PolicyFile, TreeHead, VerifierKey};
use ureq::Agent;

use crate::Submission;
use crate::submission::parse_size;

/// How long a witness may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 16 * 1024;
/// How often the size that a witness knows may turn out to be another one, for one checkpoint: a witness that never agrees is given up.
const TRIES: usize = 3;

/// The witnesses of a log.
pub struct Witnesses {
    policy: Policy,
    text: String,
    quorum: usize,
    agent: Agent,
    witnesses: Vec<Arc<Peer>>,
    /// How large a tree each has signed last, as far as is known here.
    sizes: Mutex<BTreeMap<usize, u64>>,
}

struct Peer {
    name: String,
    key: VerifierKey,
    url: String,
    is_asked: AtomicBool,
}

/// Why a checkpoint is not witnessed.
#[derive(Debug, thiserror::Error)]
pub enum NotWitnessed {
    /// Too few signed.
    #[error("{signed} of the {quorum} witnesses that the policy wants signed the checkpoint: {}", .said.join("; "))]
    TooFew {
        /// How many did.
        signed: usize,
        /// How many have to.
        quorum: usize,
        /// What each of the others said.
        said: Vec<String>,
    },
    /// There is no proof to be had.
    #[error("no proof for a witness: {0}")]
    NoProof(String),
}

/// What a witness answered.
enum Said {
    /// Its signature's lines.
    Signed(String),
    /// The size that it knows.
    OtherSize(u64),
    /// Something else, or nothing.
    Other(String),
}

impl Witnesses {
    /// The witnesses of a policy (c2sp.org/tlog-policy) for the log with this name and these keys. Each must have an address.
    ///
    /// # Errors
    ///
    /// What is wrong with the policy.
    pub fn from_policy(text: &str, origin: &str, log_keys: Vec<VerifierKey>) -> Result<Witnesses, String> {
        let file = PolicyFile::parse(text)?;
        let policy = file
            .policy(origin, log_keys)
            .map_err(|error: PolicyError| error.to_string())?;
        let mut witnesses = Vec::new();
        for witness in file.witnesses {
            let url = witness.url.as_deref().map(|url| url.trim_end_matches('/'));
            let url = url.filter(|url| url.starts_with("http://"));
            let url = url.ok_or_else(|| {
                format!(
                    "the witness {:?} has no address http://HOST:PORT: TLS is the sidecar's",
                    witness.name
                )
            })?;
            witnesses.push(Arc::new(Peer {
                url: format!("{url}/add-checkpoint"),
                name: witness.name,
                key: witness.key,
                is_asked: AtomicBool::new(false),
            }));
        }
        let agent = Agent::config_builder()
            .timeout_global(Some(ANSWER_MAX))
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        Ok(Witnesses {
            policy,
            text: text.to_owned(),
            quorum: file.quorum,
            agent: agent.into(),
            witnesses,
            sizes: Mutex::default(),
        })
    }

    /// The policy, as it was written: for whoever checks the log.
    pub fn policy_text(&self) -> &str {
        &self.text
    }

    /// Has a signed checkpoint of this tree cosigned; gives the note with as many cosignatures as the policy wants. `prove` gives the proof from the tree of a size
    /// to this one.
    ///
    /// # Errors
    ///
    /// [`NotWitnessed`]; it can be tried again.
    pub fn cosign<E: ToString>(
        &self,
        note: &Note,
        head: &TreeHead,
        mut prove: impl FnMut(u64) -> Result<Vec<Hash>, E>,
    ) -> Result<Note, NotWitnessed> {
        let mut cosigned = note.clone();
        let mut said = BTreeMap::new();
        let mut tries = vec![0; self.witnesses.len()];
        let (sender, answers) = channel();
        let mut waiting = 0;
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, peer) in self.witnesses.iter().enumerate() {
            // One that knows of more than there is says so itself.
            let size = sizes
                .get(&place)
                .copied()
                .filter(|size| *size <= head.size)
                .unwrap_or(0);
            let submission = submission(note, size, &mut prove)?;
            if peer.is_asked.swap(true, Ordering::AcqRel) {
                said.insert(place, format!("{} has not answered yet", peer.name));
                continue;
            }
            waiting += 1;
            self.ask(place, submission, &sender);
        }
        let deadline = Instant::now() + ANSWER_MAX;
        while waiting > 0 && self.policy.open(&cosigned).is_err() {
            let Some((place, answer)) = next(&answers, deadline) else {
                break;
            };
            waiting -= 1;
            let Some(peer) = self.witnesses.get(place) else { break };
            match answer {
                Said::Signed(lines) => match with_cosignature(&cosigned, &lines, &peer.key) {
                    Some(with) => {
                        cosigned = with;
                        sizes.insert(place, head.size);
                    }
                    None => drop(said.insert(place, format!("{} gave no signature of its own", peer.name))),
                },
                Said::OtherSize(size) if size <= head.size && tries.get(place).is_some_and(|tries| *tries < TRIES) => {
                    if let Some(tries) = tries.get_mut(place) {
                        *tries += 1;
                    }
                    sizes.insert(place, size);
                    let submission = submission(note, size, &mut prove)?;
                    peer.is_asked.store(true, Ordering::Release);
                    waiting += 1;
                    self.ask(place, submission, &sender);
                }
                Said::OtherSize(size) => {
                    said.insert(place, format!("{} has signed a tree of {size}", peer.name));
                }
                Said::Other(what) => drop(said.insert(place, format!("{}: {what}", peer.name))),
            }
        }
        match self.policy.open(&cosigned) {
            Ok(_) => Ok(cosigned),
            Err(error) => {
                let signed = match error {
                    PolicyError::TooFewWitnesses { signed, .. } => signed,
                    _ => 0,
                };
                let mut said: Vec<String> = said.into_values().collect();
                if waiting > 0 {
                    said.push(format!("{waiting} did not answer in time"));
                }
                Err(NotWitnessed::TooFew {
                    signed,
                    quorum: self.quorum,
                    said,
                })
            }
        }
    }

    /// Asks one, in a thread of its own that ends with the answer, or in time without one.
    fn ask(&self, place: usize, submission: String, sender: &Sender<(usize, Said)>) {
        let Some(peer) = self.witnesses.get(place) else { return };
        let (peer, agent, sender) = (Arc::clone(peer), self.agent.clone(), sender.clone());
        let spawned = thread::Builder::new().name("witness".to_owned()).spawn(move || {
            let answer = post(&agent, &peer.url, &submission);
            peer.is_asked.store(false, Ordering::Release);
            // Nobody may wait for it any more.
            let _ = sender.send((place, answer));
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "a witness could not be asked");
            if let Some(peer) = self.witnesses.get(place) {
                peer.is_asked.store(false, Ordering::Release);
            }
        }
    }
}

fn submission<E: ToString>(
    note: &Note,
    old_size: u64,
    prove: &mut impl FnMut(u64) -> Result<Vec<Hash>, E>,
) -> Result<String, NotWitnessed> {
    let proof = if old_size == 0 {
        vec![]
    } else {
        prove(old_size).map_err(|error| NotWitnessed::NoProof(error.to_string()))?
    };
    let note = note.clone();
    let submission = Submission { old_size, proof, note };
    Ok(submission.to_string())
}

fn next(answers: &Receiver<(usize, Said)>, deadline: Instant) -> Option<(usize, Said)> {
    answers
        .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        .ok()
}

fn post(agent: &Agent, url: &str, body: &str) -> Said {
    let mut answer = match agent.post(url).content_type("text/plain; charset=utf-8").send(body) {
        Ok(answer) => answer,
        Err(error) => return Said::Other(error.to_string()),
    };
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
    let body = match body {
        Ok(body) => body,
        Err(error) => return Said::Other(error.to_string()),
    };
    match (status, body.strip_suffix('\n').and_then(parse_size)) {
        (200, _) => Said::Signed(body),
        (409, Some(size)) => Said::OtherSize(size),
        _ => Said::Other(format!("status {status}")),
    }
}

/// The note with this witness's good signature out of its answer; `None` if there is none.
fn with_cosignature(note: &Note, lines: &str, key: &VerifierKey) -> Option<Note> {
    let own = format!("— {} ", key.name());
    let line = lines.split_inclusive('\n').find(|line| line.starts_with(&own))?;
    let with = Note::parse(format!("{note}{line}").as_bytes()).ok()?;
    with.verify([key]).ok()?;
    Some(with)
}
