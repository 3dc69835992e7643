//! Nomad's part in bringing the mesh up: its two agents, whom Vault and Consul then believe who a job is, and the jobs of `nomad/`.
//!
//! The machine of the jobs is a namespace for processes too: when its agent ends, everything that it started ends, as with a machine that is switched off.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use service::Failure;

use super::consul::{self, BOOTSTRAP};
use super::network::Machine;
use super::ports::Port;
use super::postgres::{LEDGER, OWNER};
use super::supervisor::Supervisor;
use super::tools::Nomad;
use super::{Site, files, vault, write};
use crate::dev::job;
use crate::dev::mint;
use crate::dev::stop::Stop;
use crate::dev::wait::wait_for;
use crate::http::{Base, Client};

/// What the refilling miners are run with.
pub const REFILL: &str = "nomad/jobs/refill.vars.json";

/// How the API and the miners are scaled where a handful of people watch: a few requests are a crowd, and nobody waits for minutes.
const SCALING: [(&str, &str); 4] = [
    ("requests_per_second", "20"),
    ("window", "10s"),
    ("evaluation_interval", "2s"),
    ("cooldown", "5s"),
];

/// The token that may do everything; only bringing up needs it.
const ROOT: &str = "nomad-bootstrap";

/// The longest path of a socket, in bytes, and of the one that Nomad makes in a job's directory for its Envoy.
const SOCKET_PATH_MAX: usize = 107;
const SOCKET_PATH: usize = "/alloc/01234567-89ab-cdef-0123-456789abcdef/alloc/tmp/consul_grpc.sock".len();

/// Where the machine of the jobs keeps what must last.
const LASTING: &str = "nomad-data";

/// Becomes the program that it is given, after hiding the places of this machine where CNI's plugins write down what they made: the networks of jobs go with the machine
/// that they were on, and so do the notes about them.
const OWN_PLACES: &str = "set -e
for place in /run/netns /run/cni /var/lib/cni; do
  mkdir -p $place
  mount -t tmpfs -o mode=755 own $place
done
exec \"$0\" \"$@\"";

/// Starts the agents, and has Vault and Consul believe them.
///
/// # Errors
///
/// When a step fails.
pub fn start(site: &Site<'_>, nomad: &Nomad, supervisor: &Supervisor, stop: &Stop) -> Result<(), Failure> {
    let lasting = site.data.join(LASTING);
    fs::create_dir(&lasting).map_err(|error| Failure::io("create", &lasting, &error))?;
    for (path, text) in files::NOMAD {
        write(&site.data.join(path), text)?;
    }
    start_agent(site, nomad, supervisor, Machine::Public)?;
    let http = Client::new(site.nomad_base()?);
    wait_for("Nomad to have a leader", &mut &*supervisor, stop, || {
        let answer = http.get("/v1/status/leader").map_err(|failure| failure.to_string())?;
        if answer.body.len() > 2 {
            Ok(())
        } else {
            Err(answer.body)
        }
    })?;
    let answer = wait_for("Nomad to give its first token", &mut &*supervisor, stop, || {
        let mut bootstrap = site.nomad(nomad);
        job::run("`nomad acl bootstrap`", bootstrap.args(["acl", "bootstrap", "-json"]))
            .map_err(|failure| failure.to_string())
    })?;
    let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
    let token = answer["SecretID"]
        .as_str()
        .ok_or_else(|| Failure::CouldNot("Nomad's first token is in no form that this program knows".to_owned()))?;
    write(&site.secrets().join(ROOT), token)?;
    start_agent(site, nomad, supervisor, Machine::Apps)?;
    start_agent(site, nomad, supervisor, Machine::Pci)?;

    let mut setup = Command::new("sh");
    site.consul_environment(&mut setup, Machine::Public, BOOTSTRAP);
    site.vault_environment(&mut setup, vault::ROOT)?;
    setup.env("NOMAD_ADDR", site.nomad_address());
    setup.env("NOMAD_TOKEN", token);
    setup.env("PATH", &site.tools.path);
    job::run("nomad/setup.sh", setup.arg(site.data.join("nomad/setup.sh")))?;

    wait_for("both machines to be ready for jobs", &mut &*supervisor, stop, || {
        let mut status = site.nomad_as_root(nomad).map_err(|failure| failure.to_string())?;
        let nodes = job::run("`nomad node status`", status.args(["node", "status", "-json"]))
            .map_err(|failure| failure.to_string())?;
        let nodes: Value = serde_json::from_slice(&nodes).map_err(|error| error.to_string())?;
        let nodes = nodes.as_array().cloned().unwrap_or_default();
        let ready = nodes.iter().filter(|node| node["Status"] == "ready").count();
        if ready == 2 {
            Ok(())
        } else {
            Err(format!("{ready} of 2"))
        }
    })?;
    for (job, role) in [("ledger", LEDGER), ("ledger-init", OWNER)] {
        site.put_password(nomad, job, role)?;
    }
    Ok(())
}

