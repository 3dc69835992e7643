//! What is checked each time a ledger is opened: that it is one, that it is this campaign's, and that it adds up. All of it is read at one moment.

use std::pin::pin;

use futures_util::TryStreamExt;
use tokio_postgres::{Client, IsolationLevel, Transaction};
use vote::{CampaignFile, Charities, Totals};

use super::row::{STATE, coin_from_row, counted_from_row, hash_from_bytes, state_from_row};
use super::schema;
use super::tiles::read_tree_head;
use super::url::PostgresUrl;
use crate::kept_coin::{COIN, leaf_hash};
use crate::kept_vote::VOTE;
use crate::sql_integer::{from_sql, to_sql};
use crate::tree::{Recount, TileHash};
use crate::{LedgerError, LogKind, State, StoreError};

pub(super) async fn check(client: &mut Client, url: &PostgresUrl, file: &CampaignFile) -> Result<(), LedgerError> {
    let snapshot = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(StoreError::from)?;
    snapshot
        .batch_execute("SET LOCAL statement_timeout = 0")
        .await
        .map_err(StoreError::from)?;
    schema::check(&snapshot, url).await?;
    schema::check_role(&snapshot).await?;
    let Some(made_for) = schema::made_for(&snapshot).await? else {
        return Err(LedgerError::Missing(url.to_string()));
    };
    schema::check_campaign(&made_for, url, file)?;
    recount(&snapshot, file)
        .await
        .map_err(|error| LedgerError::at(url, error))
}

/// Counts again: the votes are numbered from 0 without a gap, the totals are their sum, and the queue's counters those of its entries.
async fn recount(snapshot: &Transaction<'_>, file: &CampaignFile) -> Result<(), StoreError> {
    let state = read_state(snapshot, file.charities()).await?;
    let (sums, tree) = sum(snapshot, file).await?;
    if sums != state.totals {
        return Err(StoreError::Damaged(format!(
            "its totals say {} votes and units {:?}, its votes sum to {} and {:?}",
            state.totals.votes, state.totals.units, sums.votes, sums.units
        )));
    }
    tree.end_at(&state.tree_head(), "votes")?;
    check_queue(snapshot, &state).await?;
    recount_issued(snapshot).await
}

/// The issued coins are numbered from 0 without a gap, and the tree is the one over them.
async fn recount_issued(snapshot: &Transaction<'_>) -> Result<(), StoreError> {
    let statement = format!("SELECT {COIN} FROM ledger.issued ORDER BY issued_index");
    let mut rows = pin!(snapshot.query_raw(&statement, Vec::<i64>::new()).await?);
    let mut tree = Recount::default();
    let mut index = 0;
    while let Some(row) = rows.try_next().await? {
        tree.leaf(leaf_hash(&coin_from_row(&row, index)?))?;
        index += 1;
    }
    check_tile_hashes(snapshot, LogKind::Issued, &mut tree).await?;
    tree.end_at(&read_tree_head(snapshot, LogKind::Issued).await?, "issued coins")
}

/// The state as it is committed.
async fn read_state(snapshot: &Transaction<'_>, charities: &Charities) -> Result<State, StoreError> {
    let row = snapshot
        .query_opt(&format!("SELECT {STATE} FROM ledger.head"), &[])
        .await?;
    let row = row.ok_or_else(|| StoreError::Damaged("there are no totals".to_owned()))?;
    state_from_row(&row, charities)
}

/// The sums of the votes, which are read one by one and in order, and the tree over them; every hash above the leaves is what it must be.
async fn sum(snapshot: &Transaction<'_>, file: &CampaignFile) -> Result<(Totals, Recount), StoreError> {
    let statement = format!("SELECT {VOTE} FROM ledger.votes ORDER BY vote_index");
    let mut rows = pin!(snapshot.query_raw(&statement, Vec::<i64>::new()).await?);
    let mut sums = Totals::zero(file.charities());
    let mut tree = Recount::default();
    while let Some(row) = rows.try_next().await? {
        let counted = counted_from_row(&row, file)?;
        if counted.index != sums.votes {
            return Err(StoreError::Damaged(format!("vote {} is missing", sums.votes)));
        }
        sums.add(&counted.units)?;
        tree.leaf(counted.leaf_hash())?;
    }
    check_tile_hashes(snapshot, LogKind::Votes, &mut tree).await?;
    Ok((sums, tree))
}

/// Holds the hashes above the leaves, which have all been seen, against what they must be.
async fn check_tile_hashes(snapshot: &Transaction<'_>, log: LogKind, tree: &mut Recount) -> Result<(), StoreError> {
    tree.grow()?;
    let hashes = log.tables().tile_hashes;
    let statement = format!("SELECT level, place, hash FROM ledger.{hashes} ORDER BY level, place");
    let mut rows = pin!(snapshot.query_raw(&statement, Vec::<i64>::new()).await?);
    while let Some(row) = rows.try_next().await? {
        let level: i16 = row.try_get(0)?;
        tree.tile_hash(TileHash {
            level: u8::try_from(level).unwrap_or(u8::MAX),
            place: from_sql(row.try_get(1)?)?,
            hash: hash_from_bytes(row.try_get(2)?)?,
        })?;
    }
    Ok(())
}

async fn check_queue(snapshot: &Transaction<'_>, state: &State) -> Result<(), StoreError> {
    let position = state.queue.position;
    let row = snapshot
        .query_one(
            "SELECT count(*), count(*) FILTER (WHERE (ms, sequence) > ($1, $2)) FROM ledger.dead_letters",
            &[&to_sql(position.ms)?, &to_sql(position.sequence)?],
        )
        .await?;
    state.check_queue(from_sql(row.try_get(0)?)?, from_sql(row.try_get(1)?)?)
}
