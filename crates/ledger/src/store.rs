//! What a writer asks of a store. All stores are held to the same contract by the same tests (tests/shared/contract.rs).

use std::collections::HashSet;
use std::error::Error;

use coin::{SignedCoin, Timestamp};
use tlog::{Checkpoint, Hash, Note, TreeHead};
use vote::{IssuedEntry, LogEntry, Nullifier, Totals, TotalsOverflow, Vote};

use crate::{DeadLetter, LogKind, Position, Progress, QueueState};

/// A verified coin's vote, not yet counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ballot {
    /// Names the coin: the nullifier of its serial.
    pub nullifier: Nullifier,
    /// The coin, whose signature has been verified.
    pub coin: SignedCoin,
    /// What it votes for.
    pub vote: Vote,
}

impl Ballot {
    /// The vote of a coin whose signature has been verified.
    pub fn new(coin: SignedCoin, vote: Vote) -> Ballot {
        Ballot {
            nullifier: Nullifier::of(&coin.coin.serial),
            coin,
            vote,
        }
    }

    /// This ballot as it is counted in this place.
    pub(crate) fn counted(&self, index: u64, counted_at: Timestamp) -> Counted {
        Counted {
            nullifier: self.nullifier,
            index,
            coin: self.coin.clone(),
            units: self.vote.units(),
            vote: self.vote.clone(),
            counted_at,
        }
    }
}

/// What is counted in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The votes, in the order in which they were submitted.
    pub ballots: Vec<Ballot>,
    /// By the writer's clock.
    pub counted_at: Timestamp,
    /// What the batch consumes of a queue that outlives the process; its entries are the ballots and the dead letters. `None` without such a queue.
    pub progress: Option<Progress>,
}

impl Batch {
    /// Changes nothing. A store that takes it works, and is still its writer's.
    pub fn nothing(now: Timestamp) -> Batch {
        Batch {
            ballots: Vec::new(),
            counted_at: now,
            progress: None,
        }
    }
}

/// A vote that is durably counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Names the coin, and the vote.
    pub nullifier: Nullifier,
    /// Its place in the ledger: from 0, without gaps. This, not the time, is the order of votes.
    pub index: u64,
    /// The coin that was spent.
    pub coin: SignedCoin,
    /// What it votes for.
    pub vote: Vote,
    /// What each charity got of it, in order; sums to [`vote::UNITS_PER_COIN`].
    pub units: Vec<u64>,
    /// When it was counted, by the writer's clock. Two votes can have the same second, and a clock that was set back shows here.
    pub counted_at: Timestamp,
}

impl Counted {
    /// The vote as it stands in the public log.
    pub fn log_entry(&self) -> LogEntry {
        LogEntry {
            coin: self.coin.clone(),
            vote: self.vote.clone(),
            counted_at: self.counted_at,
        }
    }

    /// The hash of its entry, as the log's tree has it (RFC 6962).
    pub fn leaf_hash(&self) -> Hash {
        self.leaf().hash
    }

    /// Its entry, with the hash.
    pub fn leaf(&self) -> Leaf {
        let entry = self.log_entry().to_text();
        Leaf {
            hash: Hash::of_leaf(entry.as_bytes()),
            entry,
        }
    }
}

/// A leaf of the log of votes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The vote's entry, as [`LogEntry::to_text`] writes it.
    pub entry: String,
    /// Its hash, as the log's tree has it (RFC 6962).
    pub hash: Hash,
}

/// What a store has committed, all of it at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The sums over all votes.
    pub totals: Totals,
    /// The root of the log's tree, which has a leaf for each vote.
    pub root: Hash,
    /// What was consumed of the queue. [`QueueState::START`] in a ledger that never had one.
    pub queue: QueueState,
}

impl State {
    /// The log's tree: its size is the number of votes.
    pub fn tree_head(&self) -> TreeHead {
        TreeHead {
            size: self.totals.votes,
            root: self.root,
        }
    }

    /// The state after a batch of which this many ballots were counted; `totals` are the sums with them, and `root` that of the tree.
    ///
    /// # Errors
    ///
    /// [`StoreError::Passed`] when the queue would not go forward.
    pub(crate) fn after(
        &self,
        totals: Totals,
        root: Hash,
        batch: &Batch,
        accepted: usize,
    ) -> Result<State, StoreError> {
        let Some(progress) = &batch.progress else {
            return Ok(State {
                totals,
                root,
                queue: self.queue.clone(),
            });
        };
        if progress.position <= self.queue.position {
            return Err(StoreError::Passed {
                position: progress.position,
                passed: self.queue.position,
            });
        }
        let add = |count: u64, more: usize| {
            let sum = count.checked_add(more as u64);
            sum.ok_or_else(|| StoreError::Damaged("the queue's counters do not fit into 64 bits".to_owned()))
        };
        Ok(State {
            totals,
            root,
            queue: QueueState {
                position: progress.position,
                accepted: add(self.queue.accepted, accepted)?,
                refused: add(self.queue.refused, batch.ballots.len() - accepted)?,
                dead_lettered: add(self.queue.dead_lettered, progress.dead_letters.len())?,
            },
        })
    }

