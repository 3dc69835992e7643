//! A log that we wrote, read by the programs of others: Tessera's fsck and Go's own note and tlog packages, by tools/tlog-check. They accept what is good, and they
//! see what is not.

use std::fs;
use std::path::Path;
use std::process::Command;

use servers::process::{Ended, run};
use servers::tools::tool;
use tempfile::TempDir;
use tlog::{BundleId, Checkpoint, Hash, ProofPlan, Tile, TlogProof, Tree, bundle, bundles};

use crate::keys::{Signer, log, witness};
use crate::notes::signed;
use crate::rfc::entry;

/// Two full levels and something on each.
const SIZE: usize = 65_536 + 2 * 256 + 7;

/// In what steps the log grows, each with tiles of its own.
const GROWTH: [usize; 6] = [1, 300, 512, 40_000, 65_536, SIZE];

/// The entries that get a receipt, and the older sizes that get a consistency proof.
const RECEIPTS: [usize; 5] = [0, 255, 256, 65_536, SIZE - 1];
const OLDER: [usize; 4] = [1, 300, 512, 65_536];

/// A log in a directory, signed by a log and a witness.
struct Published {
    directory: TempDir,
    log: Signer,
    witness: Signer,
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn length(size: usize) -> u64 {
    u64::try_from(size).unwrap()
}

impl Published {
    fn new() -> Published {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let (mut tree, mut tiles, mut heads) = (Tree::new(), Vec::new(), Vec::new());
        for size in GROWTH {
            let from = tree.size();
            let leaves: Vec<Hash> = (usize::try_from(from).unwrap()..size)
                .map(|index| Hash::of_leaf(&entry(index)))
                .collect();
            let grown = tree.append(&leaves).unwrap();
            for tile in &grown {
                write(&root.join(tile.id().to_string()), tile.to_bytes());
            }
            for id in bundles(from, tree.size()) {
                write(&root.join(id.to_string()), entries(id));
            }
            tiles.extend(grown);
            heads.push(tree.head());
        }
        let (log, witness) = (log(1), witness(2));
        let checkpoint = Checkpoint::new("log.example/coins", tree.head()).unwrap();
        let note = signed(&checkpoint, &log, std::slice::from_ref(&witness));
        write(&root.join("checkpoint"), note.to_string());
        for index in RECEIPTS {
            let receipt = TlogProof {
                extra: vec![],
                index: length(index),
                hashes: prove(ProofPlan::inclusion(length(index), tree.size()), &tiles),
                checkpoint: note.clone(),
            };
            write(&root.join(format!("{index}.tlog-proof")), receipt.to_string());
        }
        for head in heads.iter().filter(|head| OLDER.map(length).contains(&head.size)) {
            let mut lines = vec![head.size.to_string(), head.root.to_string()];
            let proof = prove(ProofPlan::consistency(head.size, tree.size()), &tiles);
            lines.extend(proof.iter().map(Hash::to_string));
            write(&root.join(format!("{}.growth", head.size)), lines.join("\n") + "\n");
        }
        Published {
            directory,
            log,
            witness,
        }
    }

    fn check(&self) -> Ended {
        self.check_with(&self.log, &self.witness)
    }

    fn check_with(&self, log: &Signer, witness: &Signer) -> Ended {
        let mut command = Command::new(tool("tlog-check"));
        let keys = [log.key.to_string(), witness.key.to_string()];
        run(command.arg(self.directory.path()).args(keys))
    }

    /// What is said about the log while one of its files is another.
    fn check_changed(&self, file: &str, change: impl FnOnce(&mut Vec<u8>)) -> String {
        let path = self.directory.path().join(file);
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        change(&mut bad);
        assert_ne!(bad, good);
        fs::write(&path, bad).unwrap();
        let ended = self.check();
        fs::write(&path, good).unwrap();
        assert_eq!(ended.code(), 1, "{file}: {ended:?}");
        ended.stderr
    }
}

fn prove(plan: Option<ProofPlan>, tiles: &[Tile]) -> Vec<Hash> {
    plan.unwrap().prove(tiles).unwrap()
}

fn entries(id: BundleId) -> Vec<u8> {
    let first = usize::try_from(id.index()).unwrap() * 256;
    let mut bytes = Vec::new();
    for index in first..first + usize::from(id.width()) {
        bundle::push(&mut bytes, &entry(index)).unwrap();
    }
    bytes
}

#[test]
fn others_accept_our_log_and_see_what_is_changed_in_it() {
    let published = Published::new();
    let accepted = published.check();
    assert_eq!(accepted.code(), 0, "{accepted:?}");
    assert_eq!(accepted.stdout, format!("entries: {SIZE}, receipts: 5, growths: 4\n"));

    let flip = |place: usize| move |bytes: &mut Vec<u8>| bytes[place] ^= 1;
    for (file, place, words) in [
        ("tile/0/000", 31, "tile/0/000: log has"),
        ("tile/0/257", 8191, "tile/0/257: log has"),
        ("tile/0/258.p/7", 0, "tile/0/258.p/7: log has"),
        ("tile/1/000", 100, "tile/1/000: log has"),
        ("tile/1/001.p/2", 63, "tile/1/001.p/2: log has"),
        ("tile/2/000.p/1", 0, "tile/2/000.p/1: log has"),
        // The last byte of an entry: the tiles that follow from it are not those that are there.
        ("tile/entries/258.p/7", 11, "tile/0/258.p/7: log has"),
        // A length.
        ("tile/entries/003", 1, "fsck: "),
        ("checkpoint", 19, "the checkpoint: invalid signature"),
        ("256.tlog-proof", 40, "256.tlog-proof: "),
        ("300.growth", 60, "300.growth: "),
    ] {
        let said = published.check_changed(file, flip(place));
        assert!(said.contains(words), "{file}: {said}");
    }
    // Another root, signed by the right keys; and a head of the right keys that one of them did not sign.
    let resign = |root: Hash, witnesses: &[Signer]| {
        let head = tlog::TreeHead {
            size: length(SIZE),
            root,
        };
        let checkpoint = Checkpoint::new("log.example/coins", head).unwrap();
        let note = signed(&checkpoint, &published.log, witnesses).to_string();
        move |bytes: &mut Vec<u8>| *bytes = note.into_bytes()
    };
    let said = published.check_changed("checkpoint", resign(Hash([1; 32]), &[witness(2)]));
    assert!(said.contains("fsck: calculated root"), "{said}");
    let said = published.check_changed("checkpoint", resign(Hash([1; 32]), &[]));
    assert!(said.contains("the checkpoint: signed by 1 of 2 keys"), "{said}");
    // Other keys.
    for ended in [
        published.check_with(&log(3), &published.witness),
        published.check_with(&published.log, &witness(3)),
    ] {
        assert_eq!(ended.code(), 1, "{ended:?}");
        assert!(ended.stderr.contains("the checkpoint: "), "{ended:?}");
    }
}
