//! Issued coins: one call in one transaction, under the same lock as a batch of votes.

use std::collections::HashSet;

use coin::Timestamp;
use tlog::{Hash, Tree};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, GenericClient, Transaction};
use vote::{IssuedEntry, Nullifier};

use super::append::insert_tile_hashes;
use super::head::Fence;
use super::link::begin;
use super::row::{nullifier_from_bytes, tree_head_from_row};
use crate::kept_coin::{COIN, leaf_hash};
use crate::sql_integer::to_sql;
use crate::tree::grown;
use crate::{LogKind, StoreError};

/// Adds the coins that are not in the log yet, and gives its tree.
pub(super) async fn issue(
    client: &mut Client,
    fence: Fence,
    tree: &Tree,
    coins: &[Nullifier],
    now: Timestamp,
) -> Result<Tree, StoreError> {
    let transaction = begin(client).await?;
    let row = fence.hold(&transaction, LogKind::Issued.tables().head).await?;
    if tree.head() != tree_head_from_row(&row)? {
        return Err(StoreError::Damaged(
            "its head is not that of the tree of issued coins that was written last".to_owned(),
        ));
    }
    let mut seen = find_issued(&transaction, coins).await?;
    let new = coins.iter().filter(|nullifier| seen.insert(**nullifier));
    let new: Vec<IssuedEntry> = new
        .map(|nullifier| IssuedEntry {
            nullifier: *nullifier,
            issued_at: now,
        })
        .collect();
    let leaves: Vec<Hash> = new.iter().map(leaf_hash).collect();
    insert(&transaction, tree.size(), &new, &leaves).await?;
    let (tree, tile_hashes) = grown(tree, &leaves)?;
    insert_tile_hashes(&transaction, LogKind::Issued, &tile_hashes).await?;
    let head = tree.head();
    transaction
        .execute_typed(
            "UPDATE ledger.head SET issued = $1, issued_root = $2",
            &[
                (&to_sql(head.size)?, Type::INT8),
                (&head.root.0.as_slice(), Type::BYTEA),
            ],
        )
        .await?;
    transaction.commit().await?;
    Ok(tree)
}

/// Those of these coins that are in the log.
pub(super) async fn find_issued(
    client: &impl GenericClient,
    coins: &[Nullifier],
) -> Result<HashSet<Nullifier>, StoreError> {
    let coins: Vec<&[u8]> = coins.iter().map(|nullifier| nullifier.as_bytes().as_slice()).collect();
    let statement = "SELECT nullifier FROM ledger.issued WHERE nullifier = ANY ($1)";
    let rows = client.query_typed(statement, &[(&coins, Type::BYTEA_ARRAY)]).await?;
    rows.iter().map(|row| nullifier_from_bytes(row.try_get(0)?)).collect()
}

/// Adds coins behind those that there are. Whoever gets past the lock, the unique constraint refuses the second entry of a coin, and the transaction with it.
async fn insert(
    transaction: &Transaction<'_>,
    size: u64,
    entries: &[IssuedEntry],
    leaves: &[Hash],
) -> Result<(), StoreError> {
    let Some(issued_at) = entries.first().map(|entry| entry.issued_at) else {
        return Ok(());
    };
    let nullifiers: Vec<&[u8]> = entries
        .iter()
        .map(|entry| entry.nullifier.as_bytes().as_slice())
        .collect();
    let leaves: Vec<&[u8]> = leaves.iter().map(|leaf| leaf.0.as_slice()).collect();
    let statement = format!(
        "INSERT INTO ledger.issued ({COIN}) SELECT $1 - 1 + place, nullifier, $2, leaf_hash
        FROM unnest($3, $4) WITH ORDINALITY AS coin (nullifier, leaf_hash, place)"
    );
    transaction
        .execute_typed(
            &statement,
            &[
                (&to_sql(size)?, Type::INT8),
                (&to_sql(issued_at.unix_s())?, Type::INT8),
                (&nullifiers, Type::BYTEA_ARRAY),
                (&leaves, Type::BYTEA_ARRAY),
            ],
        )
        .await?;
    Ok(())
}
