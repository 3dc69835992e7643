//! What the story is told on: the running parts, and how to speak to them. Here the short form, the API on a new ledger and Envoy with the gate in front of it.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;
use service::Failure;

use super::child::Child;
use super::data::Data;
use super::mint::Minted;
use super::programs::Programs;
use super::readings::GateMetrics;
use super::stop::Stop;
use super::wait::{Watched, wait_for};
use super::{CAMPAIGN_JSON, bootstrap, job};
use crate::http::{Base, Client};

/// Faster than a person takes coins from the page, and than the story does.
pub const COINS_PER_MINUTE: &str = "1000";

/// The parts, and how to speak to them.
pub struct Stage {
    /// What runs, until this is dropped.
    pub parts: Box<dyn Watched>,
    /// What everybody speaks to: the API through Envoy and the gate.
    pub front: Client,
    /// The API itself, for its own figures.
    pub api: Client,
    /// The gate's figures.
    pub gate: GateMetrics,
}

/// Dropped from the top: Envoy ends before the API, so that nobody meets a proxy with nothing behind it.
struct Pair {
    envoy: Child,
    api: Child,
}

impl Watched for Pair {
    fn still_runs(&mut self) -> Result<(), Failure> {
        self.envoy.still_runs()?;
        self.api.still_runs()
    }

    fn last_words(&self) -> String {
        format!("{}\n{}", self.envoy.last_words(), self.api.last_words())
    }
}

impl Stage {
    /// Starts the parts and waits until each says that it is ready.
    ///
    /// # Errors
    ///
    /// When one does not come up; its last words are in the message.
    pub fn set_up(
        programs: &Programs,
        data: &Data,
        minted: &Minted,
        port: u16,
        stop: &Stop,
        say: &(dyn Fn(&str) + Sync),
    ) -> Result<Stage, Failure> {
        init_ledger(programs, data)?;
        let (api_process, api) = start_api(programs, data, stop)?;
        let bootstrap = bootstrap::render(port, api.port(), &programs.gate, &minted.keys)?;
        let bootstrap = data.write("bootstrap.yaml", &bootstrap)?;
        let admin_file = data.join("envoy-admin");
        let mut envoy = Command::new(&programs.envoy);
        // Two workers, so that the gate runs in more than one VM.
        envoy
            .args(["--disable-hot-restart", "--concurrency", "2", "-c"])
            .arg(bootstrap);
        envoy.arg("--admin-address-path").arg(&admin_file);
        let mut envoy_process = Child::start("envoy", &mut envoy, data.path())?;

        let admin = wait_for("Envoy's admin address", &mut envoy_process, stop, || {
            let text = fs::read_to_string(&admin_file).map_err(|error| error.to_string())?;
            text.parse::<SocketAddr>().map_err(|error| format!("{text:?}: {error}"))
        })?;
        let gate = GateMetrics::of_admin(Client::new(Base::local(admin.port())));
        let admin = Client::new(Base::local(admin.port()));
        wait_for("Envoy to be ready", &mut envoy_process, stop, || {
            let answer = admin.get("/ready").map_err(|failure| failure.to_string())?;
            if answer.status == 200 { Ok(()) } else { Err(answer.body) }
        })?;
        wait_for(
            "the gate to take its configuration",
            &mut envoy_process,
            stop,
            || match gate.get("coin_gate_config_ok") {
                Ok(1) => Ok(()),
                Ok(value) => Err(format!("coin_gate_config_ok is {value}")),
                Err(failure) => Err(failure.to_string()),
            },
        )?;
        let front = wait_for("Envoy's listener", &mut envoy_process, stop, || {
            let answer = admin
                .get("/listeners?format=json")
                .map_err(|failure| failure.to_string())?;
            listener_port(&answer.json()).ok_or(answer.body)
        })?;
        let (front, api) = (Base::local(front), Base::local(api.port()));
        say(&format!("api      {api} (pid {})", api_process.id()));
        say(&format!("envoy    {front} (pid {})", envoy_process.id()));
        let pair = Pair {
            envoy: envoy_process,
            api: api_process,
        };
        Ok(Stage {
            parts: Box::new(pair),
            front: Client::new(front),
            api: Client::new(api),
            gate,
        })
    }
}

/// Makes the ledger in the directory.
///
/// # Errors
///
/// When the API refuses.
pub fn init_ledger(programs: &Programs, data: &Data) -> Result<(), Failure> {
    let campaign = data.write("campaign.json", CAMPAIGN_JSON)?;
    let mut init = Command::new(&programs.api);
    init.arg("init")
        .arg("--ledger")
        .arg(data.join("ledger.sqlite"))
        .arg("--campaign")
        .arg(campaign);
    job::run("hashicoin-api init", &mut init).map(drop)
}

fn start_api(programs: &Programs, data: &Data, stop: &Stop) -> Result<(Child, SocketAddr), Failure> {
    let mut serve = Command::new(&programs.api);
    serve.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--coins-per-minute",
        COINS_PER_MINUTE,
    ]);
    serve.arg("--ledger").arg(data.join("ledger.sqlite"));
    serve.arg("--campaign").arg(data.join("campaign.json"));
    serve.arg("--keys").arg(data.keys()).arg("--pool").arg(data.coins());
    let mut process = Child::start("api", &mut serve, data.path())?;
    let ready = data.join("api.out");
    let address = wait_for("the API's address", &mut process, stop, || {
        let text = fs::read_to_string(&ready).map_err(|error| error.to_string())?;
        listening(&text).ok_or(text)
    })?;
    Ok((process, address))
}

/// `{"listening":"127.0.0.1:PORT",…}`, once the line is whole.
fn listening(text: &str) -> Option<SocketAddr> {
    let (line, _) = text.split_once('\n')?;
    let line: Value = serde_json::from_str(line).ok()?;
    line["listening"].as_str()?.parse().ok()
}

fn listener_port(listeners: &Value) -> Option<u16> {
    let port = listeners.pointer("/listener_statuses/0/local_address/socket_address/port_value")?;
    u16::try_from(port.as_u64()?).ok()
}
