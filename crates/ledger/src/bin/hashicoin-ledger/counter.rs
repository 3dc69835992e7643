//! One session of counting: reads the stream in order, verifies the coins, counts a batch in one transaction together with the position, and then tells.
//!
//! While as many votes wait as go into a batch, the next batch is read and verified while this one is counted and told. A coin's signature depends on nothing that is counted
//! before it; everything that does waits for its turn. The store and Redis are asked by one thread, one thing after the other.
//!
//! Nothing is lost and nothing counts twice, whatever fails and whenever, because only one thing is ever believed: what the store has committed. After
//! any failure the session ends, and the next one begins by asking the store where it is. Votes are in the stream until the store has them.

use std::collections::HashSet;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use vote::{CampaignFile, Nullifier, Vote};

use batch::verify_coins;
use coin::{Refusal, SignedCoin, Timestamp};
use ledger::redis::{Decided, Entry, Names, NotAVote};
use ledger::{Appended, Ballot, Batch, Clock, Counted, DeadLetter, Keys, Position, Progress, Reader, State, Store};
use redis::ConnectionLike;

use crate::issued;
use crate::measure::{self, Status};
use crate::projection::{News, Projection};
use crate::stop::Stop;
use crate::stream;
use crate::trouble::Trouble;

/// How long Redis shows that a ledger works after its last word, in seconds. Each round of reading says it anew, at least once a second.
const HEARTBEAT_TTL_S: u64 = 5;

/// What counting takes besides a store and a Redis, which come and go.
pub struct Counter {
    pub file: CampaignFile,
    pub keys: Keys,
    /// Tells the time, by which coins expire and votes are dated.
    pub clock: Clock,
    /// How many entries are decided in one transaction at most.
    pub batch_max: usize,
    pub status: Arc<Status>,
    pub stop: Stop,
}

/// Entries that were read, one at least, with all that can be said about them before their turn.
struct Verified {
    entries: Vec<stream::Queued>,
    coins: Vec<Result<SignedCoin, Refusal>>,
    votes: Vec<Result<Vote, NotAVote>>,
    /// When the coins had not expired.
    now: Timestamp,
    /// The last entry's.
    position: Position,
}

impl Counter {
    /// Counts until something fails or it is asked to stop; says when it has begun, and whenever the store may have more votes.
    ///
    /// # Errors
    ///
    /// When the store or Redis fails; [`Trouble::End`] when a person must decide.
    pub fn session<R: ConnectionLike>(
        &self,
        store: &mut dyn Store,
        connect: impl FnOnce() -> Result<R, Trouble>,
        begun: impl FnOnce(),
        has_grown: impl Fn(),
    ) -> Result<(), Trouble> {
        let mut state = store.recover()?;
        has_grown();
        let mut reader = store.reader()?;
        self.status.store_works(true);
        let names = Names::new(self.file.campaign());
        let mut redis = connect()?;
        stream::prepare(&mut redis, &names, state.queue.position)?;
        if !self.file.has_issuance_log() {
            issued::forget(&mut redis, &names)?;
        }
        let charities = self.file.charities();
        let caught_up = Projection::catch_up(&mut redis, &names, charities, &mut *reader, &decided(&state));
        if let Err(Trouble::End(_)) = caught_up {
            // Redis knows more than this store, or the ledger was taken over since its state was read: then that is what a person must hear.
            store.append(&Batch::nothing((self.clock)()))?;
        }
        let mut projection = caught_up?;
        self.status.redis_works(true);
        measure::state(&state);
        tracing::info!(position = %state.queue.position, votes = state.totals.votes, "counting");
        begun();
        while !self.stop.is_asked() {
            heartbeat(&mut redis, &names)?;
            let entries = stream::wait(&mut redis, &names, state.queue.position, self.batch_max)?;
            self.log_issued(&mut redis, &names, store, &has_grown)?;
            let mut next = self.verify(entries);
            if next.is_none() {
                // Nobody needs the store just now; whether it is there, and still this ledger's to write, is worth knowing before somebody does.
                store.append(&Batch::nothing((self.clock)()))?;
                stream::still_there(&mut redis, &names, state.queue.position)?;
            }
            while let Some(verified) = next.take_if(|_| !self.stop.is_asked()) {
                // A batch that is not full had all that waited.
                let ahead = if verified.entries.len() < self.batch_max {
                    Vec::new()
                } else {
                    heartbeat(&mut redis, &names)?;
                    let ahead = stream::read(&mut redis, &names, verified.position, self.batch_max)?;
                    self.log_issued(&mut redis, &names, store, &has_grown)?;
                    ahead
                };
                let count = || {
                    let batch = self.batch(&mut *reader, verified)?;
                    state = self.count(store, &mut redis, &mut projection, &batch, &has_grown)?;
                    Ok::<(), Trouble>(())
                };
                next = self.verify_meanwhile(ahead, count)?;
            }
        }
        Ok(())
    }

