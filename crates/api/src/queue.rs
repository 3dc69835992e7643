//! The queue: votes go into a Redis stream, and another program, the ledger, counts them.
//!
//! A coin is verified here first: what is no good coin takes no room in the queue. A vote that is queued is on Redis' disk, and the ledger decides about it
//! whether or not anybody waits. What is said of a counted vote comes from the ledger alone, after its commit.
//!
//! No answer is lost with a connection: who waits for an entry reads its outcome when the ledger is past it, and once more when the time is over.

mod follower;
mod link;
mod log;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use coin::{Refusal, verify};
use ledger::redis::{Names, read_counted, vote_text};
use ledger::{Counted, Keys, LogKind, Outcome, Position, Published};
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, RedisError, Script};
use service::{RedisUrl, clock};
use tokio::sync::watch;
use vote::{CampaignFile, Nullifier, Tally, Totals, Vote};

pub use link::LinkError;

use follower::Known;
use link::Link;

/// A handle on the queue; cheap to clone.
#[derive(Clone)]
pub struct Queue(Arc<Shared>);

struct Shared {
    file: CampaignFile,
    keys: Keys,
    names: Names,
    link: Link,
    submit: Script,
    /// How many votes may wait.
    backlog_max: u32,
    /// Up to where the stream is decided; `None` before the first word of a ledger.
    position: watch::Receiver<Option<Position>>,
    tally: watch::Receiver<Arc<Tally>>,
    /// Of each log that the campaign has.
    published: HashMap<LogKind, Published>,
}

/// What became of a submission.
pub enum Submitted {
    /// The coin is refused, or its vote is counted already: nothing was queued.
    Decided(Outcome),
    /// It waits in the stream.
    Queued(Ticket),
}

/// Names an entry of the stream and the vote in it.
pub struct Ticket {
    position: Position,
    /// The vote's id.
    pub nullifier: Nullifier,
    vote: Vote,
}

/// Why the queue did not answer.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// As many votes wait as may.
    #[error("too many votes wait to be counted")]
    Full,
    /// No ledger has made the stream.
    #[error("no ledger has opened the queue yet")]
    Closed,
    /// Nothing was sent, or Redis refused to do anything.
    #[error("{0}")]
    Away(String),
    /// It was sent, and what became of it is not known.
    #[error("it is not known whether Redis took the request: {0}")]
    Unknown(String),
    /// Redis holds something that none of our programs wrote.
    #[error("Redis holds {0} that does not read")]
    Foreign(&'static str),
}

impl Queue {
    /// Connects, and follows the ledger from now on. A Redis that is away is waited for while votes are answered with [`QueueError::Away`].
    ///
    /// # Errors
    ///
    /// When the address is none, or votes would not be safe with this Redis.
    pub async fn open(url: &RedisUrl, file: &CampaignFile, keys: Keys, backlog_max: u32) -> Result<Queue, LinkError> {
        let link = Link::new(url)?;
        match link.connection().await {
            Ok(_) => {}
            Err(error @ (LinkError::Away(..) | LinkError::Paused(_))) => {
                tracing::warn!(%error, "starting without Redis")
            }
            Err(error) => return Err(error),
        }
        let (position_sender, position) = watch::channel(None);
        let (tally_sender, tally) = watch::channel(Arc::new(Tally::new(file, &Totals::zero(file.charities()))));
        let published = LogKind::of(file).iter().map(|log| {
            let (sender, receiver) = watch::channel(None);
            ((*log, sender), (*log, receiver))
        });
        let (published_senders, published) = published.unzip();
        let shared = Arc::new(Shared {
            names: Names::new(file.campaign()),
            file: file.clone(),
            keys,
            link,
            submit: Script::new(include_str!("queue/submit.lua")),
            backlog_max,
            position,
            tally,
            published,
        });
        let known = Known {
            position: position_sender,
            tally: tally_sender,
            published: published_senders,
        };
        tokio::spawn(follower::follow(Arc::clone(&shared), known));
        Ok(Queue(shared))
    }

    /// The campaign file.
    pub fn campaign_file(&self) -> &CampaignFile {
        &self.0.file
    }

