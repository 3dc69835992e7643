//! A tree that grows: what it has to know of itself is its right edge, and that is its partial tiles.

use crate::tile::{LEVELS, TILE_WIDTH, Tile, partial_tiles, tiles};
use crate::{Hash, SIZE_MAX, TreeHead};

/// As much of a log's tree as growing takes: the partial tile of each level, at most 8 KiB for every factor of 256 in its size.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    size: u64,
    /// From the leaves up.
    levels: [Level; LEVELS as usize],
}

/// The right end of one level of tiles.
#[derive(Clone, Debug, Default)]
struct Level {
    /// Of the partial tile: fewer than [`TILE_WIDTH`].
    hashes: Vec<Hash>,
    /// The roots of the complete subtrees over them, the widest first: one for each bit of their number.
    roots: Vec<Hash>,
}

impl Level {
    /// Takes the next hash. One that fills the tile gives the tile's hashes and its root, and the next tile begins.
    fn push(&mut self, hash: Hash) -> Option<(Vec<Hash>, Hash)> {
        self.hashes.push(hash);
        let mut root = hash;
        for _ in 0..self.hashes.len().trailing_zeros() {
            if let Some(left) = self.roots.pop() {
                root = Hash::of_node(&left, &root);
            }
        }
        if self.hashes.len() < TILE_WIDTH {
            self.roots.push(root);
            return None;
        }
        Some((std::mem::take(&mut self.hashes), root))
    }
}

impl Tree {
    /// The tree without leaves.
    pub fn new() -> Tree {
        Tree::default()
    }

    /// The tree that was grown to this size before, from its [`partial_tiles`]; others among them do not matter. `None` if one is not there, or the size is above
    /// [`SIZE_MAX`]. Compare its head with the one that was signed: the tiles are believed here.
    pub fn resume(size: u64, stored: &[Tile]) -> Option<Tree> {
        let mut tree = Tree::new();
        for id in partial_tiles(size) {
            let tile = stored.iter().find(|tile| tile.id() == id)?;
            let level = tree.levels.get_mut(usize::from(id.level()))?;
            for hash in tile.hashes() {
                level.push(*hash);
            }
        }
        tree.size = size;
        (size <= SIZE_MAX).then_some(tree)
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The size and the root.
    pub fn head(&self) -> TreeHead {
        let from_the_right = self.levels.iter().flat_map(|level| level.roots.iter().rev());
        let root = from_the_right
            .copied()
            .reduce(|right, left| Hash::of_node(&left, &right));
        TreeHead {
            size: self.size,
            root: root.unwrap_or_else(Hash::of_nothing),
        }
    }

    /// Appends leaves, and gives each tile that they filled or made wider: those that [`tiles`] names, to be stored before anybody hears of the new head. `None`,
    /// with nothing appended, if the tree would outgrow [`SIZE_MAX`].
    pub fn append(&mut self, leaves: &[Hash]) -> Option<Vec<Tile>> {
        let before = self.size;
        let count = u64::try_from(leaves.len()).ok()?;
        let after = before.checked_add(count).filter(|after| *after <= SIZE_MAX)?;
        let mut grown = Vec::new();
        for leaf in leaves {
            self.size = self.size.wrapping_add(1);
            let mut hash = *leaf;
            for (number, level) in (0..).zip(&mut self.levels) {
                let Some((hashes, root)) = level.push(hash) else { break };
                grown.push(Tile::filled(number, self.size, hashes));
                hash = root;
            }
        }
        for id in tiles(before, after).filter(|id| !id.is_full()) {
            let level = self.levels.get(usize::from(id.level()));
            grown.extend(level.and_then(|level| Tile::new(id, level.hashes.clone())));
        }
        Some(grown)
    }
}
