//! Votes per second with the gate, against a call to Vault for each vote.
//!
//! All ways are the same Envoy with the same routes, the same API and the same ledger behind it, new for each round. The gate checks the coin in the
//! proxy. The way without any check in the proxy shows what all have in common: what is above it is the check's. The gate's rival is the least that "ask Vault each time" can be: the proxy itself, in a Lua filter, posts the coin to Transit's verify, over
//! connections that it keeps open, with no program between. Vault keeps everything in memory and writes its audit log, as one that is trusted does.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::coins;
use super::cpu::used_us;
use super::load::{self, Measured};
use super::server::{Server, free_address};
use super::spread::Spread;
use super::vault::{Vault, get};
use crate::cargo::cargo;
use crate::tools::{envoy, go};
use crate::{place, step, wasm};

const CAMPAIGN: &str = "hashiconf-2020";

/// How many connections vote at once.
const CONNECTIONS: usize = 16;

/// Votes per second with the gate, against a call to Vault for each vote; and how long one takes
///
/// With --json the last line on standard output is one object: `ratio` of the votes per second; `check_ratio` of the processor time that the check alone takes; and
/// `edge`, `vault` and `unchecked`, each with votes_per_s, p50_ms and p99_ms (16 connections), alone_ms (the median with one connection) and cpu_us (processor
/// time of a vote, by part).
#[derive(clap::Args)]
pub struct Arguments {
    /// Print the figures as one JSON object at the end
    #[arg(long)]
    json: bool,
    /// How many times each way is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How many votes a round has
    #[arg(long, value_name = "N", default_value_t = 4000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    votes: u32,
}

/// Runs the command.
///
/// # Errors
///
/// When a part does not start, or a vote is not counted.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let programs = Programs::bring()?;
    let directory = TempDir::new().map_err(|error| format!("no temporary directory: {error}"))?;
    let site = Site::set_up(programs, directory.path(), arguments.votes)?;
    let edge = site.envoy("edge", &site.edge()?)?;
    let vault = site.envoy("vault-each-time", &site.vault_each_time()?)?;
    let unchecked = site.envoy("unchecked", &site.unchecked()?)?;
    let (mut with_gate, mut with_vault, mut without) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=arguments.rounds {
        // In turns, so that a machine that becomes slower becomes so for both.
        with_gate.push(site.round(&edge)?);
        with_vault.push(site.round(&vault)?);
        without.push(site.round(&unchecked)?);
        eprintln!(
            "    round {round}: {:.0} votes/s with the gate, {:.0} with Vault",
            with_gate.last().map_or(0.0, |round| round.together.per_s),
            with_vault.last().map_or(0.0, |round| round.together.per_s)
        );
    }
    let (with_gate, with_vault, without) = (Figures::of(&with_gate), Figures::of(&with_vault), Figures::of(&without));
    let ratio = Spread::of(
        with_gate
            .per_round
            .iter()
            .zip(&with_vault.per_round)
            .map(|(ours, theirs)| ours / theirs),
    );
    let checks = [&with_gate, &with_vault].map(|way| way.total_us() - without.total_us());
    let check_ratio = checks[1] / checks[0];
    eprintln!("with the gate     {with_gate}");
    eprintln!("Vault each time   {with_vault}");
    eprintln!("unchecked         {without}");
    eprintln!("ratio             {ratio}");
    eprintln!(
        "the check alone   {:.0} µs of processor time with the gate, {:.0} with Vault: {check_ratio:.1}",
        checks[0], checks[1]
    );
    if arguments.json {
        let json = json!({
            "ratio": round(ratio.median()),
            "check_ratio": round(check_ratio),
            "edge": with_gate.to_json(),
            "vault": with_vault.to_json(),
            "unchecked": without.to_json(),
        });
        println!("{json}");
    }
    Ok(())
}

/// What is measured, built as it ships.
struct Programs {
    envoy: PathBuf,
    vault: PathBuf,
    api: PathBuf,
    mint: PathBuf,
}

impl Programs {
    fn bring() -> Result<Programs, String> {
        let (envoy, vault) = (envoy::bring()?, go::bring(&go::VAULT)?);
        wasm::build_checked()?;
        step::run(
            "build the programs as they ship",
            &mut cargo(&[
                "build",
                "--release",
                "--package",
                "hashicoin-api",
                "--package",
                "hashicoin-mint",
            ]),
            "The compiler's message is above.",
        )?;
        let release = place::target().join("release");
        Ok(Programs {
            envoy,
            vault,
            api: release.join("hashicoin-api"),
            mint: release.join("hashicoin-mint"),
        })
    }
}

/// Everything that lasts for the whole measurement.
struct Site<'a> {
    programs: Programs,
    directory: &'a Path,
    api: SocketAddr,
    vault: Vault,
    /// Public keys, as Vault prints them.
    keys: Value,
    verifier_token: String,
    /// One vote each, with a coin of its own.
    requests: Vec<String>,
}

