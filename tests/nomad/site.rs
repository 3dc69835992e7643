//! Nomad's command line on a running mesh.

use std::process::Command;

use serde_json::Value;

use crate::harness::artifacts::source;
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
        let allocations = json(mesh.nomad().args(["job", "allocs", "-json", job]));
        let running = |one: &&Value| {
            let mut states = one["TaskStates"].as_object().into_iter().flatten();
            one["ClientStatus"] == "running"
                && one["DesiredStatus"] == "run"
                && states.all(|(_, state)| state["State"] == "running")
        };
        let found = allocations.as_array().unwrap().iter().find(running);
        found
            .map(|one| one["ID"].as_str().unwrap().to_owned())
            .ok_or_else(|| allocations.to_string())
    })
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
