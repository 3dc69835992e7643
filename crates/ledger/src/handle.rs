//! The handle that everybody else holds: submit, look up, watch, drain.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use coin::{Refusal, TOKEN_BYTES_MAX, Timestamp};
use service::Failure;
use tlog::{BundleId, Tile, TileId};
use tokio::sync::{oneshot, watch};
use vote::{CampaignFile, Nullifier, Tally, Vote};
use witness::Witnesses;

use crate::queue::{Inlet, Submission, queue};
use crate::writer::Writer;
use crate::{
    Bell, Counted, KeptCheckpoint, Keys, LedgerError, LogKey, LogKind, Published, Reader, Signer, SigningError,
    SqliteStore, Store, StoreError, published,
};

/// Tells the time. The ledger never asks the system by itself, so a test can replay any moment.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How a ledger works.
#[derive(Clone)]
pub struct Options {
    /// Tells the time, by which coins expire and votes are dated.
    pub clock: Clock,
    /// How many submissions may wait; one more is [`SubmitError::Busy`].
    pub queue_capacity: usize,
    /// How many submissions are counted in one transaction at most.
    pub batch_max: usize,
    /// How the logs are signed; without it there are no checkpoints, and no receipts.
    pub signing: Option<Signing>,
}

/// How the votes' log is signed, and with the same key and the same witnesses that of issued coins.
#[derive(Clone)]
pub struct Signing {
    /// The key, under the name of the votes' log.
    pub key: Arc<LogKey>,
    /// The file that remembers what was signed last of the votes; what was signed of the issued coins is in one beside it, with `.issued` after its name.
    pub signed_head: PathBuf,
    /// Who has to sign besides, if anybody.
    pub witnesses: Option<Arc<Witnesses>>,
}

impl Signing {
    /// How the log of issued coins with this name is signed.
    ///
    /// # Errors
    ///
    /// [`SigningError::Issued`].
    pub(crate) fn of_issued(&self, origin: &str) -> Result<Signing, SigningError> {
        let failed = |failure: Failure| SigningError::Issued(failure.to_string());
        let key = self.key.named(origin).map_err(failed)?;
        let witnesses = match &self.witnesses {
            Some(witnesses) => {
                let keys = key.verifier_keys().map_err(failed)?.into_values().collect();
                let witnesses = Witnesses::from_policy(witnesses.policy_text(), origin, keys);
                Some(Arc::new(witnesses.map_err(SigningError::Issued)?))
            }
            None => None,
        };
        let mut signed_head = self.signed_head.clone().into_os_string();
        signed_head.push(".issued");
        Ok(Signing {
            key: Arc::new(key),
            signed_head: signed_head.into(),
            witnesses,
        })
    }
}

impl Options {
    /// The defaults, with this clock: 1024 may wait, which is a fraction of a second of work, and 256 are counted at once.
    pub fn new(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Options {
        Options {
            clock: Arc::new(clock),
            queue_capacity: 1024,
            batch_max: 256,
            signing: None,
        }
    }
}

/// What the ledger says about a submission. All of it is durable when it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Counted, now.
    Counted(Counted),
    /// This coin had cast this very vote before. The same record as the first time: an answer made from it is the same answer.
    Repeated(Counted),
    /// This coin had cast another vote before. Nothing was counted.
    Spent {
        /// The vote that stands.
        first: Counted,
    },
    /// No good coin. Nothing was counted.
    Refused(Refusal),
}

/// Why there is no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The queue is full. Nothing was taken; try again in a moment.
    #[error("the ledger is busy; send the vote again in a moment")]
    Busy,
    /// The ledger takes nothing: not any more, or not before its store works again. Nothing was taken.
    #[error("the ledger is closed; send the vote again when it is back")]
    Closed,
    /// The vote may have been counted or not. Send it again: the same vote of the same coin counts once.
    #[error("it is not known whether the vote was counted; send the same vote again, it counts once")]
    Unknown,
    /// The vote was made for the charities of another campaign file. Nothing was taken; the caller mixed up two campaigns.
    #[error("the vote was made for other charities than this ledger's")]
    OtherCharities,
}

/// A handle to an open ledger; cheap to clone. When the last one is dropped the ledger is drained.
#[derive(Clone)]
pub struct Ledger(Arc<Shared>);

