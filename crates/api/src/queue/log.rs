//! The public logs, as the ledger has written them for the API.

use ledger::{Counted, KeptCheckpoint, LogKind, Published, receipt_from, receipt_tiles};
use tlog::{BundleId, Hash, TILE_WIDTH, Tile, TileId, bundle};

use super::{Queue, QueueError};

/// How many bytes a hash has.
const HASH_BYTES: usize = 32;

impl Queue {
    /// Watches a log's last checkpoint, which is `None` before the first word of a ledger; nothing of a log that the campaign does not have.
    pub fn published(&self, log: LogKind) -> Option<Published> {
        self.0.published.get(&log).cloned()
    }

    /// The keys that checkpoints are checked with.
    ///
    /// # Errors
    ///
    /// When Redis does not answer; [`QueueError::Closed`] before the first word of a ledger.
    pub async fn verifier_keys(&self) -> Result<Vec<String>, QueueError> {
        let text: Option<String> = self.0.get(&self.0.names.verifier_keys()).await?;
        let text = text.ok_or(QueueError::Closed)?;
        serde_json::from_str(&text).map_err(|_| QueueError::Foreign("the log's keys"))
    }

    /// Which witnesses have to sign checkpoints, if any has to.
    ///
    /// # Errors
    ///
    /// When Redis does not answer.
    pub async fn witness_policy(&self) -> Result<Option<String>, QueueError> {
        self.0.get(&self.0.names.witness_policy()).await
    }

    /// The checkpoints of a log's trees of this size and larger, in order, at most this many.
    ///
    /// # Errors
    ///
    /// When Redis does not answer, or holds something else.
    pub async fn checkpoints_from(
        &self,
        log: LogKind,
        size: u64,
        limit: u32,
    ) -> Result<Vec<KeptCheckpoint>, QueueError> {
        let mut ask = redis::cmd("ZRANGEBYSCORE");
        ask.arg(self.0.names.checkpoints(log)).arg(size).arg("+inf");
        ask.arg("LIMIT").arg(0).arg(limit);
        let notes: Vec<String> = self.0.run(async |mut redis| ask.query_async(&mut redis).await).await?;
        let checkpoints = notes.into_iter().map(KeptCheckpoint::from_note);
        let checkpoints: Option<Vec<KeptCheckpoint>> = checkpoints.collect();
        checkpoints.ok_or(QueueError::Foreign("a checkpoint"))
    }

    /// A tile, as wide as it is asked for; `None` when there are not as many hashes.
    ///
    /// # Errors
    ///
    /// As [`Queue::checkpoints_from`].
    pub async fn tile(&self, log: LogKind, id: TileId) -> Result<Option<Tile>, QueueError> {
        Ok(self.tiles(log, &[id]).await?.pop())
    }

    /// A bundle of entries, as wide as it is asked for; `None` when there are not as many.
    ///
    /// # Errors
    ///
    /// As [`Queue::checkpoints_from`].
    pub async fn bundle(&self, log: LogKind, id: BundleId) -> Result<Option<Vec<u8>>, QueueError> {
        let bytes: Option<Vec<u8>> = self.0.get(&self.0.names.entries(log, id.index())).await?;
        let Some(bytes) = bytes else { return Ok(None) };
        let entries = bundle::entries(&bytes).ok_or(QueueError::Foreign("a bundle of entries"))?;
        let Some(entries) = entries.get(..id.width().into()) else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        for entry in entries {
            bundle::push(&mut bytes, entry).ok_or(QueueError::Foreign("an entry"))?;
        }
        Ok(Some(bytes))
    }

    /// The receipt of a counted vote; `None` before a checkpoint covers it.
    ///
    /// # Errors
    ///
    /// As [`Queue::checkpoints_from`].
    pub async fn receipt(&self, counted: &Counted) -> Result<Option<String>, QueueError> {
        let log = LogKind::Votes;
        let Some(checkpoint) = self.checkpoints_from(log, counted.index + 1, 1).await?.pop() else {
            return Ok(None);
        };
        let tiles = self.tiles(log, &receipt_tiles(counted, &checkpoint)).await?;
        let receipt = receipt_from(counted, &checkpoint, &tiles);
        receipt.map(Some).ok_or(QueueError::Foreign("a tile"))
    }

    /// Those of these tiles that are there, as wide as they are asked for.
    async fn tiles(&self, log: LogKind, ids: &[TileId]) -> Result<Vec<Tile>, QueueError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut ask = redis::cmd("MGET");
        for id in ids {
            ask.arg(self.0.names.tile(log, id.level(), id.index()));
        }
        let found: Vec<Option<Vec<u8>>> = self.0.run(async |mut redis| ask.query_async(&mut redis).await).await?;
        let mut tiles = Vec::new();
        for (id, bytes) in ids.iter().zip(found) {
            let bytes = bytes.unwrap_or_default();
            let width = usize::from(id.width());
            let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
            if hashes.len() > TILE_WIDTH || !rest.is_empty() {
                return Err(QueueError::Foreign("a tile"));
            }
            let hashes = hashes.iter().take(width).copied().map(Hash).collect();
            tiles.extend(Tile::new(*id, hashes));
        }
        Ok(tiles)
    }
}