    /// Whether the queue's counters are those of the dead letters that there are, none of them of a later entry, and of no more votes than there are.
    pub(crate) fn check_queue(&self, letters: u64, later_letters: u64) -> Result<(), StoreError> {
        let State { totals, queue, .. } = self;
        let what = if letters != queue.dead_lettered {
            format!(
                "its queue says {} dead letters, and there are {letters}",
                queue.dead_lettered
            )
        } else if later_letters > 0 {
            format!(
                "{later_letters} of its dead letters are of entries after {}, where its queue is",
                queue.position
            )
        } else if queue.accepted > totals.votes {
            format!(
                "its queue says {} counted votes, and there are {}",
                queue.accepted, totals.votes
            )
        } else {
            return Ok(());
        };
        Err(StoreError::Damaged(what))
    }
}

/// One ballot's fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The vote that holds the ballot's nullifier: its own, or the one that was there first.
    pub counted: Counted,
    /// Whether this ballot is the one that was counted.
    pub is_new: bool,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// One per ballot, in the ballots' order.
    pub entries: Vec<Entry>,
    /// What the log has grown by: one for each entry that is new, in their order.
    pub leaves: Vec<Leaf>,
    /// The state after the batch, as committed.
    pub state: State,
}

/// Why a store could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database refused or could not be reached. Of an append: it may have been kept or not.
    #[error("the ledger's store failed: {0}")]
    Backend(#[source] Box<dyn Error + Send + Sync>),
    /// What the database says cannot be.
    #[error("the ledger's store is damaged: {0}")]
    Damaged(String),
    /// Another writer took the ledger over. Nothing of this append was kept, and nothing of a later one will be.
    #[error(
        "another writer has taken the ledger over, and this one can write no more; run one writer, and stop this one"
    )]
    Fenced,
    /// The batch consumes entries that were consumed before, and so would be counted again. Nothing of it was kept.
    #[error(
        "the queue is passed up to {passed}, and a batch up to {position} came after it; read the state back and go on from there"
    )]
    Passed {
        /// Where the batch ends.
        position: Position,
        /// Where the ledger is.
        passed: Position,
    },
}

impl From<TotalsOverflow> for StoreError {
    fn from(overflow: TotalsOverflow) -> StoreError {
        StoreError::Damaged(overflow.to_string())
    }
}

/// Where votes are kept. One writer owns it.
pub trait Store: Send {
    /// Counts a batch in one transaction, durable when this returns: for each ballot in order, its vote if its nullifier is new, otherwise the vote
    /// that holds the nullifier already, be it from before or from earlier in the batch. New votes get the next indices, without gaps. What the
    /// batch consumes of the queue is written in the same transaction.
    ///
    /// The uniqueness of nullifiers is the database's own constraint, not a look before a leap.
    ///
    /// # Errors
    ///
    /// Whatever the error, the whole batch was kept or nothing of it, and which one is unknown: [`Store::recover`] before anything else.
    fn append(&mut self, batch: &Batch) -> Result<Appended, StoreError>;

    /// Adds coins to the log of issued coins in one transaction, durable when this returns: each once, in this order; those that are in it already stay as they are.
    ///
    /// # Errors
    ///
    /// As [`Store::append`].
    fn issue(&mut self, coins: &[Nullifier], now: Timestamp) -> Result<(), StoreError>;

    /// Lets go of whatever is unfinished, connects anew and reads the state as it is committed: nothing that is unfinished now can be kept later.
    ///
    /// # Errors
    ///
    /// When it cannot be read or contradicts itself; [`StoreError::Fenced`] when another writer took over.
    fn recover(&mut self) -> Result<State, StoreError>;

    /// A connection of its own for looking up votes, which never waits for the writer.
    ///
    /// # Errors
    ///
    /// When there is no connection to be had.
    fn reader(&self) -> Result<Box<dyn Reader>, StoreError>;

    /// A connection of its own for whoever signs a log's checkpoints. It is this writer's: when another takes the ledger over, it keeps nothing any more.
    ///
    /// # Errors
    ///
    /// When there is no connection to be had.
    fn log(&self, log: LogKind) -> Result<Box<dyn LogStore>, StoreError>;
}

