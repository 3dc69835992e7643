//! A running mesh of a test's own.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::artifacts::{envoy, gate, nomad, program, tools};
use crate::harness::http::{self, Response, exchange, request};
use crate::harness::metrics::sum;
use crate::harness::process::{Ended, Process, run};
use crate::harness::wait::{wait_for, wait_up_to};

/// How long the keynote may take: a minute and a half on an idle machine, most of it the API's growing and shrinking.
const KEYNOTE_MAX: Duration = Duration::from_secs(400);

/// Where the keynote's page for people is written, in a directory that is not there yet.
const REPORT: &str = "keynote/report.html";

/// `hashicoin dev --mesh`, after its story.
pub struct Mesh {
    process: Process,
    directory: TempDir,
    /// Where browsers come in.
    pub front: SocketAddr,
    spare_ports: Mutex<Vec<u16>>,
}

/// The program, with the tools that `cargo xtask tools` brought.
pub fn command() -> Command {
    command_with(&["--mesh"])
}

fn command_with(flags: &[&str]) -> Command {
    let mut command = Command::new(program("hashicoin"));
    command.arg("dev").args(flags).args(["--json", "--envoy"]).arg(envoy());
    command.arg("--gate").arg(gate()).arg("--tools").arg(tools());
    command
}

impl Mesh {
    /// Brings one up, and has its story told.
    pub fn start() -> Mesh {
        Mesh::start_with(&["--mesh"])
    }

    /// Brings one up whose parts Nomad runs, and has its story told; it then walks the keynote.
    pub fn start_on_nomad() -> Mesh {
        nomad();
        Mesh::start_with(&["--nomad", "--keynote"])
    }

    fn start_with(flags: &[&str]) -> Mesh {
        let directory = TempDir::new().unwrap();
        // Postgres runs as somebody else, and must find its own directory in here.
        let mut open_up = Command::new("chmod");
        assert_eq!(run(open_up.arg("711").arg(directory.path())).code(), 0);
        let mut command = command_with(flags);
        if flags.contains(&"--keynote") {
            command.arg("--report").arg(directory.path().join(REPORT));
        }
        command
            .args(["--count", "500", "--data"])
            .arg(directory.path().join("data"));
        let mut process = Process::start(&format!("hashicoin dev {}", flags[0]), &mut command);
        let figures: Value = serde_json::from_str(&process.first_line()).unwrap();
        assert_eq!(figures["ok"], true, "{figures}");
        let facts = read_facts(directory.path());
        let spare = facts["spare_ports"].as_array().unwrap().iter();
        Mesh {
            process,
            front: facts["front"].as_str().unwrap().parse().unwrap(),
            spare_ports: Mutex::new(
                spare
                    .map(|port| u16::try_from(port.as_u64().unwrap()).unwrap())
                    .collect(),
            ),
            directory,
        }
    }

    /// What the keynote asserted, once it was walked to its end.
    pub fn keynote(&self) -> Value {
        let walked = wait_up_to(KEYNOTE_MAX, || {
            let said = self.process.stdout();
            let line = said.split_inclusive('\n').nth(1).filter(|line| line.ends_with('\n'));
            let told = self.said();
            assert!(!told.lines().any(|line| line.starts_with("hashicoin: ")), "{told}");
            line.map(|line| serde_json::from_str(line).unwrap()).ok_or(told)
        });
        walked.unwrap_or_else(|told| panic!("waited {KEYNOTE_MAX:?} for the keynote to be walked; {told}"))
    }

    /// The keynote's page for people, once it was walked to its end.
    pub fn report(&self) -> String {
        fs::read_to_string(self.directory.path().join(REPORT)).unwrap()
    }

    /// What `mesh.json` says now.
    pub fn facts(&self) -> Value {
        read_facts(self.directory.path())
    }

    /// A place in its data directory.
    pub fn data(&self, name: &str) -> PathBuf {
        self.directory.path().join("data").join(name)
    }

    /// What the mesh has said so far.
    pub fn said(&self) -> String {
        self.process.stderr()
    }

    /// What `mesh.json` says of a part now.
    pub fn part(&self, name: &str) -> Value {
        let facts = self.facts();
        let part = facts["parts"]
            .as_array()
            .unwrap()
            .iter()
            .find(|part| part["name"] == name);
        part.unwrap_or_else(|| panic!("no part {name}: {facts:#}")).clone()
    }

    /// One of a part's addresses, or of a job's that is noted like one.
    pub fn address(&self, part: &str, what: &str) -> SocketAddr {
        let facts = self.facts();
        let noted = &facts[part];
        let addresses = if noted.is_null() {
            self.part(part)["addresses"].clone()
        } else {
            noted.clone()
        };
        addresses[what]
            .as_str()
            .unwrap_or_else(|| panic!("no {what}: {addresses:#}"))
            .parse()
            .unwrap()
    }

