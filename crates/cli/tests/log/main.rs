//! `hashicoin audit`, driven as it ships, over logs that are good and logs that are not.

mod by_hand;
mod draft;
mod exports;
mod flips;
mod frauds;
mod good;
mod hostile;
mod issued;
mod live;

mod receipts;
mod server;
mod witnesses;

use std::path::Path;
use std::process::Command;

use draft::Draft;
use serde_json::Value;
use servers::process::{Ended, run};
use tempfile::TempDir;

/// How many votes most logs have: two full bundles, and one that is not; some tiles above the leaves.
const VOTES: usize = 600;

/// Runs `hashicoin`.
fn hashicoin(arguments: &[&str]) -> Ended {
    run(Command::new(env!("CARGO_BIN_EXE_hashicoin")).args(arguments))
}

/// A draft, published in a directory of its own.
fn published(draft: &Draft) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    draft.publish(directory.path());
    directory
}

/// What an audit says, its exit code and its JSON.
fn audit(place: &str, more: &[&str]) -> (i32, Value) {
    let ended = hashicoin(&[&["audit", place, "--json"], more].concat());
    let json = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    (ended.code(), json)
}

fn audit_directory(directory: &Path) -> (i32, Value) {
    audit(directory.to_str().unwrap(), &[])
}

/// Everything that an audit found, one line each.
fn findings(json: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = json["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| text(&finding["at"]) + ": " + &text(&finding["what"]))
        .collect()
}
