//! A witness as a log sees it: each answer of the specification, and what it never signs, whatever is sent and however many send at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use coin::PublicKey;
use ed25519_compact::{KeyPair, Seed};
use tempfile::TempDir;
use tlog::{Algorithm, Checkpoint, Hash, Note, Policy, ProofPlan, Tile, Tree, TreeHead, VerifierKey};
use witness::{Memory, MemoryError, Refusal, Submission, Witness};

const ORIGIN: &str = "log.example/coins";
const NOW: u64 = 1_800_000_000;

fn key_pair(number: u8) -> KeyPair {
    KeyPair::from_seed(Seed::new([number; 32]))
}

fn log_key(number: u8) -> VerifierKey {
    let public_key = PublicKey::from_bytes(*key_pair(number).pk).unwrap();
    VerifierKey::new(ORIGIN, Algorithm::Ed25519, public_key).unwrap()
}

/// A log of so many leaves, of one of many histories.
struct Log {
    tree: Tree,
    tiles: Vec<Tile>,
    history: u64,
}

impl Log {
    fn of(size: u64, history: u64) -> Log {
        let leaf = |index: u64| Hash::of_leaf(format!("{index} of {history}").as_bytes());
        let mut tree = Tree::new();
        let tiles = tree.append(&(0..size).map(leaf).collect::<Vec<_>>()).unwrap();
        Log { tree, tiles, history }
    }

    /// The first history for so many leaves, and another from there on.
    fn forked(at: u64, size: u64) -> Log {
        let leaf = |index: u64| Hash::of_leaf(format!("{index} of {}", if index < at { 1 } else { 2 }).as_bytes());
        let mut tree = Tree::new();
        let tiles = tree.append(&(0..size).map(leaf).collect::<Vec<_>>()).unwrap();
        Log {
            tree,
            tiles,
            history: 2,
        }
    }

    fn at(&self, size: u64) -> TreeHead {
        Log::of(size, self.history).tree.head()
    }

    fn proof(&self, from: u64) -> Vec<Hash> {
        match from {
            0 => vec![],
            from => ProofPlan::consistency(from, self.tree.size())
                .unwrap()
                .prove(&self.tiles)
                .unwrap(),
        }
    }
}

fn signed(head: TreeHead, by: u8) -> Note {
    let mut note = Note::new(Checkpoint::new(ORIGIN, head).unwrap().to_string()).unwrap();
    let signature = key_pair(by).sk.sign(note.text(), None);
    note.add_signature(&log_key(by), &signature).unwrap();
    note
}

fn submission(old_size: u64, proof: Vec<Hash>, note: Note) -> Vec<u8> {
    let submission = Submission { old_size, proof, note };
    submission.to_string().into_bytes()
}

/// The request for a log of this size whose witness knows another.
fn growth(log: &Log, old_size: u64) -> Vec<u8> {
    submission(old_size, log.proof(old_size), signed(log.tree.head(), 1))
}

struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place {
            directory: TempDir::new().unwrap(),
        };
        Memory::init(&place.memory()).unwrap();
        place
    }

    fn memory(&self) -> PathBuf {
        self.directory.path().join("witness.sqlite")
    }

    fn open(&self) -> Witness {
        let memory = Memory::open(&self.memory()).unwrap();
        Witness::new("witness.example/w", key_pair(7), [log_key(1), log_key(2)], memory).unwrap()
    }
}

