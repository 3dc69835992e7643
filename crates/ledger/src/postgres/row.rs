//! Votes, issued coins, sums and the queue as rows of Postgres'. What does not read back exactly is damage, not a default.

use tlog::{Hash, TreeHead};
use tokio_postgres::Row;
use vote::{CampaignFile, Charities, IssuedEntry, Nullifier, Totals};

use crate::kept_coin::KeptCoin;
use crate::kept_vote::KeptVote;
use crate::sql_integer::from_sql;
use crate::{Counted, KeptCheckpoint, Position, QueueState, State, StoreError};

/// The columns that [`state_from_row`] reads.
pub(super) const STATE: &str = "votes, units, ms, sequence, accepted, refused, dead_lettered, root";

/// Reads the columns of [`crate::kept_vote::VOTE`].
pub(super) fn counted_from_row(row: &Row, file: &CampaignFile) -> Result<Counted, StoreError> {
    let weights: Vec<i32> = row.try_get(6)?;
    let kept = KeptVote {
        index: row.try_get(0)?,
        nullifier: row.try_get(1)?,
        serial: row.try_get(2)?,
        expires: row.try_get(3)?,
        key_version: row.try_get(4)?,
        signature: row.try_get(5)?,
        weights: weights.into_iter().map(|weight| u32::try_from(weight).ok()).collect(),
        counted_at: row.try_get(7)?,
        leaf_hash: row.try_get(8)?,
    };
    kept.counted(file)
}

pub(super) fn nullifier_from_bytes(bytes: &[u8]) -> Result<Nullifier, StoreError> {
    let bytes = <[u8; 32]>::try_from(bytes);
    let bytes = bytes.map_err(|_| StoreError::Damaged("a nullifier has not 32 bytes".to_owned()))?;
    Ok(Nullifier::from_bytes(bytes))
}

pub(super) fn hash_from_bytes(bytes: &[u8]) -> Result<Hash, StoreError> {
    let bytes = <[u8; 32]>::try_from(bytes);
    Ok(Hash(bytes.map_err(|_| {
        StoreError::Damaged("a hash has not 32 bytes".to_owned())
    })?))
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
        root: hash_from_bytes(row.try_get(7)?)?,
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

/// Reads the columns of [`crate::kept_coin::COIN`], of the coin in this place.
pub(super) fn coin_from_row(row: &Row, place: u64) -> Result<IssuedEntry, StoreError> {
    let kept = KeptCoin {
        index: row.try_get(0)?,
        nullifier: row.try_get(1)?,
        issued_at: row.try_get(2)?,
        leaf_hash: row.try_get(3)?,
    };
    kept.entry(place)
}

/// Reads the columns of a log's head.
pub(super) fn tree_head_from_row(row: &Row) -> Result<TreeHead, StoreError> {
    Ok(TreeHead {
        size: from_sql(row.try_get(0)?)?,
        root: hash_from_bytes(row.try_get(1)?)?,
    })
}

/// Reads `size, note`.
pub(super) fn checkpoint_from_row(row: &Row) -> Result<KeptCheckpoint, StoreError> {
    Ok(KeptCheckpoint {
        size: from_sql(row.try_get(0)?)?,
        note: row.try_get(1)?,
    })
}
