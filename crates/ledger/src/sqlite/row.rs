//! A vote, or an issued coin, as a row of SQLite's.

use rusqlite::Row;
use vote::{CampaignFile, IssuedEntry};

use crate::kept_coin::KeptCoin;
use crate::kept_vote::KeptVote;
use crate::{Counted, StoreError};

/// Canonical weights as a JSON list, one per charity in order, such as `[1,0,2]`; SQLite's own `json_each` can read it.
pub(super) fn weights_to_text(weights: &[u32]) -> String {
    let weights: Vec<String> = weights.iter().map(u32::to_string).collect();
    format!("[{}]", weights.join(","))
}

/// Reads the columns of [`crate::kept_vote::VOTE`].
pub(super) fn counted_from_row(row: &Row<'_>, file: &CampaignFile) -> Result<Counted, StoreError> {
    let blob = |column| Ok::<_, StoreError>(row.get_ref(column)?.as_blob().unwrap_or_default());
    let weights: String = row.get(6)?;
    let kept = KeptVote {
        index: row.get(0)?,
        nullifier: blob(1)?,
        serial: blob(2)?,
        expires: row.get(3)?,
        key_version: row.get(4)?,
        signature: blob(5)?,
        weights: serde_json::from_str(&weights).ok(),
        counted_at: row.get(7)?,
        leaf_hash: blob(8)?,
    };
    kept.counted(file)
}

/// Reads the columns of [`crate::kept_coin::COIN`], of the coin in this place.
pub(super) fn coin_from_row(row: &Row<'_>, place: u64) -> Result<IssuedEntry, StoreError> {
    let blob = |column| Ok::<_, StoreError>(row.get_ref(column)?.as_blob().unwrap_or_default());
    let kept = KeptCoin {
        index: row.get(0)?,
        nullifier: blob(1)?,
        issued_at: row.get(2)?,
        leaf_hash: blob(3)?,
    };
    kept.entry(place)
}
