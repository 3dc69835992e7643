//! What every handler can reach.

use std::sync::Arc;

use ledger::Keys;
use service::{Metrics, Shutdown};
use tokio::sync::Semaphore;

use crate::ballot_box::BallotBox;
use crate::coin_source::CoinSource;
use crate::problem::{Kind, Problem};

/// The running API; cheap to clone.
#[derive(Clone)]
pub struct App {
    /// Where votes are cast.
    pub ballot_box: BallotBox,
    /// The keys that coins are held to.
    pub keys: Keys,
    /// Where coins are handed out from; `None` when that is switched off.
    pub pool: Option<CoinSource>,
    /// What was counted about requests.
    pub metrics: Metrics,
    /// Says when to end what would go on for ever.
    pub shutdown: Shutdown,
    /// One permit per request that is worked on.
    pub requests: Arc<Semaphore>,
    /// How many permits that are in all.
    pub requests_max: usize,
    /// One permit per open stream.
    pub streams: Arc<Semaphore>,
}

impl App {
    /// Requests that are worked on now.
    pub fn requests_in_progress(&self) -> usize {
        self.requests_max.saturating_sub(self.requests.available_permits())
    }
}

/// Runs what blocks on the disk where it blocks nothing else.
///
/// # Errors
///
/// `internal-error` when it panicked.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a blocking call ended badly");
        Problem::from(Kind::InternalError)
    })
}
