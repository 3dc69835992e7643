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
use super::process::{Process, run};

/// A running API.
pub struct Api {
    process: Process,
    _directory: TempDir,
    pub address: SocketAddr,
}

impl Api {
    /// A new ledger, and the API on it with a pool of coins, ready for requests.
    pub fn start(pool: &Path) -> Api {
        let directory = TempDir::new().unwrap();
        let mut init = Command::new(program("hashicoin-api"));
        init.arg("init")
            .arg("--ledger")
            .arg(directory.path().join("ledger.sqlite"));
        init.arg("--campaign").arg(source("tests/testdata/campaign.json"));
        let ended = run(&mut init);
        assert_eq!(ended.code(), 0, "{ended:?}");

        let mut command = Command::new(program("hashicoin-api"));
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        command.arg("--ledger").arg(directory.path().join("ledger.sqlite"));
        command.arg("--campaign").arg(source("tests/testdata/campaign.json"));
        command.arg("--keys").arg(Mint::keys()).arg("--pool").arg(pool);
        let mut process = Process::start("hashicoin-api", &mut command);
        let ready: Value = serde_json::from_str(&process.first_line()).unwrap();
        let address = ready["listening"].as_str().unwrap().parse().unwrap();
        Api {
            process,
            _directory: directory,
            address,
        }
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
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
