//! The projection: what Redis holds of the store, for the API to read and to tell those who wait.
//!
//! It follows the store and never leads it. What is missing after a crash, or after Redis was lost, is written again from the store when a session begins.

use vote::Charities;

use ledger::redis::{Decided, Names, REFUSED_TTL_S, counted_text};
use ledger::{Counted, Position, Reader};
use redis::{Cmd, ConnectionLike, Pipeline};
use service::Failure;

use crate::stream;
use crate::trouble::Trouble;

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
    /// Votes that are new.
    pub counted: &'a [&'a Counted],
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
        let (mut votes, position) = match before.transpose()? {
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
            Some(before) => (before.totals.votes, before.position),
            None => (0, Position::START),
        };
        let missing = now.totals.votes - votes;
        while votes < now.totals.votes {
            let counted = reader.votes_from(votes, CHUNK)?;
            if counted.is_empty() {
                return Err(end(format!("the store's vote {votes} is missing; restore a backup")));
            }
            set(names, &counted).exec(redis)?;
            votes += counted.len() as u64;
        }
        let mut refused = Vec::new();
        for position in stream::between(redis, names, position, now.position)? {
            if let Some(dead_letter) = reader.dead_letter(position)? {
                refused.push((position, dead_letter.code));
            }
        }
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
        redis::cmd("WATCH").arg(&key).exec(redis)?;
        let found: Option<String> = redis::cmd("GET").arg(&key).query(redis)?;
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

/// Writes votes. One command for all of them: in a transaction Redis keeps each command and answers each, which takes it longer than what the command does.
fn set<'a>(names: &Names, votes: impl IntoIterator<Item = &'a Counted>) -> Cmd {
    let mut set = redis::cmd("MSET");
    for counted in votes {
        set.arg(names.vote(&counted.nullifier)).arg(counted_text(counted));
    }
    set
}

fn end(message: String) -> Trouble {
    Trouble::End(Failure::Refused(message))
}