/// A proxy in front of the API.
struct Front {
    address: SocketAddr,
    server: Server,
}

/// One way, measured once.
struct Round {
    together: Measured,
    alone: Measured,
    /// Processor time of a vote when they came together, in µs, by [`PARTS`].
    cpu_us: [f64; PARTS.len()],
}

/// What uses processor time.
const PARTS: [&str; 4] = ["envoy", "api", "vault", "client"];

impl<'a> Site<'a> {
    fn set_up(programs: Programs, directory: &'a Path, votes: u32) -> Result<Site<'a>, String> {
        let api = free_address()?;
        let vault = Vault::start(&programs.vault, directory, None)?;
        let (mint_token, verifier_token) = (vault.token("mint")?, vault.token("verifier")?);
        let keys = vault.keys()?;
        write(&directory.join("keys.json"), &keys)?;
        let keys: Value = serde_json::from_str(&keys).map_err(|error| format!("Vault's keys are no JSON: {error}"))?;

        let coins = directory.join("coins");
        let mut mint = vault.command(&programs.mint, &mint_token);
        mint.args([
            "mint",
            "--vault-key",
            "hashicoin",
            "--campaign",
            CAMPAIGN,
            "--expires",
            "2030-01-01T00:00:00Z",
        ]);
        mint.args(["--count", &votes.to_string(), "--out"]).arg(&coins);
        step::run("mint the coins", &mut mint, "hashicoin-mint says why above.")?;
        let requests = requests(&coins)?;
        Ok(Site {
            programs,
            directory,
            api,
            vault,
            keys,
            verifier_token,
            requests,
        })
    }

    /// The shipped bootstrap, with the gate.
    fn edge(&self) -> Result<String, String> {
        let bootstrap = self.bootstrap()?;
        let text = replace(
            &bootstrap,
            "/etc/hashicoin/coin_gate.wasm",
            &wasm::module().display().to_string(),
        )?;
        replace(&text, "\"keys\": {}", &format!("\"keys\": {}", self.keys))
    }

    /// The shipped bootstrap with the Lua filter in the gate's place.
    fn vault_each_time(&self) -> Result<String, String> {
        let lua = include_str!("edge_vs_vault.lua").replace("VAULT_TOKEN", &self.verifier_token);
        let filter = json!({
            "name": "vault_each_time",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
                "default_source_code": { "inline_string": lua },
            },
        });
        let cluster = json!({
            "name": "vault",
            "type": "STATIC",
            "connect_timeout": "1s",
            "load_assignment": {
                "cluster_name": "vault",
                "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": { "socket_address": {
                    "address": "127.0.0.1", "port_value": self.vault.address.port() } } } }] }],
            },
        });
        // JSON is YAML.
        let text = self.in_place_of_the_gate(&format!("          - {filter}\n"))?;
        replace(&text, "  clusters:\n", &format!("  clusters:\n  - {cluster}\n"))
    }

    /// The shipped bootstrap without the gate.
    fn unchecked(&self) -> Result<String, String> {
        self.in_place_of_the_gate("")
    }

    /// The shipped bootstrap with other filters, as YAML, or none.
    fn in_place_of_the_gate(&self, filters: &str) -> Result<String, String> {
        let bootstrap = self.bootstrap()?;
        let router = "          - name: envoy.filters.http.router\n";
        let (before, rest) = split(&bootstrap, "          - name: coin_gate\n")?;
        let (_, after) = split(rest, router)?;
        Ok(format!("{before}{filters}{router}{after}"))
    }

    /// The shipped bootstrap, in front of this API.
    fn bootstrap(&self) -> Result<String, String> {
        let path = place::root().join("envoy/bootstrap.yaml");
        let text = fs::read_to_string(&path).map_err(|error| format!("could not read {}: {error}", path.display()))?;
        let text = replace(&text, "port_value: 9901", "port_value: 0")?;
        replace(&text, "port_value: 8080", &format!("port_value: {}", self.api.port()))
    }

    /// Starts an Envoy.
    fn envoy(&self, name: &str, bootstrap: &str) -> Result<Front, String> {
        let address = free_address()?;
        let text = replace(
            bootstrap,
            "port_value: 10000",
            &format!("port_value: {}", address.port()),
        )?;
        let file = self.directory.join(format!("{name}.yaml"));
        write(&file, &text)?;
        let mut envoy = Command::new(&self.programs.envoy);
        envoy
            .args([
                "--disable-hot-restart",
                "--concurrency",
                "2",
                "--log-level",
                "warn",
                "-c",
            ])
            .arg(file);
        let server = Server::start(name, &mut envoy, self.directory, || {
            // 503 while the API is away, which it is between rounds; anything at all means that the proxy listens.
            get(address, "/healthz").is_some()
        })?;
        Ok(Front { address, server })
    }

    /// Casts all votes through a front, on a new ledger.
    fn round(&self, front: &Front) -> Result<Round, String> {
        let directory = TempDir::new_in(self.directory).map_err(|error| format!("no temporary directory: {error}"))?;
        let ledger = directory.path().join("ledger.sqlite");
        let campaign = place::root().join("tests/testdata/campaign.json");
        let books = |command: &str| {
            let mut api = Command::new(&self.programs.api);
            api.arg(command)
                .arg("--ledger")
                .arg(&ledger)
                .arg("--campaign")
                .arg(&campaign);
            api
        };
        step::read(&mut books("init"))?;
        let mut serve = books("serve");
        serve.arg("--keys").arg(self.directory.join("keys.json"));
        serve.args(["--listen", &self.api.to_string()]);
        let api = Server::start("api", serve.env("RUST_LOG", "warn"), directory.path(), || {
            get(front.address, "/healthz").as_deref() == Some("200")
        })?;
        // A tenth to warm up, a tenth alone, the rest together.
        let tenth = self.requests.len() / 10;
        let (warm_up, rest) = self.requests.split_at(tenth);
        let (alone, together) = rest.split_at(tenth);
        load::run(front.address, warm_up, CONNECTIONS, "202")?;
        let alone = load::run(front.address, alone, 1, "202")?;
        let parts = [front.server.id(), api.id(), self.vault.id(), std::process::id()];
        let used = || parts.map(|part| used_us(part).unwrap_or(f64::NAN));
        let before = used();
        let measured = load::run(front.address, together, CONNECTIONS, "202")?;
        let after = used();
        Ok(Round {
            alone,
            cpu_us: std::array::from_fn(|part| (after[part] - before[part]) / together.len() as f64),
            together: measured,
        })
    }
}

