//! One log that is signed: what its next checkpoint is, and whether it may be signed at all.
//!
//! A log that signs two trees which are not one has betrayed everybody who believed it, and cannot take it back. So before each signature the store's rows are asked
//! for two roots: that of the size which was signed last must be the one that was signed, and that of the new size the one that the store says it has. What was
//! signed last stands in a file of the signer's own ([`SignedHead`]), since a store that was restored from a backup knows no better. The order is: the witnesses, the file, the store, and only
//! then everybody else; whatever fails in between, no tree that was shown is ever forgotten.

use std::path::Path;
use std::sync::Arc;

use service::Failure;
use tlog::{Checkpoint, Hash, Note, Policy, ProofPlan, TreeHead};
use tokio::sync::watch;
use witness::Witnesses;

use crate::published::tile;
use crate::signed_head::SignedHead;
use crate::signer::Published;
use crate::tree::tree_at;
use crate::{KeptCheckpoint, LogKey, LogKind, LogStore, Reader, Signing, SigningError, StoreError};

/// A log, and what was signed of it last.
pub(crate) struct SignedLog {
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
}

/// Why there is no new checkpoint.
pub(crate) enum Trouble {
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

impl SignedLog {
    /// Compares the store with what was signed last. Signs nothing.
    ///
    /// # Errors
    ///
    /// [`SigningError`]: this store's log must not be signed.
    pub(crate) fn open(mut store: Box<dyn LogStore>, signing: Signing) -> Result<SignedLog, SigningError> {
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
        let kind = store.kind();
        let last = store.reader().last_checkpoint(kind)?;
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
        Ok(SignedLog {
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
        })
    }

    /// Watches the last checkpoint.
    pub(crate) fn published(&self) -> Published {
        self.published.subscribe()
    }

    /// Makes the key last that has nothing to sign.
    pub(crate) fn keep_key(&self) -> Result<(), Failure> {
        self.key.keep()
    }

    /// The tree as it is committed.
    pub(crate) fn tree_head(&mut self) -> Result<TreeHead, StoreError> {
        self.store.tree_head()
    }

    /// Signs the tree that the store had a moment ago, unless it is signed already. Whether there is a checkpoint that nobody saw before.
    pub(crate) fn sign(&mut self, head: TreeHead) -> Result<bool, Trouble> {
        let log = self.store.kind();
        check_tree(&mut *self.store, &self.head, self.file.path())?;
        let mut is_new = false;
        if let Some(signed) = &self.signed
            && !self.is_kept
        {
            // It was signed, and perhaps nobody saw it: it is shown first, so that all that was signed is.
            self.store.keep_checkpoint(signed)?;
            self.is_kept = true;
            self.published.send_replace(Some(Arc::new(signed.clone())));
            is_new = true;
        }
        if self.signed.is_some() && head.size <= self.head.size {
            return Ok(is_new);
        }
        if tree_at(self.store.reader(), log, head.size)?.head() != head {
            let what = "the root is not that of the leaves".to_owned();
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
        self.published.send_replace(Some(Arc::new(checkpoint)));
        Ok(true)
    }

    /// The signed checkpoint of a tree.
    fn checkpoint(&mut self, head: &TreeHead) -> Result<KeptCheckpoint, Trouble> {
        let could_not = |what: String| Trouble::Later(format!("a checkpoint could not be written: {what}"));
        let checkpoint = Checkpoint::new(self.key.origin(), *head).map_err(|error| could_not(error.to_string()))?;
        let mut note = Note::new(checkpoint.to_string()).map_err(|error| could_not(error.to_string()))?;
        self.key.sign(&mut note)?;
        if let Some(witnesses) = &self.witnesses {
            let log = self.store.kind();
            let store = self.store.reader();
            let cosigned = witnesses.cosign(&note, head, |size| growth(store, log, size, head.size));
            note = cosigned.map_err(|error| Trouble::Later(error.to_string()))?;
        }
        Ok(KeptCheckpoint {
            size: head.size,
            note: note.to_string(),
        })
    }
}

/// The proof that the tree of one size grew out of that of another.
fn growth(store: &mut dyn Reader, log: LogKind, from: u64, to: u64) -> Result<Vec<Hash>, StoreError> {
    let missing = || StoreError::Damaged(format!("there is no proof from a tree of {from} to one of {to}"));
    let plan = ProofPlan::consistency(from, to).ok_or_else(missing)?;
    let mut tiles = Vec::new();
    for id in plan.tiles() {
        tiles.extend(tile(store, log, id)?);
    }
    plan.prove(&tiles).ok_or_else(missing)
}

/// Whether the store's leaves begin with those of this tree, which was signed as this file says.
fn check_tree(store: &mut dyn LogStore, signed: &TreeHead, path: &Path) -> Result<(), SigningError> {
    let found = store.tree_head()?.size;
    let log = store.kind();
    let path = path.to_owned();
    if found < signed.size {
        let signed = signed.size;
        return Err(SigningError::Behind { signed, found, path });
    }
    if tree_at(store.reader(), log, signed.size)?.head() != *signed {
        let size = signed.size;
        return Err(SigningError::Forked { size, path });
    }
    Ok(())
}

/// The checkpoint in these bytes, and its tree, if this key signed it; otherwise what it is instead.
fn signed_by(key: &LogKey, bytes: &[u8]) -> Result<(KeptCheckpoint, TreeHead), String> {
    let note = Note::parse(bytes).map_err(|error| error.to_string())?;
    let verifier_keys = key.verifier_keys().map_err(|failure| failure.to_string())?;
    let policy = Policy::new(key.origin(), verifier_keys.into_values().collect());
    let checkpoint = policy.open(&note).map_err(|error| error.to_string())?;
    let head = *checkpoint.head();
    let kept = KeptCheckpoint {
        size: head.size,
        note: note.to_string(),
    };
    Ok((kept, head))
}