/// Runs the jobs, and has coins minted.
///
/// # Errors
///
/// When a job does not come up.
pub fn run_jobs(
    site: &Site<'_>,
    nomad: &Nomad,
    supervisor: &Supervisor,
    stop: &Stop,
    campaign: &str,
    count: u32,
) -> Result<(), Failure> {
    for name in ["redis", "pci-gateway", "ledger-init"] {
        site.run_job(nomad, name)?;
    }
    is_done(site, nomad, supervisor, stop, "ledger-init")?;
    site.write_refill(campaign, count)?;
    for name in ["ledger", "api", "miner", "prometheus", "autoscaler"] {
        site.run_job(nomad, name)?;
    }
    let mut dispatch = site.nomad_as_root(nomad)?;
    dispatch.args(["job", "dispatch", "-detach", "-meta", &format!("campaign={campaign}")]);
    dispatch.args(["-meta", &format!("expires={}", mint::late()?)]);
    dispatch.args(["-meta", &format!("count={count}"), "miner"]);
    let said = job::run("`nomad job dispatch`", &mut dispatch)?;
    let said = String::from_utf8_lossy(&said).into_owned();
    let order = said
        .split_whitespace()
        .find(|word| word.starts_with("miner/dispatch-"))
        .ok_or_else(|| Failure::CouldNot(format!("`nomad job dispatch` named no job: {said}")))?;
    is_done(site, nomad, supervisor, stop, order)
}

/// Waits until a batch job has done its work.
fn is_done(site: &Site<'_>, nomad: &Nomad, supervisor: &Supervisor, stop: &Stop, name: &str) -> Result<(), Failure> {
    wait_for(&format!("the job {name} to be done"), &mut &*supervisor, stop, || {
        let allocations = site.allocations(nomad, name).map_err(|failure| failure.to_string())?;
        let done = allocations.iter().any(|one| one["ClientStatus"] == "complete");
        if done { Ok(()) } else { Err(last_events(&allocations)) }
    })
}

/// What happened to the tasks last, for people.
fn last_events(allocations: &[Value]) -> String {
    let mut said = Vec::new();
    for allocation in allocations {
        for (task, state) in allocation["TaskStates"].as_object().into_iter().flatten() {
            let event = state["Events"].as_array().and_then(|events| events.last());
            let event = event
                .and_then(|event| event["DisplayMessage"].as_str())
                .unwrap_or_default();
            said.push(format!(
                "{task} {}: {event}",
                state["State"].as_str().unwrap_or_default()
            ));
        }
    }
    said.join("; ")
}

fn start_agent(site: &Site<'_>, nomad: &Nomad, supervisor: &Supervisor, machine: Machine) -> Result<(), Failure> {
    let (part, file) = match machine {
        Machine::Apps => ("nomad-apps", "client.hcl"),
        Machine::Pci => ("nomad-pci", "client.hcl"),
        Machine::Public | Machine::Data => ("nomad-server", "server.hcl"),
    };
    // Its token in Consul has its name.
    let token = site.tokens().join(part);
    let token = fs::read_to_string(&token).map_err(|error| Failure::io("read", &token, &error))?;
    let directory = site.data.join(part);
    if machine == Machine::Apps && directory.as_os_str().len() + SOCKET_PATH > SOCKET_PATH_MAX {
        return Err(Failure::Refused(format!(
            "{} is too long for the sockets that Nomad makes below it: name a shorter --data",
            directory.display()
        )));
    }
    let configuration = directory.join("agent.json");
    let settings = site.agent(nomad, machine, &directory, token.trim_end());
    write(&configuration, &settings.to_string())?;
    let namespace = site.network.namespace(machine);
    let mut command = match &namespace {
        None => Command::new(&nomad.nomad),
        Some(namespace) => {
            let mut command = Command::new("nsenter");
            command.arg(format!("--net=/run/netns/{namespace}"));
            command.args(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]);
            command.args(["sh", "-c", OWN_PLACES]).arg(&nomad.nomad);
            command
        }
    };
    without_settings(&mut command);
    command
        .arg("agent")
        .arg("-config")
        .arg(site.data.join("nomad/agent").join(file));
    command.arg("-config").arg(&configuration);
    command.env("PATH", &site.tools.path);
    let http = format!("{}:{}", site.nomad_on(machine), site.ports.get(Port::NomadHttp));
    let addresses = json!({ "http": http });
    if namespace.is_some() {
        supervisor.start_machine(part, command, addresses)
    } else {
        supervisor.start(part, command, addresses).map(drop)
    }
}

