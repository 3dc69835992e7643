//! Consul's part in bringing the mesh up: agents, tokens, configuration entries, services, and the proxies that it configures.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use service::Failure;

use super::files;
use super::network::Machine;
use super::ports::Port;
use super::supervisor::Supervisor;
use super::{Site, vault, write};
use crate::dev::job;
use crate::dev::stop::Stop;
use crate::dev::wait::{Watched, wait_for};
use crate::http::{Base, Client};

/// The token that may do everything; only bringing up needs it.
pub const BOOTSTRAP: &str = "bootstrap";

/// Longer than the gateway lets a vote take.
const DRAIN_TIME_S: &str = "40";

/// A proxy of the mesh.
struct Proxy {
    part: &'static str,
    /// Its id in Consul.
    id: &'static str,
    /// Whose token it has.
    token: &'static str,
    machine: Machine,
    admin: Port,
    /// How many threads do its work. Two where the gate is, so that it runs in more than one VM, and before it.
    workers: u8,
}

const PROXIES: [Proxy; 6] = [
    Proxy {
        part: "envoy-gateway",
        id: "gateway",
        token: "gateway",
        machine: Machine::Public,
        admin: Port::GatewayAdmin,
        workers: 2,
    },
    Proxy {
        part: "envoy-api",
        id: "api-sidecar-proxy",
        token: "api",
        machine: Machine::Public,
        admin: Port::ApiAdmin,
        workers: 2,
    },
    Proxy {
        part: "envoy-redis",
        id: "redis-sidecar-proxy",
        token: "redis",
        machine: Machine::Public,
        admin: Port::RedisAdmin,
        workers: 1,
    },
    Proxy {
        part: "envoy-ledger",
        id: "ledger-sidecar-proxy",
        token: "ledger",
        machine: Machine::Public,
        admin: Port::LedgerAdmin,
        workers: 1,
    },
    Proxy {
        part: "envoy-mint",
        id: "mint-sidecar-proxy",
        token: "mint",
        machine: Machine::Public,
        admin: Port::MintAdmin,
        workers: 1,
    },
    Proxy {
        part: "envoy-pci-gateway",
        id: "pci-gateway",
        token: "pci-gateway",
        machine: Machine::Pci,
        admin: Port::PciGatewayAdmin,
        workers: 1,
    },
];

/// Each service, the machine whose agent has it, and whose token registers it.
const SERVICES: [(&str, Machine, &str); 7] = [
    ("api", Machine::Public, "api"),
    ("redis", Machine::Public, "redis"),
    ("ledger", Machine::Public, "ledger"),
    ("mint", Machine::Public, "mint"),
    ("pci-gateway", Machine::Pci, "pci-gateway"),
    ("gateway", Machine::Public, "gateway"),
    ("postgres", Machine::Pci, "pci-gateway"),
];

/// Services that are here whoever runs the others: the way in, and what is no part of the mesh. The others are Nomad's, if there is one.
const OURS: [&str; 2] = ["gateway", "postgres"];

/// Starts the server, and takes its first token.
///
/// # Errors
///
/// When it does not come up.
pub fn start(site: &Site<'_>, supervisor: &Supervisor, stop: &Stop) -> Result<(), Failure> {
    for (path, text) in files::AS_THEY_ARE {
        write(&site.data.join(path), text)?;
    }
    for (path, text) in files::changed(&site.ports, &site.network, site.front)? {
        write(&site.data.join(path), &text)?;
    }
    let mut server = start_agent(site, supervisor, Machine::Public)?;
    bootstrap(site, &mut server, stop)
}

/// Gives the server tokens, configuration and services. `gate` is the API's configuration entry, with the gate in it.
///
/// # Errors
///
/// When a step fails.
pub fn configure(site: &Site<'_>, supervisor: &Supervisor, stop: &Stop, gate: &str) -> Result<(), Failure> {
    let directory = site.data.join("consul");
    write(&directory.join("config/api.hcl"), gate)?;
    let mut setup = Command::new("sh");
    site.consul_environment(&mut setup, Machine::Public, BOOTSTRAP);
    setup.env("PATH", &site.tools.path);
    if site.has_nomad() {
        setup.env("HASHICOIN_NODES", "server pci apps");
        setup.env("HASHICOIN_NOMADS", "server apps pci");
    }
    setup.arg(directory.join("setup.sh")).arg(site.tokens());
    job::run("consul/setup.sh", &mut setup)?;

    agent_token(site, Machine::Public)?;
    let mut reload = site.consul(Machine::Public, BOOTSTRAP);
    job::run("`consul reload`", reload.arg("reload"))?;
    agent_token(site, Machine::Pci)?;
    let mut agent = start_agent(site, supervisor, Machine::Pci)?;
    if site.has_nomad() {
        agent_token(site, Machine::Apps)?;
        start_agent(site, supervisor, Machine::Apps)?;
    }
    for (service, machine, token) in SERVICES {
        if site.has_nomad() && !OURS.contains(&service) {
            continue;
        }
        let file = directory.join(format!("services/{service}.hcl"));
        let register = || {
            let mut register = site.consul(machine, token);
            let what = format!("`consul services register` of {service}");
            job::run(&what, register.args(["services", "register"]).arg(&file))
        };
        // An agent that has just started knows no tokens until it has found the server.
        wait_for("the agents to take services", &mut agent, stop, || {
            register().map_err(|failure| failure.to_string())
        })?;
    }
    Ok(())
}