struct Shared {
    file: CampaignFile,
    inlet: Arc<Inlet>,
    tally: watch::Receiver<Arc<Tally>>,
    logs: Option<Logs>,
    reader: Mutex<Box<dyn Reader>>,
    /// Taken by whoever waits for their end; the lock is held meanwhile, so that everybody else waits too.
    threads: Mutex<Option<Threads>>,
}

/// The logs, which are signed.
struct Logs {
    key: Arc<LogKey>,
    published: HashMap<LogKind, Published>,
}

struct Threads {
    writer: JoinHandle<Result<(), StoreError>>,
    signer: Option<JoinHandle<Result<(), SigningError>>>,
}

impl Ledger {
    /// Makes a new, empty ledger in a file and closes it again.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Exists`] when there is a file already; when the file cannot be made.
    pub fn init(path: &Path, file: &CampaignFile) -> Result<(), LedgerError> {
        SqliteStore::init(path, file)
    }

    /// Opens the ledger in a file: takes its lock, checks it whole (this takes time in proportion to its votes), and starts the writer. Never makes a
    /// missing one.
    ///
    /// # Errors
    ///
    /// Every [`LedgerError`] but `Exists` and `Stopped`.
    pub fn open(
        path: &Path,
        file: &CampaignFile,
        keys: impl Into<Keys>,
        options: Options,
    ) -> Result<Ledger, LedgerError> {
        let store = SqliteStore::open(path, file)?;
        Ledger::start(Box::new(store), file, keys, options)
    }

    /// Starts the writer on any store. The store was made for this campaign file; whoever opened it has checked that.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or there is no thread to be had.
    pub fn start(
        mut store: Box<dyn Store>,
        file: &CampaignFile,
        keys: impl Into<Keys>,
        options: Options,
    ) -> Result<Ledger, LedgerError> {
        let totals = store.recover()?.totals;
        let reader = store.reader()?;
        let signer = options
            .signing
            .map(|signing| open_signer(&*store, file, &signing))
            .transpose()?;
        let (tally_sender, tally) = watch::channel(Arc::new(Tally::new(file, &totals)));
        let (inlet, outlet) = queue(options.queue_capacity);
        let (signer, logs) = signer.unzip();
        let (bell, ringing) = Bell::new();
        let writer = Writer {
            issued: file.has_issuance_log().then(|| store.reader()).transpose()?,
            store,
            file: file.clone(),
            keys: keys.into(),
            clock: options.clock,
            batch_max: options.batch_max,
            totals,
            tally: tally_sender,
            bell,
        };
        let inlet = Arc::new(inlet);
        let signer = signer.map(|signer| {
            let inlet = Arc::clone(&inlet);
            spawn("log-signer", move || {
                // A ledger whose log may not be signed takes no votes that it could give no receipt for.
                signer.run(&ringing).inspect_err(|_| inlet.close())
            })
        });
        let threads = Threads {
            signer: signer.transpose()?,
            writer: spawn("ledger-writer", move || writer.run(outlet))?,
        };
        Ok(Ledger(Arc::new(Shared {
            file: file.clone(),
            inlet,
            tally,
            logs,
            reader: Mutex::new(reader),
            threads: Mutex::new(Some(threads)),
        })))
    }

    /// Submits a coin's token (what follows `Coin ` in the header) with a vote, and resolves when the outcome is durable.
    ///
    /// Dropping the future does not take the vote back: once taken, it is counted.
    ///
    /// # Errors
    ///
    /// [`SubmitError`]; after all of them it is right to send the same vote again.
    pub async fn submit(&self, token: Vec<u8>, vote: Vote) -> Result<Outcome, SubmitError> {
        if vote.charities() != self.0.file.charities() {
            return Err(SubmitError::OtherCharities);
        }
        // The writer would say the same. Here it also bounds the queue in bytes.
        if token.len() > TOKEN_BYTES_MAX {
            return Ok(Outcome::Refused(Refusal::TooLong));
        }
        let (reply, answer) = oneshot::channel();
        self.0.inlet.offer(Submission { token, vote, reply })?;
        answer.await.unwrap_or(Err(SubmitError::Unknown))
    }

    /// Looks up a vote. A short read from disk in the calling thread, which does not wait for the writer.
    ///
    /// # Errors
    ///
    /// When the store fails or is damaged.
    pub fn vote(&self, nullifier: &Nullifier) -> Result<Option<Counted>, StoreError> {
        self.read(|reader| reader.find(nullifier))
    }

