//! Offline check: whoever has a coin votes, whatever becomes of Vault.

use nix::sys::signal::Signal;

use super::world::Mesh;
use crate::harness::process::run;

const VOTE: &str = r#"{"weights":{"clean-water":1}}"#;

/// Casts a few votes, each counted at the first attempt.
fn votes_go_on(mesh: &Mesh, when: &str) {
    for index in 0..4 {
        let coin = mesh.coin(&format!("{when}-{index}"));
        let answer = mesh.vote(&coin, VOTE);
        assert_eq!(answer.status, 201, "{when}: {answer:?}");
    }
}

#[test]
fn with_vault_sealed_killed_or_stopped_votes_go_on() {
    let mesh = Mesh::start();
    Mesh::runs(mesh.vault().args(["operator", "seal"]));
    votes_go_on(&mesh, "sealed");
    mesh.kill("vault");
    votes_go_on(&mesh, "killed");
    let status = run(mesh.vault().args(["status", "-format=json"]));
    assert!(!status.stdout.contains("\"sealed\": false"), "{status:?}");
    mesh.signal("vault", Signal::SIGSTOP);
    votes_go_on(&mesh, "stopped");
    mesh.signal("vault", Signal::SIGCONT);
}
