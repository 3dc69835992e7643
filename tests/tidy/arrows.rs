//! Rules about who may depend on whom.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::harness::artifacts::root;
use crate::harness::process::run;

/// Each package, and those of ours that it may depend on, for its tests too. Nothing points at the gate or at the mint.
const ARROWS: [(&str, &[&str]); 18] = [
    ("batch", &["coin"]),
    ("coin", &[]),
    ("coin-gate", &["coin"]),
    // The gate's own files, compiled once more: a cdylib cannot be linked.
    ("fuzz-targets", &["coin"]),
    ("hashicoin", &["batch", "coin", "servers", "service", "tlog", "vote"]),
    (
        "hashicoin-api",
        &["coin", "key_file", "ledger", "pool", "service", "tlog", "vote"],
    ),
    (
        "hashicoin-mint",
        &["batch", "coin", "key_file", "pool", "service", "transit"],
    ),
    // Drives what ships, and builds on none of it.
    ("integration", &["servers"]),
    // Whoever has this arrow may hold a private key.
    ("key_file", &["service"]),
    (
        "ledger",
        &[
            "batch", "coin", "key_file", "servers", "service", "tlog", "transit", "vote", "witness",
        ],
    ),
    ("pool", &["coin", "servers", "service", "vote"]),
    // Real servers for tests; what ships depends on it in its tests alone.
    ("servers", &[]),
    ("service", &["coin"]),
    ("tlog", &["coin", "servers"]),
    ("transit", &["coin", "service"]),
    ("vote", &["coin"]),
    ("witness", &["coin", "service", "tlog"]),
    ("xtask", &[]),
];

fn cargo(arguments: &[&str]) -> String {
    let ended = run(Command::new(env!("CARGO")).current_dir(root()).args(arguments));
    assert_eq!(ended.code(), 0, "{ended:?}");
    ended.stdout
}

fn packages() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1", "--locked"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn wrong_arrows(packages: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let allowed = ARROWS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, allowed)| *allowed);
        let Some(allowed) = allowed else {
            wrong.push(format!("{name} has no line in ARROWS"));
            continue;
        };
        let dependencies = package["dependencies"].as_array().unwrap();
        let ships_servers = dependencies
            .iter()
            .any(|dependency| dependency["name"] == "servers" && dependency["kind"] != "dev");
        if ships_servers && name != "integration" {
            wrong.push(format!("{name} -> servers, and not in its tests alone"));
        }
        let ours = dependencies
            .iter()
            .filter(|dependency| !dependency["path"].is_null())
            .map(|dependency| dependency["name"].as_str().unwrap());
        wrong.extend(
            ours.filter(|to| !allowed.contains(to))
                .map(|to| format!("{name} -> {to}")),
        );
    }
    wrong
}

fn named<'a>(packages: &'a [Value], name: &str) -> &'a Value {
    packages.iter().find(|package| package["name"] == name).unwrap()
}

/// The crates that `cargo tree` lists, each once.
fn crates(tree: &str) -> BTreeSet<&str> {
    tree.lines().filter_map(|line| line.split(' ').next()).collect()
}

/// The lines of an allow-list, without its comments.
fn allowed(list: &str) -> BTreeSet<&str> {
    list.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn packages_depend_on_each_other_as_drawn() {
    assert_eq!(wrong_arrows(&packages()), [""; 0]);
    let bad = serde_json::json!([
        { "name": "coin", "dependencies": [{ "name": "base64", "path": null }, { "name": "ledger", "path": "/l" }] },
        { "name": "newcomer", "dependencies": [] },
        { "name": "pool", "dependencies": [{ "name": "servers", "path": "/s", "kind": null }] },
        { "name": "ledger", "dependencies": [{ "name": "servers", "path": "/s", "kind": "dev" }] },
    ]);
    assert_eq!(
        wrong_arrows(bad.as_array().unwrap()),
        [
            "coin -> ledger",
            "newcomer has no line in ARROWS",
            "pool -> servers, and not in its tests alone"
        ]
    );
}

#[test]
fn coin_has_no_features() {
    // One that a companion asks for would be turned on for all of them.
    assert_eq!(named(&packages(), "coin")["features"], serde_json::json!({}));
}

#[test]
fn the_filter_is_a_cdylib_alone() {
    // An rlib beside it loses link-time optimisation, without a word.
    let libraries: Vec<Value> = named(&packages(), "coin-gate")["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| target["crate_types"].clone())
        .collect();
    assert_eq!(libraries, [serde_json::json!(["cdylib"])]);
}

#[test]
fn the_filter_is_made_of_the_crates_on_its_list() {
    let tree = cargo(&[
        "tree",
        "--package",
        "coin-gate",
        "--target",
        "wasm32-unknown-unknown",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--locked",
    ]);
    let list = std::fs::read_to_string(root().join("docs/sidecar-deps.txt")).unwrap();
    assert_eq!(
        crates(&tree),
        allowed(&list),
        "in the filter, and on the list in docs/sidecar-deps.txt"
    );
    assert_ne!(
        crates("coin v0.1.0 (/x)\ntokio v1.0.0\ntokio v1.0.0 (*)\n"),
        allowed("# a\ncoin\n")
    );
}
