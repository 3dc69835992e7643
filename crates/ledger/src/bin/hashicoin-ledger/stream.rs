//! The stream of votes: made ready once per session, read in order, cut off where it is done.
//!
//! Who reads from where is decided by the store's position alone. There is no consumer group: it would keep the same thing a second time, in a place that
//! cannot change in the store's transaction, and it would hand entries to two ledgers at once, out of order, where skipping what is at or below the position
//! would lose votes. Nothing is ever pending with a dead reader: the next one starts where the store is.

use ledger::Position;
use ledger::redis::{Entry, Names};
use redis::streams::{StreamId, StreamInfoStreamReply, StreamRangeReply};
use redis::{ConnectionLike, FromRedisValue};
use service::Failure;

use crate::trouble::Trouble;

/// How long Redis holds the answer back when there is nothing to read, in milliseconds.
const BLOCK_MS: u64 = 1000;

/// What Redis answers to XREAD: of each stream its entries, of each its id, and names and values in turn.
type Read = Option<Vec<(String, Vec<(String, Vec<Vec<u8>>)>)>>;

/// One entry of the stream.
pub struct Queued {
    /// Its id.
    pub position: Position,
    /// Empty if the entry has none, as the next.
    pub token: Vec<u8>,
    /// What the vote is for.
    pub weights: Vec<u8>,
}

impl Queued {
    fn new((id, mut fields): (String, Vec<Vec<u8>>)) -> Result<Queued, Trouble> {
        let (pairs, _) = fields.as_chunks_mut();
        let mut take = |wanted: &str| {
            let found = pairs.iter_mut().rfind(|[name, _]| name == wanted.as_bytes());
            found.map(|[_, value]| std::mem::take(value)).unwrap_or_default()
        };
        let [token, weights] = Entry::FIELDS.map(&mut take);
        Ok(Queued {
            position: position(&id)?,
            token,
            weights,
        })
    }
}

fn position(id: &str) -> Result<Position, Trouble> {
    Position::parse(id).ok_or_else(|| Trouble::Redis("an id does not read".to_owned()))
}

/// A field's bytes; none if the entry does not have it.
pub fn field(entry: &StreamId, name: &str) -> Vec<u8> {
    let value = entry.map.get(name).cloned();
    value
        .and_then(|value| Vec::from_redis_value(value).ok())
        .unwrap_or_default()
}

/// Makes sure that every vote from now on gets an id above the store's position. A stream that is not there is made: the API never makes one, so nothing can
/// come in under a smaller id.
///
/// # Errors
///
/// When Redis is away; [`Trouble::End`] when the stream holds votes and is older than the store.
pub fn prepare(redis: &mut dyn ConnectionLike, names: &Names, position: Position) -> Result<(), Trouble> {
    let key = names.votes();
    if !redis::cmd("EXISTS").arg(&key).query::<bool>(redis)? {
        // A group is the only way to an empty stream; it is gone in the same step.
        let mut make = redis::pipe();
        make.atomic();
        make.cmd("XGROUP")
            .arg("CREATE")
            .arg(&key)
            .arg("new")
            .arg("$")
            .arg("MKSTREAM");
        make.cmd("XGROUP").arg("DESTROY").arg(&key).arg("new");
        if position > Position::START {
            make.cmd("XSETID").arg(&key).arg(position.to_string());
        }
        make.exec(redis)?;
        tracing::info!(%position, "made the stream of votes");
        return Ok(());
    }
    let stream: StreamInfoStreamReply = redis::cmd("XINFO").arg("STREAM").arg(&key).query(redis)?;
    let last = Position::parse(&stream.last_generated_id)
        .ok_or_else(|| Trouble::Redis("the stream's last id does not read".to_owned()))?;
    if last >= position {
        return Ok(());
    }
    if stream.length == 0 {
        redis::cmd("XSETID").arg(&key).arg(position.to_string()).exec(redis)?;
        tracing::warn!(%last, %position, "the stream was older than the store, and empty; it was set forward");
        return Ok(());
    }
    Err(Trouble::End(Failure::Refused(format!(
        "the stream {key} ends at {last}, and the store has read up to {position}: Redis was set back, and which of its {} votes were counted cannot be told \
         by their place. Stop the API, look at them (XRANGE), let them be cast again if they are not counted, then delete the stream",
        stream.length
    ))))
}

/// Makes sure that the stream is there: without one nothing can be queued, and only a new session makes it.
///
/// # Errors
///
/// When Redis is away, or has lost it.
pub fn still_there(redis: &mut dyn ConnectionLike, names: &Names) -> Result<(), Trouble> {
    if redis::cmd("EXISTS").arg(names.votes()).query(redis)? {
        Ok(())
    } else {
        Err(Trouble::Redis("it has lost the stream of votes".to_owned()))
    }
}

/// The next entries after a position, in order; none after a second without any.
///
/// # Errors
///
/// When Redis is away.
pub fn read(
    redis: &mut dyn ConnectionLike,
    names: &Names,
    after: Position,
    count: usize,
) -> Result<Vec<Queued>, Trouble> {
    let mut read = redis::cmd("XREAD");
    read.arg("COUNT").arg(count).arg("BLOCK").arg(BLOCK_MS);
    read.arg("STREAMS").arg(names.votes()).arg(after.to_string());
    let reply: Read = read.query(redis)?;
    let entries = reply.into_iter().flatten().flat_map(|(_, entries)| entries);
    entries.map(Queued::new).collect()
}

/// The positions of the entries that are still there, after one position and up to another.
///
/// # Errors
///
/// When Redis is away.
pub fn between(
    redis: &mut dyn ConnectionLike,
    names: &Names,
    after: Position,
    up_to: Position,
) -> Result<Vec<Position>, Trouble> {
    let mut range = redis::cmd("XRANGE");
    range.arg(names.votes()).arg(format!("({after}")).arg(up_to.to_string());
    let reply: StreamRangeReply = range.query(redis)?;
    reply.ids.iter().map(|entry| position(&entry.id)).collect()
}
