//! Logs of which nothing is wrong, and what is said about them.

use serde_json::json;

use crate::draft::{Draft, coin_keys, write};
use crate::{VOTES, audit, audit_directory, findings, hashicoin, published};

#[test]
fn a_good_log_is_clean_at_every_size() {
    for votes in [0, 1, 255, 256, 257, VOTES, 4096 + 1] {
        let draft = Draft::new(votes);
        let directory = published(&draft);
        let (code, json) = audit_directory(directory.path());
        assert_eq!((code, &json["clean"]), (0, &json!(true)), "{votes}: {json}");
        assert_eq!(json["entries"], json!(votes));
        assert_eq!(json["recounted"], draft.tally_of(votes));
    }
}

#[test]
fn whose_keys_are_believed_is_said() {
    let draft = Draft::new(VOTES);
    let directory = published(&draft);
    let place = directory.path().to_str().unwrap();
    let keys = directory.path().join("keys.json");
    write(&keys, coin_keys().to_string());
    let (_, json) = audit(place, &[]);
    assert_eq!(
        (&json["log_keys"], &json["coin_keys"]),
        (&json!("published"), &json!("published"))
    );
    let key = draft.verifier_key().to_string();
    let pins = ["--verifier-key", &key, "--coin-keys", keys.to_str().unwrap()];
    let (code, json) = audit(place, &pins);
    assert_eq!(code, 0, "{json}");
    assert_eq!(
        (&json["log_keys"], &json["coin_keys"]),
        (&json!("given"), &json!("given"))
    );

    let ended = hashicoin(&["audit", place]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(
        ended
            .stdout
            .contains("whoever publishes a false log publishes false keys"),
        "{ended:?}"
    );
    assert!(ended.stdout.ends_with("Nothing is wrong.\n"), "{ended:?}");
    assert!(ended.stderr.contains("600 of 600 votes"), "{ended:?}");
}

#[test]
fn what_somebody_knew_before_has_to_be_there_still() {
    let draft = Draft::new(VOTES);
    let directory = published(&draft);
    let place = directory.path().to_str().unwrap();
    let known = |name: &str, text: String| {
        let path = directory.path().join(name);
        write(&path, text);
        path.to_str().unwrap().to_owned()
    };
    // One that was signed and not kept, one that was, and one in a receipt.
    let checkpoints = [
        known("299", draft.checkpoint(299)),
        known("600", draft.checkpoint(VOTES)),
    ];
    let receipt = known("receipt", crate::receipts::receipt(&draft, 299).to_string());
    let known_all = [
        "--known",
        &checkpoints[0],
        "--known",
        &receipt,
        "--known",
        &checkpoints[1],
    ];
    let (code, json) = audit(place, &known_all);
    assert_eq!((code, &json["known"]), (0, &json!(3)), "{json}");

    // The whole history is another, and all of it is signed again: by itself it is clean.
    let mut other = draft.clone();
    other.entries.swap(3, 4);
    let elsewhere = published(&other);
    assert_eq!(audit_directory(elsewhere.path()).0, 0);
    let (code, json) = audit(elsewhere.path().to_str().unwrap(), &known_all);
    let found = findings(&json);
    assert_eq!((code, found.len()), (1, 3), "{json}");
    for (line, (file, size)) in found.iter().zip([("299", 299), ("receipt", 300), ("600", 600)]) {
        let words = format!("{file}: the log signed another tree of {size} than it shows now");
        assert!(line.contains(&words), "{json}");
    }
    // A part of it is gone.
    let cut = published(&Draft::new(512));
    let (code, json) = audit(cut.path().to_str().unwrap(), &["--known", &checkpoints[1]]);
    assert_eq!(code, 1, "{json}");
    assert!(
        findings(&json)[0]
            .ends_with("600: the log signed a tree of 600, and shows one of 512 now: keep the file, it proves that"),
        "{json}"
    );
    // What the log did not sign says nothing about it.
    other.log_key = crate::draft::key_pair(9);
    let stranger = known("stranger", other.checkpoint(300));
    let ended = hashicoin(&["audit", place, "--known", &stranger]);
    assert_eq!((ended.code(), ended.stdout.as_str()), (2, ""), "{ended:?}");
}

#[test]
fn a_good_log_of_issued_coins_is_clean() {
    let directory = published(&Draft::with_issued(VOTES));
    let (code, json) = audit_directory(directory.path());
    assert_eq!(code, 0, "{json}");
    assert_eq!(json["issued"], json!({"entries": VOTES + 10, "checkpoints": 1}));
}

#[test]
fn of_a_log_of_three_levels_only_the_lies_are_named() {
    let directory = published(&Draft::new(65_536 + 300));
    let lies = [("tile/1/000", 17), ("tile/1/001.p/1", 0), ("tile/2/000.p/1", 0)];
    for (file, hash) in lies {
        let path = directory.path().join("v1/log").join(file);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[32 * hash] ^= 1;
        write(&path, bytes);
    }
    let (code, json) = audit_directory(directory.path());
    let lines = lies.map(|(file, hash)| format!("{file}: hash {hash} is not that of the entries under it"));
    assert_eq!((code, findings(&json)), (1, lines.to_vec()));
    assert_eq!(json["entries"], json!(65_836));
}
