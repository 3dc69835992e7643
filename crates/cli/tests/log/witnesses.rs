//! Checkpoints that witnesses signed: as many as the user wants, by a policy of his own.

use serde_json::json;

use crate::draft::{Draft, key_pair, witness_key, write};
use crate::receipts::receipt;
use crate::{VOTES, audit, findings, hashicoin, published};

#[test]
fn as_many_witnesses_as_the_user_wants_have_to_have_signed() {
    let witnesses = [20, 21].map(key_pair);
    let mut draft = Draft::new(VOTES);
    draft.witnesses = vec![witnesses[0].clone()];
    let directory = published(&draft);
    let place = directory.path().to_str().unwrap();
    let file = |name: &str, text: String| {
        let path = directory.path().join(name);
        write(&path, text);
        path.to_str().unwrap().to_owned()
    };
    let policy = |name: &str, count: &str| {
        let [one, two] = witnesses.each_ref().map(witness_key);
        let text = format!("witness one {one}\nwitness two {two}\ngroup both {count} one two\nquorum both\n");
        file(name, text)
    };
    let receipt = file("receipt", receipt(&draft, 299).to_string());
    let key = draft.verifier_key().to_string();
    let verify = |policy: &str| {
        hashicoin(&[
            "receipt",
            "verify",
            &receipt,
            "--verifier-key",
            &key,
            "--witness-policy",
            policy,
        ])
        .code()
    };

    let any = policy("any", "any");
    let (code, json) = audit(place, &["--witness-policy", &any]);
    assert_eq!((code, &json["witnesses"]), (0, &json!(1)), "{json}");
    assert_eq!(verify(&any), 0);

    let all = policy("all", "all");
    let (code, json) = audit(place, &["--witness-policy", &all]);
    let found = findings(&json);
    assert_eq!((code, found.len()), (1, 1), "{json}");
    assert!(
        found[0].starts_with("checkpoint: 1 of the witnesses signed the checkpoint, and 2 have to"),
        "{json}"
    );
    assert_eq!(verify(&all), 1);

    let none = file("none", "quorum nobody\n".to_owned());
    let ended = hashicoin(&["audit", place, "--witness-policy", &none]);
    assert_eq!((ended.code(), ended.stdout.as_str()), (2, ""), "{ended:?}");
    assert_eq!(verify(&none), 2);
    // Without a policy nobody is asked for, and that is said.
    let (_, json) = audit(place, &[]);
    assert_eq!(json["witnesses"], json!(null));
    let ended = hashicoin(&["audit", place]);
    assert!(ended.stdout.contains("witnesses    none was asked for"), "{ended:?}");
}
