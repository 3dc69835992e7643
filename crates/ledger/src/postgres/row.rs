//! Votes, sums and the queue as rows: what is kept, and how it is read back. What does not read back exactly is damage, not a default.

use coin::Timestamp;
use tokio_postgres::Row;
use vote::{Charities, Nullifier, Totals, Vote};

use crate::sql_integer::from_sql;
use crate::{Counted, Position, QueueState, State, StoreError};

/// The columns that [`counted_from_row`] reads.
pub(super) const VOTE: &str = "vote_index, nullifier, weights, key_version, counted_at";
/// The columns that [`state_from_row`] reads.
pub(super) const STATE: &str = "votes, units, ms, sequence, accepted, refused, dead_lettered";

/// Canonical weights as Postgres reads a list, such as `{1,0,2}`: a list of such texts can be an argument, a list of lists of one length only.
pub(super) fn weights_to_text(weights: &[u32]) -> String {
    let weights: Vec<String> = weights.iter().map(u32::to_string).collect();
    format!("{{{}}}", weights.join(","))
}

/// The vote with these weights, if they are canonical.
pub(super) fn vote_from_weights(weights: &[i32], charities: &Charities) -> Option<Vote> {
    let weights = weights.iter().map(|weight| u32::try_from(*weight).ok());
    Vote::from_stored(weights.collect::<Option<_>>()?, charities)
}

pub(super) fn counted_from_row(row: &Row, charities: &Charities) -> Result<Counted, StoreError> {
    let index: i64 = row.try_get(0)?;
    let damaged = |what: &str| StoreError::Damaged(format!("vote {index}: {what}"));
    let nullifier: &[u8] = row.try_get(1)?;
    let weights: Vec<i32> = row.try_get(2)?;
    let vote =
        vote_from_weights(&weights, charities).ok_or_else(|| damaged("its weights are not in canonical form"))?;
    let key_version: i64 = row.try_get(3)?;
    let counted_at: i64 = row.try_get(4)?;
    Ok(Counted {
        nullifier: nullifier_from_bytes(nullifier)?,
        index: from_sql(index)?,
        units: vote.units(),
        vote,
        key_version: u32::try_from(key_version).map_err(|_| damaged("its key version is out of range"))?,
        counted_at: time_from_sql(counted_at).ok_or_else(|| damaged("its time is out of range"))?,
    })
}

pub(super) fn nullifier_from_bytes(bytes: &[u8]) -> Result<Nullifier, StoreError> {
    let bytes = <[u8; 32]>::try_from(bytes);
    let bytes = bytes.map_err(|_| StoreError::Damaged("a nullifier has not 32 bytes".to_owned()))?;
    Ok(Nullifier::from_bytes(bytes))
}

pub(super) fn time_from_sql(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_unix_s(u64::try_from(seconds).ok()?)
}

pub(super) fn state_from_row(row: &Row, charities: &Charities) -> Result<State, StoreError> {
    let number = |column: usize| from_sql(row.try_get(column)?);
    let units: Vec<i64> = row.try_get(1)?;
    let units = units.into_iter().map(from_sql).collect::<Result<Vec<_>, _>>()?;
    if units.len() != charities.len() {
        return Err(StoreError::Damaged(
            "there is not one total for each charity".to_owned(),
        ));
    }
    Ok(State {
        totals: Totals {
            votes: number(0)?,
            units,
        },
        queue: QueueState {
            position: Position {
                ms: number(2)?,
                sequence: number(3)?,
            },
            accepted: number(4)?,
            refused: number(5)?,
            dead_lettered: number(6)?,
        },
    })
}
