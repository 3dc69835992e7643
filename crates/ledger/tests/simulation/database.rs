//! What a database keeps of a ledger, in memory: the other half of every comparison. It knows no SQL, no tiles and none of the stores' code.

use std::collections::{BTreeMap, HashMap};

use coin::Timestamp;
use ledger::{Appended, Batch, Counted, Entry, Leaf, Position, QueueState, State, StoreError};
use tlog::Hash;
use vote::{IssuedEntry, Nullifier, Totals};

use crate::simulation::CAMPAIGN;
use crate::simulation::common::root;

/// A ledger's rows, and who may write them.
pub struct Database {
    pub votes: Vec<Counted>,
    pub dead_letters: BTreeMap<Position, String>,
    pub state: State,
    /// Which writer, and which of its connections.
    pub fence: Fence,
    /// A transaction whose client has lost its connection while the COMMIT was under way.
    pub late: Option<(Fence, Change)>,
    /// The log of issued coins.
    pub issued: Vec<IssuedEntry>,
    leaves: Vec<Hash>,
    places: HashMap<Nullifier, usize>,
}

/// What a transaction changes.
pub enum Change {
    /// Votes are counted.
    Votes(Batch),
    /// Coins are logged that were issued.
    Issued(Vec<Nullifier>, Timestamp),
}

/// As the Postgres store has it: both numbers must be the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    pub epoch: u64,
    pub session: u64,
}

impl Database {
    pub fn empty() -> Database {
        Database {
            votes: Vec::new(),
            dead_letters: BTreeMap::new(),
            state: State {
                totals: Totals::zero(CAMPAIGN.charities()),
                root: Hash::of_nothing(),
                queue: QueueState::START,
            },
            fence: Fence { epoch: 0, session: 0 },
            late: None,
            issued: Vec::new(),
            leaves: Vec::new(),
            places: HashMap::new(),
        }
    }

    /// The vote that holds a nullifier.
    pub fn find(&self, nullifier: &Nullifier) -> Option<&Counted> {
        self.places.get(nullifier).map(|place| &self.votes[*place])
    }

    /// Whether a coin is in the log of issued coins.
    pub fn is_issued(&self, nullifier: &Nullifier) -> bool {
        self.issued.iter().any(|entry| entry.nullifier == *nullifier)
    }

    /// Logs those of these coins that are not in the log yet.
    pub fn issue(&mut self, coins: &[Nullifier], issued_at: Timestamp) {
        for nullifier in coins {
            if !self.is_issued(nullifier) {
                let nullifier = *nullifier;
                self.issued.push(IssuedEntry { nullifier, issued_at });
            }
        }
    }

    /// Commits a batch.
    pub fn commit(&mut self, batch: &Batch) -> Result<Appended, StoreError> {
        if let Some(progress) = &batch.progress
            && progress.position <= self.state.queue.position
        {
            return Err(StoreError::Passed {
                position: progress.position,
                passed: self.state.queue.position,
            });
        }
        let mut entries = Vec::with_capacity(batch.ballots.len());
        let mut leaves = Vec::new();
        for ballot in &batch.ballots {
            let first = self.find(&ballot.nullifier).cloned();
            let is_new = first.is_none();
            let counted = first.unwrap_or_else(|| Counted {
                nullifier: ballot.nullifier,
                index: self.votes.len() as u64,
                coin: ballot.coin.clone(),
                vote: ballot.vote.clone(),
                units: ballot.vote.units(),
                counted_at: batch.counted_at,
            });
            if is_new {
                self.places.insert(counted.nullifier, self.votes.len());
                let entry = counted.log_entry().to_text();
                let hash = Hash::of_leaf(entry.as_bytes());
                self.leaves.push(hash);
                leaves.push(Leaf { entry, hash });
                self.votes.push(counted.clone());
            }
            entries.push(Entry { counted, is_new });
        }
        let mut totals = Totals::zero(CAMPAIGN.charities());
        for vote in &self.votes {
            totals.add(&vote.units)?;
        }
        self.state.totals = totals;
        self.state.root = root(&self.leaves);
        if let Some(progress) = &batch.progress {
            let accepted = entries.iter().filter(|entry| entry.is_new).count();
            let queue = &mut self.state.queue;
            queue.position = progress.position;
            queue.accepted += accepted as u64;
            queue.refused += (entries.len() - accepted) as u64;
            queue.dead_lettered += progress.dead_letters.len() as u64;
            for letter in &progress.dead_letters {
                self.dead_letters.insert(letter.position, letter.code.clone());
            }
        }
        Ok(Appended {
            entries,
            leaves,
            state: self.state.clone(),
        })
    }
}
