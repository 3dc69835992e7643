//! Logs of which nothing is wrong, and what is said about them.

use serde_json::json;

use crate::draft::{Draft, coin_keys, write};
use crate::{VOTES, audit, audit_directory, hashicoin, published};

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
fn a_good_log_of_minted_coins_is_clean() {
    let directory = published(&Draft::with_issued(VOTES));
    let (code, json) = audit_directory(directory.path());
    assert_eq!(code, 0, "{json}");
    assert_eq!(json["issued"], json!({"entries": VOTES + 10, "checkpoints": 1}));
}
