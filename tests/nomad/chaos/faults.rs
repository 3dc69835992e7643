//! What goes wrong: in each round something happens to the ledger and something to another part, in an order that follows from the seed.

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::harness::http;
use crate::harness::process::run;
use crate::harness::wait::wait_for;
use crate::mesh::world::Mesh;
use crate::nomad::site::{find_running, json as said};

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    LedgerKilled,
    LedgerRestarted,
    /// Another allocation goes on.
    LedgerMoved,
    /// Its way to Redis and Postgres breaks off.
    LedgerProxyKilled,
    ApiKilled,
    RedisKilled,
    /// Another allocation goes on, with the file of what was said yes to.
    RedisMoved,
    GatewayKilled,
    GatewayDrained,
    /// Everything but the gateway ends, and comes back.
    MachineDrained,
    VaultSealed,
    VaultUnsealed,
}

use Fault::{
    ApiKilled, GatewayDrained, GatewayKilled, LedgerKilled, LedgerMoved, LedgerProxyKilled, LedgerRestarted,
    MachineDrained, RedisKilled, RedisMoved, VaultSealed, VaultUnsealed,
};

/// What happens to the ledger: it is killed more often than not.
const TO_THE_LEDGER: [Fault; 5] = [
    LedgerKilled,
    LedgerKilled,
    LedgerRestarted,
    LedgerMoved,
    LedgerProxyKilled,
];

/// What happens to the others, each once.
const TO_OTHERS: [Fault; 8] = [
    ApiKilled,
    RedisKilled,
    RedisMoved,
    GatewayKilled,
    GatewayDrained,
    MachineDrained,
    VaultSealed,
    VaultUnsealed,
];

/// The rounds, and what goes wrong in each, in this order.
pub fn rounds(seed: u64) -> Vec<[Fault; 2]> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut others = TO_OTHERS;
    others.shuffle(&mut random);
    let place = |others: &[Fault], fault| others.iter().position(|other| *other == fault).unwrap();
    let (sealed, unsealed) = (place(&others, VaultSealed), place(&others, VaultUnsealed));
    if unsealed < sealed {
        others.swap(sealed, unsealed);
    }
    // Without Vault nothing that has left a machine comes back: it is opened before.
    let (sealed, unsealed) = (place(&others, VaultSealed), place(&others, VaultUnsealed));
    let drained = place(&others, MachineDrained);
    if (sealed..unsealed).contains(&drained) {
        others.swap(drained, unsealed);
    }
    let round = |other| {
        let mut round = [*TO_THE_LEDGER.choose(&mut random).unwrap(), other];
        if random.random() {
            round.reverse();
        }
        round
    };
    others.into_iter().map(round).collect()
}

impl Fault {
    /// Does it to the mesh.
    pub fn happen(self, mesh: &Mesh) {
        match self {
            LedgerKilled => kill(mesh, "ledger", "ledger"),
            LedgerRestarted => to_allocation(mesh, "ledger", &["restart"]),
            LedgerMoved => to_allocation(mesh, "ledger", &["stop", "-detach"]),
            LedgerProxyKilled => kill(mesh, "ledger", "connect-proxy-ledger"),
            ApiKilled => kill(mesh, "api", "api"),
            RedisKilled => kill(mesh, "redis", "redis"),
            RedisMoved => to_allocation(mesh, "redis", &["stop", "-detach"]),
            GatewayKilled => kill(mesh, "pci-gateway", "connect-terminating-pci-gateway"),
            GatewayDrained => drain_and_back(mesh, "pci"),
            MachineDrained => drain_and_back(mesh, "apps"),
            VaultSealed => drop(Mesh::runs(mesh.vault().args(["operator", "seal"]))),
            VaultUnsealed => unseal(mesh),
        }
    }
}

/// Ends a program without a word.
fn kill(mesh: &Mesh, job: &str, task: &str) {
    to_allocation(mesh, job, &["signal", "-s", "SIGKILL", "-task", task]);
}

/// Does something to a job's allocation once all its tasks run. While Vault is sealed that may be never, and then nothing is done.
fn to_allocation(mesh: &Mesh, job: &str, what: &[&str]) {
    wait_for(&format!("{job} to {what:?}"), || {
        let Some(allocation) = find_running(mesh, job) else {
            return if is_sealed(mesh) {
                Ok(())
            } else {
                Err("it does not run".to_owned())
            };
        };
        // What ran a moment ago may have ended.
        let ended = run(mesh.nomad().arg("alloc").args(what).arg(allocation));
        if ended.code() == 0 {
            Ok(())
        } else {
            Err(format!("{ended:?}"))
        }
    });
}

/// Has a machine's jobs leave it, and lets them come back when they have.
fn drain_and_back(mesh: &Mesh, machine: &str) {
    let nodes = said(mesh.nomad().args(["node", "status", "-json"]));
    let node = nodes.as_array().unwrap().iter().find(|node| node["Name"] == machine);
    let node = node.unwrap()["ID"].as_str().unwrap();
    let drain = |what: &[&str]| {
        Mesh::runs(
            mesh.nomad()
                .args(["node", "drain", "-yes", "-detach"])
                .args(what)
                .arg(node),
        )
    };
    drain(&["-enable", "-deadline", "5s"]);
    wait_for(&format!("{machine} to be drained"), || {
        let status = said(mesh.nomad().args(["node", "status", "-json", node]));
        if status["DrainStrategy"].is_null() {
            Ok(())
        } else {
            Err(status["DrainStrategy"].to_string())
        }
    });
    drain(&["-disable"]);
}

fn is_sealed(mesh: &Mesh) -> bool {
    let status = http::get(mesh.address("vault", "http"), "/v1/sys/seal-status");
    status.json()["sealed"] == true
}

/// As `hashicoin dev` does after a start.
fn unseal(mesh: &Mesh) {
    let body = json!({ "key": mesh.secret("vault-unseal") });
    let answer = http::exchange(
        mesh.address("vault", "http"),
        &http::request("PUT", "/v1/sys/unseal", &[], &body.to_string()),
    );
    assert_eq!(answer.json()["sealed"], false, "{answer:?}");
}

#[test]
fn nothing_is_to_come_back_while_vault_is_sealed() {
    for seed in 0..1000 {
        let order: Vec<Fault> = rounds(seed).into_iter().flatten().collect();
        let place = |fault| order.iter().position(|other| *other == fault).unwrap();
        let (sealed, unsealed, drained) = (place(VaultSealed), place(VaultUnsealed), place(MachineDrained));
        assert!(
            sealed < unsealed && !(sealed..unsealed).contains(&drained),
            "{seed}: {order:?}"
        );
    }
}
