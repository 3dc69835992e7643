//! One mesh on Nomad for everything that wants one: it takes half a minute to come up, and a gigabyte.

use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use super::{chaos, identities, moved, report, updated};
use crate::harness::artifacts::source;
use crate::harness::process::run;
use crate::mesh::monitoring;
use crate::mesh::world::Mesh;

/// Whom Prometheus reads while no miner works: the agents of Nomad are three.
const READ: [&str; 13] = [
    "api",
    "autoscaler",
    "consul",
    "envoy api",
    "envoy gateway",
    "envoy ledger",
    "envoy pci-gateway",
    "envoy redis",
    "ledger",
    "nomad",
    "nomad",
    "nomad",
    "vault",
];

/// The story of `hashicoin dev` held when the mesh is there, and so did the keynote's steps: forged coins stopped at the gate in the API's sidecar, good ones counted by the ledger through the terminating
/// gateway, and a stranger's audit found nothing wrong.
#[test]
fn the_mesh_runs_on_nomad_and_no_job_may_do_another_s() {
    let began = Instant::now();
    let mesh = Mesh::start_on_nomad();
    let told = mesh.keynote();
    eprintln!(
        "the mesh is up, and the keynote walked, after {} s",
        began.elapsed().as_secs()
    );
    // What each asserted stands in the program, which ends at the first that does not hold.
    let steps = told["steps"].as_array().unwrap();
    let asserted = |step: &Value| step["asserted"].as_array().map_or(0, Vec::len);
    assert_eq!(
        steps.iter().map(asserted).collect::<Vec<_>>(),
        [3, 7, 3, 2, 5, 6, 4, 8, 7, 6],
        "{told:#}"
    );
    report::tells(&mesh, &told);
    // The keynote has voted with a coin that no mint announced, and somebody has to know.
    monitoring::everybody_is_read(&mesh, &READ, &["DeadLetters"], true);
    plan(&mesh);
    identities::tokens(&mesh);
    identities::autoscaler(&mesh);
    identities::thieves(&mesh);
    updated::api(&mesh);
    eprintln!("the API is updated after {} s", began.elapsed().as_secs());
    moved::ledger(&mesh);
    moved::frozen(&mesh);
    chaos::faults(&mesh);
    eprintln!("the faults are over after {} s", began.elapsed().as_secs());
    let directories = ["/run/netns", "/run/cni", "/var/lib/cni"];
    drop(mesh);
    // Networks of jobs and the notes about them go with the machine that they were on.
    for directory in directories.map(Path::new).into_iter().filter(|place| place.exists()) {
        let left = fs::read_dir(directory).unwrap().flatten();
        let jobs: Vec<_> = left
            .map(|entry| entry.file_name().into_string().unwrap())
            .filter(|name| name.len() == 36 || name == "nomad")
            .collect();
        assert_eq!(jobs, [""; 0], "{}", directory.display());
    }
}

/// A real Nomad takes each file, and without its places none.
fn plan(mesh: &Mesh) {
    for entry in fs::read_dir(source("nomad/jobs")).unwrap() {
        let file = entry.unwrap().path();
        let text = fs::read_to_string(&file).unwrap();
        let mut plan = mesh.nomad();
        plan.args(["job", "plan", "-diff=false"]);
        assert_eq!(run(plan.arg(&file)).code(), 255, "{}", file.display());

        let mut plan = mesh.nomad();
        plan.args(["job", "plan", "-diff=false"]);
        for block in text.split("\nvariable \"").skip(1) {
            let (name, rest) = block.split_once('"').unwrap();
            if !rest.split_once("\n}").unwrap().0.contains("default") {
                plan.args(["-var", &format!("{name}=/elsewhere")]);
            }
        }
        // 0: nothing would change; 1: something would, since it is all elsewhere.
        let ended = run(plan.arg(&file));
        assert!([0, 1].contains(&ended.code()), "{}: {ended:?}", file.display());
        assert!(
            !ended.stdout.contains("WARNING: Failed to place"),
            "{}: {ended:?}",
            file.display()
        );
    }
}