    /// Verifies a coin and puts its vote into the stream. Durable when it returns.
    ///
    /// # Errors
    ///
    /// [`QueueError`]; only after `Unknown` may the vote be in the stream.
    pub async fn submit(&self, token: &[u8], vote: Vote) -> Result<Submitted, QueueError> {
        let shared = &*self.0;
        let nullifier = match verify(token, &shared.keys.current(), shared.file.campaign(), clock::now()) {
            Ok(accepted) => Nullifier::of(&accepted.coin.serial),
            Err(refusal) => return Ok(Submitted::Decided(Outcome::Refused(refusal))),
        };
        let mut call = shared.submit.prepare_invoke();
        call.key(shared.names.votes()).key(shared.names.vote(&nullifier));
        call.arg(shared.backlog_max).arg(token).arg(vote_text(&vote));
        let answer: Vec<String> = shared
            .run(async |mut redis| call.invoke_async(&mut redis).await)
            .await?;
        match answer.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["queued", id] => {
                let position = Position::parse(id).ok_or(QueueError::Foreign("an id"))?;
                Ok(Submitted::Queued(Ticket {
                    position,
                    nullifier,
                    vote,
                }))
            }
            ["counted", text] => {
                // It was there before this request came.
                Ok(Submitted::Decided(
                    match outcome(shared.read_counted(nullifier, text)?, &vote) {
                        Outcome::Counted(counted) => Outcome::Repeated(counted),
                        other => other,
                    },
                ))
            }
            ["full"] => Err(QueueError::Full),
            ["closed"] => Err(QueueError::Closed),
            _ => Err(QueueError::Foreign("an answer")),
        }
    }

    /// Waits for what becomes of a queued vote; `None` when the time is over first.
    ///
    /// # Errors
    ///
    /// When Redis could not be asked at the end.
    pub async fn wait(&self, ticket: &Ticket, time: Duration) -> Result<Option<Outcome>, QueueError> {
        let mut position = self.0.position.clone();
        let decided = position.wait_for(|position| *position >= Some(ticket.position));
        // Read in both cases: the message may have been lost with its connection.
        let _ = tokio::time::timeout(time, decided).await;
        self.0.outcome(ticket).await
    }

    /// Looks up a counted vote.
    ///
    /// # Errors
    ///
    /// When Redis does not answer, or holds something else.
    pub async fn vote(&self, nullifier: &Nullifier) -> Result<Option<Counted>, QueueError> {
        let text: Option<String> = self.0.get(&self.0.names.vote(nullifier)).await?;
        text.map(|text| self.0.read_counted(*nullifier, &text)).transpose()
    }

    /// The tally as far as it is known here; `None` before the first word of a ledger. While Redis is away it grows old, but not wrong.
    pub fn tally(&self) -> Option<Arc<Tally>> {
        let known = self.0.position.borrow().is_some();
        known.then(|| self.0.tally.borrow().clone())
    }

    /// Watches the tally; `None` before the first word of a ledger.
    pub fn subscribe(&self) -> Option<watch::Receiver<Arc<Tally>>> {
        let known = self.0.position.borrow().is_some();
        known.then(|| {
            let mut tally = self.0.tally.clone();
            tally.mark_unchanged();
            tally
        })
    }

    /// Whether a ledger works; an error when Redis does not.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn has_ledger(&self) -> Result<bool, QueueError> {
        let heartbeat: Option<String> = self.0.get(&self.0.names.ledger()).await?;
        Ok(heartbeat.is_some())
    }

    /// How many votes wait to be counted.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn backlog(&self) -> Result<u64, QueueError> {
        let mut ask = redis::cmd("XLEN");
        ask.arg(self.0.names.votes());
        self.0.run(async |mut redis| ask.query_async(&mut redis).await).await
    }
}

impl Shared {
    /// Runs a command on the shared connection.
    async fn run<T>(
        &self,
        command: impl AsyncFnOnce(MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, QueueError> {
        let connection = self.link.connection().await;
        let connection = connection.map_err(|error| QueueError::Away(error.to_string()))?;
        match command(connection).await {
            Ok(answer) => Ok(answer),
            // Redis itself says that it did nothing.
            Err(error) if error.code().is_some() => Err(QueueError::Away(error.to_string())),
            Err(error) => {
                self.link.broke().await;
                Err(QueueError::Unknown(error.to_string()))
            }
        }
    }

    async fn get<T: FromRedisValue>(&self, key: &str) -> Result<T, QueueError> {
        let mut ask = redis::cmd("GET");
        ask.arg(key);
        self.run(async |mut redis| ask.query_async(&mut redis).await).await
    }

    /// What became of a queued vote, if anything has.
    async fn outcome(&self, ticket: &Ticket) -> Result<Option<Outcome>, QueueError> {
        let mut ask = redis::cmd("MGET");
        ask.arg(self.names.refused(ticket.position))
            .arg(self.names.vote(&ticket.nullifier));
        let answer = self.run(async |mut redis| ask.query_async(&mut redis).await).await?;
        match answer {
            (Some(code), _) => {
                let code: String = code;
                let refusal = Refusal::ALL.into_iter().find(|refusal| refusal.code() == code);
                refusal
                    .map(|refusal| Some(Outcome::Refused(refusal)))
                    .ok_or(QueueError::Foreign("a refusal"))
            }
            (None, Some(text)) => {
                let text: String = text;
                let counted = self.read_counted(ticket.nullifier, &text)?;
                Ok(Some(outcome(counted, &ticket.vote)))
            }
            (None, None) => Ok(None),
        }
    }

    fn read_counted(&self, nullifier: Nullifier, text: &str) -> Result<Counted, QueueError> {
        read_counted(nullifier, text, self.file.charities()).ok_or(QueueError::Foreign("a vote"))
    }
}

/// What a coin's counted vote means for somebody who queued this one with it. Of two who queued the same at once, nobody can tell whose was counted.
fn outcome(counted: Counted, vote: &Vote) -> Outcome {
    if counted.vote == *vote {
        Outcome::Counted(counted)
    } else {
        Outcome::Spent { first: counted }
    }
}
