//! The log's tiles out of the votes' hashes and those above them.

use tlog::{Hash, Tree, partial_tiles};
use tokio_postgres::GenericClient;

use super::row::hash_from_bytes;
use crate::StoreError;
use crate::sql_integer::to_sql;
use crate::tree::resumed;

/// The tree of this size, out of its right edge.
pub(super) async fn read_tree(client: &impl GenericClient, size: u64) -> Result<Tree, StoreError> {
    let mut edge = Vec::new();
    for id in partial_tiles(size) {
        edge.push((id, read_tile(client, id.level(), id.index()).await?));
    }
    resumed(size, |id| {
        let tile = edge.iter_mut().find(|(known, _)| *known == id);
        Ok(tile.map(|(_, hashes)| std::mem::take(hashes)).unwrap_or_default())
    })
}

/// The hashes of a tile, as many as there are.
pub(super) async fn read_tile(client: &impl GenericClient, level: u8, index: u64) -> Result<Vec<Hash>, StoreError> {
    let first = to_sql(index << 8)?;
    let rows = if level == 0 {
        let leaves = "SELECT leaf_hash FROM ledger.votes WHERE vote_index BETWEEN $1 AND $1 + 255 ORDER BY vote_index";
        client.query(leaves, &[&first]).await?
    } else {
        let hashes =
            "SELECT hash FROM ledger.tile_hashes WHERE level = $2 AND place BETWEEN $1 AND $1 + 255 ORDER BY place";
        client.query(hashes, &[&first, &i16::from(level)]).await?
    };
    rows.iter().map(|row| hash_from_bytes(row.try_get(0)?)).collect()
}
