//! The projection: what Redis holds of the store, for the API to read and to tell those who wait.
//!
//! It follows the store and never leads it. What is missing after a crash, or after Redis was lost, is written again from the store when a session begins.

use vote::{Charities, Nullifier};

use coin::SignedCoin;
use ledger::redis::{Decided, Names, REFUSED_TTL_S, counted_text};
use ledger::{Counted, Position, Reader, StoreError};
use redis::{Cmd, ConnectionLike, Pipeline};
use service::Failure;

use crate::stream::{self, Queued};
use crate::trouble::Trouble;

/// How long Redis shows that a ledger works after its last word, in seconds. Whenever it is told of a batch it is said anew, and at least once a second while nobody votes.
const HEARTBEAT_TTL_S: u64 = 5;
/// How many votes are written again at a time.
const CHUNK: u32 = 1000;

/// What one ledger writes to Redis.
pub struct Projection {
    names: Names,
    /// The tally's key as this ledger wrote or found it. If it has changed, another ledger writes too.
    tally: Option<String>,
}

/// What came of a batch.
pub struct News<'a> {
    /// Votes that are new, each with its entry in the log.
    pub counted: &'a [(&'a Counted, &'a str)],
    /// Entries that were refused, and why.
    pub refused: &'a [(Position, &'a str)],
    /// Where this leaves everything.
    pub decided: &'a Decided,
}

impl Projection {
    /// Brings Redis up to the store.
    ///
    /// # Errors
    ///
    /// When either is away; [`Trouble::End`] when Redis knows of more than the store.
    pub fn catch_up(
        redis: &mut dyn ConnectionLike,
        names: &Names,
        charities: &Charities,
        reader: &mut dyn Reader,
        now: &Decided,
    ) -> Result<Projection, Trouble> {
        // Until the tally is written below. Should Redis lose everything meanwhile, and an older ledger write the same tally once more, what is written from here on would
        // be lost and the tally say that it is there.
        redis::cmd("WATCH").arg(names.tally()).exec(redis)?;
        let tally: Option<String> = redis::cmd("GET").arg(names.tally()).query(redis)?;
        let before = tally.as_deref().map(|text| {
            Decided::read(text, charities).ok_or_else(|| {
                end(format!(
                    "the key {} does not hold this campaign's tally; see who else uses this Redis",
                    names.tally()
                ))
            })
        });
        let mut votes = match before.transpose()? {
            Some(before) if before.position > now.position || before.totals.votes > now.totals.votes => {
                return Err(end(format!(
                    "Redis knows of {} votes up to {}, the store of {} up to {}: the store is not the one that was used before, or a backup of it. Bring \
                     the right one back; if there is none, delete {} to count on from this one",
                    before.totals.votes,
                    before.position,
                    now.totals.votes,
                    now.position,
                    names.tally()
                )));
            }
            Some(before) => before.totals.votes,
            None => 0,
        };
        let missing = now.totals.votes - votes;
        while votes < now.totals.votes {
            let counted = reader.votes_from(votes, CHUNK)?;
            if counted.is_empty() {
                return Err(end(format!("the store's vote {votes} is missing; restore a backup")));
            }
            let entries: Vec<String> = counted.iter().map(|counted| counted.leaf().entry).collect();
            let entries = entries.iter().map(String::as_str);
            set(names, counted.iter().zip(entries)).exec(redis)?;
            votes += counted.len() as u64;
        }
        let refused = refused_up_to(redis, names, reader, now.position)?;
        if missing > 0 || !refused.is_empty() {
            tracing::info!(
                votes = missing,
                refused = refused.len(),
                "wrote to Redis what it did not have"
            );
        }
        let refused: Vec<(Position, &str)> = refused
            .iter()
            .map(|(position, code)| (*position, code.as_str()))
            .collect();
        let mut projection = Projection {
            names: names.clone(),
            tally,
        };
        projection.write(
            redis,
            &News {
                counted: &[],
                refused: &refused,
                decided: now,
            },
        )?;
        Ok(projection)
    }

    /// Writes what came of a batch, cuts the stream off behind it and tells who waits: all of it or nothing.
    ///
    /// # Errors
    ///
    /// When Redis is away, or another ledger writes. Nothing is lost then: the store has it, and [`Projection::catch_up`] writes it.
    pub fn write(&mut self, redis: &mut dyn ConnectionLike, news: &News<'_>) -> Result<(), Trouble> {
        let key = self.names.tally();
        // Compare and swap: a ledger that was overtaken between its commit and here must not set the tally back.
        let mut find = redis::pipe();
        find.cmd("WATCH").arg(&key).ignore().get(&key);
        let (found,): (Option<String>,) = find.query(redis)?;
        let text = news.decided.to_text();
        let written: Option<()> = if found == self.tally {
            self.transaction(news, &text).query(redis)?
        } else {
            redis::cmd("UNWATCH").exec(redis)?;
            None
        };
        written.ok_or_else(|| Trouble::Redis(format!("{key} was changed by another ledger")))?;
        self.tally = Some(text);
        Ok(())
    }

