//! The keyring: what of Vault's JSON is read, and every reason to refuse it.

mod common;

use coin::{KEYS_MAX, Keyring, Refusal};
use common::{key_pair, vault_keys};
use serde_json::{Value, json};

fn public_key(version: u8) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(*key_pair(version).pk)
}

#[test]
fn both_of_vaults_answers_are_read_whole_or_as_their_data() {
    let keys = json!({ "keys": { "1": { "public_key": public_key(1) }, "12": { "public_key": public_key(2) } }, "type": "ed25519" });
    let export = json!({ "keys": { "1": public_key(1), "12": public_key(2) }, "name": "hashicoin", "type": "ed25519" });
    for data in [keys, export] {
        for answer in [data.clone(), json!({ "request_id": "x", "data": data })] {
            let keyring = Keyring::from_vault_json(answer.to_string().as_bytes()).unwrap();
            assert_eq!(keyring.versions().collect::<Vec<_>>(), [1, 12]);
            assert_eq!(keyring.public_key(12).unwrap().as_bytes(), &*key_pair(2).pk);
            assert_eq!((keyring.min_version(), keyring.max_version()), (1, 12));
        }
    }
}

#[test]
fn a_version_is_found_retired_or_unknown_and_never_replaced() {
    let keyring = Keyring::from_vault_value(&vault_keys()).unwrap();
    assert_eq!(
        keyring.find(1),
        Err(Refusal::KeyRetired),
        "Vault's min_decryption_version is 2"
    );
    assert_eq!(keyring.find(2).unwrap().as_bytes(), &*key_pair(2).pk);
    assert_eq!(keyring.find(3).unwrap().as_bytes(), &*key_pair(3).pk);
    assert_eq!(keyring.find(4), Err(Refusal::KeyUnknown));
    let stricter = keyring.clone().with_min_version(3).unwrap();
    assert_eq!(stricter.find(2), Err(Refusal::KeyRetired));
    let no_laxer = keyring.with_min_version(1).unwrap();
    assert_eq!(
        no_laxer.find(1),
        Err(Refusal::KeyRetired),
        "Vault's minimum stays in force"
    );
}

#[test]
fn a_keyring_with_a_mistake_is_refused_with_all_its_mistakes() {
    let good = public_key(1);
    let rows: Vec<(Value, &[&str])> = vec![
        (json!([]), &["no \"keys\" object"]),
        (json!({ "data": null }), &["no \"keys\" object"]),
        (json!({ "keys": {} }), &["\"keys\" is empty"]),
        (
            json!({ "keys": { "1": good }, "type": "rsa-2048" }),
            &["type is \"rsa-2048\""],
        ),
        (
            json!({ "keys": { "1": { "public_key": "" } }, "derived": true }),
            &["derived", "not 32 bytes"],
        ),
        (
            json!({ "keys": { "1": good }, "min_decryption_version": "1" }),
            &["min_decryption_version"],
        ),
        (
            json!({ "keys": { "1": good }, "min_decryption_version": 2 }),
            &["minimum version is 2"],
        ),
        (json!({ "keys": { "0": good } }), &["not a key version"]),
        (json!({ "keys": { "01": good } }), &["not a key version"]),
        (json!({ "keys": { "latest": good } }), &["not a key version"]),
        (json!({ "keys": { "1": 7 } }), &["no public key"]),
        (json!({ "keys": { "1": { "name": "ed25519" } } }), &["no public key"]),
        (
            json!({ "keys": { "1": good.trim_end_matches('=') } }),
            &["not standard base64"],
        ),
        (json!({ "keys": { "1": "AAAA" } }), &["not 32 bytes"]),
        (
            json!({ "keys": { "1": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" } }),
            &["not a usable"],
        ),
        (
            json!({ "keys": { "0": good, "2": "AAAA", "3": good } }),
            &["keys.\"0\"", "keys.\"2\""],
        ),
    ];
    for (answer, wanted) in rows {
        let error = Keyring::from_vault_value(&answer)
            .expect_err(&answer.to_string())
            .to_string();
        for part in wanted {
            assert!(error.contains(part), "{answer}: {error:?} does not say {part:?}");
        }
    }
    assert!(
        Keyring::from_vault_json(b"{")
            .unwrap_err()
            .to_string()
            .contains("not JSON")
    );
    let many: serde_json::Map<_, _> = (1..=KEYS_MAX + 1)
        .map(|version| (version.to_string(), json!(good)))
        .collect();
    assert!(
        Keyring::from_vault_value(&json!({ "keys": many }))
            .unwrap_err()
            .to_string()
            .contains("at most")
    );
}
