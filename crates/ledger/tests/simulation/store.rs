//! A store over the model of a database, that fails as Postgres can; beside it, if wanted, a real store, which must answer everything in the same way.

use std::collections::HashSet;
use std::sync::Arc;

use coin::Timestamp;
use ledger::{
    Appended, Batch, Counted, DeadLetter, KeptCheckpoint, LedgerError, LogKind, LogStore, Position, Reader, State,
    Store, StoreError,
};
use tlog::Hash;
use vote::{IssuedEntry, Nullifier};

use crate::simulation::database::{Change, Fence};
use crate::simulation::dice::Fault;
use crate::simulation::world::{Inner, World};

/// How a real store is opened, again and again.
pub type OpenReal = dyn Fn() -> Result<Box<dyn Store>, LedgerError> + Sync;

/// One writer's store.
pub struct SimulatedStore {
    world: Arc<World>,
    writer: usize,
    epoch: u64,
    /// `None` after a failure, until it is recovered from.
    session: Option<u64>,
    real: Option<Box<dyn Store>>,
}

impl SimulatedStore {
    /// Takes the ledger over.
    pub fn open(world: &Arc<World>, writer: usize, real: Option<&OpenReal>) -> Result<SimulatedStore, LedgerError> {
        let (fence, real) = world.step(writer, "opens the store", |inner| {
            if inner.dice.rolls(Fault::StoreAway) {
                return Err(lost("the store is away"));
            }
            decide_what_is_late(inner);
            inner.database.fence = Fence {
                epoch: inner.database.fence.epoch + 1,
                session: 0,
            };
            let real = real.map(|open| open().unwrap_or_else(|error| panic!("the real store does not open: {error}")));
            if inner.dice.rolls(Fault::Kept) {
                return Err(lost("the answer to the takeover was lost"));
            }
            Ok((inner.database.fence, real))
        })?;
        Ok(SimulatedStore {
            world: Arc::clone(world),
            writer,
            epoch: fence.epoch,
            session: Some(fence.session),
            real,
        })
    }

    /// Commits a change, unless something goes wrong, to the model and to the real store.
    fn change<T: PartialEq + std::fmt::Debug>(
        &mut self,
        what: &str,
        change: impl FnOnce() -> Change,
        model: impl FnOnce(&mut Inner) -> Result<T, StoreError>,
        real: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (world, epoch, session) = (Arc::clone(&self.world), self.epoch, self.session.take());
        let store = &mut self.real;
        let real = || store.as_mut().map(|store| real(&mut **store));
        let answer = world.step(self.writer, what, |inner| {
            let Some(session) = session else {
                inner.violate("a change after a failure, without a recovery".to_owned());
                return Err(lost("not recovered"));
            };
            let fence = Fence { epoch, session };
            if fence != inner.database.fence {
                return SimulatedStore::both(inner, Err(StoreError::Fenced), real());
            }
            if inner.dice.rolls(Fault::StoreAway) || inner.dice.rolls(Fault::Aborted) {
                inner.say(|| "the transaction was aborted".to_owned());
                return Err(lost("aborted"));
            }
            if inner.dice.rolls(Fault::Late) && !inner.is_beside_real {
                inner.say(|| "the connection is lost, and COMMIT under way".to_owned());
                inner.database.late = Some((fence, change()));
                return Err(lost("late"));
            }
            let expected = model(inner);
            let answer = SimulatedStore::both(inner, expected, real())?;
            if inner.dice.rolls(Fault::Kept) {
                inner.say(|| "the answer was lost".to_owned());
                return Err(lost("the answer was lost"));
            }
            Ok(answer)
        })?;
        self.session = session;
        Ok(answer)
    }

    /// The model's answer and the real store's, which must be the same.
    fn both<T: PartialEq + std::fmt::Debug>(
        inner: &mut Inner,
        expected: Result<T, StoreError>,
        real: Option<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let text = |error: &StoreError| error.to_string();
        if let Some(real) = &real
            && expected.as_ref().map_err(text) != real.as_ref().map_err(text)
        {
            inner.violate(format!("the real store answers {real:?} instead of {expected:?}"));
        }
        expected
    }
}

/// Whoever takes the head waits for a COMMIT that is under way, unless the server gives its transaction up first.
fn decide_what_is_late(inner: &mut Inner) {
    if inner.dice.coin() {
        inner.arrives_late();
    } else if inner.database.late.take().is_some() {
        inner.say(|| "the server gave up a transaction whose client is gone".to_owned());
    }
}

fn lost(what: &str) -> StoreError {
    StoreError::Backend(what.into())
}

