//! The public logs, as far as they are known here: from the ledger inside this process, or from what another program's ledger has written for it.

use std::sync::Arc;
use std::time::Duration;

use ledger::{Counted, KeptCheckpoint, LogKind, Published, StoreError};
use tlog::{BundleId, TileId};

use super::{BallotBox, not_read};
use crate::app::blocking;
use crate::problem::{Kind, Problem};

impl BallotBox {
    /// The keys that checkpoints are checked with, as they are published.
    ///
    /// # Errors
    ///
    /// `unavailable` when they are not known yet.
    pub async fn verifier_keys(&self) -> Result<Vec<String>, Problem> {
        match self {
            BallotBox::Embedded(ledger) => Ok(ledger.verifier_keys()),
            BallotBox::Queued(queue) => queue.verifier_keys().await.map_err(not_read),
        }
    }

    /// Which witnesses have to sign checkpoints (c2sp.org/tlog-policy), if any has to.
    ///
    /// # Errors
    ///
    /// As [`BallotBox::verifier_keys`].
    pub async fn witness_policy(&self) -> Result<Option<String>, Problem> {
        match self {
            BallotBox::Embedded(_) => Ok(None),
            BallotBox::Queued(queue) => queue.witness_policy().await.map_err(not_read),
        }
    }

    /// A log's last checkpoint.
    ///
    /// # Errors
    ///
    /// `not-found` when the campaign does not have this log, `unavailable` before the first.
    pub fn checkpoint(&self, log: LogKind) -> Result<Arc<KeptCheckpoint>, Problem> {
        let published = self.published(log).ok_or(Kind::NotFound)?;
        let last = published.borrow().clone();
        Ok(last.ok_or(Kind::Unavailable)?)
    }

    /// The checkpoints of a log's trees of this size and larger, in order, at most this many.
    ///
    /// # Errors
    ///
    /// As [`BallotBox::vote`].
    pub async fn checkpoints_from(&self, log: LogKind, size: u64, limit: u32) -> Result<Vec<KeptCheckpoint>, Problem> {
        self.published(log).ok_or(Kind::NotFound)?;
        match self {
            BallotBox::Embedded(ledger) => {
                let ledger = ledger.clone();
                blocking(move || ledger.checkpoints_from(log, size, limit))
                    .await?
                    .map_err(failed)
            }
            BallotBox::Queued(queue) => queue.checkpoints_from(log, size, limit).await.map_err(not_read),
        }
    }

    /// The bytes of a tile; `None` when no checkpoint covers it.
    ///
    /// # Errors
    ///
    /// As [`BallotBox::vote`].
    pub async fn tile(&self, log: LogKind, id: TileId) -> Result<Option<Vec<u8>>, Problem> {
        let size = self.checkpoint(log)?.size;
        if TileId::in_tree(id.level(), id.index(), size).is_none_or(|now| now.width() < id.width()) {
            return Ok(None);
        }
        match self {
            BallotBox::Embedded(ledger) => {
                let ledger = ledger.clone();
                let tile = blocking(move || ledger.tile(log, id)).await?.map_err(failed)?;
                Ok(tile.map(|tile| tile.to_bytes()))
            }
            BallotBox::Queued(queue) => Ok(queue.tile(log, id).await.map_err(not_read)?.map(|tile| tile.to_bytes())),
        }
    }

    /// The bytes of a bundle of entries; `None` when no checkpoint covers it.
    ///
    /// # Errors
    ///
    /// As [`BallotBox::vote`].
    pub async fn bundle(&self, log: LogKind, id: BundleId) -> Result<Option<Vec<u8>>, Problem> {
        let size = self.checkpoint(log)?.size;
        if BundleId::in_log(id.index(), size).is_none_or(|now| now.width() < id.width()) {
            return Ok(None);
        }
        match self {
            BallotBox::Embedded(ledger) => {
                let ledger = ledger.clone();
                blocking(move || ledger.bundle(log, id)).await?.map_err(failed)
            }
            BallotBox::Queued(queue) => queue.bundle(log, id).await.map_err(not_read),
        }
    }

    /// The receipt of a counted vote; `None` before a checkpoint covers it. A vote has one receipt, whenever it is asked for.
    ///
    /// # Errors
    ///
    /// As [`BallotBox::vote`].
    pub async fn receipt(&self, counted: &Counted) -> Result<Option<String>, Problem> {
        match self {
            BallotBox::Embedded(ledger) => {
                let (ledger, counted) = (ledger.clone(), counted.clone());
                blocking(move || ledger.receipt(&counted)).await?.map_err(failed)
            }
            BallotBox::Queued(queue) => queue.receipt(counted).await.map_err(not_read),
        }
    }

    /// The same, waited for.
    ///
    /// # Errors
    ///
    /// As [`BallotBox::receipt`].
    pub async fn receipt_within(&self, counted: &Counted, time: Duration) -> Result<Option<String>, Problem> {
        if let Some(mut published) = self.published(LogKind::Votes) {
            let covers =
                |last: &Option<Arc<KeptCheckpoint>>| last.as_ref().is_some_and(|last| last.size > counted.index);
            // Whether it is there is read below, also when nobody says so in time.
            let _ = tokio::time::timeout(time, published.wait_for(covers)).await;
        }
        self.receipt(counted).await
    }

    fn published(&self, log: LogKind) -> Option<Published> {
        match self {
            BallotBox::Embedded(ledger) => ledger.checkpoint(log),
            BallotBox::Queued(queue) => queue.published(log),
        }
    }
}

fn failed(error: StoreError) -> Problem {
    tracing::error!(%error, "the log could not be read");
    Kind::InternalError.into()
}
