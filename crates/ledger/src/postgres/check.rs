//! What is checked each time a ledger is opened: that it is one, that it is this campaign's, and that it adds up. All of it is read at one moment, and the
//! database does the counting.

use std::pin::pin;

use futures_util::TryStreamExt;
use tokio_postgres::{Client, IsolationLevel, Transaction};
use vote::{CampaignFile, Charities, Totals};

use super::row::{STATE, state_from_row, time_from_sql, vote_from_weights};
use super::schema;
use super::url::PostgresUrl;
use crate::sql_integer::{from_sql, to_sql};
use crate::{LedgerError, State, StoreError};

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
    recount(&snapshot, file.charities())
        .await
        .map_err(|error| LedgerError::at(url, error))
}

/// Counts again: the votes are numbered from 0 without a gap, the totals are their sum, and the queue's counters those of its entries.
async fn recount(snapshot: &Transaction<'_>, charities: &Charities) -> Result<(), StoreError> {
    let state = read_state(snapshot, charities).await?;
    check_numbers(snapshot).await?;
    let sums = sum(snapshot, charities).await?;
    if sums != state.totals {
        return Err(StoreError::Damaged(format!(
            "its totals say {} votes and units {:?}, its votes sum to {} and {:?}",
            state.totals.votes, state.totals.units, sums.votes, sums.units
        )));
    }
    check_queue(snapshot, &state).await
}

/// The state as it is committed.
async fn read_state(snapshot: &Transaction<'_>, charities: &Charities) -> Result<State, StoreError> {
    let row = snapshot
        .query_opt(&format!("SELECT {STATE} FROM ledger.head"), &[])
        .await?;
    let row = row.ok_or_else(|| StoreError::Damaged("there are no totals".to_owned()))?;
    state_from_row(&row, charities)
}

async fn check_numbers(snapshot: &Transaction<'_>) -> Result<(), StoreError> {
    let row = snapshot
        .query_one(
            "SELECT count(*), coalesce(max(vote_index) + 1, 0), coalesce(max(counted_at), 0) FROM ledger.votes",
            &[],
        )
        .await?;
    // Indices are distinct and not negative, so there are as many as the last says exactly if there is no gap.
    let (votes, numbers): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    if votes != numbers {
        let missing: i64 = snapshot.query_one(
            "SELECT min(place) FROM (SELECT vote_index, row_number() OVER (ORDER BY vote_index) - 1 AS place FROM ledger.votes) AS numbered
             WHERE vote_index <> place",
            &[],
        ).await?.try_get(0)?;
        return Err(StoreError::Damaged(format!("vote {missing} is missing")));
    }
    if time_from_sql(row.try_get(2)?).is_none() {
        return Err(StoreError::Damaged("a vote's time is out of range".to_owned()));
    }
    Ok(())
}

/// The sums of the votes. Equal votes are counted by the database; what a vote is worth is decided in one place, which is not SQL.
async fn sum(snapshot: &Transaction<'_>, charities: &Charities) -> Result<Totals, StoreError> {
    let groups = snapshot.query_raw(
        "SELECT weights, count(*), min(vote_index) FROM ledger.votes GROUP BY weights",
        Vec::<i64>::new(),
    );
    // Row by row: there can be as many different votes as there are votes.
    let mut groups = pin!(groups.await?);
    let mut sums = Totals::zero(charities);
    while let Some(row) = groups.try_next().await? {
        let weights: Vec<i32> = row.try_get(0)?;
        let (count, first): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
        let damaged = || StoreError::Damaged(format!("vote {first}: its weights are not in canonical form"));
        let vote = vote_from_weights(&weights, charities).ok_or_else(damaged)?;
        sums.add_equal(&vote.units(), from_sql(count)?)?;
    }
    Ok(sums)
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