    /// Makes sure that Redis still says what it was told last. One that was set back before the first vote looks as it should otherwise, and nobody would be shown a tally until somebody votes.
    ///
    /// # Errors
    ///
    /// When Redis is away, or says something else.
    pub fn still_there(&self, redis: &mut dyn ConnectionLike) -> Result<(), Trouble> {
        let key = self.names.tally();
        let found: Option<String> = redis::cmd("GET").arg(&key).query(redis)?;
        if found == self.tally {
            Ok(())
        } else {
            Err(Trouble::Redis(format!("{key} is not what it was told last")))
        }
    }

    fn transaction(&self, news: &News<'_>, tally: &str) -> Pipeline {
        let Position { ms, sequence } = news.decided.position;
        let mut write = redis::pipe();
        write.atomic();
        if !news.counted.is_empty() {
            write
                .add_command(set(&self.names, news.counted.iter().copied()))
                .ignore();
        }
        for (position, code) in news.refused {
            write
                .set_ex(self.names.refused(*position), *code, REFUSED_TTL_S)
                .ignore();
        }
        write.set(self.names.tally(), tally).ignore();
        write.add_command(heartbeat(&self.names)).ignore();
        // What is before the first undecided entry goes.
        let first = Position {
            ms,
            sequence: sequence.saturating_add(1),
        };
        write
            .cmd("XTRIM")
            .arg(self.names.votes())
            .arg("MINID")
            .arg(first.to_string())
            .ignore();
        write.publish(self.names.committed(), tally).ignore();
        write
    }
}

/// Shows that a ledger works: with its store a moment ago, and with Redis now.
pub fn heartbeat(names: &Names) -> Cmd {
    let mut set = redis::cmd("SET");
    set.arg(names.ledger())
        .arg(env!("CARGO_PKG_VERSION"))
        .arg("EX")
        .arg(HEARTBEAT_TTL_S);
    set
}

/// Writes votes, each with its entry in the log. One command for all of them: in a transaction Redis keeps each command and answers each, which takes it longer than what the command does.
fn set<'a>(names: &Names, votes: impl IntoIterator<Item = (&'a Counted, &'a str)>) -> Cmd {
    let mut set = redis::cmd("MSET");
    for (counted, entry) in votes {
        set.arg(names.vote(&counted.nullifier))
            .arg(counted_text(counted.index, entry));
    }
    set
}

/// Why those entries were refused that are in the stream and that the store has passed. What was decided is cut off with the next word to Redis, so there are few: the last
/// two batches of a ledger that was killed before it told.
///
/// # Errors
///
/// [`Trouble::End`] when there are some that were never decided. By their place they are: it was given by a clock that was behind, in a stream that Redis had lost or set back.
fn refused_up_to(
    redis: &mut dyn ConnectionLike,
    names: &Names,
    reader: &mut dyn Reader,
    position: Position,
) -> Result<Vec<(Position, String)>, Trouble> {
    let mut refused = Vec::new();
    let mut undecided = Vec::new();
    for entry in stream::up_to(redis, names, position)? {
        if let Some(dead_letter) = reader.dead_letter(entry.position)? {
            refused.push((entry.position, dead_letter.code));
        } else if !has_counted_coin(reader, &entry)? {
            undecided.push(entry.position.to_string());
        }
    }
    if undecided.is_empty() {
        return Ok(refused);
    }
    let (key, undecided) = (names.votes(), undecided.join(", "));
    Err(end(format!(
        "the store has read up to {position}, and never saw these entries of the stream {key}: {undecided}. Redis was set back, and its clock is behind. Look at them (XRANGE), let their \
         votes be cast again, and delete them (XDEL)"
    )))
}

/// Whether the coin of an entry has voted. That vote is this one, or the one for which this was refused.
fn has_counted_coin(reader: &mut dyn Reader, entry: &Queued) -> Result<bool, StoreError> {
    match SignedCoin::from_token(&entry.token) {
        Ok(coin) => Ok(reader.find(&Nullifier::of(&coin.coin.serial))?.is_some()),
        Err(_) => Ok(false),
    }
}

fn end(message: String) -> Trouble {
    Trouble::End(Failure::Refused(message))
}

#[cfg(test)]
mod on_redis {
    use std::sync::PoisonError;

