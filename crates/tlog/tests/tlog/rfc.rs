//! RFC 6962, section 2.1, word for word and slow: what the tests compare with.

use std::cell::RefCell;
use std::collections::HashMap;

use tlog::{Hash, Tile, TileId, Tree, TreeHead};

/// A log of small entries, by the book, and the tiles that our tree made of it, size by size.
pub struct Log {
    entries: Vec<Vec<u8>>,
    known: RefCell<HashMap<(usize, usize), Hash>>,
    pub tiles: HashMap<TileId, Tile>,
}

/// What stands in a place of the log.
pub fn entry(index: usize) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

impl Log {
    pub fn new(size: usize) -> Log {
        let entries: Vec<Vec<u8>> = (0..size).map(entry).collect();
        let mut tree = Tree::new();
        let tiles = entries
            .iter()
            .flat_map(|entry| tree.append(&[Hash::of_leaf(entry)]).unwrap())
            .map(|tile| (tile.id(), tile))
            .collect();
        let known = RefCell::default();
        Log { entries, known, tiles }
    }

    pub fn leaf(&self, index: u64) -> Hash {
        Hash::of_leaf(&self.entries[usize::try_from(index).unwrap()])
    }

    pub fn head(&self, size: u64) -> TreeHead {
        let root = self.mth(0, usize::try_from(size).unwrap());
        TreeHead { size, root }
    }

    /// The stored tiles of these ids.
    pub fn stored(&self, ids: impl IntoIterator<Item = TileId>) -> Vec<Tile> {
        ids.into_iter().map(|id| self.tiles[&id].clone()).collect()
    }

    /// `MTH(D[begin:end])`.
    pub fn mth(&self, begin: usize, end: usize) -> Hash {
        if let Some(known) = self.known.borrow().get(&(begin, end)) {
            return *known;
        }
        let hash = match end - begin {
            0 => Hash::of_nothing(),
            1 => Hash::of_leaf(&self.entries[begin]),
            n => {
                let k = split(n);
                Hash::of_node(&self.mth(begin, begin + k), &self.mth(begin + k, end))
            }
        };
        self.known.borrow_mut().insert((begin, end), hash);
        hash
    }

    /// `PATH(m, D[begin:end])`.
    pub fn path(&self, m: usize, begin: usize, end: usize) -> Vec<Hash> {
        if end - begin == 1 {
            return vec![];
        }
        let k = split(end - begin);
        let (mut path, sibling) = if m < k {
            (self.path(m, begin, begin + k), self.mth(begin + k, end))
        } else {
            (self.path(m - k, begin + k, end), self.mth(begin, begin + k))
        };
        path.push(sibling);
        path
    }

    /// `SUBPROOF(m, D[begin:end], b)`.
    pub fn subproof(&self, m: usize, begin: usize, end: usize, b: bool) -> Vec<Hash> {
        let n = end - begin;
        if m == n {
            return if b { vec![] } else { vec![self.mth(begin, end)] };
        }
        let k = split(n);
        let (mut proof, sibling) = if m <= k {
            (self.subproof(m, begin, begin + k, b), self.mth(begin + k, end))
        } else {
            (self.subproof(m - k, begin + k, end, false), self.mth(begin, begin + k))
        };
        proof.push(sibling);
        proof
    }
}

/// The largest power of two smaller than n.
fn split(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}