/// The size that the witness has signed last, as it says itself.
fn last(witness: &Witness) -> u64 {
    // Nobody's size, so it is named the right one.
    let log = Log::of(1_000_000_007 % 4096, 1);
    match witness.add_checkpoint(&growth(&log, 1), NOW) {
        Err(Refusal::OtherSize(size)) => size,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_grows_is_signed_and_a_policy_is_satisfied_by_it() {
    let place = Place::new();
    let witness = place.open();
    let policy = Policy::new(ORIGIN, vec![log_key(1)])
        .with_witnesses(vec![witness.key().clone()], 1)
        .unwrap();
    let mut known = 0;
    for size in [0, 0, 1, 2, 2, 300, 3000] {
        let log = Log::of(size, 1);
        let line = witness.add_checkpoint(&growth(&log, known), NOW).unwrap();
        let note = signed(log.tree.head(), 1);
        assert!(policy.open(&note).is_err());
        let cosigned = Note::parse(format!("{note}{line}").as_bytes()).unwrap();
        assert_eq!(policy.open(&cosigned).unwrap().head().size, size);
        known = size;
    }
    // Whoever asks for it by the log's name gets the last one, with both signatures.
    use sha2::{Digest, Sha256};
    let hash: String = Sha256::digest(ORIGIN)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let note = witness.checkpoint(&hash).unwrap().unwrap();
    policy.open(&Note::parse(note.as_bytes()).unwrap()).unwrap();
    assert_eq!(witness.checkpoint(&"0".repeat(64)).unwrap(), None);
}

#[test]
fn every_refusal_of_the_specification() {
    let place = Place::new();
    let witness = place.open();
    let (log, later) = (Log::of(5, 1), Log::of(9, 1));
    witness.add_checkpoint(&growth(&log, 0), NOW).unwrap();
    let with = |old: u64, proof: Vec<Hash>, head: TreeHead, by: u8| submission(old, proof, signed(head, by));
    let good = growth(&later, 5);
    let text = String::from_utf8(good.clone()).unwrap();
    let other_log = text.replace(ORIGIN, "log.example/other");
    let too_many = format!("old 5\n{}", format!("{}\n", Hash::of_nothing()).repeat(64))
        + text.split_at(text.find("\n\n").unwrap() + 1).1;
    let root = |root| TreeHead { size: 9, root };
    for (what, request, status) in [
        ("nothing", vec![], 400),
        ("no UTF-8", vec![0xff; 100], 400),
        (
            "another first line",
            text.replacen("old 5", "old 05", 1).into_bytes(),
            400,
        ),
        (
            "a proof that is none",
            text.replacen("\n", "\nAAAA\n", 1).into_bytes(),
            400,
        ),
        ("64 lines", too_many.into_bytes(), 400),
        ("no note", b"old 5\n\nlog.example/coins\n".to_vec(), 400),
        ("a smaller tree", with(5, vec![], log.at(4), 1), 400),
        ("a log that nobody knows", other_log.into_bytes(), 404),
        (
            "a key that nobody knows",
            with(5, later.proof(5), later.tree.head(), 9),
            403,
        ),
        (
            "a signature that is bad",
            text.replacen("\n9\n", "\n10\n", 1).into_bytes(),
            403,
        ),
        ("an older size", with(3, later.proof(3), later.tree.head(), 1), 409),
        ("no proof", with(5, vec![], later.tree.head(), 1), 422),
        (
            "another log's proof",
            with(5, Log::of(9, 2).proof(5), later.tree.head(), 1),
            422,
        ),
        (
            "a fork",
            with(5, Log::of(9, 2).proof(5), Log::of(9, 2).tree.head(), 1),
            422,
        ),
        (
            "a fork of the same size",
            with(5, vec![], Log::of(5, 2).tree.head(), 1),
            422,
        ),
        (
            "another root",
            with(5, later.proof(5), root(Hash::of_nothing()), 1),
            422,
        ),
        (
            "a line too many",
            with(
                5,
                [later.proof(5), vec![Hash::of_nothing()]].concat(),
                later.tree.head(),
                1,
            ),
            422,
        ),
    ] {
        let refusal = witness.add_checkpoint(&request, NOW).unwrap_err();
        let found = match &refusal {
            Refusal::Malformed(_) => 400,
            Refusal::UnknownLog => 404,
            Refusal::NotSigned => 403,
            Refusal::OtherSize(5) => 409,
            Refusal::Inconsistent => 422,
            other => panic!("{what}: {other:?}"),
        };
        assert_eq!(found, status, "{what}: {refusal:?}");
    }
    // None of them left a trace, and the log's other key is as good.
    witness
        .add_checkpoint(&submission(5, later.proof(5), signed(later.tree.head(), 2)), NOW)
        .unwrap();
    let fresh = Place::new();
    let empty = TreeHead {
        size: 0,
        root: Hash::of_leaf(b""),
    };
    assert!(matches!(
        fresh.open().add_checkpoint(&with(0, vec![], empty, 1), NOW),
        Err(Refusal::Inconsistent)
    ));
    assert!(matches!(
        fresh
            .open()
            .add_checkpoint(&with(0, vec![Hash::of_nothing()], log.tree.head(), 1), NOW),
        Err(Refusal::Inconsistent)
    ));
}

#[test]
fn of_a_thousand_at_once_the_size_never_goes_down_and_no_fork_is_signed() {
    const THREADS: u64 = 10;
    const EACH: u64 = 100;
    let place = Place::new();
    let witness = Arc::new(place.open());
    // Of the two histories this is the one that the witness knows.
    witness.add_checkpoint(&growth(&Log::of(1, 1), 0), NOW).unwrap();
    let largest = AtomicU64::new(0);
    // Of a size that the witness does not know, so that it says which one it does.
    let question = growth(&Log::of(4000, 1), 3999);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (witness, largest, question) = (&witness, &largest, &question);
            scope.spawn(move || {
                for step in 0..EACH {
                    let known = match witness.add_checkpoint(question, NOW) {
                        Err(Refusal::OtherSize(size)) => size,
                        other => panic!("{other:?}"),
                    };
                    // Half of them show another history.
                    let log = Log::of(known + 1 + step % 3, 1 + thread % 2);
                    let before = largest.load(Ordering::SeqCst);
                    if let Ok(line) = witness.add_checkpoint(&growth(&log, known), NOW) {
                        assert!(!line.is_empty());
                        assert_eq!(thread % 2, 0, "the second history was signed");
                        assert!(log.tree.size() > before, "{} after {before}", log.tree.size());
                        largest.fetch_max(log.tree.size(), Ordering::SeqCst);
                    }
                }
            });
        }
    });
    let size = last(&witness);
    assert!(size >= EACH && size == largest.load(Ordering::SeqCst), "{size}");
}

