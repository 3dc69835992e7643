//! Faults upon faults while votes are cast: in the end each vote that a voter was told is counted is in the ledger once, each that was refused is not, the tally is the one
//! that these votes make, every receipt is true, and an outsider's audit finds nothing wrong.
//!
//! The order of the faults follows from a seed: `CHAOS_SEED`, or 1.

mod ballot;
mod faults;
mod voters;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use self::voters::Voters;
use crate::harness::artifacts::program;
use crate::harness::http;
use crate::mesh::world::Mesh;

/// Casts votes through all faults, and does the account.
pub fn faults(mesh: &Mesh) {
    let seed = env::var("CHAOS_SEED").map_or(1, |seed| seed.parse().expect("CHAOS_SEED is a number"));
    let rounds = faults::rounds(seed);
    // Shown when the test fails.
    eprintln!("CHAOS_SEED={seed}: {rounds:?}");
    let log_info = http::get(mesh.front, "/v1/log/log.json").body;
    let mut voters = Voters::with_coins(mesh, rounds.len());
    for round in rounds {
        let began = Instant::now();
        voters.vote_through(|| round.into_iter().for_each(|fault| fault.happen(mesh)));
        eprintln!("{round:?}: {} ms", began.elapsed().as_millis());
    }
    audit(mesh, &log_info, &voters.settle());
}

/// What a stranger does with everybody's receipts: each is true by the keys of before the faults, and of the log as it is now; and in the log nothing is wrong.
fn audit(mesh: &Mesh, log_info: &[u8], receipts: &BTreeSet<String>) {
    let directory = TempDir::new().unwrap();
    let keep = |name: &str, bytes: &[u8]| {
        let file = directory.path().join(name);
        fs::write(&file, bytes).unwrap();
        file
    };
    let log_info = keep("log.json", log_info);
    let mut audit = Command::new(program("hashicoin"));
    audit.args(["audit", "--json", &format!("http://{}", mesh.front)]);
    for (number, receipt) in receipts.iter().enumerate() {
        let receipt = keep(&format!("{number}.tlog-proof"), receipt.as_bytes());
        let mut verify = Command::new(program("hashicoin"));
        verify.args(["receipt", "verify"]).arg(&receipt);
        Mesh::runs(verify.arg("--log-info").arg(&log_info));
        audit.arg("--known").arg(receipt);
    }
    let report: Value = serde_json::from_str(&Mesh::runs(&mut audit).stdout).unwrap();
    let tally = http::get(mesh.front, "/v1/tally").json();
    assert_eq!(report["recounted"]["votes"], tally["votes"], "{report:#}");
}
