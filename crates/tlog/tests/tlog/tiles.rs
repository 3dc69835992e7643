//! Which tiles and bundles there are, and their one name.

use proptest::prelude::*;
use tlog::{BundleId, SIZE_MAX, TileId, bundle, bundles, partial_tiles, tiles};

#[test]
fn the_specifications_examples_come_out() {
    let mut tree: Vec<String> = tiles(0, 70_000).map(|id| id.to_string()).collect();
    // 273 full and one partial on level 0, one and one on level 1, one partial on level 2.
    assert_eq!(
        tree.split_off(273),
        ["tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]
    );
    assert_eq!((tree[0].as_str(), tree[272].as_str()), ("tile/0/000", "tile/0/272"));
    let small: Vec<String> = tiles(0, 256).map(|id| id.to_string()).collect();
    assert_eq!(small, ["tile/0/000", "tile/1/000.p/1"]);
    let id = TileId::parse("tile/0/x001/x234/067").unwrap();
    assert_eq!(
        (id.level(), id.index(), id.width(), id.is_full()),
        (0, 1_234_067, 256, true)
    );
    let id = BundleId::parse("tile/entries/x001/x234/067.p/9").unwrap();
    assert_eq!((id.index(), id.width()), (1_234_067, 9));
}

#[test]
fn a_growth_names_what_became_wider_or_full() {
    let names = |from, to| tiles(from, to).map(|id| id.to_string()).collect::<Vec<_>>();
    assert_eq!(names(3, 3), [""; 0]);
    assert_eq!(names(5, 3), [""; 0]);
    assert_eq!(names(3, 4), ["tile/0/000.p/4"]);
    assert_eq!(names(255, 256), ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(names(256, 257), ["tile/0/001.p/1"]);
    assert_eq!(
        names(300, 800),
        ["tile/0/001", "tile/0/002", "tile/0/003.p/32", "tile/1/000.p/3"]
    );
    let bundles: Vec<String> = bundles(300, 800).map(|id| id.to_string()).collect();
    assert_eq!(
        bundles,
        ["tile/entries/001", "tile/entries/002", "tile/entries/003.p/32"]
    );
}

#[test]
fn the_largest_tree_has_eight_levels() {
    assert_eq!(
        tiles(SIZE_MAX - 1, SIZE_MAX).map(TileId::level).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4, 5, 6, 7]
    );
    assert_eq!(partial_tiles(SIZE_MAX).count(), 1);
    let last = TileId::in_tree(0, (SIZE_MAX >> 8) - 1, SIZE_MAX).unwrap();
    assert_eq!(TileId::parse(&last.to_string()), Some(last));
}

#[test]
fn a_tile_that_is_not_in_the_tree_has_no_id() {
    assert_eq!(TileId::in_tree(0, 1, 256), None);
    assert_eq!(TileId::in_tree(1, 0, 255), None);
    assert_eq!(TileId::in_tree(200, 0, u64::MAX), None);
    assert_eq!(BundleId::in_log(0, 0), None);
    assert_eq!(BundleId::in_log(2, 600).unwrap().to_string(), "tile/entries/002.p/88");
}

#[test]
fn another_spelling_is_no_path() {
    for bad in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/000",
        "tile/0/000/000",
        "tile/0/1000",
        "tile/0/x1/000",
        "tile/0/xx01/000",
        "tile/0/+01",
        "tile/0/x001/+67",
        "tile/0/-01",
        "tile/00/000",
        "tile/+0/000",
        "tile/8/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/00",
        "tile/0/000.p/01",
        "tile/0/000.p/+1",
        "tile/0/000.p/256",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/0/000 ",
        "tile/0/x018/x446/x744/x073/x709/x551/615",
        "tile/0/x018/x014/x398/x509/x481/985",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/٠٠٠",
        "Tile/0/000",
    ] {
        assert_eq!(TileId::parse(bad), None, "{bad}");
        let entries = bad.replacen("tile/0/", "tile/entries/", 1);
        assert_eq!(BundleId::parse(&entries), None, "{entries}");
    }
    assert_eq!(TileId::parse("tile/entries/000"), None);
    assert_eq!(BundleId::parse("tile/0/000"), None);
}

#[test]
fn a_bundle_is_a_whole_number_of_entries_and_not_too_many() {
    let mut bytes = Vec::new();
    let longest = vec![1; bundle::ENTRY_BYTES_MAX];
    bundle::push(&mut bytes, b"one").unwrap();
    bundle::push(&mut bytes, b"").unwrap();
    bundle::push(&mut bytes, &longest).unwrap();
    let before = bytes.clone();
    assert_eq!(bundle::push(&mut bytes, &[longest.as_slice(), &[1]].concat()), None);
    assert_eq!(bytes, before);
    assert_eq!(&bytes[..5], [0, 3, b'o', b'n', b'e']);
    assert_eq!(bundle::entries(&bytes), Some(vec![b"one".as_slice(), b"", &longest]));
    for cut in [1, 2, 4, 6, 8, bytes.len() - 1] {
        assert_eq!(bundle::entries(&bytes[..cut]), None, "{cut}");
    }
    assert_eq!(bundle::entries(b""), None);
    assert!(bundle::entries(&[0; 2 * 256]).is_some_and(|entries| entries.len() == 256));
    assert_eq!(bundle::entries(&[0; 2 * 257]), None);
}

proptest! {
    #[test]
    fn a_path_reads_back(level in 0_u8..8, index in 0..=SIZE_MAX >> 8, size in 1..=SIZE_MAX) {
        let index = index % (size >> 8).max(1);
        if let Some(id) = TileId::in_tree(level, index, size) {
            prop_assert_eq!(TileId::parse(&id.to_string()), Some(id));
        }
        for id in partial_tiles(size) {
            prop_assert_eq!(TileId::parse(&id.to_string()), Some(id));
        }
        let id = BundleId::in_log(size >> 9, size).unwrap();
        prop_assert_eq!(BundleId::parse(&id.to_string()), Some(id));
    }

    #[test]
    fn what_is_accepted_is_spelled_so(path in "tile/[0-9]{1,2}(/x[0-9]{3}){0,2}/[0-9]{3}(\\.p/[0-9]{1,3})?", at: usize, byte in 0x20_u8..0x7f) {
        let mut bytes = path.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        for path in [path, String::from_utf8(bytes).unwrap()] {
            if let Some(id) = TileId::parse(&path) {
                prop_assert_eq!(id.to_string(), path);
            }
        }
    }

    #[test]
    fn a_bundle_reads_back(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..=256)) {
        let mut bytes = Vec::new();
        for entry in &entries {
            bundle::push(&mut bytes, entry).unwrap();
        }
        let read = bundle::entries(&bytes).unwrap();
        prop_assert_eq!(read, entries);
    }
}
