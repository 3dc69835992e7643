//! An issued coin out of a store's row. What does not read back exactly is damage, not a default; the message names the row.

use coin::Timestamp;
use tlog::Hash;
use vote::{IssuedEntry, Nullifier};

use crate::StoreError;

/// The columns of an issued coin, in the order in which they are read and written.
pub(crate) const COIN: &str = "issued_index, nullifier, issued_at, leaf_hash";

/// A row of issued coins, as the database has it.
pub(crate) struct KeptCoin<'a> {
    pub(crate) index: i64,
    pub(crate) nullifier: &'a [u8],
    pub(crate) issued_at: i64,
    pub(crate) leaf_hash: &'a [u8],
}

impl KeptCoin<'_> {
    /// The entry, if the row is the one of this place; its leaf's hash is checked against it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`], with what is wrong in which row.
    pub(crate) fn entry(self, place: u64) -> Result<IssuedEntry, StoreError> {
        if u64::try_from(self.index) != Ok(place) {
            return Err(StoreError::Damaged(format!("issued coin {place} is missing")));
        }
        let damaged = |what: &str| StoreError::Damaged(format!("issued coin {place}: {what}"));
        let nullifier = <[u8; 32]>::try_from(self.nullifier);
        let issued_at = u64::try_from(self.issued_at).ok().and_then(Timestamp::from_unix_s);
        let entry = IssuedEntry {
            nullifier: Nullifier::from_bytes(nullifier.map_err(|_| damaged("its nullifier has not 32 bytes"))?),
            issued_at: issued_at.ok_or_else(|| damaged("its time is out of range"))?,
        };
        if leaf_hash(&entry).0 != self.leaf_hash {
            return Err(damaged("its leaf's hash is not that of what it says"));
        }
        Ok(entry)
    }
}

/// The hash of an entry, as the log's tree has it (RFC 6962).
pub(crate) fn leaf_hash(entry: &IssuedEntry) -> Hash {
    Hash::of_leaf(entry.to_text().as_bytes())
}
