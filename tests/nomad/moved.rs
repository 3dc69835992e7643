//! The ledger is put elsewhere while votes are cast: another allocation goes on where the first one stopped, and nothing is lost or counted twice, also when the first one wakes up
//! and believes that it is still the one that counts.

use super::site::{allocations, coins, json, running};
use crate::harness::http::try_exchange;
use crate::harness::process::run;
use crate::harness::wait::wait_for;
use crate::mesh::world::{Mesh, vote};

const VOTES: usize = 12;

/// Casts a vote until it is counted.
fn cast(mesh: &Mesh, coin: &str) {
    wait_for("an answer to a vote", || {
        let answer = try_exchange(mesh.front, &vote(coin, r#"{"weights":{"clean-water":1}}"#))?;
        match answer.status {
            200 | 201 => Ok(()),
            // Queued, and sent again to hear what became of it: a coin counts once.
            202 | 502..=504 => Err(format!("{answer:?}")),
            _ => panic!("{answer:?}"),
        }
    });
}

/// Casts votes, and has something happen after a third of them; each is counted once.
fn votes_go_on(mesh: &Mesh, name: &str, happens: impl FnOnce()) {
    let coins = coins(mesh, name, VOTES);
    let before = mesh.votes();
    let (first, rest) = coins.split_at(VOTES / 3);
    first.iter().for_each(|coin| cast(mesh, coin));
    happens();
    rest.iter().for_each(|coin| cast(mesh, coin));
    assert_eq!(mesh.votes() - before, VOTES as u64);
}

/// Stops the ledger's allocation between votes.
pub fn ledger(mesh: &Mesh) {
    let first = running(mesh, "ledger");
    votes_go_on(mesh, "moved", || {
        Mesh::runs(mesh.nomad().args(["alloc", "stop", "-detach", &first]));
    });
    assert_ne!(first, running(mesh, "ledger"));
}

/// The ledger freezes between votes, wherever it is, a second one counts on, and the first one wakes up.
pub fn frozen(mesh: &Mesh) {
    let first = running(mesh, "ledger");
    let signal = |signal| {
        Mesh::runs(
            mesh.nomad()
                .args(["alloc", "signal", "-s", signal, "-task", "ledger", &first]),
        )
    };
    let before = json(mesh.nomad().args(["job", "inspect", "ledger"]))["Job"]["Version"].to_string();
    // Before that Nomad does not scale.
    wait_for("the ledger's last change to be found well", || {
        let latest = json(mesh.nomad().args(["job", "deployments", "-latest", "-json", "ledger"]));
        if latest["Status"] == "successful" {
            Ok(())
        } else {
            Err(latest.to_string())
        }
    });
    votes_go_on(mesh, "frozen", || {
        signal("SIGSTOP");
        Mesh::runs(mesh.nomad().args(["job", "scale", "-detach", "ledger", "ledger", "2"]));
    });
    // None of these was counted by the one that sleeps.
    signal("SIGCONT");
    wait_for("the first ledger to end", || {
        let found = allocations(mesh, "ledger");
        let ended = found.as_array().unwrap().iter().find(|one| one["ID"] == *first);
        let events = &ended.unwrap()["TaskStates"]["ledger"]["Events"];
        let mut events = events.as_array().unwrap().iter();
        if events.any(|event| event["Type"] == "Terminated" && event["ExitCode"] == 2) {
            Ok(())
        } else {
            Err(found.to_string())
        }
    });
    let said = run(mesh
        .nomad()
        .args(["alloc", "logs", "-stderr", "-task", "ledger", &first]))
    .stdout;
    assert!(said.contains("another writer has taken the ledger over"), "{said}");
    // Nomad starts it again, and then it is the newest: until somebody notices, the two take turns.
    votes_go_on(mesh, "awake", || {
        Mesh::runs(mesh.nomad().args(["job", "revert", "-detach", "ledger", &before]));
    });
    wait_for("one ledger to run", || {
        let found = allocations(mesh, "ledger");
        let running = found
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["ClientStatus"] == "running");
        if running.count() == 1 {
            Ok(())
        } else {
            Err(found.to_string())
        }
    });
}