/// Looks up what is committed.
pub trait Reader: Send {
    /// The vote that holds this nullifier.
    ///
    /// # Errors
    ///
    /// When the store fails or is damaged.
    fn find(&mut self, nullifier: &Nullifier) -> Result<Option<Counted>, StoreError>;

    /// The votes from this index on, in order, at most this many. Empty when there are none yet.
    ///
    /// # Errors
    ///
    /// When the store fails or is damaged.
    fn votes_from(&mut self, index: u64, limit: u32) -> Result<Vec<Counted>, StoreError>;

    /// The entries of the log of issued coins from this index on, in order, at most this many.
    ///
    /// # Errors
    ///
    /// When the store fails or is damaged.
    fn issued_from(&mut self, index: u64, limit: u32) -> Result<Vec<IssuedEntry>, StoreError>;

    /// Those of these coins that are in the log of issued coins.
    ///
    /// # Errors
    ///
    /// When the store fails or is damaged.
    fn find_issued(&mut self, coins: &[Nullifier]) -> Result<HashSet<Nullifier>, StoreError>;

    /// The hashes of a tile of a log (C2SP tlog-tiles): as many as there are, at most 256.
    ///
    /// # Errors
    ///
    /// When the store fails or is damaged.
    fn tile(&mut self, log: LogKind, level: u8, index: u64) -> Result<Vec<Hash>, StoreError>;

    /// The checkpoints of a log's trees of this size and larger, in order of their sizes, at most this many.
    ///
    /// # Errors
    ///
    /// When the store fails or is damaged.
    fn checkpoints_from(&mut self, log: LogKind, size: u64, limit: u32) -> Result<Vec<KeptCheckpoint>, StoreError>;

    /// The checkpoint of a log's largest tree; `None` before the first.
    ///
    /// # Errors
    ///
    /// When the store fails or is damaged.
    fn last_checkpoint(&mut self, log: LogKind) -> Result<Option<KeptCheckpoint>, StoreError>;

    /// The dead letter that the queue's entry at this position became, if it did.
    ///
    /// # Errors
    ///
    /// When the store fails or is damaged.
    fn dead_letter(&mut self, position: Position) -> Result<Option<DeadLetter>, StoreError>;
}

/// A signed checkpoint of a log, as it is kept and published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCheckpoint {
    /// How many leaves its tree has.
    pub size: u64,
    /// The signed note (c2sp.org/signed-note).
    pub note: String,
}

impl KeptCheckpoint {
    /// Reads a note, whose signature is not looked at; `None` if it is no checkpoint.
    pub fn from_note(note: String) -> Option<KeptCheckpoint> {
        let read = Note::parse(note.as_bytes()).ok()?;
        let size = Checkpoint::parse(read.text()).ok()?.head().size;
        Some(KeptCheckpoint { size, note })
    }

    /// Whether it is to be kept after the last one, in a store whose tree is this; `false` if it is that one.
    pub(crate) fn follows(&self, last: Option<&KeptCheckpoint>, head: &TreeHead) -> Result<bool, StoreError> {
        let size = self.size;
        let damaged = |what: String| Err(StoreError::Damaged(what));
        match last {
            _ if size > head.size => damaged(format!(
                "a checkpoint of {size} leaves was signed, and it has {}",
                head.size
            )),
            Some(last) if last == self => Ok(false),
            Some(last) if last.size >= size => damaged(format!(
                "a checkpoint of {size} leaves was signed after one of {}",
                last.size
            )),
            _ => Ok(true),
        }
    }
}

/// What the signer of a log's checkpoints needs of a store.
pub trait LogStore: Send {
    /// Which log it is.
    fn kind(&self) -> LogKind;

    /// Looks up what is committed.
    fn reader(&mut self) -> &mut dyn Reader;

    /// The tree's size and root, as committed.
    ///
    /// # Errors
    ///
    /// When the store fails or is damaged.
    fn tree_head(&mut self) -> Result<TreeHead, StoreError>;

    /// Keeps a checkpoint, durable when this returns, and never changes it. Their sizes only grow, so that the first one that covers a vote stays the first. One
    /// that is kept already is left as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Fenced`] when another writer took over; [`StoreError::Damaged`] when a larger one, or another one of this size, is kept, or the tree is not
    /// as large; with [`StoreError::Backend`] it may be kept or not, and is to be kept again.
    fn keep_checkpoint(&mut self, checkpoint: &KeptCheckpoint) -> Result<(), StoreError>;
}
