//! `dev --mesh`: the same journey on the real components, as a team would deploy it on machines.
//!
//! Vault signs; Consul with ACLs configures the proxies, and mounts the gate by a configuration entry; Postgres has a network of its own. Everything is set up
//! by the repository's own files in `vault/` and `consul/`. This module starts what an init system would start, keeps it running, and writes down in
//! `mesh.json` what runs where. With Nomad the parts of the mesh are jobs, from the files in `nomad/`, and only what is below them is started from here.

mod consul;
mod files;
mod network;
mod nomad;
mod ports;
mod postgres;
mod prometheus;
mod redis;
mod supervisor;
mod tools;
mod vault;
mod votes;

use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use nix::sys::stat::{Mode, umask};
use serde_json::{Value, json};
use service::Failure;

use self::network::Network;
pub use self::nomad::REFILL;
use self::ports::{Port, Ports};
use self::supervisor::Supervisor;
pub use self::tools::Tools;
use super::CAMPAIGN_JSON;
use super::data::Data;
use super::mint::{self, Minted, Signer};
use super::programs::Programs;
use super::readings::GateMetrics;
use super::stage::Stage;
use super::stop::Stop;
use super::wait::{Watched, wait_for};
use crate::config_entry::config_entry;
use crate::gate_config::{Mode as GateMode, gate_config};
use crate::http::{Base, Client};

/// Where the mesh is, and what it is made of.
struct Site<'a> {
    programs: &'a Programs,
    /// `hashicoin-ledger`
    ledger: PathBuf,
    tools: Tools,
    data: &'a Data,
    ports: Ports,
    network: Network,
    /// The port that browsers come to.
    front: u16,
}

/// The running mesh. Dropped from the top: the parts end before their networks.
struct Mesh {
    supervisor: Supervisor,
    _network: Network,
    _ports: Ports,
}

impl Watched for Mesh {
    fn still_runs(&mut self) -> Result<(), Failure> {
        (&self.supervisor).still_runs()
    }

    fn last_words(&self) -> String {
        (&self.supervisor).last_words()
    }
}

/// What `dev` was asked for.
pub struct Wishes<'a> {
    /// The directory of the servers, before PATH.
    pub tools: Option<&'a Path>,
    /// The port for the page, or 0.
    pub port: u16,
    /// How many coins to mint.
    pub count: u32,
    /// Whether Nomad runs the parts.
    pub nomad: bool,
}

