//! `hashicoin receipt`: what is true is shown to be, and nothing else.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use tlog::{Hash, Note, ProofPlan, TlogProof, Tree, TreeHead};

use crate::draft::{Draft, coin, coin_keys, key_pair, write};
use crate::hashicoin;
use servers::process::Ended;

/// The log's size under the receipts, and the vote that they are of.
const SIZE: usize = 300;
const INDEX: usize = 257;

/// A receipt, and the files that it is judged by.
struct Desk {
    files: TempDir,
    draft: Draft,
}

impl Desk {
    fn new() -> Desk {
        let desk = Desk {
            files: tempfile::tempdir().unwrap(),
            draft: Draft::new(SIZE),
        };
        desk.draft.publish(&desk.files.path().join("log"));
        write(&desk.files.path().join("keys.json"), coin_keys().to_string());
        desk
    }

    fn path(&self, file: &str) -> String {
        self.files.path().join(file).to_str().unwrap().to_owned()
    }

    fn log_info(&self) -> String {
        self.path("log/v1/log/log.json")
    }

    /// Runs a command over a receipt.
    fn receipt(&self, command: &str, receipt: &str, more: &[&str]) -> Ended {
        let path: PathBuf = self.files.path().join("vote.tlog-proof");
        write(&path, receipt);
        hashicoin(&[&["receipt", command, path.to_str().unwrap()], more].concat())
    }

    /// By everything that can be given.
    fn verify(&self, receipt: &str) -> (i32, Value) {
        let ended = self.receipt("verify", receipt, &["--log-info", &self.log_info(), "--json"]);
        let json = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
        (ended.code(), json)
    }
}

/// The receipt of a vote, under the checkpoint right after it.
pub fn receipt(draft: &Draft, index: usize) -> TlogProof {
    receipt_in(draft, index, index + 1)
}

/// The receipt of a vote, under the checkpoint of this size.
pub fn receipt_in(draft: &Draft, index: usize, size: usize) -> TlogProof {
    let leaves: Vec<Hash> = draft.entries.iter().map(|entry| Hash::of_leaf(entry)).collect();
    let tiles = Tree::new().append(&leaves[..size]).unwrap();
    let plan = ProofPlan::inclusion(index.try_into().unwrap(), size.try_into().unwrap()).unwrap();
    TlogProof {
        extra: draft.entries[index].clone(),
        index: index.try_into().unwrap(),
        hashes: plan.prove(&tiles).unwrap(),
        checkpoint: Note::parse(draft.checkpoint(size).as_bytes()).unwrap(),
    }
}

#[test]
fn a_true_receipt_is_good() {
    let desk = Desk::new();
    let receipt = receipt_in(&desk.draft, INDEX, SIZE).to_string();
    let (code, json) = desk.verify(&receipt);
    assert_eq!(code, 0, "{json}");
    for (key, value) in [
        ("good", json!(true)),
        ("coin_checked", json!(true)),
        ("index", json!(INDEX)),
        ("size", json!(SIZE)),
        ("origin", json!("hashicoin/c")),
        ("vote", json!({"a": 2, "b": 1})),
        ("counted", json!("2026-11-23T20:00:00Z")),
        ("signers", json!(["hashicoin/c"])),
    ] {
        assert_eq!(json[key], value, "{json}");
    }
    let key = desk.draft.verifier_key().to_string();
    let alone = desk.receipt("verify", &receipt, &["--verifier-key", &key]);
    assert_eq!(alone.code(), 0, "{alone:?}");
    assert!(
        alone.stdout.contains("whether its coin is real was not asked"),
        "{alone:?}"
    );
    let keys = ["--verifier-key", &key, "--coin-keys", &desk.path("keys.json")];
    let with_coin = desk.receipt("verify", &receipt, &keys);
    assert_eq!(with_coin.code(), 0, "{with_coin:?}");
    assert!(with_coin.stdout.ends_with("and its coin is real\n"), "{with_coin:?}");
}

#[test]
fn what_a_receipt_says_is_shown_and_not_believed() {
    let desk = Desk::new();
    let mut proof = receipt_in(&desk.draft, INDEX, SIZE);
    // A lie is shown like anything else.
    proof.index = 7;
    let ended = desk.receipt("show", &proof.to_string(), &[]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    for words in [
        "log      hashicoin/c\n",
        "vote     a=2 b=1\n",
        "counted  2026-11-23T20:00:00Z as entry 7\n",
        "signers  \"hashicoin/c\"\n",
        "Nothing of this was checked",
    ] {
        assert!(ended.stdout.contains(words), "{words}: {ended:?}");
    }
    let ended = desk.receipt("show", &proof.to_string(), &["--json"]);
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&json["index"], json.get("good")), (&json!(7), None));
}

