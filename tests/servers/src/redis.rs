//! A real Redis on a socket in a directory of its own, set so that it keeps what it answers for.

use std::path::PathBuf;
use std::process::Command;

use redis::FromRedisValue;
use tempfile::TempDir;

use crate::process::Process;
use crate::tools::tool;
use crate::wait::wait_for;

/// A running Redis.
pub struct Redis {
    /// Before its directory, so that it has ended when that goes.
    process: Option<Process>,
    directory: TempDir,
    settings: Vec<&'static str>,
}

impl Redis {
    /// Ready for commands; all that it says yes to is on the disk.
    pub fn start() -> Redis {
        Redis::start_with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// With settings of the test's own, and Redis' own for the rest.
    pub fn start_with(settings: &[&'static str]) -> Redis {
        let mut redis = Redis {
            directory: TempDir::new().unwrap(),
            settings: settings.to_vec(),
            process: None,
        };
        redis.start_again();
        redis
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// What it answers to a command.
    pub fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let (name, arguments) = command.split_first().unwrap();
        let answer = self
            .connect()
            .and_then(|mut connection| redis::cmd(name).arg(arguments).query(&mut connection));
        answer.unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    /// Kills it (SIGKILL), and starts it again on the same data and socket.
    pub fn kill_and_start(&mut self) {
        self.kill();
        self.start_again();
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        let process = self.process.take().expect("a Redis that runs");
        process.kill();
        process.ended();
    }

    /// Starts it again after [`kill`](Redis::kill), on the same data and socket.
    pub fn start_again(&mut self) {
        let mut command = Command::new(tool("redis-server"));
        command.args(["--port", "0", "--save", "", "--unixsocket"]);
        command.arg(self.socket()).arg("--dir").arg(self.directory.path());
        let mut process = Process::start("redis-server", command.args(&self.settings));
        wait_for("Redis to answer", || {
            process.still_runs();
            let answer = self
                .connect()
                .and_then(|mut connection| redis::cmd("PING").exec(&mut connection));
            answer.map_err(|error| error.to_string())
        });
        self.process = Some(process);
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("redis.sock")
    }

    fn connect(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(self.url())?.get_connection()
    }
}

#[test]
fn a_killed_redis_has_all_that_it_answered_for() {
    let mut redis = Redis::start();
    let _: () = redis.ask(&["SET", "a", "1"]);
    redis.kill_and_start();
    assert_eq!(redis.ask::<u32>(&["GET", "a"]), 1);
}
