//! A log's tree as a store keeps it: the leaves' hashes stand with what they are of, the hashes above them in rows of their own, and the right edge in memory.

use std::collections::BTreeMap;

use tlog::{Hash, Tile, TileId, Tree, TreeHead, partial_tiles};

use crate::{Leaf, LogKind, Reader, StoreError};

/// A hash of a level of tiles above the leaves: the root of the complete subtree of 256^level leaves in this place, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TileHash {
    /// From 1.
    pub(crate) level: u8,
    pub(crate) place: u64,
    pub(crate) hash: Hash,
}

/// What the tree has of leaves.
pub(crate) fn hashes(leaves: &[Leaf]) -> Vec<Hash> {
    leaves.iter().map(|leaf| leaf.hash).collect()
}

/// The tree with these leaves after its own, and the hashes above the leaves that are new with them.
///
/// # Errors
///
/// [`StoreError::Damaged`] when a tree cannot be that large.
pub(crate) fn grown(tree: &Tree, leaves: &[Hash]) -> Result<(Tree, Vec<TileHash>), StoreError> {
    let mut after = tree.clone();
    let tiles = after.append(leaves);
    let tiles = tiles.ok_or_else(|| StoreError::Damaged("the log's tree cannot grow any more".to_owned()))?;
    let new = tiles.iter().filter(|tile| tile.id().level() > 0).flat_map(|tile| {
        let level = tile.id().level();
        let first = tile.id().index() << 8;
        let known = tree.size() >> (8 * u32::from(level));
        let hashes = (first..).zip(tile.hashes());
        hashes.filter_map(move |(place, hash)| {
            (place >= known).then_some(TileHash {
                level,
                place,
                hash: *hash,
            })
        })
    });
    Ok((after, new.collect()))
}

/// The tree of this size, out of the hashes of its right edge as a store has them; `hashes` gives those of a tile, in order.
///
/// # Errors
///
/// Of `hashes`; [`StoreError::Damaged`] when a tile has not as many as it must.
pub(crate) fn resumed(
    size: u64,
    mut hashes: impl FnMut(TileId) -> Result<Vec<Hash>, StoreError>,
) -> Result<Tree, StoreError> {
    let mut tiles = Vec::new();
    for id in partial_tiles(size) {
        let tile = Tile::new(id, hashes(id)?);
        tiles.push(tile.ok_or_else(|| StoreError::Damaged(format!("{id} has not as many hashes as it must")))?);
    }
    Tree::resume(size, &tiles).ok_or_else(|| StoreError::Damaged("the log's tree is larger than it can be".to_owned()))
}

/// The tree as it was at this size, out of what a store has now.
///
/// # Errors
///
/// When the store fails, or has not as many hashes as it must.
pub(crate) fn tree_at(reader: &mut dyn Reader, log: LogKind, size: u64) -> Result<Tree, StoreError> {
    resumed(size, |id| {
        let mut hashes = reader.tile(log, id.level(), id.index())?;
        // What came after is not of that tree.
        hashes.truncate(id.width().into());
        Ok(hashes)
    })
}

/// How many leaves the tree grows by at a time when it is built again: growing costs a copy of its right edge.
const CHUNK: usize = 4096;

/// Builds the tree again from its leaves, and holds what a store has of it against that.
#[derive(Default)]
pub(crate) struct Recount {
    tree: Tree,
    waiting: Vec<Hash>,
    expected: BTreeMap<(u8, u64), Hash>,
}

impl Recount {
    /// The next leaf.
    pub(crate) fn leaf(&mut self, leaf: Hash) -> Result<(), StoreError> {
        self.waiting.push(leaf);
        if self.waiting.len() < CHUNK {
            Ok(())
        } else {
            self.grow()
        }
    }

    /// No leaf is left; what follows are hashes above the leaves.
    pub(crate) fn grow(&mut self) -> Result<(), StoreError> {
        let (tree, new) = grown(&self.tree, &self.waiting)?;
        self.waiting.clear();
        self.tree = tree;
        self.expected
            .extend(new.iter().map(|new| ((new.level, new.place), new.hash)));
        Ok(())
    }

    /// A hash above the leaves, as the store has it.
    pub(crate) fn tile_hash(&mut self, kept: TileHash) -> Result<(), StoreError> {
        let TileHash { level, place, hash } = kept;
        if self.expected.remove(&(level, place)) == Some(hash) {
            return Ok(());
        }
        Err(StoreError::Damaged(format!(
            "the hash of level {level} in place {place} is not that of its leaves"
        )))
    }

    /// All hashes have been seen, and the head must be this.
    pub(crate) fn end_at(self, head: &TreeHead, leaves: &str) -> Result<(), StoreError> {
        let damaged = |what: String| Err(StoreError::Damaged(what));
        match self.expected.first_key_value() {
            Some(((level, place), _)) => damaged(format!("the hash of level {level} in place {place} is missing")),
            None if self.tree.head() != *head => damaged(format!("its tree's root is not that of its {leaves}")),
            None => Ok(()),
        }
    }
}
