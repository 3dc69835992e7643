//! The file of keys is read again when it has changed: a rotation needs no restart.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::server::Books;
use crate::harness::metrics::sum;
use crate::harness::mint::Mint;

#[test]
fn a_rotation_reaches_the_running_server() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("keys.json");
    replace(&path, &keys(&["1"]).to_string());
    let books = Books::init();
    let mut command = books.command_with_keys(&path, &[]);
    let server = books.run(&mut command);
    let gauge = |name: &str, label: &[&str]| sum(&server.get("/metrics").text(), name, label);
    // The mint of the tests signs with version 2.
    let coins = Mint::new().coins("coins", 3);
    let cast = |coin: usize| server.vote(&coins[coin], &json!({"clean-water": 1}));
    assert_eq!(cast(0).problem(), "coin-key-unknown");

    replace(&path, &keys(&["1", "2"]).to_string());
    assert_eq!(cast(0).status, 201);
    assert_eq!(gauge("hashicoin_key_version", &[r#"bound="highest""#]), 2);

    // A file that cannot be used stops nothing, and is noticed.
    assert_eq!(gauge("hashicoin_keys_stale", &[]), 0);
    replace(&path, r#"{"keys": {}}"#);
    assert_eq!(cast(1).status, 201);
    assert_eq!(gauge("hashicoin_keys_stale", &[]), 1);
    assert!(
        server.process.stderr().contains("keys.json cannot be used"),
        "{}",
        server.process.stderr()
    );

    let mut retired = keys(&["1", "2", "3"]);
    retired["min_decryption_version"] = json!(3);
    replace(&path, &retired.to_string());
    assert_eq!(cast(2).problem(), "coin-key-retired");
    assert_eq!(gauge("hashicoin_keys_stale", &[]), 0);
    assert_eq!(gauge("hashicoin_key_version", &[r#"bound="lowest""#]), 3);
}

/// The keys of the tests, with only these versions.
pub fn keys(versions: &[&str]) -> Value {
    let all: Value = serde_json::from_slice(&fs::read(Mint::keys()).unwrap()).unwrap();
    let chosen = versions
        .iter()
        .map(|version| ((*version).to_owned(), all["data"]["keys"][version].clone()));
    json!({"type": "ed25519", "keys": chosen.collect::<serde_json::Map<_, _>>()})
}

/// As whoever rotates keys does it: nobody reads half a file.
pub fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}
