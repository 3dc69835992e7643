//! Looks up what is committed, over a connection of its own. What is asked for each tile and each vote says its arguments' types, as in [`super::append`].

use std::collections::HashSet;

use tlog::Hash;
use tokio_postgres::Client;
use tokio_postgres::types::Type;
use vote::{CampaignFile, IssuedEntry, Nullifier};

use super::issue::find_issued;
use super::link::{Link, WORK};
use super::log::last_checkpoint;
use super::row::{checkpoint_from_row, coin_from_row, counted_from_row};
use super::tiles::read_tile;
use super::url::PostgresUrl;
use crate::kept_coin::COIN;
use crate::kept_vote::VOTE;
use crate::sql_integer::to_sql;
use crate::{Counted, DeadLetter, KeptCheckpoint, LogKind, Position, Reader, StoreError};

/// Connects again by itself: a lookup changes nothing, so that one whose connection had gone is done again.
pub(super) struct PostgresReader {
    url: PostgresUrl,
    file: CampaignFile,
    link: Option<Link>,
}

impl PostgresReader {
    pub(super) fn connect(url: &PostgresUrl, file: &CampaignFile) -> Result<PostgresReader, StoreError> {
        Ok(PostgresReader {
            link: Some(Link::connect(url.config())?),
            url: url.clone(),
            file: file.clone(),
        })
    }

    /// Looks something up; twice, if the first connection had gone.
    pub(super) fn look<T>(
        &mut self,
        mut look: impl AsyncFnMut(&mut Client, &CampaignFile) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // One that idled may have gone without a word; one that is new has not.
        if let Some(mut link) = self.link.take()
            && let Ok(found) = link.work(WORK, async |client| look(client, &self.file).await)
        {
            self.link = Some(link);
            return Ok(found);
        }
        let mut link = Link::connect(self.url.config())?;
        let found = link.work(WORK, async |client| look(client, &self.file).await)?;
        self.link = Some(link);
        Ok(found)
    }
}

impl Reader for PostgresReader {
    fn find(&mut self, nullifier: &Nullifier) -> Result<Option<Counted>, StoreError> {
        let statement = format!("SELECT {VOTE} FROM ledger.votes WHERE nullifier = $1");
        self.look(async |client, file| {
            let key = nullifier.as_bytes().as_slice();
            let row = client.query_typed_opt(&statement, &[(&key, Type::BYTEA)]).await?;
            row.map(|row| counted_from_row(&row, file)).transpose()
        })
    }

    fn votes_from(&mut self, index: u64, limit: u32) -> Result<Vec<Counted>, StoreError> {
        let statement = format!("SELECT {VOTE} FROM ledger.votes WHERE vote_index >= $1 ORDER BY vote_index LIMIT $2");
        let (index, limit) = (to_sql(index)?, i64::from(limit));
        self.look(async |client, file| {
            let rows = client
                .query_typed(&statement, &[(&index, Type::INT8), (&limit, Type::INT8)])
                .await?;
            rows.iter().map(|row| counted_from_row(row, file)).collect()
        })
    }

    fn issued_from(&mut self, index: u64, limit: u32) -> Result<Vec<IssuedEntry>, StoreError> {
        let statement =
            format!("SELECT {COIN} FROM ledger.issued WHERE issued_index >= $1 ORDER BY issued_index LIMIT $2");
        let (first, limit) = (to_sql(index)?, i64::from(limit));
        self.look(async |client, _| {
            let rows = client
                .query_typed(&statement, &[(&first, Type::INT8), (&limit, Type::INT8)])
                .await?;
            (index..)
                .zip(&rows)
                .map(|(place, row)| coin_from_row(row, place))
                .collect()
        })
    }

    fn find_issued(&mut self, coins: &[Nullifier]) -> Result<HashSet<Nullifier>, StoreError> {
        self.look(async |client, _| find_issued(client, coins).await)
    }

    fn tile(&mut self, log: LogKind, level: u8, index: u64) -> Result<Vec<Hash>, StoreError> {
        self.look(async |client, _| read_tile(client, log, level, index).await)
    }

    fn checkpoints_from(&mut self, log: LogKind, size: u64, limit: u32) -> Result<Vec<KeptCheckpoint>, StoreError> {
        let (size, limit) = (to_sql(size)?, i64::from(limit));
        let checkpoints = log.tables().checkpoints;
        let statement = format!("SELECT size, note FROM ledger.{checkpoints} WHERE size >= $1 ORDER BY size LIMIT $2");
        self.look(async |client, _| {
            let rows = client
                .query_typed(&statement, &[(&size, Type::INT8), (&limit, Type::INT8)])
                .await?;
            rows.iter().map(checkpoint_from_row).collect()
        })
    }

    fn last_checkpoint(&mut self, log: LogKind) -> Result<Option<KeptCheckpoint>, StoreError> {
        self.look(async |client, _| last_checkpoint(client, log).await)
    }

    fn dead_letter(&mut self, position: Position) -> Result<Option<DeadLetter>, StoreError> {
        let (ms, sequence) = (to_sql(position.ms)?, to_sql(position.sequence)?);
        self.look(async |client, _| {
            let row = client
                .query_opt(
                    "SELECT code FROM ledger.dead_letters WHERE ms = $1 AND sequence = $2",
                    &[&ms, &sequence],
                )
                .await?;
            let code = row.map(|row| row.try_get(0)).transpose()?;
            Ok(code.map(|code| DeadLetter { position, code }))
        })
    }
}