    /// The keys that the logs' checkpoints are checked with, as they are published; empty when they are not signed.
    pub fn verifier_keys(&self) -> Vec<String> {
        let keys = self.0.logs.as_ref().and_then(|logs| logs.key.verifier_keys().ok());
        keys.unwrap_or_default().values().map(ToString::to_string).collect()
    }

    /// Watches a log's last checkpoint; `None` when it is not signed, or the campaign does not have it.
    pub fn checkpoint(&self, log: LogKind) -> Option<Published> {
        self.0.logs.as_ref()?.published.get(&log).cloned()
    }

    /// The checkpoints of a log's trees of this size and larger, in order, at most this many. A short read from disk in the calling thread, as the next three.
    ///
    /// # Errors
    ///
    /// When the store fails or is damaged.
    pub fn checkpoints_from(&self, log: LogKind, size: u64, limit: u32) -> Result<Vec<KeptCheckpoint>, StoreError> {
        self.read(|reader| reader.checkpoints_from(log, size, limit))
    }

    /// A tile of a log, as wide as it is asked for; `None` when there are not as many leaves.
    ///
    /// # Errors
    ///
    /// When the store fails or is damaged.
    pub fn tile(&self, log: LogKind, id: TileId) -> Result<Option<Tile>, StoreError> {
        self.read(|reader| published::tile(reader, log, id))
    }

    /// A bundle of a log's entries, as wide as it is asked for; `None` when there are not as many.
    ///
    /// # Errors
    ///
    /// When the store fails or is damaged.
    pub fn bundle(&self, log: LogKind, id: BundleId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|reader| published::bundle(reader, log, id))
    }

    /// The receipt of a counted vote; `None` before a checkpoint covers it. It is the same whenever it is asked for.
    ///
    /// # Errors
    ///
    /// When the store fails or is damaged.
    pub fn receipt(&self, counted: &Counted) -> Result<Option<String>, StoreError> {
        self.read(|reader| published::receipt(reader, counted))
    }

    fn read<T>(&self, read: impl FnOnce(&mut dyn Reader) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut reader = self.0.reader.lock().unwrap_or_else(PoisonError::into_inner);
        read(&mut **reader)
    }

    /// The tally as of the last commit.
    pub fn tally(&self) -> Arc<Tally> {
        self.0.tally.borrow().clone()
    }

    /// Watches the tally. The present one counts as seen (read it with `borrow_and_update`); `changed` resolves after each commit that changes it, and
    /// fails when the writer has ended.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Tally>> {
        let mut tally = self.0.tally.clone();
        tally.mark_unchanged();
        tally
    }

    /// The campaign file that the ledger was opened with.
    pub fn campaign_file(&self) -> &CampaignFile {
        &self.0.file
    }

    /// Whether the ledger takes votes: not drained, the writer alive, and its store not away. For health answers.
    pub fn is_open(&self) -> bool {
        self.0.inlet.is_open()
    }

    /// Stops taking, for every clone of the handle, and returns when all that was taken is counted and answered and the ledger's lock is let go. Blocks.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Stopped`] when the writer had ended before, and why.
    pub fn drain(self) -> Result<(), LedgerError> {
        self.0.drain()
    }
}

impl Shared {
    fn drain(&self) -> Result<(), LedgerError> {
        self.inlet.close();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Threads { writer, signer }) = threads.take() else {
            return Ok(());
        };
        // It may rest while its store is away.
        writer.thread().unpark();
        // The signer ends after the writer, whose bell it hears to the last.
        let writer = ended(writer);
        let signer = signer.map_or(Ok(()), ended);
        writer.and(signer)
    }
}

/// The signer of a store's logs, and the logs.
fn open_signer(store: &dyn Store, file: &CampaignFile, signing: &Signing) -> Result<(Signer, Logs), LedgerError> {
    let signer = Signer::open(store, file, signing)?;
    let logs = Logs {
        key: Arc::clone(&signing.key),
        published: signer.published(),
    };
    Ok((signer, logs))
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, LedgerError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| LedgerError::Stopped(format!("no thread for it: {error}")))
}

fn ended<E: ToString>(thread: JoinHandle<Result<(), E>>) -> Result<(), LedgerError> {
    match thread.join() {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(LedgerError::Stopped(error.to_string())),
        Err(_) => Err(LedgerError::Stopped("it panicked".to_owned())),
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Err(error) = self.drain() {
            tracing::error!(%error, "the ledger was not drained in order");
        }
    }
}
