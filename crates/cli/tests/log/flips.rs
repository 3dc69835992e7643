//! One bit that is another than it was, anywhere in what is published: it is found, and named to the row.

use std::fs;
use std::ops::Range;
use std::path::Path;

use serde_json::Value;
use tlog::bundle;

use crate::draft::Draft;
use crate::{VOTES, findings, hashicoin, published};

/// How many bits of each file are turned, one at a time.
const FLIPS: usize = 12;

/// Numbers that look like chance, and are the same each time.
struct Dice(u64);

impl Dice {
    /// The next one below a limit (Knuth's MMIX generator; its high bits).
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// How the place is named that a byte of a bundle belongs to: its entry, or the bundle if it is of a length.
fn in_bundle(path: &str, index: usize, bytes: &[u8], at: usize) -> String {
    let mut begins = 0;
    for (place, entry) in bundle::entries(bytes).unwrap().iter().enumerate() {
        let text: Range<usize> = begins + 2..begins + 2 + entry.len();
        if text.contains(&at) {
            return format!("entry {}: ", index * 256 + place);
        }
        begins = text.end;
    }
    format!("{path}: ")
}

/// What an audit says after each of some flips; `named` says what has to be in it.
fn flip(root: &Path, file: &str, within: Option<&str>, named: impl Fn(&[u8], usize) -> String) {
    let path = root.join(file);
    let good = fs::read(&path).unwrap();
    // Of a file that has more than signed text in it, only that.
    let (first, length) = match within {
        Some(text) => {
            let whole = String::from_utf8(good.clone()).unwrap();
            (whole.find(text).unwrap(), text.len())
        }
        None => (0, good.len()),
    };
    let mut dice = Dice(u64::try_from(file.len()).unwrap());
    for _ in 0..FLIPS {
        let (at, bit) = (first + dice.below(length), dice.below(8));
        let mut bad = good.clone();
        bad[at] ^= 1 << bit;
        fs::write(&path, &bad).unwrap();
        let ended = hashicoin(&["audit", root.to_str().unwrap(), "--json"]);
        let found = match serde_json::from_str::<Value>(&ended.stdout) {
            Ok(json) => findings(&json).join("\n"),
            Err(_) => ended.stderr.clone(),
        };
        let named = named(&good, at);
        assert_eq!(ended.code(), 1, "{file}, byte {at}, bit {bit}: {ended:?}");
        assert!(
            found.contains(&named),
            "{file}, byte {at}, bit {bit}: no {named:?} in {found}"
        );
    }
    fs::write(&path, good).unwrap();
}

#[test]
fn every_turned_bit_is_found_and_named() {
    let draft = Draft::new(VOTES);
    let directory = published(&draft);
    let root = directory.path();
    for (index, file) in ["000", "001", "002.p/88"].into_iter().enumerate() {
        let path = format!("tile/entries/{file}");
        flip(root, &format!("v1/log/{path}"), None, |bytes, at| {
            in_bundle(&path, index, bytes, at)
        });
        flip(root, &format!("v1/log/tile/0/{file}"), None, |_, at| {
            format!(
                "entry {}: it is not the one whose hash is in the tile",
                index * 256 + at / 32
            )
        });
    }
    flip(root, "v1/log/tile/1/000.p/2", None, |_, at| {
        format!("tile/1/000.p/2: hash {}", at / 32)
    });
    flip(root, "v1/log/checkpoint", None, |_, _| "checkpoint".to_owned());
    // The third of the notes: everything between the quotes around it.
    let note = Value::String(draft.checkpoint(256)).to_string();
    let note = note.trim_matches('"');
    flip(root, "v1/log/checkpoints", Some(note), |_, _| "checkpoint".to_owned());
}
