//! The coins that mints have made: taken out of Redis, where a mint leaves them before anybody has the coin, and into the log of issued coins.
//!
//! A coin that is taken twice is logged once, so nothing has to be remembered of how far this is: what is logged is deleted, and what could not be deleted comes again.

use coin::Timestamp;
use ledger::Store;
use ledger::redis::Names;
use redis::ConnectionLike;
use redis::streams::{StreamId, StreamRangeReply};
use vote::Nullifier;

use crate::projection::heartbeat;
use crate::trouble::Trouble;

/// How many entries are taken at a time, of up to a thousand coins each.
const ENTRIES_MAX: usize = 8;
/// The field with the nullifiers of an entry's coins, one behind the other.
const COINS: &str = "coins";

/// Throws away what mints say about a campaign that does not log its coins.
///
/// # Errors
///
/// When Redis fails.
pub fn forget(redis: &mut dyn ConnectionLike, names: &Names) -> Result<(), Trouble> {
    Ok(redis::cmd("UNLINK").arg(names.issued()).exec(redis)?)
}

/// Logs the coins that are there by now. Whether there were any.
///
/// # Errors
///
/// When the store or Redis fails.
pub fn log(
    redis: &mut dyn ConnectionLike,
    names: &Names,
    store: &mut dyn Store,
    now: Timestamp,
) -> Result<bool, Trouble> {
    let key = names.issued();
    // Mints go on meanwhile. What they add from now on is of no vote that was read before.
    let last: StreamRangeReply = redis::cmd("XREVRANGE")
        .arg(&key)
        .arg("+")
        .arg("-")
        .arg("COUNT")
        .arg(1)
        .query(redis)?;
    let Some(StreamId { id: last, .. }) = last.ids.into_iter().next() else {
        return Ok(false);
    };
    loop {
        let mut range = redis::cmd("XRANGE");
        range.arg(&key).arg("-").arg(&last).arg("COUNT").arg(ENTRIES_MAX);
        let entries: StreamRangeReply = range.query(redis)?;
        if entries.ids.is_empty() {
            return Ok(true);
        }
        let mut coins = Vec::new();
        for entry in &entries.ids {
            let bytes: Vec<u8> = entry.get(COINS).unwrap_or_default();
            let (nullifiers, rest) = bytes.as_chunks();
            if !rest.is_empty() || nullifiers.is_empty() {
                tracing::warn!(
                    entry = entry.id,
                    "an entry of the stream of issued coins does not read, and is dropped"
                );
            }
            coins.extend(nullifiers.iter().copied().map(Nullifier::from_bytes));
        }
        store.issue(&coins, now)?;
        // A large order takes its time.
        heartbeat(names).exec(redis)?;
        let mut delete = redis::cmd("XDEL");
        delete.arg(&key);
        for entry in &entries.ids {
            delete.arg(&entry.id);
        }
        delete.exec(redis)?;
    }
}