/// One way's figures over all rounds.
struct Figures {
    per_round: Vec<f64>,
    per_s: Spread,
    p50_ms: Spread,
    p99_ms: Spread,
    alone_ms: Spread,
    cpu_us: [Spread; PARTS.len()],
}

impl Figures {
    fn of(rounds: &[Round]) -> Figures {
        let over = |figure: fn(&Round) -> f64| Spread::of(rounds.iter().map(figure));
        Figures {
            per_round: rounds.iter().map(|round| round.together.per_s).collect(),
            per_s: over(|round| round.together.per_s),
            p50_ms: over(|round| round.together.latency_ms(50)),
            p99_ms: over(|round| round.together.latency_ms(99)),
            alone_ms: over(|round| round.alone.latency_ms(50)),
            cpu_us: std::array::from_fn(|part| Spread::of(rounds.iter().map(|round| round.cpu_us[part]))),
        }
    }

    /// Processor time of a vote in all parts, in µs.
    fn total_us(&self) -> f64 {
        self.cpu_us.iter().map(Spread::median).sum()
    }

    fn to_json(&self) -> Value {
        json!({
            "votes_per_s": round(self.per_s.median()),
            "p50_ms": round(self.p50_ms.median()),
            "p99_ms": round(self.p99_ms.median()),
            "alone_ms": round(self.alone_ms.median()),
            "cpu_us": Value::from_iter(PARTS.iter().zip(&self.cpu_us).map(|(part, us)| (*part, round(us.median())))),
        })
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} votes/s, half within {} ms, 99 % within {} ms; alone {} ms;",
            self.per_s, self.p50_ms, self.p99_ms, self.alone_ms
        )?;
        let mut parts = PARTS.iter().zip(&self.cpu_us);
        parts.try_for_each(|(part, us)| write!(formatter, " {part} {:.0} µs", us.median()))
    }
}

/// Two digits after the point say all that a measurement can.
fn round(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

/// One vote request for each coin in a directory.
fn requests(directory: &Path) -> Result<Vec<String>, String> {
    let request = |token: String| {
        format!(
            "POST /v1/votes HTTP/1.1\r\nhost: bench\r\nauthorization: Coin {token}\r\ncontent-type: application/json\r\ncontent-length: 29\r\n\r\n\
             {{\"weights\":{{\"clean-water\":1}}}}"
        )
    };
    Ok(coins::tokens(directory)?.into_iter().map(request).collect())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("could not write {}: {error}", path.display()))
}

/// Puts something in the place of what the shipped file must have exactly once.
fn replace(text: &str, from: &str, to: &str) -> Result<String, String> {
    let (before, after) = split(text, from)?;
    Ok(format!("{before}{to}{after}"))
}

/// What is before and after something that must be there exactly once.
fn split<'a>(text: &'a str, at: &str) -> Result<(&'a str, &'a str), String> {
    match text.split_once(at) {
        Some((before, after)) if !after.contains(at) => Ok((before, after)),
        _ => Err(format!("envoy/bootstrap.yaml does not have {at:?} exactly once")),
    }
}
