//! The signer: commits the log to its tree by signed checkpoints, beside the writer and never in its way.
//!
//! A log that signs two trees which are not one has betrayed everybody who believed it, and cannot take it back. So before each signature the store's rows are asked
//! for two roots: that of the size which was signed last must be the one that was signed, and that of the new size the one that the store says it has. What was
//! signed last stands in a file of the signer's own ([`SignedHead`]), since a store that was restored from a backup knows no better. The order is: the witnesses, the file, the store, and only
//! then everybody else; whatever fails in between, no tree that was shown is ever forgotten.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use service::Failure;
use tlog::{Checkpoint, Hash, Note, ProofPlan, TreeHead};
use tokio::sync::watch;
use witness::Witnesses;

use crate::published::tile;
use crate::signed_head::SignedHead;
use crate::tree::tree_at;
use crate::{KeptCheckpoint, LogKey, LogStore, Reader, Signing, SigningError, StoreError};

/// The least time between two checkpoints: a receipt waits for half of it on the average, and Vault signs ten times a second at most.
const INTERVAL: Duration = Duration::from_millis(100);
/// How often the key is looked after when there is nothing to sign.
const KEEP_INTERVAL: Duration = Duration::from_secs(3600);
/// How long the first pause is after a checkpoint could not be made; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// Tells the signer that there is something new; when the last one is dropped, the signer signs what there is and ends.
#[derive(Clone)]
pub struct Bell(SyncSender<()>);

impl Bell {
    /// A bell, and what it rings at.
    pub fn new() -> (Bell, Ringing) {
        let (sender, receiver) = sync_channel(1);
        (Bell(sender), Ringing(receiver))
    }

    /// Says that something was committed. Never waits.
    pub fn ring(&self) {
        match self.0.try_send(()) {
            // It rings already, or nobody listens any more.
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }
}

/// Where a [`Bell`] is heard.
pub struct Ringing(Receiver<()>);

/// What was heard of a [`Bell`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It rang.
    Ring,
    /// Nothing, for as long as was waited.
    Nothing,
    /// It will not ring any more.
    End,
}

impl Ringing {
    /// Waits for it to ring, for so long.
    pub fn wait(&self, time: Duration) -> Heard {
        match self.0.recv_timeout(time) {
            Ok(()) => Heard::Ring,
            Err(RecvTimeoutError::Timeout) => Heard::Nothing,
            Err(RecvTimeoutError::Disconnected) => Heard::End,
        }
    }
}

/// Watches the last checkpoint; `None` before the first.
pub type Published = watch::Receiver<Option<Arc<KeptCheckpoint>>>;

/// Signs the log's checkpoints.
pub struct Signer {
    store: Box<dyn LogStore>,
    key: Arc<LogKey>,
    witnesses: Option<Arc<Witnesses>>,
    file: SignedHead,
    /// What was signed last; `None` before the first.
    signed: Option<KeptCheckpoint>,
    /// Its tree.
    head: TreeHead,
    /// Whether it is in the store for sure.
    is_kept: bool,
    published: watch::Sender<Option<Arc<KeptCheckpoint>>>,
    /// Heard by who carries checkpoints further, if anybody does.
    bell: Option<Bell>,
}

/// Why there is no new checkpoint.
enum Trouble {
    /// There never may be one from this store.
    End(SigningError),
    /// There may be one later.
    Later(String),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        match error {
            StoreError::Backend(_) => Trouble::Later(error.to_string()),
            error => Trouble::End(error.into()),
        }
    }
}

