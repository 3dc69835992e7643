//! The log's checkpoints, kept and looked up.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use tlog::TreeHead;
use vote::CampaignFile;

use super::file::{Access, LedgerFile};
use super::state::read_state;
use super::{SqliteReader, Writing};
use crate::sql_integer::to_sql;
use crate::{KeptCheckpoint, LogStore, Reader, StoreError};

/// The signer's connections. They hold the ledger's lock too: who signs is of the process that writes.
pub(super) struct SqliteLog {
    reader: SqliteReader,
    writing: Writing,
    campaign_file: CampaignFile,
}

impl SqliteLog {
    pub(super) fn connect(file: &Arc<LedgerFile>, campaign_file: &CampaignFile) -> Result<SqliteLog, StoreError> {
        Ok(SqliteLog {
            reader: SqliteReader::connect(file, campaign_file)?,
            writing: Writing {
                connection: file.connect(Access::Write)?,
                file: Arc::clone(file),
            },
            campaign_file: campaign_file.clone(),
        })
    }
}

impl LogStore for SqliteLog {
    fn reader(&mut self) -> &mut dyn Reader {
        &mut self.reader
    }

    fn tree_head(&mut self) -> Result<TreeHead, StoreError> {
        let transaction = self.reader.connection.transaction()?;
        Ok(read_state(&transaction, self.campaign_file.charities())?.tree_head())
    }

    fn keep_checkpoint(&mut self, checkpoint: &KeptCheckpoint) -> Result<(), StoreError> {
        // A connection whose last commit failed would not say what became of it.
        self.writing.connection = self.writing.file.connect(Access::Write)?;
        let transaction = self
            .writing
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let head = read_state(&transaction, self.campaign_file.charities())?.tree_head();
        if checkpoint.follows(last_checkpoint(&transaction)?.as_ref(), &head)? {
            let insert = "INSERT INTO checkpoints (size, note) VALUES (?1, ?2)";
            transaction.execute(insert, params![to_sql(checkpoint.size)?, checkpoint.note])?;
        }
        transaction.commit()?;
        Ok(())
    }
}

pub(super) fn checkpoints_from(
    connection: &Connection,
    size: u64,
    limit: u32,
) -> Result<Vec<KeptCheckpoint>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT size, note FROM checkpoints WHERE size >= ?1 ORDER BY size LIMIT ?2")?;
    let checkpoints = statement.query_map(params![to_sql(size)?, limit], from_row)?;
    Ok(checkpoints.collect::<Result<_, _>>()?)
}

pub(super) fn last_checkpoint(connection: &Connection) -> Result<Option<KeptCheckpoint>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1")?;
    Ok(statement.query_row([], from_row).optional()?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<KeptCheckpoint> {
    let size: i64 = row.get(0)?;
    Ok(KeptCheckpoint {
        size: u64::try_from(size).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, size))?,
        note: row.get(1)?,
    })
}
