//! A mint, a Redis, a store, a ledger and an API; and votes cast at them from several threads.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use serde_json::{Value, json};
use servers::postgres::{DATABASE, LEDGER, OWNER};
use servers::process::{Process, run};
use servers::proxy::Proxy;
use servers::wait::wait_for;
use servers::{Postgres, Redis};
use tempfile::TempDir;

use crate::api::openapi;
use crate::harness::artifacts::{program, source};
use crate::harness::http::{self, Response};
use crate::harness::metrics::sum;
use crate::harness::mint::{CAMPAIGN, Coin, Mint};

/// Where votes are kept.
pub enum Store {
    Sqlite(TempDir),
    Postgres(Postgres),
}

/// What a test sets otherwise.
pub struct Settings {
    /// The ledger's file of keys.
    pub ledger_keys: PathBuf,
    /// More for the API.
    pub api_arguments: &'static [&'static str],
    /// Stands between the ledger and its Postgres.
    pub proxy: Option<Proxy>,
    /// The log's key, and what was signed last.
    pub log: TempDir,
    /// Who has to sign besides.
    pub witness_policy: Option<PathBuf>,
    /// The campaign file.
    pub campaign: PathBuf,
}

/// A directory with a key for a log.
pub fn log() -> TempDir {
    let directory = TempDir::new().unwrap();
    let mut keygen = Command::new(program("hashicoin-mint"));
    let ended = run(keygen.arg("keygen").arg("--out").arg(directory.path().join("log-key")));
    assert_eq!(ended.code(), 0, "{ended:?}");
    directory
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            ledger_keys: Mint::keys(),
            api_arguments: &[],
            proxy: None,
            log: log(),
            witness_policy: None,
            campaign: source("tests/testdata/campaign.json"),
        }
    }
}

impl Settings {
    /// The command that serves the API.
    fn api(&self, redis: &Redis) -> Command {
        let mut command = api_of(redis, &self.campaign);
        command.args(self.api_arguments);
        command
    }
}

/// All parts of one campaign.
pub struct World {
    pub api: Process,
    pub api_address: SocketAddr,
    pub ledger: Process,
    pub ledger_address: SocketAddr,
    pub redis: Redis,
    pub store: Store,
    pub settings: Settings,
}

impl Store {
    pub fn sqlite() -> Store {
        Store::Sqlite(TempDir::new().unwrap())
    }

    pub fn postgres() -> Store {
        Store::Postgres(Postgres::start())
    }

    /// A command of the ledger, as a role that comes through a proxy or not.
    fn command(&self, name: &str, role: &str, proxy: Option<&Proxy>, campaign: &Path) -> Command {
        let mut command = Command::new(program("hashicoin-ledger"));
        command.arg(name).arg("--campaign").arg(campaign);
        match self {
            Store::Sqlite(directory) => command.arg("--store").arg(directory.path().join("ledger.sqlite")),
            Store::Postgres(postgres) => {
                command.env("HASHICOIN_POSTGRES_PASSWORD_FILE", postgres.password_file());
                let address = proxy.map_or(postgres.address(), Proxy::address);
                command
                    .arg("--store")
                    .arg(format!("postgres://{role}@{address}/{DATABASE}"))
            }
        };
        command
    }

    /// The command that counts.
    fn serve(&self, redis: &Redis, settings: &Settings) -> Command {
        let mut command = self.command("serve", LEDGER, settings.proxy.as_ref(), &settings.campaign);
        command.args(["--listen", "127.0.0.1:0", "--redis", &redis.url()]);
        command.arg("--keys").arg(&settings.ledger_keys);
        command.arg("--log-key").arg(settings.log.path().join("log-key"));
        command.arg("--signed-head").arg(settings.log.path().join("signed"));
        if let Some(policy) = &settings.witness_policy {
            command.arg("--witness-policy").arg(policy);
        }
        command
    }

    /// Makes it.
    pub fn init(&self, campaign: &Path) {
        let mut command = self.command("init", OWNER, None, campaign);
        if let Store::Postgres(_) = self {
            command.args(["--writer-role", LEDGER]);
        }
        let ended = run(&mut command);
        assert_eq!(ended.code(), 0, "{ended:?}");
    }
}

impl World {
    /// Everything, well.
    pub fn start(store: Store) -> World {
        World::start_with(store, Settings::default())
    }

    /// The same, with settings of the test's own.
    pub fn start_with(store: Store, settings: Settings) -> World {
        let redis = Redis::start();
        store.init(&settings.campaign);
        let (ledger, ledger_address) = start("hashicoin-ledger", &mut store.serve(&redis, &settings));
        let (api, api_address) = start("hashicoin-api", &mut settings.api(&redis));
        let world = World {
            api,
            api_address,
            ledger,
            ledger_address,
            redis,
            store,
            settings,
        };
        world.is_well();
        world
    }

    /// The command that counts.
    pub fn serve_ledger(&self) -> Command {
        self.store.serve(&self.redis, &self.settings)
    }

    /// Kills the ledger, and starts it again.
    pub fn kill_ledger(&mut self) {
        self.ledger.kill();
        self.start_ledger();
    }

    /// Starts a ledger.
    pub fn start_ledger(&mut self) {
        (self.ledger, self.ledger_address) = start("hashicoin-ledger", &mut self.serve_ledger());
    }

    /// Kills the API, and starts it again.
    pub fn kill_api(&mut self) {
        self.api.kill();
        (self.api, self.api_address) = start("hashicoin-api", &mut self.settings.api(&self.redis));
    }

    /// Waits until both programs are well.
    pub fn is_well(&self) {
        for address in [self.ledger_address, self.api_address] {
            wait_for("health", || {
                let health = http::get(address, "/healthz");
                if health.status == 200 {
                    Ok(())
                } else {
                    Err(health.text())
                }
            });
        }
    }

