//! The API is updated while votes are cast: a good version takes the place of the old one, and one that never gets well is taken back. No voter notices.
//!
//! Both are the job as it runs, with one thing changed. How it is updated is the job file's, but for the patience with the bad version: the file's five minutes are for slow
//! machines, and for another try elsewhere; this one never gets well.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::site::{allocations, coins, json as said, running};
use crate::harness::http::{exchange, request};
use crate::harness::wait::wait_for;
use crate::mesh::world::{Mesh, vote};

/// Coins for one update: about as many as there are looks at it.
const COINS: usize = 200;

/// How long the bad version may take to get well, in nanoseconds.
const HEALTHY_DEADLINE_NS: u64 = 10_000_000_000;

/// A good version, then a bad one.
pub fn api(mesh: &Mesh) {
    good(mesh);
    bad(mesh);
}

/// The new version is well before the old one goes, and that one ends by itself, with nothing left to do.
fn good(mesh: &Mesh) {
    let old = running(mesh, "api");
    let version = run(mesh, |job| job["Meta"] = json!({ "release": "next" }));
    votes_go_on(mesh, "updated", || {
        let deployment = deployment(mesh, version);
        if deployment["Status"] == "successful" && task(mesh, &old)["State"] == "dead" {
            Ok(())
        } else {
            Err(deployment.to_string())
        }
    });
    assert_ne!(running(mesh, "api"), old);
    let task = task(mesh, &old);
    let mut events = task["Events"].as_array().unwrap().iter();
    let ended = events.find(|event| event["Type"] == "Terminated").unwrap();
    assert_eq!(ended["ExitCode"], 0, "{task:#}");
}

/// A version that does not listen where it is asked is never sent anything, and Nomad goes back to the one before.
fn bad(mesh: &Mesh) {
    let good = running(mesh, "api");
    let version = run(mesh, |job| {
        let group = &mut job["TaskGroups"][0];
        group["Update"]["HealthyDeadline"] = json!(HEALTHY_DEADLINE_NS);
        // None: the first instance that does not get well decides.
        group["Update"]["ProgressDeadline"] = json!(0);
        let mut tasks = group["Tasks"].as_array_mut().unwrap().iter_mut();
        let task = tasks.find(|task| task["Name"] == "api").unwrap();
        let arguments = task["Config"]["args"].as_array_mut().unwrap();
        let listen = arguments.iter_mut().find(|one| **one == "127.0.0.1:8080").unwrap();
        *listen = json!("127.0.0.1:8079");
    });
    votes_go_on(mesh, "not-updated", || {
        let deployment = deployment(mesh, version);
        let told = deployment["StatusDescription"].as_str().unwrap_or_default();
        if deployment["Status"] == "failed" && told.contains("rolling back to job version") {
            Ok(())
        } else {
            Err(deployment.to_string())
        }
    });
    votes_go_on(mesh, "as-before", || {
        let all = allocations(mesh, "api");
        let all = all.as_array().unwrap();
        let is_over = |one: &Value| one["ID"] == *good || one["ClientStatus"] == "complete";
        if all.iter().all(is_over) {
            Ok(())
        } else {
            Err(format!("{all:?}"))
        }
    });
    assert_eq!(running(mesh, "api"), good);
    let now = said(mesh.nomad().args(["job", "inspect", "api"]));
    let arguments = now.to_string();
    assert!(
        arguments.contains("127.0.0.1:8080") && !arguments.contains("127.0.0.1:8079"),
        "{now:#}"
    );
    assert_eq!(task(mesh, &good)["Restarts"], 0);
}

/// Runs the job that runs now with a change; gives the version that this is.
fn run(mesh: &Mesh, change: impl FnOnce(&mut Value)) -> u64 {
    let mut job = said(mesh.nomad().args(["job", "inspect", "api"]));
    let before = job["Job"]["Version"].as_u64().unwrap();
    change(&mut job["Job"]);
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("api.json");
    fs::write(&file, job.to_string()).unwrap();
    Mesh::runs(mesh.nomad().args(["job", "run", "-json", "-detach"]).arg(file));
    let now = said(mesh.nomad().args(["job", "inspect", "api"]));
    let version = now["Job"]["Version"].as_u64().unwrap();
    assert!(version > before, "{now:#}");
    version
}

/// How a version of the API is brought about.
fn deployment(mesh: &Mesh, version: u64) -> Value {
    let all = said(mesh.nomad().args(["job", "deployments", "-json", "api"]));
    let mut all = all.as_array().unwrap().iter();
    let found = all.find(|one| one["JobVersion"] == version);
    found.cloned().unwrap_or_default()
}

/// What became of the API in an allocation.
fn task(mesh: &Mesh, allocation: &str) -> Value {
    let all = allocations(mesh, "api");
    let mut all = all.as_array().unwrap().iter();
    let found = all.find(|one| one["ID"] == allocation).unwrap();
    found["TaskStates"]["api"].clone()
}

/// Casts a vote and asks for the tally before each look, until what is looked for is there; each is answered at once and as it must be, and each coin's vote is counted once.
fn votes_go_on(mesh: &Mesh, name: &str, mut look: impl FnMut() -> Result<(), String>) {
    let coins = coins(mesh, name, COINS);
    let (mut next, mut cast) = (coins.iter().cycle(), 0);
    let before = mesh.votes();
    wait_for("the API to be updated", || {
        let answer = exchange(
            mesh.front,
            &vote(next.next().unwrap(), r#"{"weights":{"clean-water":1}}"#),
        );
        assert_eq!(answer.status, 201, "{answer:?}");
        cast += 1;
        let answer = exchange(mesh.front, &request("GET", "/v1/tally", &[], ""));
        assert_eq!(answer.status, 200, "{answer:?}");
        look()
    });
    eprintln!("{name}: {cast} votes");
    assert_eq!(mesh.votes() - before, cast.min(COINS) as u64);
}
