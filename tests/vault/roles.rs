//! `vault/setup.sh` and the policies: each role may do its one thing, and nobody another's.

use std::fs;

use serde_json::{Value, json};

use crate::harness::vault::{ROOT, Vault};

/// "coin" in base64.
const INPUT: &str = "Y29pbg==";

/// Method, path, body.
type Operation = (&'static str, &'static str, Value);

/// Each role with what it is for.
fn operations(signature: &str) -> [(&'static str, Vec<Operation>); 4] {
    let sign = || json!({"input": INPUT});
    [
        (
            "mint",
            vec![
                ("POST", "transit/sign/hashicoin", sign()),
                (
                    "POST",
                    "transit/sign/hashicoin",
                    json!({"batch_input": [{"input": INPUT}]}),
                ),
                ("GET", "transit/export/public-key/hashicoin", Value::Null),
            ],
        ),
        (
            "verifier",
            vec![
                (
                    "POST",
                    "transit/verify/hashicoin",
                    json!({"input": INPUT, "signature": signature}),
                ),
                (
                    "POST",
                    "transit/verify/hashicoin",
                    json!({"batch_input": [{"input": INPUT, "signature": signature}]}),
                ),
            ],
        ),
        (
            "key-reader",
            vec![
                ("GET", "transit/keys/hashicoin", Value::Null),
                ("GET", "transit/keys/hashicoin-log", Value::Null),
            ],
        ),
        (
            "log-signer",
            vec![
                ("POST", "transit/sign/hashicoin-log", sign()),
                ("GET", "transit/export/public-key/hashicoin-log", Value::Null),
            ],
        ),
    ]
}

#[test]
fn each_role_may_do_its_own_and_nothing_of_another() {
    let vault = Vault::start();
    let signed = vault.request(
        &vault.token("mint"),
        "POST",
        "transit/sign/hashicoin",
        &json!({"input": INPUT}),
    );
    let operations = operations(signed.json()["data"]["signature"].as_str().unwrap());
    for (role, _) in &operations {
        let token = vault.token(role);
        for (whose, list) in &operations {
            let status = if role == whose { 200 } else { 403 };
            for (method, path, body) in list {
                let answer = vault.request(&token, method, path, body);
                assert_eq!(answer.status, status, "{role}: {method} {path} {body}: {answer:?}");
            }
        }
        // What every role may do: look after its own token, and nothing else of the kind.
        assert_eq!(
            vault
                .request(&token, "GET", "auth/token/lookup-self", &Value::Null)
                .status,
            200
        );
        assert_eq!(
            vault
                .request(&token, "POST", "auth/token/renew-self", &json!({}))
                .status,
            200
        );
        for (method, path, body) in [
            ("POST", "auth/token/create", json!({"policies": ["root"]})),
            ("POST", "auth/token/create/mint", json!({})),
            ("POST", "transit/keys/hashicoin/rotate", json!({})),
            (
                "POST",
                "transit/keys/hashicoin/config",
                json!({"deletion_allowed": true}),
            ),
            (
                "POST",
                "transit/keys/hashicoin/trim",
                json!({"min_available_version": 1}),
            ),
            ("DELETE", "transit/keys/hashicoin", Value::Null),
            ("GET", "transit/export/signing-key/hashicoin", Value::Null),
            ("GET", "transit/export/signing-key/hashicoin-log", Value::Null),
            (
                "POST",
                "transit/sign/hashicoin-log",
                json!({"batch_input": [{"input": INPUT}]}),
            ),
            ("GET", "transit/backup/hashicoin", Value::Null),
            ("POST", "transit/keys/another", json!({"type": "ed25519"})),
            ("GET", "sys/policies/acl/hashicoin-mint", Value::Null),
            ("GET", "sys/audit", Value::Null),
        ] {
            let answer = vault.request(&token, method, path, &body);
            assert_eq!(answer.status, 403, "{role}: {method} {path}: {answer:?}");
        }
    }
}

#[test]
fn a_coin_is_signed_as_it_is_or_not_at_all() {
    let vault = Vault::start();
    for (role, path, own) in [
        ("mint", "transit/sign/hashicoin", json!({"input": INPUT})),
        ("log-signer", "transit/sign/hashicoin-log", json!({"input": INPUT})),
        (
            "verifier",
            "transit/verify/hashicoin",
            json!({"input": INPUT, "signature": "vault:v1:AA=="}),
        ),
    ] {
        let token = vault.token(role);
        // Vault signs all the same under sha1, with whichever right to the path that allows it.
        for hash in [
            "sha1", "sha2-224", "sha2-256", "sha2-384", "sha2-512", "sha3-256", "none",
        ] {
            let answer = vault.request(&token, "POST", &format!("{path}/{hash}"), &own);
            assert_eq!(answer.status, 403, "{role}: {hash}: {answer:?}");
        }
        for (name, value) in [
            ("hash_algorithm", json!("sha1")),
            ("hash_algorithm", json!("sha2-512")),
            ("algorithm", json!("sha1")),
            ("prehashed", json!(true)),
            ("signature_algorithm", json!("pss")),
            ("marshaling_algorithm", json!("jws")),
            ("key_version", json!(1)),
            ("context", json!(INPUT)),
        ] {
            let mut body = own.clone();
            body[name] = value;
            let answer = vault.request(&token, "POST", path, &body);
            assert_eq!(answer.status, 403, "{role}: {name}: {answer:?}");
        }
    }
    // Without the denial it would: that is why it is there.
    let sha1 = vault.vault(&[
        "write",
        "-field=signature",
        "transit/sign/hashicoin/sha1",
        &format!("input={INPUT}"),
    ]);
    let plain = vault.vault(&[
        "write",
        "-field=signature",
        "transit/sign/hashicoin",
        &format!("input={INPUT}"),
    ]);
    assert_eq!(sha1, plain);
}

#[test]
fn setting_up_again_changes_nothing_that_is_right_and_mends_what_is_not() {
    let vault = Vault::start();
    let state = || {
        let mut state = Vec::new();
        for path in [
            "transit/keys/hashicoin",
            "transit/keys/hashicoin-log",
            "sys/audit",
            "auth/token/roles/mint",
        ] {
            let answer: Value = serde_json::from_str(&vault.vault(&["read", "-format=json", path])).unwrap();
            state.push(answer["data"].clone());
        }
        for role in ["mint", "verifier", "key-reader", "log-signer"] {
            // An empty one when there is none.
            let policy = vault.request(ROOT, "GET", &format!("sys/policies/acl/hashicoin-{role}"), &Value::Null);
            state.push(policy.json()["data"]["policy"].clone());
        }
        state
    };
    let right = state();
    assert_eq!(right[0]["exportable"], false);
    let token = vault.token("mint");
    assert_eq!(vault.setup().code(), 0);
    assert_eq!(state(), right);
    vault.vault(&["write", "transit/keys/hashicoin/config", "deletion_allowed=true"]);
    vault.vault(&[
        "write",
        "auth/token/roles/mint",
        "allowed_policies=hashicoin-mint,hashicoin-log-signer",
    ]);
    vault.vault(&["delete", "sys/policies/acl/hashicoin-verifier"]);
    assert_ne!(state(), right);
    assert_eq!(vault.setup().code(), 0);
    assert_eq!(state(), right);
    let answer = vault.request(&token, "POST", "transit/sign/hashicoin", &json!({"input": INPUT}));
    assert_eq!(answer.status, 200, "a token from before goes on");
}

#[test]
fn a_key_that_could_get_out_is_not_accepted() {
    let vault = Vault::start_bare();
    vault.vault(&["secrets", "enable", "transit"]);
    let key = "transit/keys/hashicoin";
    for (settings, named) in [
        (json!({"type": "ed25519", "exportable": true}), "\"exportable\": false"),
        (
            json!({"type": "ed25519", "allow_plaintext_backup": true}),
            "\"allow_plaintext_backup\": false",
        ),
        (json!({"type": "ed25519", "derived": true}), "\"derived\": false"),
        (json!({"type": "ecdsa-p256"}), "\"type\": \"ed25519\""),
    ] {
        assert_eq!(vault.request(ROOT, "POST", key, &settings).status, 200);
        let ended = vault.setup();
        assert_eq!(ended.code(), 1, "{ended:?}");
        let words = format!("the key hashicoin is not as it must be ({named})");
        assert!(ended.stderr.contains(&words), "{words}: {ended:?}");
        let config = vault.request(
            ROOT,
            "POST",
            &format!("{key}/config"),
            &json!({"deletion_allowed": true}),
        );
        assert_eq!(config.status, 200);
        assert_eq!(vault.request(ROOT, "DELETE", key, &Value::Null).status, 204);
    }
}

#[test]
fn a_role_s_token_is_no_more_than_that() {
    let vault = Vault::start();
    for role in ["mint", "verifier", "key-reader", "log-signer"] {
        let token = vault.token(role);
        let data = vault
            .request(&token, "GET", "auth/token/lookup-self", &Value::Null)
            .json()["data"]
            .clone();
        assert_eq!(data["policies"], json!([format!("hashicoin-{role}")]));
        assert_eq!((&data["orphan"], &data["renewable"]), (&json!(true), &json!(true)));
        let ttl_s = data["ttl"].as_u64().unwrap();
        assert!((86_000..=86_400).contains(&ttl_s), "a day, and not more: {ttl_s}");
    }
    // Nobody gets more by asking for more.
    let more = vault.request(
        ROOT,
        "POST",
        "auth/token/create/mint",
        &json!({"policies": ["hashicoin-log-signer"]}),
    );
    assert_eq!(more.status, 400, "{more:?}");
}

#[test]
fn every_policy_is_of_a_role() {
    let directory = crate::harness::artifacts::source("vault/policies");
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut roles: Vec<String> = operations("").iter().map(|(role, _)| format!("{role}.hcl")).collect();
    roles.sort();
    assert_eq!(names, roles);
}
