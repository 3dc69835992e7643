//! What Redis holds of the public logs, for the API to publish: checkpoints, and the tiles and entries that they cover.
//!
//! It follows the store, as [`crate::projection`] does, and what is missing in Redis is written again from the store. Tiles and bundles only ever grow by what
//! comes behind, so each is written over what it was, from its first byte on, and never becomes shorter; a checkpoint is written after all that it covers, and one
//! of the votes after the issued coins that they were cast with.

use std::time::Duration;

use ledger::redis::Names;
use ledger::{Heard, KeptCheckpoint, LogKind, Reader, Ringing, Signing, StoreError, bundle, tile};
use redis::{Connection, Pipeline};
use service::{Failure, RedisUrl};
use tlog::{bundles, tiles};

use crate::recent::Recent;
use crate::trouble::Trouble;
use crate::{measure, redis_link};

/// How long nothing is done while no checkpoint is new; then it is looked whether Redis still has all.
const QUIET: Duration = Duration::from_secs(1);
/// How many checkpoints are carried over at a time.
const CHECKPOINTS: u32 = 100;
/// How many tiles and bundles go into one message to Redis at most: some megabytes of entries.
const CHUNK: usize = 64;

/// Carries the logs into Redis.
pub struct LogProjection {
    pub url: RedisUrl,
    pub names: Names,
    pub logs: &'static [LogKind],
    pub reader: Box<dyn Reader>,
    pub recent: Recent,
    pub signing: Signing,
}

impl LogProjection {
    /// Carries over what is new whenever the bell rings, and once more at its end.
    ///
    /// # Errors
    ///
    /// What a person must decide. A part that is away is waited for, but not at the end: then the next ledger does it.
    pub fn run(&mut self, bell: &Ringing) -> Result<(), Failure> {
        let mut redis = None;
        loop {
            let heard = bell.wait(QUIET);
            match self.carry(&mut redis) {
                Ok(()) => {}
                Err(Trouble::End(failure)) => return Err(failure),
                Err(Trouble::Redis(error) | Trouble::Store(error)) => {
                    redis = None;
                    tracing::warn!(error, "the log is not carried over to Redis; it is tried again");
                }
            }
            if heard == Heard::End {
                return Ok(());
            }
        }
    }

    /// Carries over what Redis does not have.
    fn carry(&mut self, redis: &mut Option<Connection>) -> Result<(), Trouble> {
        let redis = match redis {
            Some(redis) => redis,
            None => redis.insert(redis_link::connect(&self.url)?),
        };
        // Looked at in the other order than they are written: what was signed of the votes by now goes out after what was signed of the issued coins before.
        let mut up_to = Vec::new();
        for log in self.logs.iter().rev() {
            let last = self.reader.last_checkpoint(*log)?;
            up_to.extend(last.map(|last| (*log, last.size)));
        }
        for (log, size) in up_to.into_iter().rev() {
            self.carry_log(redis, log, size)?;
        }
        Ok(())
    }

    /// Carries over what Redis does not have of a log, up to a size.
    fn carry_log(&mut self, redis: &mut Connection, log: LogKind, up_to: u64) -> Result<(), Trouble> {
        let mut size = self.carried(redis, log)?;
        loop {
            let next = size.map_or(0, |size| size.saturating_add(1));
            let mut checkpoints = self.reader.checkpoints_from(log, next, CHECKPOINTS)?;
            checkpoints.retain(|checkpoint| checkpoint.size <= up_to);
            let Some(last) = checkpoints.last().map(|last| last.size) else {
                measure::log(log, size.unwrap_or(0));
                return Ok(());
            };
            self.write_leaves(redis, log, size.unwrap_or(0), last)?;
            self.write_checkpoints(redis, log, &checkpoints)?;
            size = Some(last);
        }
    }

