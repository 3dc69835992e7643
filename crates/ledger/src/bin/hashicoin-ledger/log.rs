//! The logs beside the counting: one thread signs checkpoints, another carries what they cover into Redis. Neither is waited for by a vote.

use std::thread::{self, JoinHandle};

use ledger::{Bell, LedgerError, Signer, Signing, SigningError, Store};
use service::Failure;
use vote::CampaignFile;

use crate::log_projection::LogProjection;
use crate::stop::Stop;
use crate::trouble::Trouble;

/// Both threads.
pub struct Log {
    /// Heard by the signer.
    bell: Bell,
    signer: JoinHandle<Result<(), SigningError>>,
    projection: JoinHandle<Result<(), Failure>>,
}

impl Log {
    /// Compares the store with what was signed last, and begins. A log that must not be signed any more, or is another's in Redis, asks the program to stop.
    ///
    /// # Errors
    ///
    /// When the store is not the one that was signed.
    pub fn start(
        store: &dyn Store,
        file: &CampaignFile,
        signing: &Signing,
        mut projection: LogProjection,
        stop: &Stop,
    ) -> Result<Log, Trouble> {
        let (published, new_checkpoint) = Bell::new();
        let signer = Signer::open(store, file, signing);
        let signer = signer.map_err(LedgerError::from)?.with_bell(published);
        let (bell, new_votes) = Bell::new();
        let stops = stop.clone();
        let signer = spawn("log-signer", move || {
            signer.run(&new_votes).inspect_err(|_| stops.ask())
        })?;
        let stops = stop.clone();
        let projection = spawn("log-projection", move || {
            projection.run(&new_checkpoint).inspect_err(|_| stops.ask())
        })?;
        Ok(Log {
            bell,
            signer,
            projection,
        })
    }

    /// Says that votes were counted, or coins issued.
    pub fn has_grown(&self) {
        self.bell.ring();
    }

    /// Signs what was counted last, carries it over, and ends.
    ///
    /// # Errors
    ///
    /// Why one of the two had stopped before.
    pub fn finish(self) -> Result<(), Failure> {
        drop(self.bell);
        let panicked = || Failure::CouldNot("a thread of the log panicked".to_owned());
        let signed = self.signer.join().map_err(|_| panicked())?;
        let carried = self.projection.join().map_err(|_| panicked())?;
        signed.map_err(|error| match Trouble::from(LedgerError::from(error)) {
            Trouble::End(failure) => failure,
            Trouble::Redis(message) | Trouble::Store(message) => Failure::CouldNot(message),
        })?;
        carried
    }
}

fn spawn<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>, Trouble> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| Trouble::End(Failure::CouldNot(format!("could not start threads: {error}"))))
}
