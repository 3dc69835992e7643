//! The stream of votes: made ready once per session, read in order, cut off where it is done.
//!
//! Who reads from where is decided by the store's position alone. There is no consumer group: it would keep the same thing a second time, in a place that
//! cannot change in the store's transaction, and it would hand entries to two ledgers at once, out of order, where skipping what is at or below the position
//! would lose votes. Nothing is ever pending with a dead reader: the next one starts where the store is.

use ledger::Position;
use ledger::redis::{Entry, Names};
use redis::streams::StreamInfoStreamReply;
use redis::{Cmd, ConnectionLike};

use crate::trouble::Trouble;

/// How long Redis holds the answer back when there is nothing to read, in milliseconds.
const BLOCK_MS: u64 = 1000;

/// Entries as Redis answers them: of each its id, and names and values in turn.
type Entries = Vec<(String, Vec<Vec<u8>>)>;

/// What Redis answers to XREAD: of each stream its entries.
type Read = Option<Vec<(String, Entries)>>;

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

/// Makes sure that every vote from now on gets an id above the store's position. A stream that is not there is made: the API never makes one. What others have done
/// to it meanwhile may have left votes at or below the position; [`Projection::catch_up`](crate::projection::Projection::catch_up) finds them.
///
/// # Errors
///
/// When Redis is away.
pub fn prepare(redis: &mut dyn ConnectionLike, names: &Names, position: Position) -> Result<(), Trouble> {
    let key = names.votes();
    let last = last_id(redis, &key)?;
    if last.is_some_and(|last| last >= position) {
        return Ok(());
    }
    let mut change = redis::pipe();
    change.atomic();
    if last.is_none() {
        // A group is the only way to an empty stream; it is gone in the same step.
        let mut make = redis::cmd("XGROUP");
        make.arg("CREATE").arg(&key).arg("new").arg("$").arg("MKSTREAM");
        change.add_command(make);
        change.cmd("XGROUP").arg("DESTROY").arg(&key).arg("new");
    }
    if position > Position::START {
        change.cmd("XSETID").arg(&key).arg(position.to_string());
    }
    change.exec(redis)?;
    match last {
        None => tracing::info!(%position, "made the stream of votes"),
        Some(last) => tracing::warn!(%last, %position, "the stream was older than the store; it was set forward"),
    }
    Ok(())
}

/// Makes sure that the stream is there, and not one in whose place the ledger would not see a vote: only a new session makes it ready.
///
/// # Errors
///
/// When Redis is away, or has lost it.
pub fn still_there(redis: &mut dyn ConnectionLike, names: &Names, position: Position) -> Result<(), Trouble> {
    match last_id(redis, &names.votes())? {
        Some(last) if last >= position => Ok(()),
        _ => Err(Trouble::Redis("it has lost the stream of votes".to_owned())),
    }
}

/// The last id that the stream has given; `None` if there is none.
fn last_id(redis: &mut dyn ConnectionLike, key: &str) -> Result<Option<Position>, Trouble> {
    if !redis::cmd("EXISTS").arg(key).query::<bool>(redis)? {
        return Ok(None);
    }
    let stream: StreamInfoStreamReply = redis::cmd("XINFO").arg("STREAM").arg(key).query(redis)?;
    position(&stream.last_generated_id).map(Some)
}

/// The next entries after a position, in order; none after a second without any.
///
/// # Errors
///
/// When Redis is away.
pub fn wait(
    redis: &mut dyn ConnectionLike,
    names: &Names,
    after: Position,
    count: usize,
) -> Result<Vec<Queued>, Trouble> {
    let mut read = redis::cmd("XREAD");
    read.arg("COUNT").arg(count).arg("BLOCK").arg(BLOCK_MS);
    entries(redis, names, after, &mut read)
}

/// The next entries after a position that are there now, in order.
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
    read.arg("COUNT").arg(count);
    entries(redis, names, after, &mut read)
}

fn entries(
    redis: &mut dyn ConnectionLike,
    names: &Names,
    after: Position,
    read: &mut Cmd,
) -> Result<Vec<Queued>, Trouble> {
    read.arg("STREAMS").arg(names.votes()).arg(after.to_string());
    let reply: Read = read.query(redis)?;
    let entries = reply.into_iter().flatten().flat_map(|(_, entries)| entries);
    entries.map(Queued::new).collect()
}

/// The entries up to a position that are still there.
///
/// # Errors
///
/// When Redis is away.
pub fn up_to(redis: &mut dyn ConnectionLike, names: &Names, position: Position) -> Result<Vec<Queued>, Trouble> {
    let mut range = redis::cmd("XRANGE");
    range.arg(names.votes()).arg("-").arg(position.to_string());
    let entries: Entries = range.query(redis)?;
    entries.into_iter().map(Queued::new).collect()
}
