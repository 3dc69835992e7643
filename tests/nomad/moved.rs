//! The ledger is put elsewhere while votes are cast: another allocation goes on where the first one stopped, and nothing is lost or counted twice.

use super::site::running;
use crate::harness::http::try_exchange;
use crate::harness::wait::wait_for;
use crate::mesh::world::{Mesh, vote};

const VOTES: usize = 12;

/// Stops the ledger's allocation between votes.
pub fn ledger(mesh: &Mesh) {
    let coins: Vec<String> = (0..VOTES).map(|index| mesh.coin(&format!("moved-{index}"))).collect();
    let before = mesh.votes();
    let first = running(mesh, "ledger");
    for (index, coin) in coins.iter().enumerate() {
        if index == VOTES / 3 {
            Mesh::runs(mesh.nomad().args(["alloc", "stop", "-detach", &first]));
        }
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
    let second = running(mesh, "ledger");
    assert_ne!(first, second);
    assert_eq!(mesh.votes() - before, VOTES as u64);
}
