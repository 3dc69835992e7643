//! Coins that Vault signed: good, traceable, and the same every time.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{assert_refused, minting, report};
use crate::harness::artifacts::program;
use crate::harness::process::{Ended, run};
use crate::harness::vault::Vault;

fn mint(vault: &Vault, token: &str, out: &Path, count: u32) -> Value {
    let mut command = minting(vault, token);
    command.args(["--issuance-id", "first", "--count", &count.to_string()]);
    report(command.arg("--out").arg(out))
}

/// Whether a coin is good by the keys that the key-reader sees now.
fn verify(vault: &Vault, coin: &Path) -> Ended {
    let keys = vault.request(
        &vault.token("key-reader"),
        "GET",
        "transit/keys/hashicoin",
        &Value::Null,
    );
    let file = vault.directory().join("keys.json");
    fs::write(&file, keys.body).unwrap();
    run(Command::new(program("hashicoin"))
        .args(["verify", "--json", "--keys"])
        .arg(file)
        .arg(coin))
}

fn origins(out: &Path) -> Vec<Value> {
    let entries = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path());
    let origins = entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("request-"));
    origins
        .map(|path| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
        .collect()
}

#[test]
fn a_coin_is_good_and_found_in_vault_s_audit_log() {
    let vault = Vault::start();
    let out = TempDir::new().unwrap();
    let token = vault.token("mint");
    mint(&vault, &token, out.path(), 3);
    let ended = verify(&vault, &out.path().join("000002.coin.txt"));
    assert_eq!(ended.code(), 0, "{ended:?}");

    let origins = origins(out.path());
    let [origin] = origins.as_slice() else {
        panic!("{origins:?}")
    };
    assert_eq!(
        (&origin["coins"], &origin["key_version"]),
        (&json!([[0, 2]]), &json!(1))
    );
    let log = vault.audit_log();
    let entries = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found: Vec<Value> = entries
        .filter(|entry| entry["request"]["id"] == origin["request_id"])
        .collect();
    let [asked, answered] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(
        (&asked["type"], &answered["type"]),
        (&json!("request"), &json!("response"))
    );
    assert_eq!(asked["request"]["path"], "transit/sign/hashicoin");
    assert_eq!(asked["auth"]["policies"], json!(["hashicoin-mint"]));
    assert_eq!(asked["request"]["data"]["batch_input"].as_array().unwrap().len(), 3);
    assert!(!log.contains(&token));
}

#[test]
fn many_batches_are_kept_in_order_and_come_out_the_same_again() {
    let vault = Vault::start();
    let out = TempDir::new().unwrap();
    let token = vault.token("mint");
    // Each coin was checked to be the one that belongs in its place; the second run checks all of them again.
    assert_eq!(mint(&vault, &token, out.path(), 6000)["minted"], 6000);
    assert_eq!(mint(&vault, &token, out.path(), 6000)["minted"], 0);
    let mut ranges: Vec<Value> = origins(out.path())
        .iter()
        .map(|origin| origin["coins"].clone())
        .collect();
    ranges.sort_by_key(|ranges| ranges[0][0].as_u64());
    let thousand = |batch: u64| json!([[batch * 1000, batch * 1000 + 999]]);
    assert_eq!(ranges, (0..6).map(thousand).collect::<Vec<_>>());

    let coins = [7, 2499, 4000].map(|index| out.path().join(format!("{index:06}.coin.txt")));
    let before = coins.clone().map(|path| fs::read_to_string(path).unwrap());
    coins.iter().for_each(|path| fs::remove_file(path).unwrap());
    assert_eq!(mint(&vault, &token, out.path(), 6000)["minted"], 3);
    assert_eq!(coins.map(|path| fs::read_to_string(path).unwrap()), before);
    let scattered = json!([[7, 7], [2499, 2499], [4000, 4000]]);
    assert!(origins(out.path()).iter().any(|origin| origin["coins"] == scattered));
}

#[test]
fn after_a_rotation_new_coins_name_the_new_key_and_old_ones_stay() {
    let vault = Vault::start();
    let out = TempDir::new().unwrap();
    let token = vault.token("mint");
    mint(&vault, &token, out.path(), 2);
    vault.vault(&["write", "-f", "transit/keys/hashicoin/rotate"]);
    assert_eq!(mint(&vault, &token, out.path(), 4)["minted"], 2);
    for (index, version) in [(1, 1), (3, 2)] {
        let path = out.path().join(format!("{index:06}.coin.txt"));
        let ended = verify(&vault, &path);
        assert_eq!(ended.code(), 0, "{ended:?}");
        assert_eq!(
            serde_json::from_str::<Value>(&ended.stdout).unwrap()["key_version"],
            version
        );
    }
    // A retired key takes its coins with it; a run that finds one says so instead of counting it.
    vault.vault(&["write", "transit/keys/hashicoin/config", "min_decryption_version=2"]);
    let mut command = minting(&vault, &token);
    let ended = run(command.args(["--count", "4", "--out"]).arg(out.path()));
    assert_refused(
        &ended,
        1,
        "000000.coin.txt is not the coin that belongs there (coin-key-",
    );
}
