//! Numbers as SQL keeps them: 64 bits, with a sign.

use crate::StoreError;

/// For the database.
pub(crate) fn to_sql(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Damaged(format!("{value} does not fit into 63 bits")))
}

/// From the database.
pub(crate) fn from_sql(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Damaged(format!("{value} stands where there are no negative numbers")))
}
