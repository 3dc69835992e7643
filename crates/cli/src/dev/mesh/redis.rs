//! Redis, the queue and the pool: what it has said yes to is on the disk.

use std::fs;
use std::process::Command;

use serde_json::json;
use service::Failure;

use super::Site;
use super::ports::Port;
use super::supervisor::Supervisor;

/// Starts it, empty.
///
/// # Errors
///
/// When it cannot be started.
pub fn start(site: &Site<'_>, supervisor: &Supervisor) -> Result<(), Failure> {
    let directory = site.data.join("redis");
    fs::create_dir(&directory).map_err(|error| Failure::io("create", &directory, &error))?;
    let port = site.ports.get(Port::Redis).to_string();
    let mut command = Command::new(&site.tools.redis);
    command.args(["--bind", "127.0.0.1", "--port", &port, "--daemonize", "no"]);
    command.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
    command.arg("--dir").arg(&directory);
    let address = json!({ "tcp": format!("127.0.0.1:{port}") });
    supervisor.start("redis", command, address).map(drop)
}
