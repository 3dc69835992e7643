//! The logs' checkpoints, kept and looked up.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use tlog::TreeHead;
use vote::CampaignFile;

use super::file::{Access, LedgerFile};
use super::state::read_tree_head;
use super::{SqliteReader, Writing};
use crate::sql_integer::to_sql;
use crate::{KeptCheckpoint, LogKind, LogStore, Reader, StoreError};

/// The signer's connections. They hold the ledger's lock too: who signs is of the process that writes.
pub(super) struct SqliteLog {
    reader: SqliteReader,
    writing: Writing,
    kind: LogKind,
}

impl SqliteLog {
    pub(super) fn connect(
        file: &Arc<LedgerFile>,
        campaign_file: &CampaignFile,
        kind: LogKind,
    ) -> Result<SqliteLog, StoreError> {
        Ok(SqliteLog {
            reader: SqliteReader::connect(file, campaign_file)?,
            writing: Writing {
                connection: file.connect(Access::Write)?,
                file: Arc::clone(file),
            },
            kind,
        })
    }
}

impl LogStore for SqliteLog {
    fn kind(&self) -> LogKind {
        self.kind
    }

    fn reader(&mut self) -> &mut dyn Reader {
        &mut self.reader
    }

    fn tree_head(&mut self) -> Result<TreeHead, StoreError> {
        read_tree_head(&self.reader.connection, self.kind)
    }

    fn keep_checkpoint(&mut self, checkpoint: &KeptCheckpoint) -> Result<(), StoreError> {
        // A connection whose last commit failed would not say what became of it.
        self.writing.connection = self.writing.file.connect(Access::Write)?;
        let transaction = self
            .writing
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let head = read_tree_head(&transaction, self.kind)?;
        if checkpoint.follows(last_checkpoint(&transaction, self.kind)?.as_ref(), &head)? {
            let insert = format!(
                "INSERT INTO {} (size, note) VALUES (?1, ?2)",
                self.kind.tables().checkpoints
            );
            transaction.execute(&insert, params![to_sql(checkpoint.size)?, checkpoint.note])?;
        }
        transaction.commit()?;
        Ok(())
    }
}

pub(super) fn checkpoints_from(
    connection: &Connection,
    log: LogKind,
    size: u64,
    limit: u32,
) -> Result<Vec<KeptCheckpoint>, StoreError> {
    let checkpoints = log.tables().checkpoints;
    let statement = format!("SELECT size, note FROM {checkpoints} WHERE size >= ?1 ORDER BY size LIMIT ?2");
    let mut statement = connection.prepare_cached(&statement)?;
    let checkpoints = statement.query_map(params![to_sql(size)?, limit], from_row)?;
    Ok(checkpoints.collect::<Result<_, _>>()?)
}

pub(super) fn last_checkpoint(connection: &Connection, log: LogKind) -> Result<Option<KeptCheckpoint>, StoreError> {
    let checkpoints = log.tables().checkpoints;
    let statement = format!("SELECT size, note FROM {checkpoints} ORDER BY size DESC LIMIT 1");
    let mut statement = connection.prepare_cached(&statement)?;
    Ok(statement.query_row([], from_row).optional()?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<KeptCheckpoint> {
    let size: i64 = row.get(0)?;
    Ok(KeptCheckpoint {
        size: u64::try_from(size).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, size))?,
        note: row.get(1)?,
    })
}
