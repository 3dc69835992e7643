//! The built `hashicoin-api` on a ledger of its own. Every answer it gives is held against openapi.json.

use std::collections::BTreeSet;
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::openapi::{self, Promise};
use crate::harness::artifacts::{program, source};
use crate::harness::http::{Response, exchange, request};
use crate::harness::metrics::sum;
use crate::harness::mint::{Coin, Mint};
use crate::harness::process::{Ended, Process, run};
use crate::harness::wait::{SOON, wait_for};

/// A ledger and its pool.
pub struct Books {
    directory: TempDir,
    campaign: PathBuf,
}

impl Books {
    /// Makes them, for the tests' campaign.
    pub fn init() -> Books {
        Books::init_for(source("tests/testdata/campaign.json"))
    }

    /// Makes them, for a campaign.
    pub fn init_for(campaign: PathBuf) -> Books {
        let books = Books {
            directory: TempDir::new().unwrap(),
            campaign,
        };
        let ended = run(Command::new(program("hashicoin-api"))
            .arg("init")
            .args(books.arguments()));
        assert_eq!(ended.code(), 0, "{ended:?}");
        books
    }

    /// The ledger's file.
    pub fn ledger(&self) -> PathBuf {
        self.directory.path().join("ledger.sqlite")
    }

    /// The pool's file.
    pub fn pool(&self) -> PathBuf {
        self.directory.path().join("ledger.sqlite.pool.sqlite")
    }

    /// The flags that name them.
    fn arguments(&self) -> [PathBuf; 4] {
        [
            "--ledger".into(),
            self.ledger(),
            "--campaign".into(),
            self.campaign.clone(),
        ]
    }

    /// The command that serves them.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_with_keys(&Mint::keys(), arguments)
    }

    /// The same, with a file of keys of the test's own.
    pub fn command_with_keys(&self, keys: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("hashicoin-api"));
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(self.arguments());
        command.arg("--keys").arg(keys).args(arguments);
        command
    }

    /// Serves them.
    pub fn serve(self, arguments: &[&str]) -> Server {
        let mut command = self.command(arguments);
        self.run(&mut command)
    }

    /// Serves them, with coins to hand out.
    pub fn serve_pool(self, pool: &Path, arguments: &[&str]) -> Server {
        let mut command = self.command(arguments);
        self.run(command.arg("--pool").arg(pool))
    }

    /// Starts what [`Books::command`] made.
    pub fn run(self, command: &mut Command) -> Server {
        let mut process = Process::start("hashicoin-api", command);
        let ready: Value = serde_json::from_str(&process.first_line()).unwrap();
        assert_eq!(ready["version"], env!("CARGO_PKG_VERSION"), "{ready}");
        Server {
            books: self,
            address: ready["listening"].as_str().unwrap().parse().unwrap(),
            process,
            kept: Mutex::new(BTreeSet::new()),
        }
    }
}

/// A running API.
pub struct Server {
    pub books: Books,
    pub address: SocketAddr,
    pub process: Process,
    kept: Mutex<BTreeSet<Promise>>,
}

impl Server {
    /// A new ledger, served.
    pub fn start(arguments: &[&str]) -> Server {
        Books::init().serve(arguments)
    }

    /// Sends a request, and holds the answer against openapi.json.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        self.send_bytes(method, path, &request(method, path, headers, body))
    }

    /// The same, for a request that is written out.
    pub fn send_bytes(&self, method: &str, path: &str, bytes: &[u8]) -> Response {
        let response = exchange(self.address, bytes);
        self.keep(method, path, &response);
        response
    }

    /// Holds an answer against openapi.json.
    pub fn keep(&self, method: &str, path: &str, response: &Response) {
        self.kept.lock().unwrap().extend(openapi::check(method, path, response));
    }

    /// The promises of openapi.json that this server has kept so far.
    pub fn kept(&self) -> BTreeSet<Promise> {
        self.kept.lock().unwrap().clone()
    }

    pub fn get(&self, path: &str) -> Response {
        self.send("GET", path, &[], "")
    }

    /// Casts a vote and waits for what comes of it.
    pub fn vote(&self, coin: &Coin, weights: &Value) -> Response {
        let headers = [
            ("authorization", coin.header()),
            ("content-type", "application/json".to_owned()),
            ("prefer", "wait=30".to_owned()),
        ];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.send("POST", "/v1/votes", &headers, &json!({"weights": weights}).to_string())
    }

    /// Casts a vote, and does not wait for its receipt.
    pub fn queue_vote(&self, coin: &Coin, weights: &Value) -> Response {
        let coin = coin.header();
        let headers = [("authorization", coin.as_str()), ("content-type", "application/json")];
        self.send("POST", "/v1/votes", &headers, &json!({"weights": weights}).to_string())
    }

    /// Waits for a checkpoint of this many votes.
    pub fn wait_for_checkpoint(&self, votes: usize) {
        wait_for("a checkpoint", || {
            let checkpoint = self.get("/v1/log/checkpoint").text();
            let size = checkpoint.lines().nth(1).and_then(|size| size.parse().ok());
            if size == Some(votes) { Ok(()) } else { Err(checkpoint) }
        });
    }

    /// Asks for a coin.
    pub fn take_coin(&self, key: &str) -> Response {
        self.send("POST", "/v1/coins", &[("idempotency-key", key)], "")
    }

    /// The tally.
    pub fn tally(&self) -> Value {
        self.get("/v1/tally").json()
    }

    /// Takes one of the places for requests: a vote whose body never comes. The answer to it can be read when the server has given up on it.
    pub fn occupy_a_place(&self) -> BufReader<TcpStream> {
        let headers = [
            ("authorization", "Coin x"),
            ("content-type", "application/json"),
            ("content-length", "1"),
        ];
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(&request("POST", "/v1/votes", &headers, "")).unwrap();
        self.wait_for_a_request_in_progress();
        BufReader::new(stream)
    }

    /// Waits until the server works on one request.
    pub fn wait_for_a_request_in_progress(&self) {
        wait_for("a request to be taken up", || match self.requests_in_progress() {
            1 => Ok(()),
            other => Err(format!("{other} in progress")),
        });
    }

    /// Requests that the server works on now, this one aside.
    fn requests_in_progress(&self) -> u64 {
        let metrics = self.get("/metrics").text();
        sum(&metrics, "hashicoin_api_requests_in_progress", &[])
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(self) -> Books {
        self.process.kill();
        self.process.ended();
        self.books
    }

    /// Asks it to end, and waits.
    pub fn terminate(self) -> (Ended, Books) {
        self.process.terminate();
        (self.process.ended(), self.books)
    }
}
