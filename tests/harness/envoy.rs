//! Envoy with the shipped bootstrap, in which nothing but ports, the module's path and the keys is replaced.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::artifacts::{self, source};
use super::http;
use super::mint::Mint;
use super::process::{Ended, Process};
use super::wait::wait_for;

/// A running Envoy.
pub struct Envoy {
    directory: TempDir,
    process: Process,
    /// Where clients connect.
    pub address: SocketAddr,
    /// Envoy's admin interface.
    pub admin: SocketAddr,
}

/// The shipped bootstrap in front of an API, with the compiled gate and the keys of the tests.
pub fn bootstrap(api: SocketAddr) -> String {
    let keys = Mint::keys_in_one_line();
    let mut text = fs::read_to_string(source("envoy/bootstrap.yaml")).unwrap();
    let gate = artifacts::gate();
    replace(&mut text, "port_value: 10000", "port_value: 0");
    replace(&mut text, "port_value: 9901", "port_value: 0");
    replace(&mut text, "port_value: 8080", &format!("port_value: {}", api.port()));
    replace(&mut text, "/etc/hashicoin/coin_gate.wasm", gate.to_str().unwrap());
    replace(&mut text, "\"keys\": {}", &format!("\"keys\": {keys}"));
    text
}

/// Replaces what must be there exactly once.
pub fn replace(text: &mut String, from: &str, to: &str) {
    assert_eq!(text.matches(from).count(), 1, "{from:?} in the bootstrap");
    *text = text.replace(from, to);
}

/// Puts the gate under a list of allowed capabilities.
pub fn restrict(text: &mut String, list: &[&str]) {
    let names: Vec<_> = list.iter().map(|name| format!("{name}: {{}}")).collect();
    let policy = "failure_policy: FAIL_CLOSED\n";
    let allowed = format!(
        "{policy}                capability_restriction_config: {{ allowed_capabilities: {{ {} }} }}\n",
        names.join(", ")
    );
    replace(text, policy, &allowed);
}

impl Envoy {
    /// Envoy in front of an API, ready for requests.
    pub fn start(api: SocketAddr) -> Envoy {
        Envoy::start_with(&bootstrap(api))
    }

    /// Envoy with a bootstrap of the test's own.
    pub fn start_with(bootstrap: &str) -> Envoy {
        Envoy::start_in(TempDir::new().unwrap(), bootstrap)
    }

    /// As [`Envoy::start_with`], but the listeners stand in a file of their own, and Envoy takes them again when they are replaced.
    pub fn start_watching(bootstrap: &str) -> Envoy {
        let directory = TempDir::new().unwrap();
        put_listeners(directory.path(), bootstrap);
        let (before, rest) = bootstrap.split_once("  listeners:\n").unwrap();
        let (_, clusters) = rest.split_once("\n  clusters:").unwrap();
        let path = directory.path().join(LISTENERS);
        let bootstrap = format!(
            "node: {{ id: gate, cluster: gate }}\ndynamic_resources:\n  lds_config: {{ path_config_source: {{ path: {} }} }}\n{before}  clusters:{clusters}",
            path.display()
        );
        Envoy::start_in(directory, &bootstrap)
    }

    /// Replaces the listeners of an Envoy that watches them by those of this bootstrap.
    pub fn replace_listeners(&self, bootstrap: &str) {
        put_listeners(self.directory.path(), bootstrap);
    }

    fn start_in(directory: TempDir, bootstrap: &str) -> Envoy {
        let mut process = spawn(directory.path(), bootstrap);
        let admin: SocketAddr = wait_for("Envoy's admin address", || {
            process.still_runs();
            let text = fs::read_to_string(directory.path().join("admin")).map_err(|error| error.to_string())?;
            text.parse().map_err(|error| format!("{text:?}: {error}"))
        });
        wait_for("Envoy to be ready", || {
            process.still_runs();
            let ready = http::get(admin, "/ready");
            if ready.status == 200 { Ok(()) } else { Err(ready.text()) }
        });
        let address = wait_for("Envoy's listener", || {
            let listeners = http::get(admin, "/listeners?format=json").json();
            let port = listeners
                .pointer("/listener_statuses/0/local_address/socket_address/port_value")
                .and_then(Value::as_u64);
            port.ok_or_else(|| listeners.to_string())
        });
        let address = SocketAddr::from(([127, 0, 0, 1], u16::try_from(address).unwrap()));
        Envoy {
            directory,
            process,
            address,
            admin,
        }
    }

