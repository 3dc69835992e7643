//! Coins per second: hashicoin-mint, against the script of one `vault write` for each coin, and against the most that this Vault signs at all.
//!
//! All three use one Vault, in memory, with its audit log. The ceiling is found first: requests that are prepared in advance, of several sizes, over several
//! connections, their answers read and thrown away; the fastest way is then measured beside the others. hashicoin-mint is the program as it
//! ships: it makes the coins, checks each signature, and pushes each into a Redis that syncs every change to the disk; its time is that of the
//! whole process.
//!
//! Vault has one half of the machine's processors for itself, as it has a machine of its own in earnest; whoever asks it, and Redis, have the other half.
//! So the ratio to the ceiling says whether the mint keeps Vault busy. With --shared all of them compete for all processors, and the ratio says what
//! making, checking and keeping a coin costs beside its signature.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::thread;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tempfile::TempDir;

use super::load;
use super::server::{Server, free_address};
use super::spread::Spread;
use super::vault::Vault;
use crate::cargo::cargo;
use crate::tools::{debian, go};
use crate::{place, step};

/// What is tried to find the ceiling: inputs per request, and connections.
const SIZES: [usize; 4] = [1000, 2500, 5000, 10_000];
const CONNECTIONS: [usize; 3] = [2, 4, 8];
/// Signatures per try.
const TRY: usize = 40_000;

/// Coins per second: hashicoin-mint against one `vault write` per coin, and against the most that Vault signs
///
/// With --json the last line on standard output is one object: coins_per_s of hashicoin-mint, and its ratio_to_script and ratio_to_ceiling.
#[derive(clap::Args)]
pub struct Arguments {
    /// Print the figures as one JSON object at the end
    #[arg(long)]
    json: bool,
    /// Let Vault share all processors with those that ask it
    #[arg(long)]
    shared: bool,
    /// How many times each way is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How many coins a round has; the script makes a hundred at most
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1000..=10_000_000))]
    coins: u32,
}

/// Runs the command.
///
/// # Errors
///
/// When a part does not start, or does not do what it is for.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let directory = TempDir::new().map_err(|error| format!("no temporary directory: {error}"))?;
    let site = Site::set_up(directory.path(), arguments.shared)?;
    let ceiling = site.find_ceiling()?;
    eprintln!(
        "    the ceiling: {} inputs per request, {} connections",
        ceiling.size, ceiling.connections
    );
    let coins = arguments.coins as usize;
    let (mut script, mut raw, mut mint) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..arguments.rounds {
        // In turns, so that a machine that becomes slower becomes so for all.
        script.push(site.script(coins.min(100))?);
        raw.push(site.raw(&ceiling, coins)?);
        mint.push(site.mint(round, coins)?);
        let last = |figures: &[f64]| figures.last().copied().unwrap_or(f64::NAN);
        eprintln!(
            "    round {}: script {:.1} coins/s, ceiling {:.0}, hashicoin-mint {:.0}",
            round + 1,
            last(&script),
            last(&raw),
            last(&mint)
        );
    }
    let ratio = |rivals: &[f64]| Spread::of(mint.iter().zip(rivals).map(|(ours, theirs)| ours / theirs));
    let (to_script, to_ceiling) = (ratio(&script), ratio(&raw));
    let share = to_ceiling.median();
    eprintln!(
        "one vault write per coin  {} coins/s",
        Spread::of(script.iter().copied())
    );
    eprintln!(
        "the most that Vault signs {} signatures/s",
        Spread::of(raw.iter().copied())
    );
    let mint = Spread::of(mint.iter().copied());
    eprintln!("hashicoin-mint            {mint} coins/s");
    eprintln!("ratio to the script       {to_script}");
    eprintln!("ratio to the ceiling      {share:.2}");
    if arguments.json {
        println!(
            "{}",
            json!({
                "coins_per_s": mint.median().round(),
                "ratio_to_script": to_script.median().round(),
                "ratio_to_ceiling": (share * 100.0).round() / 100.0,
            })
        );
    }
    Ok(())
}

/// How to ask Vault so that it signs most.
struct Ceiling {
    size: usize,
    connections: usize,
}

/// Everything that lasts for the whole measurement.
struct Site {
    vault_program: PathBuf,
    mint_program: PathBuf,
    vault: Vault,
    token: String,
    redis: String,
    _redis_server: Server,
}

