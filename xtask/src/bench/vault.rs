//! The Vault of a measurement: the real one, set up by the shipped script. It keeps everything in memory and writes its audit log, as one that is trusted
//! does.

use std::env;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use super::server::{Server, free_address};
use crate::{place, step};

/// A running Vault.
pub struct Vault {
    program: PathBuf,
    root_token: String,
    /// Where it listens, in the clear.
    pub address: SocketAddr,
    server: Server,
}

impl Vault {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.server.id()
    }

    /// Starts the program, with its logs in the directory, and sets it up. `processors`, such as `0-3`, are those that it may use; `None` for all.
    ///
    /// # Errors
    ///
    /// When it does not come up, or cannot be set up.
    pub fn start(program: &Path, directory: &Path, processors: Option<&str>) -> Result<Vault, String> {
        let address = free_address()?;
        let root_token = format!("root-{}", process::id());
        let mut server = match processors {
            None => Command::new(program),
            Some(processors) => {
                let mut taskset = Command::new("taskset");
                taskset.args(["--cpu-list", processors]).arg(program);
                taskset
            }
        };
        server
            .args(["server", "-dev", "-dev-no-store-token", "-log-level=warn"])
            .arg(format!("-dev-listen-address={address}"))
            .env("VAULT_DEV_ROOT_TOKEN_ID", &root_token);
        let server = Server::start("vault", &mut server, directory, || {
            get(address, "/v1/sys/health").as_deref() == Some("200")
        })?;
        let vault = Vault {
            program: program.to_owned(),
            root_token,
            address,
            server,
        };
        let mut setup = vault.command(Path::new("sh"), &vault.root_token);
        setup
            .arg(place::root().join("vault/setup.sh"))
            .env("PATH", path_with(program)?)
            .env("HASHICOIN_AUDIT_FILE", directory.join("audit.log"));
        step::run("set Vault up", &mut setup, "vault/setup.sh says why above.")?;
        Ok(vault)
    }

    /// A program that finds this Vault and is known to it by a token.
    pub fn command(&self, program: &Path, token: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("VAULT_ADDR", format!("http://{}", self.address))
            .env("VAULT_TOKEN", token)
            .env_remove("VAULT_AGENT_ADDR")
            .env_remove("VAULT_NAMESPACE");
        command
    }

    /// A new token of a role.
    ///
    /// # Errors
    ///
    /// What the vault command says.
    pub fn token(&self, role: &str) -> Result<String, String> {
        let mut create = self.command(&self.program, &self.root_token);
        step::read(create.args(["token", "create", "-field=token", &format!("-role={role}")]))
    }

    /// The public keys, as the vault command prints them.
    ///
    /// # Errors
    ///
    /// What the vault command says.
    pub fn keys(&self) -> Result<String, String> {
        let mut read = self.command(&self.program, &self.root_token);
        step::read(read.args(["read", "-format=json", "transit/keys/hashicoin"]))
    }
}

/// The status of an answer; `None` when there is none.
pub fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.split(' ').nth(1)?.to_owned())
}

/// PATH with a program's own directory first.
fn path_with(program: &Path) -> Result<OsString, String> {
    let own = program.parent().unwrap_or(Path::new("")).to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths([own].into_iter().chain(env::split_paths(&path))).map_err(|error| error.to_string())
}
