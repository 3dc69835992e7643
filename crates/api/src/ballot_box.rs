//! Where votes are cast: into the ledger inside this process, or into the queue of a ledger that is another program. Handlers do not know which.

mod log;

use std::sync::Arc;
use std::time::Duration;

use vote::{CampaignFile, Nullifier, Tally, Vote};

use ledger::{Counted, Ledger, LogKind, Outcome, SubmitError};
use service::{Failure, Health};
use tokio::sync::watch;

use crate::app::blocking;
use crate::problem::{Kind, Problem};
use crate::queue::{Queue, QueueError, Submitted};
use crate::{books, measure};

/// How long the outcome of the ledger inside is waited for when the client says nothing about it.
const WAIT_DEFAULT: Duration = Duration::from_secs(10);

/// Takes votes; cheap to clone.
#[derive(Clone)]
pub enum BallotBox {
    /// The ledger is in this process.
    Embedded(Ledger),
    /// The ledger reads a queue.
    Queued(Queue),
}

/// What is known of a vote when it is answered. All of it is durable.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each request, and it goes into the answer at once"
)]
pub enum Cast {
    /// What came of it.
    Decided(Outcome),
    /// It will be counted or refused; this is its id.
    Queued(Nullifier),
}

impl BallotBox {
    /// The campaign file.
    pub fn campaign_file(&self) -> &CampaignFile {
        match self {
            BallotBox::Embedded(ledger) => ledger.campaign_file(),
            BallotBox::Queued(queue) => queue.campaign_file(),
        }
    }

    /// Casts a vote, and waits for what comes of it if that was asked for. A vote that was taken is counted whether or not anybody waits for it.
    ///
    /// # Errors
    ///
    /// `busy` and `unavailable` when it was not taken, `outcome-unknown` when it may have been.
    pub async fn cast(&self, token: Vec<u8>, vote: Vote, wait: Option<Duration>) -> Result<Cast, Problem> {
        match self {
            BallotBox::Embedded(ledger) => {
                let submission = ledger.submit(token, vote);
                let result = tokio::time::timeout(wait.unwrap_or(WAIT_DEFAULT), submission)
                    .await
                    .unwrap_or(Err(SubmitError::Unknown));
                result.map(Cast::Decided).map_err(not_submitted)
            }
            BallotBox::Queued(queue) => match (queue.submit(&token, vote).await.map_err(not_queued)?, wait) {
                (Submitted::Decided(outcome), _) => Ok(Cast::Decided(outcome)),
                (Submitted::Queued(ticket), None) => Ok(Cast::Queued(ticket.nullifier)),
                (Submitted::Queued(ticket), Some(time)) => match queue.wait(&ticket, time).await {
                    Ok(Some(outcome)) => Ok(Cast::Decided(outcome)),
                    Ok(None) => Err(Kind::OutcomeUnknown.into()),
                    Err(error) => {
                        tracing::warn!(%error, "the outcome of a queued vote could not be read");
                        Err(Kind::OutcomeUnknown.into())
                    }
                },
            },
        }
    }

    /// Looks up a counted vote.
    ///
    /// # Errors
    ///
    /// `internal-error` when what is kept does not read, `unavailable` when it cannot be reached.
    pub async fn vote(&self, id: Nullifier) -> Result<Option<Counted>, Problem> {
        match self {
            BallotBox::Embedded(ledger) => {
                let ledger = ledger.clone();
                blocking(move || ledger.vote(&id)).await?.map_err(|error| {
                    tracing::error!(%error, "a vote could not be looked up");
                    Problem::from(Kind::InternalError)
                })
            }
            BallotBox::Queued(queue) => queue.vote(&id).await.map_err(not_read),
        }
    }

    /// The tally as of the last commit that is known here.
    ///
    /// # Errors
    ///
    /// `unavailable` when none is known yet.
    pub fn tally(&self) -> Result<Arc<Tally>, Problem> {
        match self {
            BallotBox::Embedded(ledger) => Ok(ledger.tally()),
            BallotBox::Queued(queue) => Ok(queue.tally().ok_or(Kind::Unavailable)?),
        }
    }

    /// Watches the tally.
    ///
    /// # Errors
    ///
    /// As [`BallotBox::tally`].
    pub fn subscribe(&self) -> Result<watch::Receiver<Arc<Tally>>, Problem> {
        match self {
            BallotBox::Embedded(ledger) => Ok(ledger.subscribe()),
            BallotBox::Queued(queue) => Ok(queue.subscribe().ok_or(Kind::Unavailable)?),
        }
    }

    /// Adds what this depends on, and whether it works.
    pub async fn health(&self, health: Health) -> Result<Health, Problem> {
        match self {
            BallotBox::Embedded(ledger) => {
                let ledger = ledger.clone();
                // No coin has this name; looking for it reads the file.
                let nobody = Nullifier::from_bytes([0; 32]);
                let works = blocking(move || ledger.is_open() && ledger.vote(&nobody).is_ok()).await?;
                Ok(health.with("ledger", works))
            }
            BallotBox::Queued(queue) => {
                let ledger = queue.has_ledger().await;
                if let Err(error) = &ledger {
                    tracing::warn!(%error, "Redis is not well");
                }
                let (redis, ledger) = (ledger.is_ok(), ledger.unwrap_or(false));
                Ok(health.with("redis", redis).with("ledger", ledger))
            }
        }
    }

    /// Sets the metrics.
    pub async fn measure(&self) {
        match self {
            BallotBox::Embedded(ledger) => measure::ledger(ledger.is_open(), &ledger.tally()),
            BallotBox::Queued(queue) => {
                measure::queue(queue.backlog().await.ok());
                if let Some(tally) = queue.tally() {
                    measure::ledger(queue.has_ledger().await.unwrap_or(false), &tally);
                }
            }
        }
        // None before the first vote.
        if let Ok(checkpoint) = self.checkpoint(LogKind::Votes) {
            measure::log(checkpoint.size);
        }
    }

    /// Ends in order: what was taken into this process is counted, also when its client is gone. What is in the queue is the ledger's. Blocks.
    ///
    /// # Errors
    ///
    /// When the ledger's writer had stopped before.
    pub fn close(self) -> Result<(), Failure> {
        match self {
            BallotBox::Embedded(ledger) => ledger.drain().map_err(|error| books::ledger_failure(&error)),
            BallotBox::Queued(_) => Ok(()),
        }
    }
}

fn not_submitted(error: SubmitError) -> Problem {
    match error {
        SubmitError::Busy => Kind::Busy.into(),
        SubmitError::Closed => Kind::Unavailable.into(),
        SubmitError::Unknown => Kind::OutcomeUnknown.into(),
        SubmitError::OtherCharities => {
            tracing::error!("a vote was read for the charities of another campaign");
            Kind::InternalError.into()
        }
    }
}

fn not_queued(error: QueueError) -> Problem {
    match error {
        QueueError::Full => Kind::Busy.into(),
        QueueError::Unknown(_) => {
            tracing::warn!(%error, "a vote may have been queued or not");
            Kind::OutcomeUnknown.into()
        }
        error => not_read(error),
    }
}

fn not_read(error: QueueError) -> Problem {
    tracing::warn!(%error, "the queue did not answer");
    match error {
        QueueError::Foreign(_) => Kind::InternalError.into(),
        _ => Kind::Unavailable.into(),
    }
}
