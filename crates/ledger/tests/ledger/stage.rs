//! A store that does what a test tells it: waits, fails before the commit or after it, cannot be recovered. Around the real one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use coin::Timestamp;
use ledger::{Appended, Batch, Ledger, LogKind, LogStore, Options, Reader, SqliteStore, State, Store, StoreError};

use vote::Nullifier;

use crate::common::{Place, campaign, keyring};

/// How long a test waits for the writer to get somewhere.
const DEADLINE: Duration = Duration::from_secs(20);

/// What happens to one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails and nothing of it is kept.
    Lost,
    /// It fails and all of it is kept.
    Kept,
    /// The store panics.
    Panic,
}

#[derive(Default)]
struct Script {
    /// What happens to the next appends, in order (`None`: they succeed); the ones after them succeed.
    faults: VecDeque<Option<Fault>>,
    /// Whether recovery fails.
    is_broken: bool,
    /// Whether appends wait.
    is_held: bool,
    /// The sizes of the batches that arrived.
    batches: Vec<usize>,
}

/// Directs the store that [`Stage::open`] put under a ledger.
#[derive(Clone, Default)]
pub struct Stage(Arc<(Mutex<Script>, Condvar)>);

impl Stage {
    /// Opens the ledger of a place with a directed store.
    pub fn open(&self, place: &Place, options: Options) -> Ledger {
        let inner = SqliteStore::open(&place.path(), &campaign()).unwrap();
        let store = StagedStore {
            inner,
            stage: self.clone(),
        };
        Ledger::start(Box::new(store), &campaign(), keyring(), options).unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Script)) {
        let (script, changed) = &*self.0;
        change(&mut script.lock().unwrap());
        changed.notify_all();
    }

    /// Lets the next append fail.
    pub fn fail(&self, fault: Fault) {
        self.change(|script| script.faults.push_back(Some(fault)));
    }

    /// Lets appends go on: the next one well, the one after it with this fault.
    pub fn release_one_then(&self, fault: Fault) {
        self.change(|script| {
            script.faults.extend([None, Some(fault)]);
            script.is_held = false;
        });
    }

    /// Lets recovery fail.
    pub fn break_recovery(&self) {
        self.change(|script| script.is_broken = true);
    }

    /// Lets recovery succeed again.
    pub fn mend_recovery(&self) {
        self.change(|script| script.is_broken = false);
    }

    /// Lets appends wait.
    pub fn hold(&self) {
        self.change(|script| script.is_held = true);
    }

    /// Lets appends go on.
    pub fn release(&self) {
        self.change(|script| script.is_held = false);
    }

    /// The sizes of the batches that arrived so far.
    pub fn batches(&self) -> Vec<usize> {
        self.0.0.lock().unwrap().batches.clone()
    }

    /// Waits until this many batches have arrived.
    pub fn wait_for_batches(&self, count: usize) {
        let (script, changed) = &*self.0;
        let (script, _) = changed
            .wait_timeout_while(script.lock().unwrap(), DEADLINE, |script| script.batches.len() < count)
            .unwrap();
        assert!(
            script.batches.len() >= count,
            "{count} batches expected, last seen: {:?}",
            script.batches
        );
    }
}

struct StagedStore {
    inner: SqliteStore,
    stage: Stage,
}

impl Store for StagedStore {
    fn append(&mut self, batch: &Batch) -> Result<Appended, StoreError> {
        self.stage.change(|script| script.batches.push(batch.ballots.len()));
        let (script, changed) = &*self.stage.0;
        let fault = changed
            .wait_while(script.lock().unwrap(), |script| script.is_held)
            .unwrap()
            .faults
            .pop_front()
            .flatten();
        match fault {
            None => return self.inner.append(batch),
            Some(Fault::Lost) => {}
            Some(Fault::Kept) => drop(self.inner.append(batch)?),
            Some(Fault::Panic) => panic!("staged"),
        }
        Err(StoreError::Backend("staged: the commit failed".into()))
    }

    fn recover(&mut self) -> Result<State, StoreError> {
        if self.stage.0.0.lock().unwrap().is_broken {
            return Err(StoreError::Backend("staged: no recovery".into()));
        }
        self.inner.recover()
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        self.inner.reader()
    }

    fn issue(&mut self, coins: &[Nullifier], now: Timestamp) -> Result<(), StoreError> {
        self.inner.issue(coins, now)
    }

    fn log(&self, log: LogKind) -> Result<Box<dyn LogStore>, StoreError> {
        self.inner.log(log)
    }
}
