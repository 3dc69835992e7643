//! The story on the mesh: that it holds, and that nothing is left of it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::world::{Mesh, command};
use crate::harness::process::run;

#[test]
fn the_story_holds_and_nothing_is_left() {
    let ended = run(command().args(["--once", "--count", "20"]));
    assert_eq!(ended.code(), 0, "{ended:?}");
    let figures: Value = serde_json::from_str(&ended.stdout).unwrap();
    let tally = figures["tally"].as_object().unwrap();
    assert_eq!(
        figures,
        json!({
            "minted": 20,
            "accepted": 9,
            "refused_at_gate": 8,
            "refused_double": 1,
            "reached_api": 11,
            "audited": 9,
            "tally": tally,
            "ok": true,
        })
    );
    let data = ended
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("data"))
        .unwrap()
        .trim();
    assert!(!Path::new(data).exists(), "{data}");
    assert_ended(ended.stderr.lines().filter_map(pid));
}

#[test]
fn its_parts_and_networks_end_with_it_and_its_secrets_are_its_owners() {
    let mesh = Mesh::start();
    let facts = mesh.facts();
    let pids: Vec<String> = facts["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["pid"].to_string())
        .collect();
    assert!(pids.len() > 8, "{facts:#}");
    let secrets: Vec<String> = fs::read_dir(mesh.token("."))
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert!(secrets.len() > 7, "{secrets:?}");
    for pid in &pids {
        // Everybody on the machine can read arguments.
        let arguments = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
        assert!(
            !secrets.iter().any(|secret| arguments.contains(secret.trim())),
            "{arguments}"
        );
    }
    drop(mesh);
    assert_ended(pids.iter().map(String::as_str));
    for name in facts["namespaces"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(Value::as_str)
    {
        assert!(!Path::new("/run/netns").join(name).exists(), "{name}");
    }
}

/// The number in `envoy-api (pid 17)`.
fn pid(line: &str) -> Option<&str> {
    line.split_once("(pid ")?.1.strip_suffix(')')
}

fn assert_ended<'a>(pids: impl Iterator<Item = &'a str>) {
    let running: Vec<&str> = pids.filter(|pid| Path::new("/proc").join(pid).exists()).collect();
    assert!(running.is_empty(), "{running:?}");
}