#[test]
fn a_receipt_that_is_not_true_is_refused_with_its_reason() {
    let desk = Desk::new();
    let good = receipt_in(&desk.draft, INDEX, SIZE);
    // The same fraud, in a log that really has that entry in that place.
    let with_entry = |entry: Vec<u8>| {
        let mut draft = desk.draft.clone();
        draft.entries[INDEX] = entry;
        receipt_in(&draft, INDEX, SIZE)
    };
    let changed = |change: &dyn Fn(&mut TlogProof)| {
        let mut bad = good.clone();
        change(&mut bad);
        bad
    };
    let note = |origin: &str, seed: u8, size: usize| {
        let mut draft = desk.draft.clone();
        draft.log_key = key_pair(seed);
        let head = TreeHead {
            size: size.try_into().unwrap(),
            root: Hash([7; 32]),
        };
        Note::parse(draft.sign(origin, head).as_bytes()).unwrap()
    };
    let mut forged = coin(INDEX, 1, |_| {});
    forged.signature[63] ^= 1;
    let expired = coin(INDEX, 1, |coin| {
        coin.expires = coin::Timestamp::parse("2026-11-23T00:00:00Z").unwrap()
    });
    let of_other = coin(INDEX, 1, |coin| coin.campaign = coin::Campaign::parse("other").unwrap());
    let entry = |coin| with_entry(desk.draft.entry(1, coin));
    let text = |from: &str, to: &str| {
        String::from_utf8(good.extra.clone())
            .unwrap()
            .replace(from, to)
            .into_bytes()
    };
    for (name, bad, words) in [
        ("another place", changed(&|bad| bad.index = 258), "lead to another root"),
        (
            "a place that is not there",
            changed(&|bad| bad.index = 300),
            "entry 300 is not in a tree of 300",
        ),
        (
            "another vote",
            changed(&|bad| bad.extra = text("a=2 b=1", "a=1 b=2")),
            "lead to another root",
        ),
        ("no entry", changed(&|bad| bad.extra = vec![]), "lead to another root"),
        (
            "a hash less",
            changed(&|bad| bad.hashes.truncate(bad.hashes.len() - 1)),
            "are not as many as a proof has",
        ),
        (
            "a hash more",
            changed(&|bad| bad.hashes.push(Hash([0; 32]))),
            "are not as many as a proof has",
        ),
        (
            "a forked head",
            changed(&|bad| bad.checkpoint = note("hashicoin/c", 1, SIZE)),
            "lead to another root",
        ),
        (
            "another tree",
            changed(&|bad| bad.checkpoint = note("hashicoin/c", 1, 1 << 40)),
            "are not as many",
        ),
        (
            "another key",
            changed(&|bad| bad.checkpoint = note("hashicoin/c", 9, SIZE)),
            "no key that is trusted here",
        ),
        (
            "another log",
            changed(&|bad| bad.checkpoint = note("hashicoin/d", 1, SIZE)),
            "no key that is trusted here",
        ),
        ("a forged coin", entry(forged), "version 1 of the key: it is forged"),
        (
            "an unknown key",
            entry(coin(INDEX, 3, |_| {})),
            "not among the coins' keys",
        ),
        (
            "an expired coin",
            entry(expired),
            "its coin expired at 2026-11-23T00:00:00Z",
        ),
        ("another campaign", entry(of_other), "its coin is of campaign other"),
        (
            "another spelling",
            with_entry(text("a=2 b=1", "b=1 a=2")),
            "in its one spelling",
        ),
        (
            "weights not reduced",
            with_entry(text("a=2 b=1", "a=4 b=2")),
            "in its one spelling",
        ),
        ("no vote", with_entry(b"hello".to_vec()), "in its one spelling"),
    ] {
        let (code, json) = desk.verify(&bad.to_string());
        assert_eq!((code, &json["good"]), (1, &json!(false)), "{name}: {json}");
        assert!(json["why"].as_str().unwrap().contains(words), "{name}: {json}");
    }
}

#[test]
fn what_is_no_receipt_is_refused() {
    let desk = Desk::new();
    let mut long = receipt_in(&desk.draft, INDEX, SIZE);
    long.hashes = vec![Hash([0; 32]); 64];
    let good = receipt_in(&desk.draft, INDEX, SIZE).to_string();
    for (text, words) in [
        (String::new(), "no empty line ends the hashes"),
        ("hello\n\nc\n".to_owned(), "that is not its first line"),
        (long.to_string(), "it has more than 63 hashes"),
        (good.replace("index 257", "index 0257"), "no line \"index <decimal>\""),
        (good.trim_end().to_owned(), "1 to 100 lines"),
        (good.replace('\n', "\r\n"), "no empty line ends the hashes"),
    ] {
        for (command, more) in [
            ("show", vec![]),
            ("verify", vec!["--log-info".to_owned(), desk.log_info()]),
        ] {
            let more: Vec<&str> = more.iter().map(String::as_str).collect();
            let ended = desk.receipt(command, &text, &more);
            assert_eq!((ended.code(), ended.stdout.as_str()), (1, ""), "{ended:?}");
            assert!(ended.stderr.contains(words), "{words}: {ended:?}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_no_verdict() {
    let desk = Desk::new();
    let good = receipt_in(&desk.draft, INDEX, SIZE).to_string();
    let missing = hashicoin(&["receipt", "show", &desk.path("nothing")]);
    assert_eq!(missing.code(), 2, "{missing:?}");
    write(&desk.files.path().join("bad.json"), "{}");
    for more in [
        ["--log-info", &desk.path("nothing")],
        ["--log-info", &desk.path("bad.json")],
        ["--log-info", &desk.path("keys.json")],
    ] {
        let ended = desk.receipt("verify", &good, &more);
        assert_eq!((ended.code(), ended.stdout.as_str()), (2, ""), "{ended:?}");
    }
    // By nobody's key nothing is verified.
    let by_none = desk.receipt("verify", &good, &[]);
    assert_eq!(by_none.code(), 64, "{by_none:?}");
    let mut other = desk.draft.clone();
    other.origin = "hashicoin/d".to_owned();
    let (ours, theirs) = (desk.draft.verifier_key().to_string(), other.verifier_key().to_string());
    let by_two = desk.receipt("verify", &good, &["--verifier-key", &ours, "--verifier-key", &theirs]);
    assert_eq!(by_two.code(), 64, "{by_two:?}");
}
