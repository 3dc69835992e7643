//! One session of counting: reads the stream in order, verifies the coins, counts a batch in one transaction together with the position, and then tells.
//!
//! Nothing is lost and nothing counts twice, whatever fails and whenever, because only one thing is ever believed: what the store has committed. After
//! any failure the session ends, and the next one begins by asking the store where it is. Votes are in the stream until the store has them.

use std::collections::HashSet;
use std::sync::Arc;

use vote::{CampaignFile, Nullifier};

use batch::verify_coins;
use coin::{Refusal, SignedCoin};
use ledger::redis::{Decided, Entry, Names};
use ledger::{Appended, Ballot, Batch, Clock, Counted, DeadLetter, Keys, Position, Progress, Reader, State, Store};
use redis::ConnectionLike;

use crate::issued;
use crate::measure::{self, Status};
use crate::projection::{News, Projection};
use crate::stop::Stop;
use crate::stream;
use crate::trouble::Trouble;

/// How many votes are counted in one transaction at most.
const BATCH_MAX: usize = 2048;
/// How long Redis shows that a ledger works after its last word, in seconds. Each round of reading says it anew, at least once a second.
const HEARTBEAT_TTL_S: u64 = 5;

/// What counting takes besides a store and a Redis, which come and go.
pub struct Counter {
    pub file: CampaignFile,
    pub keys: Keys,
    /// Tells the time, by which coins expire and votes are dated.
    pub clock: Clock,
    pub status: Arc<Status>,
    pub stop: Stop,
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
            // After the votes were read, so that each of them finds its coin logged: no coin is handed out before it is on its way.
            let entries = stream::read(&mut redis, &names, state.queue.position, BATCH_MAX)?;
            if self.file.has_issuance_log() && issued::log(&mut redis, &names, store, (self.clock)())? {
                has_grown();
            }
            let Some(last) = entries.last().map(|entry| entry.position) else {
                // Nobody needs the store just now; whether it is there, and still this ledger's to write, is worth knowing before somebody does.
                store.append(&Batch::nothing((self.clock)()))?;
                stream::still_there(&mut redis, &names, state.queue.position)?;
                continue;
            };
            measure::batch(entries.len());
            let batch = self.batch(&mut *reader, &entries, last)?;
            let Appended { entries, state: after } = store.append(&batch)?;
            state = after;
            has_grown();
            let counted: Vec<&Counted> = entries
                .iter()
                .filter(|entry| entry.is_new)
                .map(|entry| &entry.counted)
                .collect();
            let refused = batch.progress.iter().flat_map(|progress| &progress.dead_letters);
            let refused: Vec<(Position, &str)> =
                refused.map(|letter| (letter.position, letter.code.as_str())).collect();
            let news = News {
                counted: &counted,
                refused: &refused,
                decided: &decided(&state),
            };
            measure::state(&state);
            projection.write(&mut redis, &news)?;
        }
        Ok(())
    }

    /// Verifies what was read: each entry is a ballot or a dead letter. What the API has checked is checked again: anybody may have written the entry.
    fn batch(&self, reader: &mut dyn Reader, entries: &[stream::Queued], last: Position) -> Result<Batch, Trouble> {
        let keyring = self.keys.current();
        let now = (self.clock)();
        let tokens: Vec<&[u8]> = entries.iter().map(|entry| entry.token.as_slice()).collect();
        let verified = verify_coins(&tokens, &keyring, self.file.campaign(), now);
        let issued = self.issued(reader, &verified)?;
        let mut ballots = Vec::with_capacity(entries.len());
        let mut dead_letters = Vec::new();
        for (entry, coin) in entries.iter().zip(verified) {
            let ballot = coin.map_err(Refusal::code).and_then(|coin| {
                if let Some(issued) = &issued
                    && !issued.contains(&Nullifier::of(&coin.coin.serial))
                {
                    return Err(Refusal::NotIssued.code());
                }
                let (token, weights) = (entry.token.as_slice(), entry.weights.as_slice());
                let vote = Entry { token, weights }.vote(self.file.charities());
                Ok(Ballot::new(coin, vote.map_err(ledger::redis::NotAVote::code)?))
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
            counted_at: now,
            progress: Some(Progress {
                position: last,
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