impl Store for SimulatedStore {
    fn append(&mut self, batch: &Batch) -> Result<Appended, StoreError> {
        self.change(
            "appends",
            || Change::Votes(batch.clone()),
            |inner| inner.commit(batch),
            |real| real.append(batch),
        )
    }

    fn recover(&mut self) -> Result<State, StoreError> {
        let (world, epoch) = (Arc::clone(&self.world), self.epoch);
        let real = &mut self.real;
        self.session = None;
        let (session, state) = world.step(self.writer, "recovers", |inner| {
            if inner.dice.rolls(Fault::StoreAway) {
                return Err(lost("the store is away"));
            }
            decide_what_is_late(inner);
            let is_fenced = inner.database.fence.epoch != epoch;
            let expected = if is_fenced {
                Err(StoreError::Fenced)
            } else {
                Ok(inner.database.state.clone())
            };
            let real = real.as_mut().map(|real| real.recover());
            let state = SimulatedStore::both(inner, expected, real)?;
            inner.database.fence.session += 1;
            if inner.dice.rolls(Fault::Kept) {
                return Err(lost("the answer to the recovery was lost"));
            }
            Ok((inner.database.fence.session, state))
        })?;
        self.session = Some(session);
        Ok(state)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        let real = self.real.as_ref().map(|real| real.reader()).transpose()?;
        Ok(Box::new(SimulatedReader {
            world: Arc::clone(&self.world),
            writer: self.writer,
            real,
        }))
    }

    fn issue(&mut self, coins: &[Nullifier], now: Timestamp) -> Result<(), StoreError> {
        self.change(
            "logs coins",
            || Change::Issued(coins.to_vec(), now),
            |inner| {
                inner.issue(coins, now);
                Ok(())
            },
            |real| real.issue(coins, now),
        )
    }

    fn log(&self, _log: LogKind) -> Result<Box<dyn LogStore>, StoreError> {
        unreachable!("who counts does not sign")
    }
}

/// Looks up what the model has.
struct SimulatedReader {
    world: Arc<World>,
    writer: usize,
    real: Option<Box<dyn Reader>>,
}

impl SimulatedReader {
    fn look<T: PartialEq + std::fmt::Debug>(
        &mut self,
        what: &str,
        model: impl FnOnce(&Inner) -> T,
        real: impl FnOnce(&mut dyn Reader) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let reader = &mut self.real;
        self.world.step(self.writer, what, |inner| {
            if inner.dice.rolls(Fault::StoreAway) {
                return Err(lost("the store is away"));
            }
            let found = Ok(model(inner));
            let real = reader.as_mut().map(|reader| real(&mut **reader));
            SimulatedStore::both(inner, found, real)
        })
    }
}

impl Reader for SimulatedReader {
    fn find(&mut self, nullifier: &Nullifier) -> Result<Option<Counted>, StoreError> {
        self.look(
            "looks a vote up",
            |inner| inner.database.find(nullifier).cloned(),
            |real| real.find(nullifier),
        )
    }

    fn votes_from(&mut self, index: u64, limit: u32) -> Result<Vec<Counted>, StoreError> {
        self.look(
            "looks votes up",
            |inner| {
                let votes = inner.database.votes.iter().skip(index as usize);
                votes.take(limit as usize).cloned().collect()
            },
            |real| real.votes_from(index, limit),
        )
    }

    fn issued_from(&mut self, _index: u64, _limit: u32) -> Result<Vec<IssuedEntry>, StoreError> {
        unreachable!("who counts shows no coins")
    }

    fn find_issued(&mut self, coins: &[Nullifier]) -> Result<HashSet<Nullifier>, StoreError> {
        self.look(
            "looks coins up",
            |inner| {
                let issued = coins.iter().filter(|nullifier| inner.database.is_issued(nullifier));
                issued.copied().collect()
            },
            |real| real.find_issued(coins),
        )
    }

    fn tile(&mut self, _log: LogKind, _level: u8, _index: u64) -> Result<Vec<Hash>, StoreError> {
        unreachable!("who counts shows no tiles")
    }

    fn checkpoints_from(&mut self, _log: LogKind, _size: u64, _limit: u32) -> Result<Vec<KeptCheckpoint>, StoreError> {
        unreachable!("who counts does not sign")
    }

    fn last_checkpoint(&mut self, _log: LogKind) -> Result<Option<KeptCheckpoint>, StoreError> {
        unreachable!("who counts does not sign")
    }

    fn dead_letter(&mut self, position: Position) -> Result<Option<DeadLetter>, StoreError> {
        self.look(
            "looks a dead letter up",
            |inner| {
                let code = inner.database.dead_letters.get(&position)?.clone();
                Some(DeadLetter { position, code })
            },
            |real| real.dead_letter(position),
        )
    }
}
