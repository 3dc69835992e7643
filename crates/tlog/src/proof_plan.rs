//! Proofs, made: first the tiles that one needs, so that they can be fetched all at once and by whatever means, then its hashes out of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Hash, SIZE_MAX, Tile, TileId};

/// What goes into a proof: stretches of the log, of each of which it has the hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofPlan {
    size: u64,
    /// First leaf and the leaf behind the last, in the order of the proof: the narrowest first.
    stretches: Vec<(u64, u64)>,
}

/// A complete subtree: a run of hashes within one tile.
struct Subtree {
    tile: TileId,
    offset: usize,
    width: usize,
}

impl ProofPlan {
    /// For the proof that the leaf in this place, counted from 0, is in the tree of this size. `None` if it is not, or the tree is above [`SIZE_MAX`].
    pub fn inclusion(index: u64, size: u64) -> Option<ProofPlan> {
        if index >= size || size > SIZE_MAX {
            return None;
        }
        let (mut begin, mut end, mut stretches) = (0, size, Vec::new());
        while let Some(middle) = middle(begin, end) {
            if index < middle {
                stretches.push((middle, end));
                end = middle;
            } else {
                stretches.push((begin, middle));
                begin = middle;
            }
        }
        stretches.reverse();
        Some(ProofPlan { size, stretches })
    }

    /// For the proof that the tree of size `to` begins with the tree of size `from`. `None` if it cannot, or the tree is above [`SIZE_MAX`].
    pub fn consistency(from: u64, to: u64) -> Option<ProofPlan> {
        if from > to || to > SIZE_MAX {
            return None;
        }
        let (mut begin, mut end, mut stretches) = (0, to, Vec::new());
        while from > 0 && end != from {
            let middle = middle(begin, end)?;
            if from <= middle {
                stretches.push((middle, end));
                end = middle;
            } else {
                stretches.push((begin, middle));
                begin = middle;
            }
        }
        // From the left edge it is the older tree itself, and whoever checks knows its root.
        if begin > 0 {
            stretches.push((begin, end));
        }
        stretches.reverse();
        Some(ProofPlan { size: to, stretches })
    }

    /// The tiles that the proof is made of, each once, in no order that matters.
    pub fn tiles(&self) -> Vec<TileId> {
        let subtrees = self.stretches.iter().flat_map(|stretch| self.subtrees(*stretch));
        let tiles: BTreeSet<TileId> = subtrees.map(|subtree| subtree.tile).collect();
        tiles.into_iter().collect()
    }

    /// The proof; `None` if one of [`ProofPlan::tiles`] is not among these.
    pub fn prove(&self, tiles: &[Tile]) -> Option<Vec<Hash>> {
        let tiles: BTreeMap<TileId, &Tile> = tiles.iter().map(|tile| (tile.id(), tile)).collect();
        let hash = |subtree: Subtree| {
            let hashes = tiles.get(&subtree.tile)?.hashes();
            complete(
                hashes
                    .iter()
                    .skip(subtree.offset)
                    .take(subtree.width)
                    .copied()
                    .collect(),
            )
        };
        let hash_of_stretch = |stretch: &(u64, u64)| {
            let hashes: Option<Vec<Hash>> = self.subtrees(*stretch).map(hash).collect();
            let from_the_right = hashes?.into_iter().rev();
            from_the_right.reduce(|right, left| Hash::of_node(&left, &right))
        };
        self.stretches.iter().map(hash_of_stretch).collect()
    }

    /// The complete subtrees that make up a stretch, the widest first. Its first leaf is where a subtree as wide as the stretch may begin.
    fn subtrees(&self, (mut begin, end): (u64, u64)) -> impl Iterator<Item = Subtree> {
        let size = self.size;
        std::iter::from_fn(move || {
            let height = end.checked_sub(begin)?.checked_ilog2()?;
            let tile_level = height / 8;
            let first = begin.checked_shr(tile_level.wrapping_mul(8))?;
            let subtree = Subtree {
                tile: TileId::in_tree(u8::try_from(tile_level).ok()?, first >> 8, size)?,
                offset: usize::try_from(first & 0xff).ok()?,
                width: 1_usize.checked_shl(height % 8)?,
            };
            begin = begin.checked_add(1_u64.checked_shl(height)?)?;
            Some(subtree)
        })
    }
}

/// Where the tree over a stretch divides: after the greatest power of two that is less than its length. `None` for a single leaf.
fn middle(begin: u64, end: u64) -> Option<u64> {
    let height = end.checked_sub(begin)?.checked_sub(1)?.checked_ilog2()?;
    begin.checked_add(1_u64.checked_shl(height)?)
}

/// The root over as many hashes as a power of two.
fn complete(mut hashes: Vec<Hash>) -> Option<Hash> {
    while hashes.len() > 1 {
        let (pairs, _) = hashes.as_chunks();
        hashes = pairs.iter().map(|[left, right]| Hash::of_node(left, right)).collect();
    }
    hashes.pop()
}