impl Site {
    fn set_up(directory: &Path, shared: bool) -> Result<Site, String> {
        let vault_program = go::bring(&go::VAULT)?;
        let servers = debian::bring(&[debian::REDIS])?;
        let redis = servers.iter().find(|(name, _)| *name == "redis-server");
        let (_, redis) = redis.ok_or("no redis-server among Redis' programs")?;
        step::run(
            "build hashicoin-mint as it ships",
            &mut cargo(&["build", "--release", "--package", "hashicoin-mint"]),
            "The compiler's message is above.",
        )?;
        let processors = if shared { None } else { Some(divide_processors()?) };
        let vault = Vault::start(&vault_program, directory, processors.as_deref())?;
        let token = vault.token("mint")?;
        let address = free_address()?;
        let mut server = Command::new(redis);
        server.args([
            "--bind",
            "127.0.0.1",
            "--port",
            &address.port().to_string(),
            "--save",
            "",
        ]);
        server
            .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
            .arg(directory);
        let server = Server::start("redis", &mut server, directory, || {
            std::net::TcpStream::connect(address).is_ok()
        })?;
        Ok(Site {
            vault_program,
            mint_program: place::target().join("release/hashicoin-mint"),
            vault,
            token,
            redis: format!("redis://{address}"),
            _redis_server: server,
        })
    }

    fn find_ceiling(&self) -> Result<Ceiling, String> {
        let mut best = (
            0.0,
            Ceiling {
                size: 0,
                connections: 0,
            },
        );
        for size in SIZES {
            for connections in CONNECTIONS {
                let ceiling = Ceiling { size, connections };
                let per_s = self.raw(&ceiling, TRY)?;
                if per_s > best.0 {
                    best = (per_s, ceiling);
                }
            }
        }
        Ok(best.1)
    }

    /// Signatures per second, of requests that are ready and answers that nobody wants.
    fn raw(&self, ceiling: &Ceiling, count: usize) -> Result<f64, String> {
        let batches = count.div_ceil(ceiling.size);
        let requests: Vec<String> = (0..batches).map(|batch| self.request(batch, ceiling.size)).collect();
        let measured = load::run(self.vault.address, &requests, ceiling.connections, "200")?;
        Ok(measured.per_s * ceiling.size as f64)
    }

    /// A request as hashicoin-mint's are: messages of a coin's length, each another.
    fn request(&self, batch: usize, size: usize) -> String {
        let input = |number: usize| {
            let coin = format!(
                "hashicoin/coin/v1\ncampaign: hashiconf-2020\nserial: 0198c0de-0000-8000-8000-{number:012}\nexpires: 2030-01-01T00:00:00Z\n"
            );
            format!("{{\"input\":\"{}\"}}", STANDARD.encode(coin))
        };
        let inputs: Vec<String> = (batch * size..(batch + 1) * size).map(input).collect();
        let body = format!("{{\"batch_input\":[{}]}}", inputs.join(","));
        format!(
            "POST /v1/transit/sign/hashicoin HTTP/1.1\r\nhost: bench\r\nx-vault-token: {}\r\ncontent-length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        )
    }

    /// Coins per second of the script: one process after the other.
    fn script(&self, count: usize) -> Result<f64, String> {
        let started = Instant::now();
        for number in 0..count {
            let input = format!("input={}", STANDARD.encode(format!("coin {number}")));
            let mut write = self.vault.command(&self.vault_program, &self.token);
            let signed = step::read(write.args(["write", "-field=signature", "transit/sign/hashicoin", &input]))?;
            if !signed.starts_with("vault:v1:") {
                return Err(format!("the vault command printed no signature: {signed}"));
            }
        }
        Ok(count as f64 / started.elapsed().as_secs_f64())
    }

    /// Coins per second of hashicoin-mint, from its start to its end.
    fn mint(&self, round: u32, count: usize) -> Result<f64, String> {
        let mut mint = self.vault.command(&self.mint_program, &self.token);
        mint.args([
            "mint",
            "--json",
            "--vault-key",
            "hashicoin",
            "--campaign",
            "hashiconf-2020",
        ]);
        mint.args(["--expires", "2030-01-01T00:00:00Z", "--count", &count.to_string()]);
        mint.args(["--issuance-id", &format!("round-{round}"), "--pool-redis", &self.redis]);
        let started = Instant::now();
        let report = step::read(&mut mint)?;
        let seconds = started.elapsed().as_secs_f64();
        if report.contains(&format!("\"minted\":{count},")) {
            Ok(count as f64 / seconds)
        } else {
            Err(format!("hashicoin-mint did not mint {count} coins: {report}"))
        }
    }
}

/// Moves this process, and with it all that it starts, to the second half of the processors; gives the first half.
fn divide_processors() -> Result<String, String> {
    let count = thread::available_parallelism().map_or(1, NonZero::get);
    if count < 2 {
        return Err("one processor cannot be divided: measure with --shared".to_owned());
    }
    let (last_of_first, last) = (count / 2 - 1, count - 1);
    let mut taskset = Command::new("taskset");
    taskset.args(["--all-tasks", "--cpu-list", "--pid", &format!("{}-{last}", count / 2)]);
    step::read(taskset.arg(process::id().to_string()))
        .map_err(|error| format!("{error}: install util-linux, or measure with --shared"))?;
    Ok(format!("0-{last_of_first}"))
}