    /// Up to which size Redis has a log. What it has must be of this one.
    fn carried(&mut self, redis: &mut Connection, log: LogKind) -> Result<Option<u64>, Trouble> {
        let key = self.names.checkpoints(log);
        let last: Vec<String> = redis::cmd("ZREVRANGE").arg(&key).arg(0).arg(0).query(redis)?;
        let Some(note) = last.into_iter().next() else {
            return Ok(None);
        };
        let foreign = || {
            Trouble::End(Failure::Refused(format!(
                "{key} in Redis holds checkpoints that this store does not have: they are of another log, or the store is an older copy of the one that was used \
                 before. Bring the right store back; if Redis is what is wrong, delete the log's keys there, and they are written again"
            )))
        };
        let found = KeptCheckpoint::from_note(note).ok_or_else(foreign)?;
        let kept = self.reader.checkpoints_from(log, found.size, 1)?.pop();
        if kept.as_ref() == Some(&found) {
            Ok(Some(found.size))
        } else {
            Err(foreign())
        }
    }

    /// Writes the tiles and the entries of the leaves from one size to another.
    fn write_leaves(&mut self, redis: &mut Connection, log: LogKind, from: u64, to: u64) -> Result<(), Trouble> {
        let missing = |what: String| StoreError::Damaged(format!("{what} is missing, and a checkpoint covers it"));
        let mut write = redis::pipe();
        for id in tiles(from, to) {
            let recent = self.recent_of(log).and_then(|recent| recent.tile(id));
            let tile = match recent {
                Some(tile) => tile,
                None => tile(&mut *self.reader, log, id)?.ok_or_else(|| missing(id.to_string()))?,
            };
            let key = self.names.tile(log, id.level(), id.index());
            set(&mut write, redis, key, &tile.to_bytes())?;
        }
        for id in bundles(from, to) {
            let recent = self.recent_of(log).and_then(|recent| recent.bundle(id));
            let bundle = match recent {
                Some(bundle) => bundle,
                None => bundle(&mut *self.reader, log, id)?.ok_or_else(|| missing(id.to_string()))?,
            };
            set(&mut write, redis, self.names.entries(log, id.index()), &bundle)?;
        }
        // An empty log has no leaves, and Redis takes no empty message.
        if !write.is_empty() {
            write.exec(redis)?;
        }
        Ok(())
    }

    fn recent_of(&self, log: LogKind) -> Option<&Recent> {
        (log == LogKind::Votes).then_some(&self.recent)
    }

    /// Writes checkpoints, and tells who waits for the last of them.
    fn write_checkpoints(
        &self,
        redis: &mut Connection,
        log: LogKind,
        checkpoints: &[KeptCheckpoint],
    ) -> Result<(), Trouble> {
        let keys = self.signing.key.verifier_keys().map_err(Trouble::End)?;
        let keys: Vec<String> = keys.values().map(ToString::to_string).collect();
        let mut write = redis::pipe();
        write.atomic();
        // Strings always write.
        let keys = serde_json::to_string(&keys).unwrap_or_default();
        write.set(self.names.verifier_keys(), keys).ignore();
        match &self.signing.witnesses {
            Some(witnesses) => write.set(self.names.witness_policy(), witnesses.policy_text()).ignore(),
            None => write.del(self.names.witness_policy()).ignore(),
        };
        for KeptCheckpoint { size, note } in checkpoints {
            write.zadd(self.names.checkpoints(log), note, *size).ignore();
        }
        if let Some(last) = checkpoints.last() {
            write.publish(self.names.published(log), &last.note).ignore();
        }
        Ok(write.exec(redis)?)
    }
}

/// Writes over what is there, and leaves what goes beyond; together with what comes next, unless it is much already.
fn set(write: &mut Pipeline, redis: &mut Connection, key: String, bytes: &[u8]) -> Result<(), Trouble> {
    write.setrange(key, 0, bytes).ignore();
    if write.len() >= CHUNK {
        write.exec(redis)?;
        write.clear();
    }
    Ok(())
}