#[test]
fn what_was_signed_is_known_after_a_restart_and_a_lost_memory_is_not_made_again() {
    let place = Place::new();
    place.open().add_checkpoint(&growth(&Log::of(5, 1), 0), NOW).unwrap();
    assert_eq!(last(&place.open()), 5);
    assert!(matches!(Memory::init(&place.memory()), Err(MemoryError::Exists(_))));
    std::fs::remove_file(place.memory()).unwrap();
    assert!(matches!(Memory::open(&place.memory()), Err(MemoryError::Missing(_))));
    std::fs::write(place.memory(), "something else").unwrap();
    assert!(matches!(Memory::open(&place.memory()), Err(MemoryError::Foreign(_))));
}

#[test]
fn what_cannot_be_remembered_is_not_signed() {
    let place = Place::new();
    let witness = place.open();
    let tampered = rusqlite::Connection::open(place.memory()).unwrap();
    tampered.execute_batch("DROP TABLE logs").unwrap();
    let refusal = witness.add_checkpoint(&growth(&Log::of(5, 1), 0), NOW);
    assert!(matches!(refusal, Err(Refusal::Memory(_))), "{refusal:?}");
    assert!(!witness.works());
}

#[test]
fn a_witness_that_was_set_back_goes_on_with_the_log_and_vouches_for_what_it_forgot_no_more() {
    let place = Place::new();
    place.open().add_checkpoint(&growth(&Log::of(5, 1), 0), NOW).unwrap();
    let yesterday = std::fs::read(place.memory()).unwrap();
    place.open().add_checkpoint(&growth(&Log::of(9, 1), 5), NOW).unwrap();
    std::fs::write(place.memory(), &yesterday).unwrap();
    let witness = place.open();
    // The log asks for the growth from what it knows this one has signed, is told another size, and goes on from there.
    let log = Log::of(12, 1);
    let refusal = witness.add_checkpoint(&growth(&log, 9), NOW);
    assert!(matches!(refusal, Err(Refusal::OtherSize(5))), "{refusal:?}");
    witness.add_checkpoint(&growth(&log, 5), NOW).unwrap();

    // What it means, and why nobody may do it: another history from yesterday on is as good to it. What it still knows it does not betray.
    std::fs::write(place.memory(), &yesterday).unwrap();
    let witness = place.open();
    let other = Log::of(7, 2);
    let refusal = witness.add_checkpoint(&growth(&other, 5), NOW);
    assert!(matches!(refusal, Err(Refusal::Inconsistent)), "{refusal:?}");
    let from_yesterday_on = Log::forked(5, 9);
    witness.add_checkpoint(&growth(&from_yesterday_on, 5), NOW).unwrap();
}