impl From<SigningError> for Trouble {
    fn from(error: SigningError) -> Trouble {
        match error {
            SigningError::Store(error) => error.into(),
            error => Trouble::End(error),
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Trouble {
        Trouble::Later(failure.to_string())
    }
}

impl Signer {
    /// Compares the store with what was signed last, and signs what is new.
    ///
    /// # Errors
    ///
    /// [`SigningError`]: this store's log must not be signed, or could not be.
    pub fn open(mut store: Box<dyn LogStore>, signing: Signing) -> Result<Signer, SigningError> {
        let Signing {
            key,
            signed_head,
            witnesses,
        } = signing;
        let signed_head = &*signed_head;
        let file = SignedHead::at(signed_head);
        let unreadable = |source| SigningError::Io {
            path: signed_head.to_owned(),
            source,
        };
        let last = store.reader().last_checkpoint()?;
        let in_file = file.read().map_err(unreadable)?;
        let mut signed = match in_file.map(|bytes| signed_by(&key, &bytes)).transpose() {
            Ok(signed) => signed,
            Err(what) => {
                return Err(SigningError::SignedHead {
                    path: signed_head.to_owned(),
                    what,
                });
            }
        };
        if let Some(last) = &last {
            let Some((in_file, head)) = &signed else {
                return Err(SigningError::NoSignedHead {
                    path: signed_head.to_owned(),
                    size: last.size,
                });
            };
            if last.size >= in_file.size {
                // The file is an older copy, or the two are of one tree. The store's was shown, so it is the one that counts.
                check_tree(&mut *store, head, signed_head)?;
                let last = signed_by(&key, last.note.as_bytes());
                signed = Some(last.map_err(|what| {
                    StoreError::Damaged(format!("its last checkpoint is not to be believed: {what}"))
                })?);
            }
        }
        let is_kept = signed.as_ref().map(|(signed, _)| signed) == last.as_ref();
        let (published, _) = watch::channel(last.map(Arc::new));
        let (signed, head) = signed.unzip();
        let mut signer = Signer {
            store,
            key,
            witnesses,
            file,
            is_kept,
            signed,
            head: head.unwrap_or(TreeHead {
                size: 0,
                root: Hash::of_nothing(),
            }),
            published,
            bell: None,
        };
        match signer.sign() {
            Ok(()) => Ok(signer),
            Err(Trouble::End(error)) => Err(error),
            // What was signed before agrees with the store, or it would have been the end; who signs may come later.
            Err(Trouble::Later(error)) => {
                tracing::warn!(error, "there is no new checkpoint yet");
                Ok(signer)
            }
        }
    }

    /// Rings this bell at each new checkpoint, and drops it at the end.
    #[must_use]
    pub fn with_bell(self, bell: Bell) -> Signer {
        let bell = Some(bell);
        Signer { bell, ..self }
    }

    /// Watches the last checkpoint.
    pub fn published(&self) -> Published {
        self.published.subscribe()
    }

    /// Signs whenever the bell rings, and once more when there is none any more.
    ///
    /// # Errors
    ///
    /// [`SigningError`]: the log must not be signed any more. Nothing was published that should not have been.
    pub fn run(mut self, bell: &Ringing) -> Result<(), SigningError> {
        let mut pause = PAUSE_MIN;
        let mut waits = false;
        loop {
            let patience = if waits { pause } else { KEEP_INTERVAL };
            let heard = bell.wait(patience);
            if heard == Heard::Nothing
                && !waits
                && let Err(failure) = self.key.keep()
            {
                tracing::warn!(%failure, "the log's key could not be looked after");
            }
            let begun = Instant::now();
            match self.sign() {
                Ok(()) => {
                    waits = false;
                    pause = PAUSE_MIN;
                }
                Err(Trouble::End(error)) => {
                    tracing::error!(%error, "the log is not signed any more");
                    return Err(error);
                }
                Err(Trouble::Later(error)) => {
                    tracing::warn!(error, "there is no new checkpoint yet; votes are counted meanwhile");
                    waits = true;
                    pause = PAUSE_MAX.min(2 * pause);
                }
            }
            if heard == Heard::End {
                return Ok(());
            }
            // Not on the condition that it rings: what rings meanwhile is signed together.
            thread::park_timeout(INTERVAL.saturating_sub(begun.elapsed()));
        }
    }

    /// Signs the tree as it is committed, unless it is signed already.
    fn sign(&mut self) -> Result<(), Trouble> {
        let head = self.store.tree_head()?;
        check_tree(&mut *self.store, &self.head, self.file.path())?;
        if let Some(signed) = &self.signed
            && !self.is_kept
        {
            // It was signed, and perhaps nobody saw it: it is shown first, so that all that was signed is.
            self.store.keep_checkpoint(signed)?;
            self.is_kept = true;
            self.publish(signed.clone());
        }
        if self.signed.is_some() && head.size == self.head.size {
            return Ok(());
        }
        if tree_at(self.store.reader(), head.size)?.head() != head {
            let what = "the root is not that of the votes".to_owned();
            return Err(Trouble::End(StoreError::Damaged(what).into()));
        }
        let checkpoint = self.checkpoint(&head)?;
        let written = self.file.write(&checkpoint.note);
        written.map_err(|error| Trouble::Later(format!("could not write {}: {error}", self.file.path().display())))?;
        self.head = head;
        self.signed = Some(checkpoint.clone());
        self.is_kept = false;
        self.store.keep_checkpoint(&checkpoint)?;
        self.is_kept = true;
        self.publish(checkpoint);
        Ok(())
    }

    fn publish(&self, checkpoint: KeptCheckpoint) {
        self.published.send_replace(Some(Arc::new(checkpoint)));
        if let Some(bell) = &self.bell {
            bell.ring();
        }
    }

    /// The signed checkpoint of a tree.
    fn checkpoint(&mut self, head: &TreeHead) -> Result<KeptCheckpoint, Trouble> {
        let could_not = |what: String| Trouble::Later(format!("a checkpoint could not be written: {what}"));
        let checkpoint = Checkpoint::new(self.key.origin(), *head).map_err(|error| could_not(error.to_string()))?;
        let mut note = Note::new(checkpoint.to_string()).map_err(|error| could_not(error.to_string()))?;
        self.key.sign(&mut note)?;
        if let Some(witnesses) = &self.witnesses {
            let store = self.store.reader();
            let cosigned = witnesses.cosign(&note, head, |size| growth(store, size, head.size));
            note = cosigned.map_err(|error| Trouble::Later(error.to_string()))?;
        }
        Ok(KeptCheckpoint {
            size: head.size,
            note: note.to_string(),
        })
    }
}

/// The proof that the tree of one size grew out of that of another.
fn growth(store: &mut dyn Reader, from: u64, to: u64) -> Result<Vec<Hash>, StoreError> {
    let missing = || StoreError::Damaged(format!("there is no proof from a tree of {from} to one of {to}"));
    let plan = ProofPlan::consistency(from, to).ok_or_else(missing)?;
    let mut tiles = Vec::new();
    for id in plan.tiles() {
        tiles.extend(tile(store, id)?);
    }
    plan.prove(&tiles).ok_or_else(missing)
}

/// Whether the store's votes begin with those of this tree, which was signed as this file says.
fn check_tree(store: &mut dyn LogStore, signed: &TreeHead, path: &Path) -> Result<(), SigningError> {
    let found = store.tree_head()?.size;
    let path = path.to_owned();
    if found < signed.size {
        let signed = signed.size;
        return Err(SigningError::Behind { signed, found, path });
    }
    if tree_at(store.reader(), signed.size)?.head() != *signed {
        let size = signed.size;
        return Err(SigningError::Forked { size, path });
    }
    Ok(())
}

/// The checkpoint in these bytes, and its tree, if this key signed it; otherwise what it is instead.
fn signed_by(key: &LogKey, bytes: &[u8]) -> Result<(KeptCheckpoint, TreeHead), String> {
    let note = Note::parse(bytes).map_err(|error| error.to_string())?;
    let verifier_keys = key.verifier_keys().map_err(|failure| failure.to_string())?;
    let policy = tlog::Policy::new(key.origin(), verifier_keys.into_values().collect());
    let checkpoint = policy.open(&note).map_err(|error| error.to_string())?;
    let head = *checkpoint.head();
    let kept = KeptCheckpoint {
        size: head.size,
        note: note.to_string(),
    };
    Ok((kept, head))
}