/// Brings the mesh up, and mints.
///
/// # Errors
///
/// When a part does not come up; its last words are in the message.
pub fn set_up(
    programs: &Programs,
    data: &Data,
    campaign: &str,
    wishes: &Wishes<'_>,
    stop: &Stop,
    say: &(dyn Fn(&str) + Sync),
) -> Result<(Stage, Minted), Failure> {
    let (ledger, tools) = (programs.ledger()?, Tools::find(wishes.tools, wishes.nomad)?);
    // Whatever anybody writes from now on is for this user alone.
    umask(Mode::from_bits_truncate(0o077));
    let ports = Ports::claim()?;
    let network = Network::set_up(ports.block(), wishes.nomad)?;
    say(if network.is_separate() {
        "network  public is this machine; pci-gateway and data are namespaces, and only pci-gateway has a leg in both"
    } else {
        "network  all on loopback: only root can keep the data network apart"
    });
    let front = if wishes.port == 0 {
        ports.get(Port::Front)
    } else {
        wishes.port
    };
    let site = Site {
        programs,
        ledger,
        tools,
        data,
        ports,
        network,
        front,
    };
    let logs = data.join("logs");
    fs::create_dir(&logs).map_err(|error| Failure::io("create", &logs, &error))?;
    let supervisor = Supervisor::new(data.join("mesh.json"), logs, site.facts())?;

    if !site.has_nomad() {
        redis::start(&site, &supervisor)?;
    }
    let (keys, odd) = at_once(
        || {
            consul::start(&site, &supervisor, stop)?;
            say("consul   has a leader");
            Ok(())
        },
        || {
            postgres::start(&site, &supervisor, stop)?;
            say("postgres has a database and its roles");
            Ok(())
        },
        || {
            vault::start(&site, &supervisor, stop)?;
            say("vault    is open, and has its keys and policies");
            let keys = vault::public_keys(&site)?;
            let signer = Signer::Vault(&|command| site.vault_environment(command, vault::MINT));
            let odd = mint::odd_ones(programs, data, campaign, &keys, &signer)?;
            Ok((keys, odd))
        },
    )?;
    let gate = site.gate_entry(campaign, &keys)?;
    consul::configure(&site, &supervisor, stop, &gate)?;
    say("consul   has tokens, configuration and services");
    consul::start_proxies(&site, &supervisor)?;
    consul::start_keys(&site, &supervisor, campaign)?;
    data.write("campaign.json", CAMPAIGN_JSON)?;
    let count = if let Some(nomad) = &site.tools.nomad {
        nomad::start(&site, nomad, &supervisor, stop)?;
        say("nomad    has two machines, and Vault and Consul know its jobs");
        nomad::run_jobs(&site, nomad, &supervisor, stop, campaign, wishes.count)?;
        u64::from(wishes.count)
    } else {
        votes::start(&site, &supervisor, stop, campaign, wishes.count)?
    };
    say(&format!("minted   {count} coins for {campaign}, into the pool"));
    let minted = Minted { count, keys, odd };

    if let Some(nomad) = &site.tools.nomad {
        let metrics = site.port_of(nomad, "prometheus", "http")?.to_string();
        say(&format!("metrics  {metrics}/"));
        supervisor.note("prometheus", json!({ "http": metrics.trim_start_matches("http://") }))?;
    } else {
        prometheus::start(&site, &supervisor, stop, say)?;
    }

    let client = |port| Client::new(Base::local(port));
    let front = client(site.front);
    wait_for("the API, through the gateway", &mut &supervisor, stop, || {
        let answer = front.get("/v1/tally").map_err(|failure| failure.to_string())?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(format!("status {}: {}", answer.status, answer.body))
        }
    })?;
    let (api, gate) = if let Some(nomad) = &site.tools.nomad {
        let of_api = |port| site.port_of(nomad, "api", port).map(Client::new);
        (of_api("metrics")?, GateMetrics::of_listener(of_api("envoy_metrics")?))
    } else {
        let admin = client(site.ports.get(Port::ApiAdmin));
        (client(site.ports.get(Port::Api)), GateMetrics::of_admin(admin))
    };
    for (name, pid) in supervisor.pids() {
        say(&format!("{name:<17} (pid {pid})"));
    }
    say(&format!("gateway  {}", front.base()));
    let mesh = Mesh {
        supervisor,
        _network: site.network,
        _ports: site.ports,
    };
    let stage = Stage {
        parts: Box::new(mesh),
        front,
        api,
        gate,
    };
    Ok((stage, minted))
}

impl Site<'_> {
    /// Whether Nomad runs the parts.
    fn has_nomad(&self) -> bool {
        self.tools.nomad.is_some()
    }

    /// What is written down beside the parts. Secrets are files; their places are no secret.
    fn facts(&self) -> serde_json::Map<String, Value> {
        let facts = json!({
            "front": format!("127.0.0.1:{}", self.front),
            "tokens": self.tokens(),
            "secrets": self.secrets(),
            "postgres": self.postgres_facts(),
            "pci_gateway": format!("{}:{}", self.network.pci_public(), self.ports.get(Port::PciGateway)),
            "spare_ports": self.ports.spare(),
            "namespaces": {
                "pci": self.network.namespace(network::Machine::Pci),
                "data": self.network.namespace(network::Machine::Data),
                "apps": self.has_nomad().then(|| self.network.namespace(network::Machine::Apps)).flatten(),
            },
        });
        match facts {
            Value::Object(facts) => facts,
            _ => serde_json::Map::new(),
        }
    }

    /// The directory of passwords.
    fn secrets(&self) -> PathBuf {
        self.data.join("secrets")
    }

    fn gate_entry(&self, campaign: &str, keys: &Value) -> Result<String, Failure> {
        let campaign = coin::Campaign::parse(campaign)
            .ok_or_else(|| Failure::CouldNot(format!("{campaign:?} is no campaign's name: build this program anew")))?;
        config_entry(&self.programs.gate, &gate_config(GateMode::Enforce, &campaign, keys, 1))
    }
}

/// Does three things at once; gives what the last one gives.
fn at_once<T: Send>(
    first: impl FnOnce() -> Result<(), Failure> + Send,
    second: impl FnOnce() -> Result<(), Failure> + Send,
    third: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    thread::scope(|scope| {
        let (first, second) = (scope.spawn(first), scope.spawn(second));
        let third = third();
        for done in [first, second] {
            done.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        }
        third
    })
}

/// A new password, kept in a file and given.
fn secret(file: &Path) -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::CouldNot(format!("no random bytes from the system: {error}")))?;
    let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    write(file, &secret)?;
    Ok(secret)
}

/// Writes a file, and the directories above it.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory).map_err(|error| Failure::io("create", directory, &error))?;
    fs::write(path, text).map_err(|error| Failure::io("write", path, &error))
}