    /// Kills a part (SIGKILL), and waits until another process has taken its place.
    pub fn kill(&self, name: &str) {
        let before = self.part(name);
        self.signal(name, Signal::SIGKILL);
        wait_for(&format!("{name} to be started again"), || {
            let now = self.part(name);
            if now["pid"] == before["pid"] {
                Err(now.to_string())
            } else {
                Ok(())
            }
        });
    }

    /// Sends a part a signal.
    pub fn signal(&self, name: &str, signal: Signal) {
        let pid = self.part(name)["pid"].as_i64().unwrap();
        kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
    }

    /// A port that nothing of the mesh is on.
    pub fn spare_port(&self) -> u16 {
        self.spare_ports.lock().unwrap().pop().expect("more spare ports")
    }

    /// Consul's client, with the token that may do everything.
    pub fn consul(&self) -> Command {
        let mut consul = Command::new(tools().join("consul"));
        consul.env("CONSUL_HTTP_ADDR", format!("http://{}", self.address("consul", "http")));
        consul.env("CONSUL_GRPC_ADDR", format!("http://{}", self.address("consul", "grpc")));
        consul.env("CONSUL_HTTP_TOKEN_FILE", self.token("bootstrap"));
        consul
    }

    /// Vault's client, with the token that may do everything.
    pub fn vault(&self) -> Command {
        let mut vault = Command::new(tools().join("vault"));
        vault.env("VAULT_ADDR", format!("http://{}", self.address("vault", "http")));
        vault.env("VAULT_TOKEN", self.secret("vault-root"));
        vault
    }

    /// The file of one of the secrets.
    pub fn secret_file(&self, name: &str) -> PathBuf {
        Path::new(self.facts()["secrets"].as_str().unwrap()).join(name)
    }

    /// A secret.
    pub fn secret(&self, name: &str) -> String {
        fs::read_to_string(self.secret_file(name)).unwrap()
    }

    /// Nomad's client, with the token that may do everything.
    pub fn nomad(&self) -> Command {
        let mut nomad = Command::new(nomad());
        nomad.env("NOMAD_ADDR", format!("http://{}", self.address("nomad-server", "http")));
        nomad.env("NOMAD_TOKEN", self.secret("nomad-bootstrap"));
        nomad
    }

    /// The file of one of Consul's tokens.
    pub fn token(&self, name: &str) -> PathBuf {
        Path::new(self.facts()["tokens"].as_str().unwrap()).join(name)
    }

    /// Runs a command, which must succeed.
    pub fn runs(command: &mut Command) -> Ended {
        let ended = run(command);
        assert_eq!(ended.code(), 0, "{command:?}: {ended:?}");
        ended
    }

    /// A coin of the pool that nobody has taken yet: the value of its header.
    pub fn coin(&self, key: &str) -> String {
        let key = format!("a-test-of-the-mesh-{key}");
        let answer = exchange(
            self.front,
            &request("POST", "/v1/coins", &[("idempotency-key", &key)], ""),
        );
        assert_eq!(answer.status, 201, "{answer:?}");
        let token = answer.json()["token"].as_str().unwrap().to_owned();
        format!("Coin {token}")
    }

    /// Casts a vote through the gateway.
    pub fn vote(&self, coin: &str, body: &str) -> Response {
        exchange(self.front, &vote(coin, body))
    }

    /// The gate's metrics.
    pub fn gate_metrics(&self) -> BTreeMap<String, u64> {
        let admin = self.address("envoy-api", "admin");
        let text = http::get(admin, "/stats?filter=^wasmcustom\\.coin_gate_").text();
        let metric = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            Some((name.strip_prefix("wasmcustom.")?.to_owned(), value.parse().unwrap()))
        };
        text.lines().filter_map(metric).collect()
    }

    /// Requests that reached the API, those for metrics and health aside.
    pub fn api_requests(&self) -> u64 {
        let metrics = http::get(self.address("api", "http"), "/metrics").text();
        sum(&metrics, "hashicoin_api_requests_total", &[])
    }

    /// Votes in the tally.
    pub fn votes(&self) -> u64 {
        http::get(self.front, "/v1/tally").json()["votes"].as_u64().unwrap()
    }
}

/// A vote with this coin, which waits for the ledger's word.
pub fn vote(coin: &str, body: &str) -> Vec<u8> {
    let headers = [
        ("content-type", "application/json"),
        ("authorization", coin),
        ("prefer", "wait=20"),
    ];
    request("POST", "/v1/votes", &headers, body)
}

fn read_facts(directory: &Path) -> Value {
    let file = directory.join("data/mesh.json");
    serde_json::from_slice(&fs::read(&file).unwrap()).unwrap()
}
