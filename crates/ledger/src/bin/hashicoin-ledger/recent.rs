//! The newest leaves of the log of votes, as they are published: what was counted a moment ago need not be asked of the store to be carried into Redis.
//!
//! Only what the store has committed gets here, and only in the order of the log.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::Leaf;
use tlog::{BundleId, Hash, TILE_WIDTH, Tile, TileId, bundle};

/// How many bundles are remembered: some seconds of votes, in about ten megabytes.
const BUNDLES_MAX: usize = 128;

/// Remembers leaves; clones share them.
#[derive(Clone, Default)]
pub struct Recent(Arc<Mutex<Newest>>);

#[derive(Default)]
struct Newest {
    /// The index of the first bundle that is here.
    first: u64,
    /// All but the last one are full.
    bundles: VecDeque<Bundle>,
}

/// The leaves of one tile, and their entries, from the first one on.
#[derive(Default)]
struct Bundle {
    hashes: Vec<Hash>,
    entries: Vec<u8>,
    /// Where each entry ends.
    ends: Vec<usize>,
}

impl Recent {
    /// Remembers leaves that are committed, from this place of the log on.
    pub fn add(&self, index: u64, leaves: &[Leaf]) {
        let mut newest = self.newest();
        for (index, leaf) in (index..).zip(leaves) {
            newest.add(index, leaf);
        }
    }

    /// A tile of leaves' hashes; `None` if not all of it is here.
    pub fn tile(&self, id: TileId) -> Option<Tile> {
        if id.level() > 0 {
            return None;
        }
        let newest = self.newest();
        let hashes = newest.bundle(id.index())?.hashes.get(..id.width().into())?;
        Tile::new(id, hashes.to_vec())
    }

    /// A bundle of entries; `None` if not all of it is here.
    pub fn bundle(&self, id: BundleId) -> Option<Vec<u8>> {
        let newest = self.newest();
        let bundle = newest.bundle(id.index())?;
        let end = bundle.ends.get(usize::from(id.width()).checked_sub(1)?)?;
        bundle.entries.get(..*end).map(<[u8]>::to_vec)
    }

    fn newest(&self) -> MutexGuard<'_, Newest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Newest {
    fn add(&mut self, index: u64, leaf: &Leaf) {
        let (number, place) = (index / TILE_WIDTH as u64, index % TILE_WIDTH as u64);
        if place == 0 {
            if number != self.first.saturating_add(self.bundles.len() as u64) {
                self.bundles.clear();
            }
            if self.bundles.is_empty() {
                self.first = number;
            }
            self.bundles.push_back(Bundle::default());
        }
        let last = self.bundles.len().saturating_sub(1) as u64;
        let is_last = number == self.first.saturating_add(last);
        // Anything but the next leaf: something was committed that was not heard of, as after a failure. What begins in the next bundle is whole again.
        let is_added = is_last && self.bundles.back_mut().is_some_and(|bundle| bundle.push(place, leaf));
        if !is_added {
            self.bundles.clear();
        }
        if self.bundles.len() > BUNDLES_MAX {
            self.bundles.pop_front();
            self.first = self.first.saturating_add(1);
        }
    }

    fn bundle(&self, index: u64) -> Option<&Bundle> {
        self.bundles.get(usize::try_from(index.checked_sub(self.first)?).ok()?)
    }
}

impl Bundle {
    /// Whether it was the leaf that comes next, and fits.
    fn push(&mut self, place: u64, leaf: &Leaf) -> bool {
        let is_next = self.hashes.len() as u64 == place;
        let is_pushed = is_next && bundle::push(&mut self.entries, leaf.entry.as_bytes()).is_some();
        if is_pushed {
            self.hashes.push(leaf.hash);
            self.ends.push(self.entries.len());
        }
        is_pushed
    }
}

#[cfg(test)]
mod tests {
    use ledger::Leaf;
    use tlog::{BundleId, Hash, TileId, bundle};

    use super::{BUNDLES_MAX, Recent};

    fn leaves(range: std::ops::Range<u64>) -> Vec<Leaf> {
        let leaf = |index: u64| {
            let entry = format!("entry {index}");
            Leaf {
                hash: Hash::of_leaf(entry.as_bytes()),
                entry,
            }
        };
        range.map(leaf).collect()
    }

    /// Whether the bundle and the tile in this place, in a log of this size, are remembered; they must be the right ones.
    fn is_here(recent: &Recent, index: u64, size: u64) -> bool {
        let expected = leaves(256 * index..size.min(256 * (index + 1)));
        let found = recent.bundle(BundleId::in_log(index, size).unwrap());
        let tile = recent.tile(TileId::in_tree(0, index, size).unwrap());
        assert_eq!(found.is_some(), tile.is_some());
        let (Some(found), Some(tile)) = (found, tile) else {
            return false;
        };
        let entries: Vec<&[u8]> = expected.iter().map(|leaf| leaf.entry.as_bytes()).collect();
        assert_eq!(bundle::entries(&found).unwrap(), entries);
        let hashes: Vec<Hash> = expected.iter().map(|leaf| leaf.hash).collect();
        assert_eq!(tile.hashes(), hashes);
        true
    }

    #[test]
    fn what_was_added_is_given_as_it_is_published_also_of_a_smaller_log() {
        let recent = Recent::default();
        assert!(recent.bundle(BundleId::in_log(0, 1).unwrap()).is_none());
        for (from, to) in [(0, 1), (1, 200), (200, 600)] {
            recent.add(from, &leaves(from..to));
        }
        for (index, size) in [(0, 1), (0, 200), (0, 600), (1, 257), (1, 600), (2, 513), (2, 600)] {
            assert!(is_here(&recent, index, size), "{index} of {size}");
        }
        // Not there yet.
        assert!(!is_here(&recent, 2, 601));
        assert!(recent.tile(TileId::in_tree(1, 0, 600).unwrap()).is_none());
    }

    #[test]
    fn what_was_not_heard_of_is_not_made_up() {
        let recent = Recent::default();
        // The ledger was there before, in the middle of a bundle.
        recent.add(300, &leaves(300..700));
        assert!(!is_here(&recent, 1, 700));
        assert!(is_here(&recent, 2, 700));
        // Leaves were committed whose answer was lost.
        recent.add(705, &leaves(705..1100));
        assert!(!is_here(&recent, 2, 1100));
        assert!(is_here(&recent, 3, 1100));
        // A whole bundle was.
        recent.add(1536, &leaves(1536..1600));
        assert!(!is_here(&recent, 4, 1600));
        assert!(is_here(&recent, 6, 1600));
        // Once more what is there.
        recent.add(1550, &leaves(1550..1551));
        assert!(!is_here(&recent, 6, 1600));
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let recent = Recent::default();
        let bundles = BUNDLES_MAX as u64 + 2;
        let size = 256 * bundles;
        recent.add(0, &leaves(0..size));
        for index in 0..bundles {
            assert_eq!(is_here(&recent, index, size), index >= 2, "{index}");
        }
    }
}
