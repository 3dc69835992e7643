//! A real Redis for one test, on a socket in a directory of its own; gone when the test is.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use service::RedisUrl;
use tempfile::TempDir;

/// A running Redis that keeps what it answers for.
pub struct Redis {
    directory: TempDir,
    settings: Vec<&'static str>,
    server: Option<(Child, BufReader<ChildStdout>)>,
}

impl Redis {
    /// As the pool wants it.
    pub fn start() -> Redis {
        Redis::start_with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// With settings of the test's own.
    pub fn start_with(settings: &[&'static str]) -> Redis {
        let mut redis = Redis {
            directory: TempDir::new().unwrap(),
            settings: settings.to_vec(),
            server: None,
        };
        redis.begin();
        redis
    }

    /// Where it is.
    pub fn url(&self) -> RedisUrl {
        RedisUrl::from_argument(&format!("redis+unix://{}", self.socket().display())).unwrap()
    }

    /// Kills it (SIGKILL) and starts it again on the same data.
    pub fn kill_and_start(&mut self) {
        self.kill();
        self.begin();
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        if let Some((mut child, _)) = self.server.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// What it answers to a command, for looking at what the pool wrote.
    pub fn ask<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        let client = redis::Client::open(self.url().secret()).unwrap();
        let (name, arguments) = command.split_first().unwrap();
        let answer = redis::cmd(name)
            .arg(arguments)
            .query(&mut client.get_connection().unwrap());
        answer.unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("redis.sock")
    }

    fn begin(&mut self) {
        let program = tool("redis-server");
        let mut command = Command::new(&program);
        command
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(self.socket());
        command.arg("--dir").arg(self.directory.path()).args(&self.settings);
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let mut log = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("ready to accept connections at") {
            assert!(log.read_line(&mut said).unwrap() > 0, "redis-server ended:\n{said}");
        }
        self.server = Some((child, log));
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `cargo xtask tools` links what it found or brought into the target directory, and this test's own program is in `target/debug/deps`.
fn tool(name: &str) -> PathBuf {
    let own = env::current_exe().unwrap();
    let path = own.ancestors().nth(3).unwrap_or(Path::new("")).join("tools").join(name);
    assert!(
        path.exists(),
        "{} is not there: run `cargo xtask tools`",
        path.display()
    );
    path
}
