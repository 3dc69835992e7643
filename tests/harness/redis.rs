//! A real Redis on a socket in a directory of its own, set so that it keeps what it answers for.

use std::path::PathBuf;
use std::process::Command;

use redis::FromRedisValue;
use tempfile::TempDir;

use super::artifacts;
use super::process::Process;
use super::wait::wait_for;

/// A running Redis.
pub struct Redis {
    directory: TempDir,
    process: Option<Process>,
}

impl Redis {
    /// Ready for commands.
    pub fn start() -> Redis {
        let mut redis = Redis {
            directory: TempDir::new().unwrap(),
            process: None,
        };
        redis.begin();
        redis
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Kills it (SIGKILL) and starts it again on the same data.
    pub fn kill_and_start(&mut self) {
        let process = self.process.take().unwrap();
        process.kill();
        process.ended();
        self.begin();
    }

    /// What it answers to a command.
    pub fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let (name, arguments) = command.split_first().unwrap();
        let answer = redis::cmd(name).arg(arguments).query(&mut self.connect().unwrap());
        answer.unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("redis.sock")
    }

    fn connect(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(self.url())?.get_connection()
    }

    fn begin(&mut self) {
        let mut command = Command::new(artifacts::redis_server());
        command.args([
            "--port",
            "0",
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ]);
        command.arg("--dir").arg(self.directory.path());
        command.arg("--unixsocket").arg(self.socket());
        let mut process = Process::start("redis-server", &mut command);
        wait_for("Redis to answer", || {
            process.still_runs();
            let mut connection = self.connect().map_err(|error| error.to_string())?;
            redis::cmd("PING")
                .exec(&mut connection)
                .map_err(|error| error.to_string())
        });
        self.process = Some(process);
    }
}
