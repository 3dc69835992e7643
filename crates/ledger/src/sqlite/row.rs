//! A vote as a row: what is kept, and how it is read back. What does not read back exactly is damage, not a default.

use coin::Timestamp;
use rusqlite::Row;
use vote::{Charities, Nullifier, Vote};

use crate::{Counted, StoreError};

/// Canonical weights as a JSON list, one per charity in order, such as `[1,0,2]`; SQLite's own `json_each` can read it.
pub(super) fn weights_to_text(weights: &[u32]) -> String {
    let weights: Vec<String> = weights.iter().map(u32::to_string).collect();
    format!("[{}]", weights.join(","))
}

/// Reads `vote_index, nullifier, weights, key_version, counted_at`.
pub(super) fn counted_from_row(row: &Row<'_>, charities: &Charities) -> Result<Counted, StoreError> {
    let index: i64 = row.get(0)?;
    let damaged = |what: &str| StoreError::Damaged(format!("vote {index}: {what}"));
    let weights: String = row.get(2)?;
    let vote = serde_json::from_str(&weights)
        .ok()
        .and_then(|weights| Vote::from_stored(weights, charities))
        .ok_or_else(|| damaged("its weights are not in canonical form"))?;
    let counted_at: i64 = row.get(4)?;
    Ok(Counted {
        nullifier: Nullifier::from_bytes(row.get(1)?),
        index: u64::try_from(index).map_err(|_| damaged("its index is negative"))?,
        units: vote.units(),
        vote,
        key_version: row.get(3)?,
        counted_at: u64::try_from(counted_at)
            .ok()
            .and_then(Timestamp::from_unix_s)
            .ok_or_else(|| damaged("its time is out of range"))?,
    })
}
