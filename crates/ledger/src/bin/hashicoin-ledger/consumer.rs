//! The one thread that counts: opens the store, connects to Redis, and begins a new session ([`Counter`]) whenever one of them went away.

use std::time::Duration;

use ledger::Store;
use service::{Failure, RedisUrl};

use crate::counter::Counter;
use crate::redis_link;
use crate::store::Place;
use crate::trouble::Trouble;

/// How long the first pause is after a part went away; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// What the thread needs.
pub struct Consumer {
    pub place: Place,
    pub redis: RedisUrl,
    pub counter: Counter,
}

impl Consumer {
    /// Counts until asked to stop; then what was begun is finished.
    ///
    /// # Errors
    ///
    /// What a person must decide. A part that is away is waited for.
    pub fn run(self) -> Result<(), Failure> {
        let mut store = None;
        let mut pause = PAUSE_MIN;
        while !self.counter.stop.is_asked() {
            let trouble = match self.session(&mut store, &mut pause) {
                Ok(()) => return Ok(()),
                Err(trouble) => trouble,
            };
            match trouble {
                Trouble::End(failure) => return Err(failure),
                Trouble::Redis(error) => {
                    self.counter.status.redis_works(false);
                    tracing::warn!(error, "Redis is away; it is tried again");
                }
                Trouble::Store(error) => {
                    self.counter.status.store_works(false);
                    tracing::warn!(
                        error,
                        "the store is away or its answer unknown; it is asked again what it holds"
                    );
                }
            }
            self.counter.stop.wait(pause);
            pause = PAUSE_MAX.min(2 * pause);
        }
        Ok(())
    }

    /// Counts until something fails or it is asked to stop. The store stays open for the next session.
    fn session(&self, store: &mut Option<Box<dyn Store>>, pause: &mut Duration) -> Result<(), Trouble> {
        let store = match store {
            Some(store) => store,
            None => store.insert(self.place.open(&self.counter.file)?),
        };
        let connect = || redis_link::connect(&self.redis);
        self.counter.session(&mut **store, connect, || *pause = PAUSE_MIN)
    }
}