/// Starts the proxies. Each asks Consul for its configuration, and again whenever it starts.
///
/// # Errors
///
/// When one cannot be started.
pub fn start_proxies(site: &Site<'_>, supervisor: &Supervisor) -> Result<(), Failure> {
    for proxy in PROXIES {
        if site.has_nomad() && !OURS.contains(&proxy.id) {
            continue;
        }
        let admin = format!("127.0.0.1:{}", site.ports.get(proxy.admin));
        let mut command = site.consul(proxy.machine, proxy.token);
        command
            .args(["connect", "envoy", "-proxy-id", proxy.id, "-admin-bind", &admin])
            // Consul's list of Envoys that it knows ends before this one.
            .args(["-ignore-envoy-compatibility", "-envoy-binary"])
            .arg(&site.programs.envoy)
            .args(["--", "--log-level", "info", "--concurrency", &proxy.workers.to_string()])
            // Connections keep the gate with the keys that it had when they were opened. Each is closed after its next answer when the keys change, and cut when the longest
            // vote would be over, where Envoy's own ten minutes would let a retired key pass.
            .args(["--drain-strategy", "immediate", "--drain-time-s", DRAIN_TIME_S])
            // Consul says so itself, unless something is said about draining.
            .arg("--disable-hot-restart");
        supervisor.start(proxy.part, command, json!({ "admin": admin }))?;
    }
    Ok(())
}

/// Keeps the gate's keys, and those in the API's file, as Vault has them.
///
/// # Errors
///
/// When it cannot be started.
pub fn start_keys(site: &Site<'_>, supervisor: &Supervisor, campaign: &str) -> Result<(), Failure> {
    let mut command = Command::new("sh");
    site.consul_environment(&mut command, Machine::Public, "keys");
    site.vault_environment(&mut command, vault::KEY_READER)?;
    command.env("PATH", site.path_with_ours()?);
    // Nobody wants to wait for a minute in front of a demonstration.
    command.env("HASHICOIN_KEYS_EVERY", "1s");
    command.arg(site.data.join("consul/keys.sh")).arg(site.data.keys());
    command.arg(campaign).arg(&site.programs.gate);
    supervisor.start("keys", command, json!({})).map(drop)
}

/// Waits for a leader, and takes the one token that Consul gives away.
fn bootstrap(site: &Site<'_>, server: &mut dyn Watched, stop: &Stop) -> Result<(), Failure> {
    let http = Client::new(Base::local(site.ports.get(Port::ConsulHttp)));
    wait_for("Consul to have a leader", server, stop, || {
        let answer = http.get("/v1/status/leader").map_err(|failure| failure.to_string())?;
        if answer.body.len() > 2 {
            Ok(())
        } else {
            Err(answer.body)
        }
    })?;
    let answer = wait_for("Consul to give its first token", server, stop, || {
        let mut bootstrap = site.consul(Machine::Public, BOOTSTRAP);
        bootstrap.env_remove("CONSUL_HTTP_TOKEN_FILE");
        let bootstrap = bootstrap.args(["acl", "bootstrap", "-format=json"]);
        job::run("`consul acl bootstrap`", bootstrap).map_err(|failure| failure.to_string())
    })?;
    let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
    let token = answer["SecretID"]
        .as_str()
        .ok_or_else(|| Failure::CouldNot("Consul's first token is in no form that this program knows".to_owned()))?;
    write(&site.tokens().join(BOOTSTRAP), token)
}

/// The name of a machine's agent.
fn node(machine: Machine) -> &'static str {
    match machine {
        Machine::Public => "server",
        Machine::Pci | Machine::Data => "pci",
        Machine::Apps => "apps",
    }
}

/// Writes the agent's own token where it reads its configuration. Not by the client, which wants it as an argument for all to see.
fn agent_token(site: &Site<'_>, machine: Machine) -> Result<(), Failure> {
    let node = node(machine);
    let file = site.tokens().join(format!("agent-{node}"));
    let token = fs::read_to_string(&file).map_err(|error| Failure::io("read", &file, &error))?;
    let text = format!("acl {{ tokens {{ agent = {:?} }} }}\n", token.trim_end());
    write(&agent_directory(site, node).join("token.hcl"), &text)
}

