//! The logs' checkpoints, kept as the writer whose epoch the head has.

use tlog::TreeHead;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, GenericClient};
use vote::CampaignFile;

use super::link::{Link, WORK, begin};
use super::reader::PostgresReader;
use super::row::{checkpoint_from_row, tree_head_from_row};
use super::tiles::read_tree_head;
use super::url::PostgresUrl;
use crate::sql_integer::to_sql;
use crate::{KeptCheckpoint, LogKind, LogStore, Reader, StoreError};

/// The signer's connections, each made again after a failure.
pub(super) struct PostgresLog {
    reader: PostgresReader,
    url: PostgresUrl,
    kind: LogKind,
    /// The writer's.
    epoch: i64,
    link: Option<Link>,
}

impl PostgresLog {
    pub(super) fn connect(
        url: &PostgresUrl,
        file: &CampaignFile,
        kind: LogKind,
        epoch: i64,
    ) -> Result<PostgresLog, StoreError> {
        Ok(PostgresLog {
            reader: PostgresReader::connect(url, file)?,
            url: url.clone(),
            kind,
            epoch,
            link: None,
        })
    }
}

impl LogStore for PostgresLog {
    fn kind(&self) -> LogKind {
        self.kind
    }

    fn reader(&mut self) -> &mut dyn Reader {
        &mut self.reader
    }

    fn tree_head(&mut self) -> Result<TreeHead, StoreError> {
        self.reader
            .look(async |client, _| read_tree_head(client, self.kind).await)
    }

    fn keep_checkpoint(&mut self, checkpoint: &KeptCheckpoint) -> Result<(), StoreError> {
        let mut link = match self.link.take() {
            Some(link) => link,
            None => Link::connect(self.url.config())?,
        };
        link.work(WORK, async |client| {
            keep(client, self.kind, self.epoch, checkpoint).await
        })?;
        self.link = Some(link);
        Ok(())
    }
}

async fn keep(client: &mut Client, log: LogKind, epoch: i64, checkpoint: &KeptCheckpoint) -> Result<(), StoreError> {
    let transaction = begin(client).await?;
    // Nobody takes the ledger over until this is committed, and so nobody keeps a larger one before. The writer's own batches go on meanwhile: theirs is the lock beside which this
    // one may be held.
    let tables = log.tables();
    let statement = format!("SELECT {} FROM ledger.head WHERE epoch = $1 FOR KEY SHARE", tables.head);
    let row = transaction.query_typed_opt(&statement, &[(&epoch, Type::INT8)]).await?;
    let head = tree_head_from_row(&row.ok_or(StoreError::Fenced)?)?;
    if checkpoint.follows(last_checkpoint(&transaction, log).await?.as_ref(), &head)? {
        let statement = format!("INSERT INTO ledger.{} (size, note) VALUES ($1, $2)", tables.checkpoints);
        transaction
            .execute_typed(
                &statement,
                &[(&to_sql(checkpoint.size)?, Type::INT8), (&checkpoint.note, Type::TEXT)],
            )
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

pub(super) async fn last_checkpoint(
    client: &impl GenericClient,
    log: LogKind,
) -> Result<Option<KeptCheckpoint>, StoreError> {
    let checkpoints = log.tables().checkpoints;
    let statement = format!("SELECT size, note FROM ledger.{checkpoints} ORDER BY size DESC LIMIT 1");
    let row = client.query_typed_opt(&statement, &[]).await?;
    row.map(|row| checkpoint_from_row(&row)).transpose()
}
