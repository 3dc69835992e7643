//! The log's checkpoints, kept as the writer whose epoch the head has.

use tlog::TreeHead;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, GenericClient};
use vote::{CampaignFile, Charities};

use super::link::{Link, WORK, begin};
use super::reader::PostgresReader;
use super::row::{STATE, checkpoint_from_row, state_from_row};
use super::url::PostgresUrl;
use crate::sql_integer::to_sql;
use crate::{KeptCheckpoint, LogStore, Reader, StoreError};

/// The signer's connections, each made again after a failure.
pub(super) struct PostgresLog {
    reader: PostgresReader,
    url: PostgresUrl,
    file: CampaignFile,
    /// The writer's.
    epoch: i64,
    link: Option<Link>,
}

impl PostgresLog {
    pub(super) fn connect(url: &PostgresUrl, file: &CampaignFile, epoch: i64) -> Result<PostgresLog, StoreError> {
        Ok(PostgresLog {
            reader: PostgresReader::connect(url, file)?,
            url: url.clone(),
            file: file.clone(),
            epoch,
            link: None,
        })
    }
}

impl LogStore for PostgresLog {
    fn reader(&mut self) -> &mut dyn Reader {
        &mut self.reader
    }

    fn tree_head(&mut self) -> Result<TreeHead, StoreError> {
        let statement = format!("SELECT {STATE} FROM ledger.head");
        self.reader.look(async |client, file| {
            let row = client.query_one(&statement, &[]).await?;
            Ok(state_from_row(&row, file.charities())?.tree_head())
        })
    }

    fn keep_checkpoint(&mut self, checkpoint: &KeptCheckpoint) -> Result<(), StoreError> {
        let mut link = match self.link.take() {
            Some(link) => link,
            None => Link::connect(self.url.config())?,
        };
        link.work(WORK, async |client| {
            keep(client, self.epoch, self.file.charities(), checkpoint).await
        })?;
        self.link = Some(link);
        Ok(())
    }
}

async fn keep(
    client: &mut Client,
    epoch: i64,
    charities: &Charities,
    checkpoint: &KeptCheckpoint,
) -> Result<(), StoreError> {
    let transaction = begin(client).await?;
    // Nobody takes the ledger over until this is committed, and so nobody keeps a larger one before.
    let statement = format!("SELECT {STATE} FROM ledger.head WHERE epoch = $1 FOR SHARE");
    let row = transaction.query_typed_opt(&statement, &[(&epoch, Type::INT8)]).await?;
    let head = state_from_row(&row.ok_or(StoreError::Fenced)?, charities)?.tree_head();
    if checkpoint.follows(last_checkpoint(&transaction).await?.as_ref(), &head)? {
        transaction
            .execute_typed(
                "INSERT INTO ledger.checkpoints (size, note) VALUES ($1, $2)",
                &[(&to_sql(checkpoint.size)?, Type::INT8), (&checkpoint.note, Type::TEXT)],
            )
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

pub(super) async fn last_checkpoint(client: &impl GenericClient) -> Result<Option<KeptCheckpoint>, StoreError> {
    let statement = "SELECT size, note FROM ledger.checkpoints ORDER BY size DESC LIMIT 1";
    let row = client.query_opt(statement, &[]).await?;
    row.map(|row| checkpoint_from_row(&row)).transpose()
}