    use ledger::redis::{Decided, Names};
    use ledger::{Position, Reader, SqliteStore, Store};
    use redis::{Client, Connection, ConnectionLike, RedisResult, Value};
    use servers::Redis;
    use vote::Totals;

    use super::Projection;
    use crate::simulation::{ALONE, CAMPAIGN};
    use crate::stream::{prepare, still_there};
    use crate::trouble::Trouble;

    /// A real connection, with others who do something before one of its messages.
    struct Interrupted<'a> {
        connection: Connection,
        /// How many messages go before.
        after: usize,
        others: Option<&'a dyn Fn()>,
    }

    impl Interrupted<'_> {
        fn pass(&mut self) {
            match self.after.checked_sub(1) {
                Some(fewer) => self.after = fewer,
                None => self.others.take().into_iter().for_each(|act| act()),
            }
        }
    }

    impl ConnectionLike for Interrupted<'_> {
        fn req_packed_command(&mut self, packed: &[u8]) -> RedisResult<Value> {
            self.pass();
            self.connection.req_packed_command(packed)
        }

        fn req_packed_commands(&mut self, packed: &[u8], offset: usize, count: usize) -> RedisResult<Vec<Value>> {
            self.pass();
            self.connection.req_packed_commands(packed, offset, count)
        }

        fn get_db(&self) -> i64 {
            self.connection.get_db()
        }

        fn check_connection(&mut self) -> bool {
            self.connection.check_connection()
        }

        fn is_open(&self) -> bool {
            self.connection.is_open()
        }
    }

    /// A position that no clock reaches while these tests run, so that it is as if Redis' clock had been set back.
    const LATE: &str = "9999999999999-7";

    /// The beginning of a session.
    fn begin(
        redis: &mut dyn ConnectionLike,
        names: &Names,
        reader: &mut dyn Reader,
        now: &Decided,
    ) -> Result<(), Trouble> {
        prepare(redis, names, now.position)?;
        Projection::catch_up(redis, names, CAMPAIGN.charities(), reader, now).map(drop)
    }

    #[test]
    fn no_vote_is_passed_whatever_others_do_while_a_session_begins() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let redis = Redis::start();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.sqlite");
        SqliteStore::init(&path, &CAMPAIGN).unwrap();
        let mut reader = SqliteStore::open(&path, &CAMPAIGN).unwrap().reader().unwrap();
        let names = Names::new(CAMPAIGN.campaign());
        let (votes, position) = (names.votes(), Position::parse(LATE).unwrap());
        let now = Decided {
            position,
            totals: Totals::zero(CAMPAIGN.charities()),
        };
        let connect = || Client::open(redis.url()).unwrap().get_connection().unwrap();
        // As an API that finds the stream of a ledger that was overtaken, which made it if it was not there.
        let queue = || redis.ask::<String>(&["XADD", &votes, "*", "token", "x", "weights", "{}"]);
        let nothing = || ();
        let young_and_empty = || assert_eq!(redis.ask::<u64>(&["XDEL", &votes, &queue()]), 1);
        let with_a_vote = || drop(queue());
        let mut interruptions = 0;
        for before in [&nothing as &dyn Fn(), &young_and_empty] {
            for (others, waiting) in [(&young_and_empty as &dyn Fn(), 0), (&with_a_vote, 1)] {
                for after in 0.. {
                    let _: String = redis.ask(&["FLUSHALL"]);
                    before();
                    let mut connection = Interrupted {
                        connection: connect(),
                        after,
                        others: Some(others),
                    };
                    let begun = begin(&mut connection, &names, &mut *reader, &now);
                    if connection.others.is_some() {
                        begun.unwrap();
                        break;
                    }
                    interruptions += 1;
                    // What is behind the position waits for a person, what is above is read.
                    let ids: Vec<(String, Vec<String>)> = redis.ask(&["XRANGE", &votes, "-", "+"]);
                    assert_eq!(ids.len(), waiting, "cut off uncounted, after {after} messages");
                    let behind = ids
                        .iter()
                        .filter(|(id, _)| Position::parse(id).unwrap() <= position)
                        .count();
                    match begun {
                        Ok(()) => assert_eq!(behind, 0, "after {after} messages"),
                        Err(Trouble::End(failure)) => {
                            assert_eq!(behind, 1, "after {after} messages");
                            assert!(failure.to_string().contains("XDEL"), "{failure}");
                        }
                        Err(other) => panic!("after {after} messages: {other:?}"),
                    }
                    assert!(Position::parse(&queue()).unwrap() > position, "after {after} messages");
                    still_there(&mut connect(), &names, position).unwrap();
                }
            }
        }
        assert!(interruptions > 20, "{interruptions}");
    }
}
