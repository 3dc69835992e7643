//! A log's tiles out of its leaves' hashes and those above them.

use tlog::{Hash, Tree, TreeHead, partial_tiles};
use tokio_postgres::GenericClient;
use tokio_postgres::types::{ToSql, Type};

use super::row::{hash_from_bytes, tree_head_from_row};
use crate::sql_integer::to_sql;
use crate::tree::resumed;
use crate::{LogKind, StoreError};

/// How many leaves a log has, and the root of the tree over them, as its head says.
pub(super) async fn read_tree_head(client: &impl GenericClient, log: LogKind) -> Result<TreeHead, StoreError> {
    let statement = format!("SELECT {} FROM ledger.head", log.tables().head);
    let row = client.query_typed_opt(&statement, &[]).await?;
    tree_head_from_row(&row.ok_or_else(|| StoreError::Damaged("there is no head".to_owned()))?)
}

/// A log's tree, out of its right edge; it must be the one that the head says.
pub(super) async fn read_tree(client: &impl GenericClient, log: LogKind) -> Result<Tree, StoreError> {
    let head = read_tree_head(client, log).await?;
    let mut edge = Vec::new();
    for id in partial_tiles(head.size) {
        edge.push((id, read_tile(client, log, id.level(), id.index()).await?));
    }
    let tree = resumed(head.size, |id| {
        let tile = edge.iter_mut().find(|(known, _)| *known == id);
        Ok(tile.map(|(_, hashes)| std::mem::take(hashes)).unwrap_or_default())
    })?;
    if tree.head() == head {
        Ok(tree)
    } else {
        let leaves = log.tables().leaves;
        Err(StoreError::Damaged(format!("the root is not that of the {leaves}")))
    }
}

/// The hashes of a tile, as many as there are.
pub(super) async fn read_tile(
    client: &impl GenericClient,
    log: LogKind,
    level: u8,
    index: u64,
) -> Result<Vec<Hash>, StoreError> {
    let first = to_sql(index << 8)?;
    let tables = log.tables();
    let (leaves, number, above) = (tables.leaves, tables.index, tables.tile_hashes);
    let rows = if level == 0 {
        let leaves =
            format!("SELECT leaf_hash FROM ledger.{leaves} WHERE {number} BETWEEN $1 AND $1 + 255 ORDER BY {number}");
        client.query_typed(&leaves, &[(&first, Type::INT8)]).await?
    } else {
        let hashes = format!(
            "SELECT hash FROM ledger.{above} WHERE level = $2 AND place BETWEEN $1 AND $1 + 255 ORDER BY place"
        );
        let arguments: [(&(dyn ToSql + Sync), Type); 2] = [(&first, Type::INT8), (&i16::from(level), Type::INT2)];
        client.query_typed(&hashes, &arguments).await?
    };
    rows.iter().map(|row| hash_from_bytes(row.try_get(0)?)).collect()
}