    /// Asks the API, and holds its answer against openapi.json.
    pub fn get(&self, path: &str) -> Response {
        let answer = http::get(self.api_address, path);
        openapi::check("GET", path, &answer);
        answer
    }

    /// Casts one vote.
    pub fn vote(&self, coin: &Coin, weights: &Value, prefer: &str) -> Response {
        vote(self.api_address, coin, weights, prefer)
    }

    /// Casts each coin's vote until it is taken, half of them waiting for the ledger's word, while `fault` happens to a part.
    pub fn load(&mut self, coins: &[Coin], fault: impl FnOnce(&mut World)) {
        let address = Mutex::new(self.api_address);
        let taken = Mutex::new(0);
        thread::scope(|scope| {
            for part in coins.chunks(coins.len().div_ceil(8)) {
                let (address, taken) = (&address, &taken);
                scope.spawn(move || {
                    for (number, coin) in part.iter().enumerate() {
                        let prefer = if number % 2 == 0 { "wait=1" } else { "respond-async" };
                        wait_for("a vote to be taken", || {
                            let address = *address.lock().unwrap();
                            if std::net::TcpStream::connect(address).is_err() {
                                return Err("the API is away".to_owned());
                            }
                            let answer =
                                std::panic::catch_unwind(|| vote(address, coin, &json!({"clean-water": 1}), prefer));
                            let Ok(answer) = answer else {
                                return Err("the API was cut off".to_owned());
                            };
                            match answer.status {
                                201 | 202 => Ok(()),
                                503 => Err(answer.problem()),
                                other => panic!("{other}: {answer:?}"),
                            }
                        });
                        *taken.lock().unwrap() += 1;
                    }
                });
            }
            wait_for("some votes", || match *taken.lock().unwrap() {
                0..20 => Err("too few".to_owned()),
                _ => Ok(()),
            });
            fault(self);
            *address.lock().unwrap() = self.api_address;
        });
    }

    /// Waits until all is decided, then does the account: these coins, each once, and every entry accounted for.
    pub fn settle(&self, coins: &[Coin]) {
        self.is_well();
        wait_for("the queue to be empty", || {
            match self.redis.ask::<u64>(&["XLEN", &votes()]) {
                0 => Ok(()),
                other => Err(other.to_string()),
            }
        });
        let metrics = http::get(self.ledger_address, "/metrics").text();
        let entries = |outcome: &str| {
            let label = format!("outcome=\"{outcome}\"");
            sum(&metrics, "hashicoin_ledger_entries_total", &[&label])
        };
        let submitted: Vec<redis::Value> = self.redis.ask(&["XINFO", "STREAM", &votes()]);
        let place = submitted.iter().position(|value| {
            redis::from_redis_value::<String>(value.clone()).is_ok_and(|name| name == "entries-added")
        });
        let submitted: u64 = redis::from_redis_value(submitted[place.unwrap() + 1].clone()).unwrap();
        assert_eq!(
            entries("accepted") + entries("refused") + entries("dead_lettered"),
            submitted
        );
        assert_eq!(entries("accepted"), coins.len() as u64);
        // Sent again, each coin is shown its own vote, and all of them different ones.
        let indices: BTreeSet<u64> = coins
            .iter()
            .map(|coin| {
                let answer = self.vote(coin, &json!({"clean-water": 1}), "wait=30");
                assert_eq!(answer.status, 201, "{answer:?}");
                answer.json()["index"].as_u64().unwrap()
            })
            .collect();
        assert_eq!(indices, (0..coins.len() as u64).collect());
        assert_eq!(self.in_store(), coins.len() as u64);
    }

    /// Votes in the store, asked of the store itself.
    fn in_store(&self) -> u64 {
        match &self.store {
            Store::Sqlite(directory) => {
                let file = rusqlite::Connection::open(directory.path().join("ledger.sqlite")).unwrap();
                let votes: i64 = file
                    .query_row("SELECT count(DISTINCT nullifier) FROM votes", [], |row| row.get(0))
                    .unwrap();
                votes.cast_unsigned()
            }
            Store::Postgres(postgres) => postgres
                .sql("SELECT count(DISTINCT nullifier) FROM ledger.votes")
                .parse()
                .unwrap(),
        }
    }
}

/// The stream's key.
pub fn votes() -> String {
    format!("hashicoin:{{{CAMPAIGN}}}:votes")
}

/// Starts a program that says where it listens.
pub fn start(name: &str, command: &mut Command) -> (Process, SocketAddr) {
    let mut process = Process::start(name, command);
    let ready: Value = serde_json::from_str(&process.first_line()).unwrap();
    (process, ready["listening"].as_str().unwrap().parse().unwrap())
}

/// The command that serves the API of the tests' campaign.
pub fn api(redis: &Redis) -> Command {
    api_of(redis, &source("tests/testdata/campaign.json"))
}

fn api_of(redis: &Redis, campaign: &Path) -> Command {
    let mut command = Command::new(program("hashicoin-api"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--redis", &redis.url()]);
    command.arg("--campaign").arg(campaign);
    command.arg("--keys").arg(Mint::keys());
    command
}

/// Casts one vote at an address, and holds the answer against openapi.json.
pub fn vote(address: SocketAddr, coin: &Coin, weights: &Value, prefer: &str) -> Response {
    let header = coin.header();
    let headers = [("authorization", header.as_str()), ("prefer", prefer)];
    let answer = http::post_json(address, "/v1/votes", &headers, &json!({"weights": weights}));
    openapi::check("POST", "/v1/votes", &answer);
    answer
}
