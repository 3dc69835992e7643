//! The signer: commits a campaign's logs to their trees by signed checkpoints, beside the writer and never in its way.
//!
//! What is signed, and what never may be, is each log's own affair ([`SignedLog`]). Here is when, and in which order: a checkpoint of the votes is made after the coins
//! that were issued until then are signed. So whoever reads first the votes and then the issued coins, up to what is published of each, finds every coin that was spent.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use vote::CampaignFile;

use crate::signed_log::{SignedLog, Trouble};
use crate::{KeptCheckpoint, LogKind, LogStore, Signing, SigningError, Store, StoreError};

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

/// Signs the checkpoints of a campaign's logs.
pub struct Signer {
    votes: SignedLog,
    issued: Option<SignedLog>,
    /// Heard by who carries checkpoints further, if anybody does.
    bell: Option<Bell>,
}

impl Signer {
    /// Compares the store with what was signed last, and signs what is new.
    ///
    /// # Errors
    ///
    /// [`SigningError`]: this store's logs must not be signed, or could not be.
    pub fn open(store: &dyn Store, file: &CampaignFile, signing: &Signing) -> Result<Signer, SigningError> {
        let mut signer = Signer::compare(|log| store.log(log), file, signing)?;
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

    /// Compares logs with what was signed last. Signs nothing.
    ///
    /// # Errors
    ///
    /// [`SigningError`]: these logs must not be signed.
    pub(crate) fn compare(
        log: impl Fn(LogKind) -> Result<Box<dyn LogStore>, StoreError>,
        file: &CampaignFile,
        signing: &Signing,
    ) -> Result<Signer, SigningError> {
        let issued = file
            .issued_origin()
            .map(|origin| SignedLog::open(log(LogKind::Issued)?, signing.of_issued(&origin)?));
        Ok(Signer {
            issued: issued.transpose()?,
            votes: SignedLog::open(log(LogKind::Votes)?, signing.clone())?,
            bell: None,
        })
    }

    /// Rings this bell at each new checkpoint, and drops it at the end.
    #[must_use]
    pub fn with_bell(self, bell: Bell) -> Signer {
        let bell = Some(bell);
        Signer { bell, ..self }
    }

    /// Watches the last checkpoint of each log that the campaign has.
    pub fn published(&self) -> HashMap<LogKind, Published> {
        let issued = self.issued.as_ref().map(|log| (LogKind::Issued, log.published()));
        issued
            .into_iter()
            .chain([(LogKind::Votes, self.votes.published())])
            .collect()
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
                && let Err(failure) = self.votes.keep_key()
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

    /// Signs the trees as they are committed, unless they are signed already.
    fn sign(&mut self) -> Result<(), Trouble> {
        // Asked before the issued coins are: each of these votes came after its coin was issued.
        let head = self.votes.tree_head()?;
        let mut is_new = false;
        if let Some(issued) = &mut self.issued {
            let head = issued.tree_head()?;
            is_new |= issued.sign(head)?;
        }
        is_new |= self.votes.sign(head)?;
        if let Some(bell) = self.bell.as_ref().filter(|_| is_new) {
            bell.ring();
        }
        Ok(())
    }
}
