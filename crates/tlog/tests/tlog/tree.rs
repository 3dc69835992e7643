//! A tree that grows has the root that the RFC gives it, however it grew, and names each tile that it changed.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tlog::{Hash, SIZE_MAX, Tile, TileId, Tree, partial_tiles, tiles};

use crate::rfc::{Log, entry};

fn leaves(range: std::ops::Range<usize>) -> Vec<Hash> {
    range.map(|index| Hash::of_leaf(&entry(index))).collect()
}

fn ids(tiles: &[Tile]) -> BTreeSet<TileId> {
    tiles.iter().map(Tile::id).collect()
}

/// The test vector of the Certificate Transparency project.
#[test]
fn the_roots_of_the_published_test_vector_come_out() {
    let hex = |text: &str| -> Vec<u8> {
        let pairs = text.as_bytes().chunks(2);
        pairs
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    };
    let entries = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let mut tree = Tree::new();
    let mut assert_root = |entry: Option<&str>, root: &str| {
        let leaf = entry.map(|entry| Hash::of_leaf(&hex(entry)));
        tree.append(leaf.as_slice()).unwrap();
        assert_eq!(tree.head().root.0.as_slice(), hex(root));
    };
    assert_root(None, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_root(
        Some(entries[0]),
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    );
    tree.append(
        &entries[1..7]
            .iter()
            .map(|entry| Hash::of_leaf(&hex(entry)))
            .collect::<Vec<_>>(),
    )
    .unwrap();
    let mut assert_root = |entry: &str, root: &str| {
        tree.append(&[Hash::of_leaf(&hex(entry))]).unwrap();
        assert_eq!(tree.head().root.0.as_slice(), hex(root));
    };
    assert_root(
        entries[7],
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    );
}

#[test]
fn of_every_size_the_root_is_the_rfcs() {
    let log = Log::new(600);
    let mut tree = Tree::new();
    for size in 0..=600 {
        assert_eq!(tree.head(), log.head(size));
        if size < 600 {
            tree.append(&[log.leaf(size)]).unwrap();
        }
    }
}

#[test]
fn a_tree_of_three_levels_resumes() {
    let size = 65_536 + 256 + 3;
    let mut tree = Tree::new();
    let stored = tree.append(&leaves(0..size)).unwrap();
    assert_eq!(ids(&stored), tiles(0, tree.size()).collect());
    let edge: Vec<TileId> = partial_tiles(tree.size()).collect();
    assert_eq!(
        edge.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["tile/0/257.p/3", "tile/1/001.p/1", "tile/2/000.p/1"]
    );
    let resumed = Tree::resume(tree.size(), &stored).unwrap();
    assert_eq!(resumed.head(), tree.head());
}

#[test]
fn a_tree_does_not_resume_without_each_of_its_partial_tiles() {
    let mut tree = Tree::new();
    let stored = tree.append(&leaves(0..700)).unwrap();
    for missing in partial_tiles(700) {
        let rest: Vec<Tile> = stored.iter().filter(|tile| tile.id() != missing).cloned().collect();
        assert!(Tree::resume(700, &rest).is_none());
    }
    assert!(Tree::resume(701, &stored).is_none() && Tree::resume(256, &stored).is_none());
}

#[test]
fn a_tree_does_not_outgrow_what_has_proofs() {
    let full = Tile::new(TileId::in_tree(7, 0, SIZE_MAX).unwrap(), leaves(0..64)).unwrap();
    let mut tree = Tree::resume(SIZE_MAX, &[full]).unwrap();
    let head = tree.head();
    assert!(tree.append(&leaves(0..1)).is_none());
    assert_eq!(tree.append(&[]), Some(vec![]));
    assert_eq!(tree.head(), head);
    let larger = SIZE_MAX + (1 << 56);
    let edge = Tile::new(TileId::in_tree(7, 0, larger).unwrap(), leaves(0..65)).unwrap();
    assert!(Tree::resume(larger, &[edge]).is_none());
}

#[test]
fn a_tile_is_exactly_its_hashes() {
    let id = TileId::in_tree(0, 0, 3).unwrap();
    let tile = Tile::new(id, leaves(0..3)).unwrap();
    let mut bytes = tile.to_bytes();
    assert_eq!(Tile::from_bytes(id, &bytes), Some(tile));
    bytes.push(0);
    assert_eq!(Tile::from_bytes(id, &bytes), None);
    assert_eq!(Tile::from_bytes(id, &bytes[..64]), None);
    assert_eq!(Tile::new(id, leaves(0..4)), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn in_whatever_batches_a_tree_grows_it_is_the_same(batches in prop::collection::vec(0_usize..400, 1..8)) {
        let total = batches.iter().sum();
        let mut at_once = Tree::new();
        let mut all: Vec<Tile> = at_once.append(&leaves(0..total)).unwrap();
        let (mut tree, mut stored) = (Tree::new(), Vec::new());
        for batch in batches {
            let from = tree.size();
            let begin = usize::try_from(from).unwrap();
            let grown = tree.append(&leaves(begin..begin + batch)).unwrap();
            prop_assert_eq!(ids(&grown), tiles(from, tree.size()).collect());
            prop_assert_eq!(ids(&grown).len(), grown.len());
            stored.extend(grown);
            // A writer that was killed here goes on from what it stored.
            tree = Tree::resume(tree.size(), &stored).unwrap();
        }
        prop_assert_eq!(tree.head(), at_once.head());
        let mut latest = stored;
        latest.retain(|tile| all.iter().any(|other| other.id() == tile.id()));
        latest.sort_by_key(Tile::id);
        all.sort_by_key(Tile::id);
        prop_assert_eq!(latest, all);
    }
}
