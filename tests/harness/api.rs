//! The built `hashicoin-api` on a ledger of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::artifacts::{program, source};
use super::http;
use super::metrics::sum;
use super::mint::Mint;
use super::process::{Ended, Process, run};

/// A running API.
pub struct Api {
    directory: TempDir,
    process: Process,
    pub address: SocketAddr,
}

impl Api {
    /// A new ledger, and the API on it with a pool of coins.
    pub fn start(pool: &Path) -> Api {
        let directory = TempDir::new().unwrap();
        let mut init = Command::new(program("hashicoin-api"));
        init.arg("init")
            .arg("--ledger")
            .arg(directory.path().join("ledger.sqlite"));
        init.arg("--campaign").arg(source("examples/campaign.json"));
        let ended = run(&mut init);
        assert_eq!(ended.code(), 0, "{ended:?}");
        Api::serve(directory, pool)
    }

    /// Serves the ledger in a directory.
    pub fn serve(directory: TempDir, pool: &Path) -> Api {
        let mut command = Command::new(program("hashicoin-api"));
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        command.arg("--ledger").arg(directory.path().join("ledger.sqlite"));
        command.arg("--campaign").arg(source("examples/campaign.json"));
        command.arg("--keys").arg(Mint::keys()).arg("--pool").arg(pool);
        let mut process = Process::start("hashicoin-api", &mut command);
        let ready: Value = serde_json::from_str(&process.first_line()).unwrap();
        let address = ready["listening"].as_str().unwrap().parse().unwrap();
        Api {
            directory,
            process,
            address,
        }
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Ends it at once, as a power cut would, and gives its ledger's directory.
    pub fn kill(self) -> TempDir {
        self.process.kill();
        self.process.ended();
        self.directory
    }

    /// Asks it to end, and gives how it did and its ledger's directory.
    pub fn terminate(self) -> (Ended, TempDir) {
        self.process.terminate();
        (self.process.ended(), self.directory)
    }

    /// What `/metrics` says.
    pub fn metrics(&self) -> String {
        http::get(self.address, "/metrics").text()
    }

    /// Requests of any kind that reached the API, those for metrics and health aside.
    pub fn requests(&self) -> u64 {
        sum(&self.metrics(), "hashicoin_api_requests_total", &[])
    }

    /// Votes by outcome: `counted`, `repeated`, `spent` or `refused`.
    pub fn votes(&self, outcome: &str) -> u64 {
        sum(
            &self.metrics(),
            "hashicoin_votes_total",
            &[&format!("outcome=\"{outcome}\"")],
        )
    }
}