fn agent_directory(site: &Site<'_>, node: &str) -> PathBuf {
    site.data.join("consul").join(node)
}

fn start_agent<'a>(
    site: &Site<'_>,
    supervisor: &'a Supervisor,
    machine: Machine,
) -> Result<impl Watched + use<'a>, Failure> {
    let node = node(machine);
    let directory = agent_directory(site, node);
    fs::create_dir_all(&directory).map_err(|error| Failure::io("create", &directory, &error))?;
    let (part, file, bind) = match machine {
        Machine::Public => ("consul", "server.hcl", site.network.server()),
        Machine::Pci | Machine::Data => ("consul-pci", "client.hcl", site.network.pci_public()),
        Machine::Apps => ("consul-apps", "client.hcl", site.network.apps()),
    };
    let serf = match machine {
        Machine::Public => Port::ConsulSerf,
        Machine::Pci | Machine::Data | Machine::Apps => Port::PciSerf,
    };
    let (http, grpc) = agent_ports(machine);
    let port = |port| site.ports.get(port).to_string();
    let mut command = site.network.command(machine, &site.tools.consul);
    without_settings(&mut command);
    command.args(["agent", "-node", node, "-bind", &bind.to_string()]);
    command
        .arg("-config-file")
        .arg(site.data.join("consul/agent").join(file));
    command.arg("-config-dir").arg(&directory);
    command.arg("-data-dir").arg(directory.join("data"));
    command.args(["-http-port", &port(http), "-grpc-port", &port(grpc)]);
    command.args(["-serf-lan-port", &port(serf), "-server-port", &port(Port::ConsulServer)]);
    // What nobody here asks for is not listened on.
    command.args(["-hcl", "ports { dns = -1 grpc_tls = -1 serf_wan = -1 }"]);
    if machine == Machine::Public {
        // Its pages, for people.
        command.arg("-ui");
        if site.has_nomad() {
            // Prometheus is a job on another machine. Between real ones this is TLS; here the network is ours.
            let addresses = format!("addresses {{ http = \"127.0.0.1 {bind}\" }}");
            command.args(["-hcl", &addresses]);
        }
    } else {
        let server = format!("{}:{}", site.network.server(), port(Port::ConsulSerf));
        command.args(["-retry-join", &server, "-retry-interval", "1s"]);
        // It comes back with everything else or not at all: nobody has to be told.
        command.args(["-hcl", "leave_on_terminate = false"]);
    }
    supervisor.start(
        part,
        command,
        json!({ "http": format!("127.0.0.1:{}", port(http)), "grpc": format!("127.0.0.1:{}", port(grpc)) }),
    )
}

/// Where a machine's agent is, on its loopback: HTTP and gRPC.
pub fn agent_ports(machine: Machine) -> (Port, Port) {
    match machine {
        Machine::Public => (Port::ConsulHttp, Port::ConsulGrpc),
        // The same numbers: they are on machines of their own.
        Machine::Pci | Machine::Data | Machine::Apps => (Port::PciHttp, Port::PciGrpc),
    }
}

/// What the user has set for Consul is about another one.
fn without_settings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("CONSUL_") {
            command.env_remove(name);
        }
    }
}

impl Site<'_> {
    /// Consul's client on a machine, with somebody's token.
    pub fn consul(&self, machine: Machine, token: &str) -> Command {
        let mut command = self.network.command(machine, &self.tools.consul);
        self.consul_environment(&mut command, machine, token);
        command
    }

    /// What tells Consul's client whom to ask, and as whom.
    pub fn consul_environment(&self, command: &mut Command, machine: Machine, token: &str) {
        let (http, grpc) = agent_ports(machine);
        let url = |port| format!("http://127.0.0.1:{}", self.ports.get(port));
        without_settings(command);
        command
            .env("CONSUL_HTTP_ADDR", url(http))
            .env("CONSUL_GRPC_ADDR", url(grpc))
            .env("CONSUL_HTTP_TOKEN_FILE", self.tokens().join(token))
            // Proxies get their configuration, with a token in it, by a pipe in this directory.
            .env("TMPDIR", self.data.path());
    }

    /// The search path for scripts that call this program too.
    fn path_with_ours(&self) -> Result<OsString, Failure> {
        let ours = self.programs.mint.parent().map(PathBuf::from);
        env::join_paths(ours.into_iter().chain(env::split_paths(&self.tools.path)))
            .map_err(|error| Failure::CouldNot(format!("this program's directory: {error}: move it to another one")))
    }

    /// The directory of Consul's tokens.
    pub fn tokens(&self) -> PathBuf {
        self.data.join("consul/tokens")
    }
}
