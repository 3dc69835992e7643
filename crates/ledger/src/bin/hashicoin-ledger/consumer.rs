//! The one thread that counts: opens the store, connects to Redis, and begins a new session ([`Counter`]) whenever one of them went away.

use std::time::Duration;

use ledger::redis::Names;
use ledger::{LogKind, Signing, Store};
use service::{Failure, RedisUrl};

use crate::counter::Counter;
use crate::log::Log;
use crate::log_projection::LogProjection;
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
    pub signing: Signing,
}

/// What stays open from session to session.
struct Open {
    store: Box<dyn Store>,
    log: Log,
}

impl Consumer {
    /// Counts until asked to stop; then what was begun is finished.
    ///
    /// # Errors
    ///
    /// What a person must decide. A part that is away is waited for.
    pub fn run(self) -> Result<(), Failure> {
        let mut open = None;
        let counted = self.sessions(&mut open);
        let Some(Open { log, store }) = open else {
            return counted;
        };
        // What was counted last is signed, also when counting failed; until then the store is this ledger's.
        let signed = log.finish();
        drop(store);
        counted.and(signed)
    }

    fn sessions(&self, open: &mut Option<Open>) -> Result<(), Failure> {
        let mut pause = PAUSE_MIN;
        while !self.counter.stop.is_asked() {
            let trouble = match self.session(open, &mut pause) {
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

    /// Counts until something fails or it is asked to stop. The store stays open for the next session, and its logs are signed meanwhile.
    fn session(&self, open: &mut Option<Open>, pause: &mut Duration) -> Result<(), Trouble> {
        let Open { store, log } = match open {
            Some(open) => open,
            None => open.insert(self.open()?),
        };
        let connect = || redis_link::connect(&self.redis);
        self.counter
            .session(&mut **store, connect, || *pause = PAUSE_MIN, || log.has_grown())
    }

    /// Opens the store, and begins to sign its logs.
    fn open(&self) -> Result<Open, Trouble> {
        let file = &self.counter.file;
        let store = self.place.open(file, &self.signing)?;
        let projection = LogProjection {
            url: self.redis.clone(),
            names: Names::new(file.campaign()),
            logs: LogKind::of(file),
            reader: store.reader()?,
            recent: self.counter.recent.clone(),
            signing: self.signing.clone(),
        };
        let log = Log::start(&*store, file, &self.signing, projection, &self.counter.stop)?;
        Ok(Open { store, log })
    }
}