    /// Runs Envoy on a bootstrap that it must refuse, to its end.
    pub fn refuses(bootstrap: &str) -> Ended {
        let directory = TempDir::new().unwrap();
        spawn(directory.path(), bootstrap).ended()
    }

    /// What Envoy has written so far: its access log and its own.
    pub fn said(&self) -> String {
        self.process.stdout() + &self.process.stderr()
    }

    /// The gate's metrics, such as `coin_gate_accepted`.
    pub fn gate_metrics(&self) -> BTreeMap<String, u64> {
        let text = http::get(self.admin, "/stats?filter=^wasmcustom\\.coin_gate_").text();
        let metric = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            Some((name.strip_prefix("wasmcustom.")?.to_owned(), value.parse().unwrap()))
        };
        text.lines().filter_map(metric).collect()
    }

    /// Requests that Envoy sent on to the API.
    pub fn upstream_requests(&self) -> u64 {
        self.stat("cluster.api.upstream_rq_total")
    }

    /// Connections to the API that Envoy has closed, or nothing while a request is under way.
    pub fn upstream_closed(&self) -> Option<u64> {
        let active = self.stat("cluster.api.upstream_rq_active");
        (active == 0).then(|| self.stat("cluster.api.upstream_cx_destroy"))
    }

    /// Memory of its process, in KiB.
    pub fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// One of Envoy's own statistics, by its full name.
    pub fn stat(&self, name: &str) -> u64 {
        let pattern = name.replace('.', "\\.");
        let text = http::get(self.admin, &format!("/stats?filter=^{pattern}$")).text();
        let value = text.trim().rsplit(' ').next().and_then(|value| value.parse().ok());
        value.unwrap_or_else(|| panic!("no {name}: {text:?}"))
    }
}

/// The file of the listeners, beside the bootstrap.
const LISTENERS: &str = "listeners.yaml";

/// Moves a whole file to its place: Envoy looks again at a move, and never sees half of it.
fn put_listeners(directory: &Path, bootstrap: &str) {
    let (_, rest) = bootstrap.split_once("  listeners:\n").unwrap();
    let (listeners, _) = rest.split_once("\n  clusters:").unwrap();
    let mut text = format!("resources:\n{listeners}\n");
    let kind = "type.googleapis.com/envoy.config.listener.v3.Listener";
    replace(
        &mut text,
        "  - name: public\n",
        &format!("  - \"@type\": {kind}\n    name: public\n"),
    );
    let new = directory.join("listeners.new");
    fs::write(&new, text).unwrap();
    fs::rename(new, directory.join(LISTENERS)).unwrap();
}

/// Two workers, so that the gate runs in more than one VM.
fn spawn(directory: &Path, bootstrap: &str) -> Process {
    fs::write(directory.join("bootstrap.yaml"), bootstrap).unwrap();
    let mut command = Command::new(artifacts::envoy());
    command.args(["--concurrency", "2", "--disable-hot-restart"]);
    // What is replaced goes after a second, not after ten minutes; the access log is written ten times a second, not every ten seconds.
    command.args(["--drain-time-s", "1", "--file-flush-interval-msec", "100"]);
    command.arg("-c").arg(directory.join("bootstrap.yaml"));
    command.arg("--admin-address-path").arg(directory.join("admin"));
    Process::start("envoy", &mut command)
}

#[test]
#[should_panic(expected = "in the bootstrap")]
fn a_replacement_of_what_is_not_there_fails() {
    replace(&mut "a: 1".to_owned(), "b: 1", "b: 2");
}

#[test]
#[should_panic(expected = "in the bootstrap")]
fn a_replacement_of_what_is_there_twice_fails() {
    replace(&mut "a: 1\na: 1".to_owned(), "a: 1", "a: 2");
}
