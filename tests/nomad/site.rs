//! Nomad's command line on a running mesh.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::artifacts::{program, source};
use crate::harness::mint::{Coin, read_coins};
use crate::harness::process::{Ended, run};
use crate::harness::wait::wait_for;
use crate::mesh::world::Mesh;

/// What `nomad` says in JSON.
pub fn json(command: &mut Command) -> Value {
    let ended = Mesh::runs(command);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// A job's running allocation, once there is one and all its tasks run.
pub fn running(mesh: &Mesh, job: &str) -> String {
    wait_for(&format!("{job} to run"), || {
        find_running(mesh, job).ok_or_else(|| allocations(mesh, job).to_string())
    })
}

/// A job's allocation whose tasks all run, if there is one now.
pub fn find_running(mesh: &Mesh, job: &str) -> Option<String> {
    let allocations = allocations(mesh, job);
    let running = |one: &&Value| {
        let mut states = one["TaskStates"].as_object().into_iter().flatten();
        one["ClientStatus"] == "running"
            && one["DesiredStatus"] == "run"
            && states.all(|(_, state)| state["State"] == "running")
    };
    let found = allocations.as_array().unwrap().iter().find(running)?;
    Some(found["ID"].as_str().unwrap().to_owned())
}

/// A job's allocations, with what became of them.
pub fn allocations(mesh: &Mesh, job: &str) -> Value {
    json(mesh.nomad().args(["job", "allocs", "-json", job]))
}

/// Makes coins as the mint does, of an issuance of this name, and has the ledger told of them. Out of the pool they would come one a second, which is all that strangers get.
pub fn coins(mesh: &Mesh, issuance: &str, count: usize) -> Vec<String> {
    let directory = TempDir::new().unwrap();
    let (token, mint, count) = (
        mesh.secret_file("vault-mint"),
        program("hashicoin-mint"),
        count.to_string(),
    );
    // Everybody on the machine can read arguments, so the token comes by its file. The mesh lets the ledger speak to Redis, as the mint.
    let mut command = vec![
        "sh",
        "-c",
        "VAULT_TOKEN=$(cat \"$0\") exec \"$@\"",
        token.to_str().unwrap(),
    ];
    command.extend([
        mint.to_str().unwrap(),
        "mint",
        "--vault-key",
        "hashicoin",
        "--count",
        &count,
    ]);
    command.extend(["--campaign", "hashiconf-2020", "--expires", "2030-01-01T00:00:00Z"]);
    command.extend([
        "--out",
        directory.path().to_str().unwrap(),
        "--ledger-redis",
        "redis://127.0.0.1:6379",
    ]);
    command.extend(["--issuance-id", issuance]);
    let ended = exec(mesh, &running(mesh, "ledger"), "ledger", &command);
    assert_eq!(ended.code(), 0, "{ended:?}");
    read_coins(directory.path()).iter().map(Coin::header).collect()
}

/// Runs a program in a task, as a part of it.
pub fn exec(mesh: &Mesh, allocation: &str, task: &str, program: &[&str]) -> Ended {
    let mut exec = mesh.nomad();
    exec.args(["alloc", "exec", "-i=false", "-t=false", "-task", task, allocation]);
    run(exec.args(program))
}

/// A job file of the tests.
pub fn bad_job(mesh: &Mesh, name: &str) -> Ended {
    let mut job = mesh.nomad();
    job.args(["job", "run", "-detach"]);
    run(job.arg(source(&format!("tests/testdata/nomad/{name}.nomad.hcl"))))
}