impl Site<'_> {
    /// The address of an agent.
    fn nomad_on(&self, machine: Machine) -> Ipv4Addr {
        match machine {
            Machine::Apps => self.network.apps(),
            Machine::Pci => self.network.pci_public(),
            Machine::Public | Machine::Data => self.network.server(),
        }
    }

    /// What differs from the shipped configuration of an agent: places, addresses, and its token in Consul.
    fn agent(&self, nomad: &Nomad, machine: Machine, directory: &Path, token: &str) -> Value {
        let port = |port| self.ports.get(port);
        let (http, grpc) = consul::agent_ports(machine);
        let mut settings = json!({
            "name": if machine == Machine::Apps { "apps" } else { "pci" },
            "data_dir": directory,
            "bind_addr": self.nomad_on(machine).to_string(),
            "ports": { "http": port(Port::NomadHttp), "rpc": port(Port::NomadRpc), "serf": port(Port::NomadSerf) },
            "consul": {
                "address": format!("127.0.0.1:{}", port(http)),
                "grpc_address": format!("127.0.0.1:{}", port(grpc)),
                "token": token,
            },
        });
        if machine == Machine::Public {
            settings["name"] = json!("server");
        } else {
            settings["vault"] = json!({ "address": self.vault_for_jobs() });
            settings["client"] = json!({
                "network_interface": "public",
                "node_pool": if machine == Machine::Apps { "default" } else { "pci" },
                "cni_path": nomad.cni,
                "alloc_mounts_dir": directory.join("mounts"),
                // Nomad would forget what ended as soon as the disk is four fifths full, whoever filled it, and with it what the miners said.
                "gc_disk_usage_threshold": 100,
                "servers": [format!("{}:{}", self.network.server(), port(Port::NomadRpc))],
            });
            if machine == Machine::Apps {
                settings["client"]["meta"] = json!({ "hashicoin_data": self.data.join(LASTING) });
            }
        }
        settings
    }

    fn nomad_address(&self) -> String {
        format!("http://{}:{}", self.network.server(), self.ports.get(Port::NomadHttp))
    }

    fn nomad_base(&self) -> Result<Base, Failure> {
        Base::parse(&self.nomad_address()).map_err(Failure::CouldNot)
    }

    /// Nomad's client, as nobody.
    fn nomad(&self, nomad: &Nomad) -> Command {
        let mut command = Command::new(&nomad.nomad);
        without_settings(&mut command);
        command.env("NOMAD_ADDR", self.nomad_address());
        command
    }

    /// Nomad's client, with the token that may do everything.
    fn nomad_as_root(&self, nomad: &Nomad) -> Result<Command, Failure> {
        let file = self.secrets().join(ROOT);
        let token = fs::read_to_string(&file).map_err(|error| Failure::io("read", &file, &error))?;
        let mut command = self.nomad(nomad);
        command.env("NOMAD_TOKEN", token);
        Ok(command)
    }

    /// Gives a job its password in Postgres, in the variable that only this job reads. By a file: everybody on the machine can read arguments.
    fn put_password(&self, nomad: &Nomad, job: &str, role: &str) -> Result<(), Failure> {
        let file = self.secrets().join(role);
        let password = fs::read_to_string(&file).map_err(|error| Failure::io("read", &file, &error))?;
        let variable = json!({ "Path": format!("nomad/jobs/{job}"), "Items": { "postgres_password": password } });
        let file = self.secrets().join(format!("nomad-jobs-{job}.json"));
        write(&file, &variable.to_string())?;
        let mut put = self.nomad_as_root(nomad)?;
        let at = OsString::from(format!("@{}", file.display()));
        job::run("`nomad var put`", put.args(["var", "put", "-in", "json"]).arg(at)).map(drop)
    }

    /// Runs a job of `nomad/jobs`, with the places of this site.
    fn run_job(&self, nomad: &Nomad, name: &str) -> Result<(), Failure> {
        let mut run = self.nomad_as_root(nomad)?;
        run.args(["job", "run", "-detach"]);
        let mut variable = |name: &str, value: &Path| {
            run.arg("-var").arg(format!("{name}={}", value.display()));
        };
        let programs = self.programs.api.parent().unwrap_or(Path::new("/"));
        let campaign = self.data.join("campaign.json");
        let vault = PathBuf::from(self.vault_for_jobs());
        let port = |port| PathBuf::from(self.ports.get(port).to_string());
        let (port, consul_grpc) = (port(Port::PciGateway), port(consul::agent_ports(Machine::Pci).1));
        let envoy = self.programs.envoy.as_path();
        let rules = self.data.join("monitoring/rules");
        let agents = [Machine::Public, Machine::Apps, Machine::Pci].map(|machine| self.nomad_on(machine));
        let agents = agents.map(|address| format!("{address}:{}", self.ports.get(Port::NomadHttp)));
        let agents = PathBuf::from(agents.join(","));
        let server = |port| PathBuf::from(format!("{}:{}", self.network.server(), self.ports.get(port)));
        let (vault_figures, consul_figures) = (server(Port::Vault), server(Port::ConsulHttp));
        let variables: &[(&str, &Path)] = match name {
            "redis" => &[("redis_server", &self.tools.redis), ("redis_cli", &nomad.redis_cli)],
            "pci-gateway" => &[("port", &port), ("consul_grpc", &consul_grpc)],
            "miner" => &[("programs", programs), ("vault", &vault)],
            "ledger-init" => &[("programs", programs), ("campaign", &campaign)],
            "prometheus" => &[
                ("prometheus", &nomad.prometheus),
                ("rules", &rules),
                ("nomad", &agents),
                ("vault", &vault_figures),
                ("consul", &consul_figures),
                ("scrape_interval", Path::new("1s")),
            ],
            "autoscaler" => &[("autoscaler", &nomad.autoscaler)],
            _ => &[("programs", programs), ("campaign", &campaign), ("vault", &vault)],
        };
        if !["prometheus", "autoscaler"].contains(&name) {
            variable("envoy", envoy);
        }
        for (name, value) in variables {
            variable(name, value);
        }
        if name == "api" {
            for (name, value) in SCALING {
                variable(name, Path::new(value));
            }
        }
        let file = self.data.join(&format!("nomad/jobs/{name}.nomad.hcl"));
        job::run(&format!("`nomad job run` of {name}"), run.arg(file)).map(drop)
    }

    /// Writes down what the job of the refilling miners is run with, for whoever runs it: a mesh comes up without.
    fn write_refill(&self, campaign: &str, keep: u32) -> Result<(), Failure> {
        let text = |value: &Path| value.display().to_string();
        let mut variables = json!({
            "programs": text(self.programs.api.parent().unwrap_or(Path::new("/"))),
            "envoy": text(&self.programs.envoy),
            "vault": self.vault_for_jobs(),
            "campaign": campaign,
            "expires": mint::late()?.to_string(),
            "keep": keep,
        });
        for (name, value) in SCALING {
            variables[name] = json!(value);
        }
        write(&self.data.join(REFILL), &variables.to_string())
    }

    /// A job's allocations.
    fn allocations(&self, nomad: &Nomad, name: &str) -> Result<Vec<Value>, Failure> {
        let mut allocations = self.nomad_as_root(nomad)?;
        let said = job::run("`nomad job allocs`", allocations.args(["job", "allocs", "-json", name]))?;
        serde_json::from_slice(&said)
            .map_err(|error| Failure::CouldNot(format!("`nomad job allocs` did not answer in JSON: {error}")))
    }

    /// Where a port of a job's only running allocation is reached.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn port_of(&self, nomad: &Nomad, job: &str, port: &str) -> Result<Base, Failure> {
        let none = || Failure::CouldNot(format!("no running allocation of {job} has a port {port}"));
        let allocations = self.allocations(nomad, job)?;
        let running = allocations
            .iter()
            .find(|one| one["ClientStatus"] == "running")
            .ok_or_else(none)?;
        let mut status = self.nomad_as_root(nomad)?;
        let id = running["ID"].as_str().ok_or_else(none)?;
        let said = job::run("`nomad alloc status`", status.args(["alloc", "status", "-json", id]))?;
        let said: Value = serde_json::from_slice(&said).unwrap_or_default();
        let ports = said["AllocatedResources"]["Shared"]["Ports"].as_array().cloned();
        let found = ports
            .unwrap_or_default()
            .into_iter()
            .find(|one| one["Label"] == port)
            .ok_or_else(none)?;
        let address = format!(
            "http://{}:{}",
            found["HostIP"].as_str().unwrap_or_default(),
            found["Value"]
        );
        Base::parse(&address).map_err(Failure::CouldNot)
    }
}

/// What the user has set for Nomad and for clouds is about others. With some of the clouds' settings Nomad does not start.
fn without_settings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ["NOMAD_", "AWS_", "CONSUL_", "VAULT_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
}