    /// Logs the coins that mints have made by now, if the campaign does. After votes were read, so that each of them finds its coin logged: no coin is handed out before it is
    /// on its way.
    fn log_issued(
        &self,
        redis: &mut dyn ConnectionLike,
        names: &Names,
        store: &mut dyn Store,
        has_grown: &impl Fn(),
    ) -> Result<(), Trouble> {
        if self.file.has_issuance_log() && issued::log(redis, names, store, (self.clock)())? {
            has_grown();
        }
        Ok(())
    }

    /// Verifies entries on another thread while this one counts.
    fn verify_meanwhile(
        &self,
        entries: Vec<stream::Queued>,
        count: impl FnOnce() -> Result<(), Trouble>,
    ) -> Result<Option<Verified>, Trouble> {
        if entries.is_empty() {
            return count().map(|()| None);
        }
        thread::scope(|scope| {
            let verifying = scope.spawn(|| self.verify(entries));
            count()?;
            verifying.join().or_else(|panic| resume_unwind(panic))
        })
    }

    /// Counts a batch and tells of it. Returns what the store has then.
    fn count(
        &self,
        store: &mut dyn Store,
        redis: &mut dyn ConnectionLike,
        projection: &mut Projection,
        batch: &Batch,
        has_grown: &impl Fn(),
    ) -> Result<State, Trouble> {
        let Appended { entries, state } = store.append(batch)?;
        has_grown();
        let counted = entries.iter().filter(|entry| entry.is_new);
        let counted: Vec<&Counted> = counted.map(|entry| &entry.counted).collect();
        let refused = batch.progress.iter().flat_map(|progress| &progress.dead_letters);
        let refused: Vec<(Position, &str)> = refused.map(|letter| (letter.position, letter.code.as_str())).collect();
        let news = News {
            counted: &counted,
            refused: &refused,
            decided: &decided(&state),
        };
        measure::state(&state);
        projection.write(redis, &news)?;
        Ok(state)
    }

    /// Verifies what was read; `None` if it is nothing. What the API has checked is checked again: anybody may have written the entry.
    fn verify(&self, entries: Vec<stream::Queued>) -> Option<Verified> {
        let position = entries.last()?.position;
        let now = (self.clock)();
        let tokens: Vec<&[u8]> = entries.iter().map(|entry| entry.token.as_slice()).collect();
        let coins = verify_coins(&tokens, &self.keys.current(), self.file.campaign(), now);
        let vote = |entry: &stream::Queued| {
            let (token, weights) = (entry.token.as_slice(), entry.weights.as_slice());
            Entry { token, weights }.vote(self.file.charities())
        };
        let votes = entries.iter().map(vote).collect();
        Some(Verified {
            entries,
            coins,
            votes,
            now,
            position,
        })
    }

    /// Each entry is a ballot or a dead letter.
    fn batch(&self, reader: &mut dyn Reader, verified: Verified) -> Result<Batch, Trouble> {
        measure::batch(verified.entries.len());
        let issued = self.issued(reader, &verified.coins)?;
        let mut ballots = Vec::with_capacity(verified.entries.len());
        let mut dead_letters = Vec::new();
        let decisions = verified.coins.into_iter().zip(verified.votes);
        for (entry, (coin, vote)) in verified.entries.iter().zip(decisions) {
            let ballot = coin.map_err(Refusal::code).and_then(|coin| {
                if let Some(issued) = &issued
                    && !issued.contains(&Nullifier::of(&coin.coin.serial))
                {
                    return Err(Refusal::NotIssued.code());
                }
                Ok(Ballot::new(coin, vote.map_err(NotAVote::code)?))
            });
            match ballot {
                Ok(ballot) => ballots.push(ballot),
                Err(code) => {
                    tracing::warn!(position = %entry.position, code, "an entry of the queue is refused");
                    dead_letters.push(DeadLetter {
                        position: entry.position,
                        code: code.to_owned(),
                    });
                }
            }
        }
        Ok(Batch {
            ballots,
            counted_at: verified.now,
            progress: Some(Progress {
                position: verified.position,
                dead_letters,
            }),
        })
    }

    /// Those of these coins that were issued; `None` if the campaign does not say which ones were.
    fn issued(
        &self,
        reader: &mut dyn Reader,
        coins: &[Result<SignedCoin, Refusal>],
    ) -> Result<Option<HashSet<Nullifier>>, Trouble> {
        if !self.file.has_issuance_log() {
            return Ok(None);
        }
        let coins = coins.iter().flatten().map(|coin| Nullifier::of(&coin.coin.serial));
        Ok(Some(reader.find_issued(&coins.collect::<Vec<_>>())?))
    }
}

/// What the store has, as Redis is told.
fn decided(state: &State) -> Decided {
    Decided {
        position: state.queue.position,
        totals: state.totals.clone(),
    }
}

/// Shows that a ledger works: with its store a moment ago, and with Redis now.
///
/// # Errors
///
/// When Redis fails.
pub fn heartbeat(redis: &mut dyn ConnectionLike, names: &Names) -> Result<(), Trouble> {
    let mut set = redis::cmd("SET");
    set.arg(names.ledger())
        .arg(env!("CARGO_PKG_VERSION"))
        .arg("EX")
        .arg(HEARTBEAT_TTL_S);
    Ok(set.exec(redis)?)
}
