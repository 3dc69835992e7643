//! One session of counting: reads the stream in order, verifies the coins, counts a batch in one transaction together with the position, and then tells.
//!
//! While votes wait, two things go on at once: the store counts a batch, and beside it Redis is told of the batch before, which is committed, and gives the next one, which is
//! verified. A coin's signature depends on nothing that is counted before it; everything that does waits for its turn. Each of the two parts is asked one thing after
//! the other.
//!
//! Nothing is lost and nothing counts twice, whatever fails and whenever, because only one thing is ever believed: what the store has committed. After
//! any failure the session ends, and the next one begins by asking the store where it is. Votes are in the stream until the store has them.

use std::collections::HashSet;
use std::sync::Arc;

use vote::{CampaignFile, Nullifier, Vote};

use batch::verify_coins;
use coin::{Refusal, SignedCoin, Timestamp};
use ledger::redis::{Decided, Entry, Names, NotAVote};
use ledger::{Appended, Ballot, Batch, Clock, Counted, DeadLetter, Keys, Position, Progress, Reader, State, Store};
use redis::ConnectionLike;

use crate::issued;
use crate::lanes::Lanes;
use crate::measure::{self, Status};
use crate::projection::{News, Projection, heartbeat};
use crate::recent::Recent;
use crate::stop::Stop;
use crate::stream;
use crate::trouble::Trouble;

/// What counting takes besides a store and a Redis, which come and go.
pub struct Counter {
    pub file: CampaignFile,
    pub keys: Keys,
    /// Tells the time, by which coins expire and votes are dated.
    pub clock: Clock,
    /// How many entries are decided in one transaction at most.
    pub batch_max: usize,
    pub lanes: Lanes,
    /// Is given what the log grows by.
    pub recent: Recent,
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

/// A batch that is committed.
struct Committed {
    appended: Appended,
    dead_letters: Vec<DeadLetter>,
}

impl Counter {
    /// Counts until something fails or it is asked to stop; says when it has begun, and whenever the store may have more votes.
    ///
    /// # Errors
    ///
    /// When the store or Redis fails; [`Trouble::End`] when a person must decide.
    pub fn session<R: ConnectionLike + Send>(
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
            heartbeat(&names).exec(&mut redis)?;
            let entries = stream::wait(&mut redis, &names, state.queue.position, self.batch_max)?;
            let mut next = self.verify(entries);
            if next.is_none() {
                self.log_issued(&mut redis, &names, store, &has_grown)?;
                // Nobody needs the store just now; whether it is there, and still this ledger's to write, is worth knowing before somebody does.
                store.append(&Batch::nothing((self.clock)()))?;
                stream::still_there(&mut redis, &names, state.queue.position)?;
                projection.still_there(&mut redis)?;
            }
            let mut committed: Option<Committed> = None;
            while let Some(verified) = next.take_if(|_| !self.stop.is_asked()) {
                // After these votes were read, so that each of them finds its coin logged: no coin is handed out before it is on its way.
                self.log_issued(&mut redis, &names, store, &has_grown)?;
                let position = verified.position;
                let count = || self.count(store, &mut *reader, verified, &has_grown);
                let tell_and_read = || {
                    if let Some(committed) = committed.take() {
                        tell(&mut redis, &mut projection, &committed)?;
                    }
                    let ahead = stream::read(&mut redis, &names, position, self.batch_max)?;
                    Ok::<_, Trouble>(self.verify(ahead))
                };
                let (counted, ahead) = self.lanes.both(count, tell_and_read);
                let counted = counted?;
                state.clone_from(&counted.appended.state);
                committed = Some(counted);
                next = ahead?;
            }
            if let Some(committed) = committed {
                tell(&mut redis, &mut projection, &committed)?;
            }
        }
        Ok(())
    }

    /// Logs the coins that mints have made by now, if the campaign does.
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

    /// Counts what was verified.
    fn count(
        &self,
        store: &mut dyn Store,
        reader: &mut dyn Reader,
        verified: Verified,
        has_grown: &impl Fn(),
    ) -> Result<Committed, Trouble> {
        let batch = self.batch(reader, verified)?;
        let appended = store.append(&batch)?;
        let Appended { leaves, state, .. } = &appended;
        self.recent
            .add(state.totals.votes.saturating_sub(leaves.len() as u64), leaves);
        has_grown();
        measure::state(state);
        let progress = batch.progress.into_iter();
        Ok(Committed {
            appended,
            dead_letters: progress.flat_map(|progress| progress.dead_letters).collect(),
        })
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

/// Tells Redis of a batch.
fn tell(redis: &mut dyn ConnectionLike, projection: &mut Projection, committed: &Committed) -> Result<(), Trouble> {
    let Appended { entries, leaves, state } = &committed.appended;
    let new = entries.iter().filter(|entry| entry.is_new).map(|entry| &entry.counted);
    let counted: Vec<(&Counted, &str)> = new.zip(leaves.iter().map(|leaf| leaf.entry.as_str())).collect();
    let refused = committed.dead_letters.iter();
    let refused: Vec<(Position, &str)> = refused.map(|letter| (letter.position, letter.code.as_str())).collect();
    let news = News {
        counted: &counted,
        refused: &refused,
        decided: &decided(state),
    };
    projection.write(redis, &news)
}

/// What the store has, as Redis is told.
fn decided(state: &State) -> Decided {
    Decided {
        position: state.queue.position,
        totals: state.totals.clone(),
    }
}
