//! A real Vault (`vault server -dev`, in memory), set up by the shipped `vault/setup.sh`, that can be sealed and unsealed.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::port::Port;
use crate::process::{Ended, Process, run};
use crate::tools::tool;
use crate::wait::wait_for;

/// The token that may do everything.
pub const ROOT: &str = "root-token-of-a-test";

/// A running Vault.
pub struct Vault {
    process: Process,
    directory: TempDir,
    scheme: &'static str,
    _port: Port,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Vault {
    /// Set up, with an audit log.
    pub fn start() -> Vault {
        let vault = Vault::start_bare();
        let ended = vault.setup();
        assert_eq!(ended.code(), 0, "{ended:?}");
        vault
    }

    /// As it comes, with nothing of ours in it.
    pub fn start_bare() -> Vault {
        Vault::spawn("http", TempDir::new().unwrap(), &[])
    }

    /// Set up, and speaking TLS with a certificate of its own CA.
    pub fn start_with_tls() -> Vault {
        let directory = TempDir::new().unwrap();
        let certificates = format!("-dev-tls-cert-dir={}", directory.path().display());
        let vault = Vault::spawn("https", directory, &["-dev-tls", &certificates]);
        let ended = vault.setup();
        assert_eq!(ended.code(), 0, "{ended:?}");
        vault
    }

    fn spawn(scheme: &'static str, directory: TempDir, more: &[&str]) -> Vault {
        // Vault does not say which port it got, so it is told one.
        let port = Port::claim();
        let address = SocketAddr::from(([127, 0, 0, 1], port.number()));
        let mut command = Command::new(tool("vault"));
        command.args(["server", "-dev", "-dev-no-store-token"]);
        command.arg(format!("-dev-root-token-id={ROOT}"));
        command.arg(format!("-dev-listen-address={address}")).args(more);
        command.env("HOME", directory.path());
        let mut vault = Vault {
            process: Process::start("vault", &mut command),
            directory,
            scheme,
            _port: port,
            address,
        };
        wait_for("Vault to be ready", || {
            vault.process.still_runs();
            let status = run(&mut vault.cli(&["status"]));
            if status.code() == 0 { Ok(()) } else { Err(status.stderr) }
        });
        vault
    }

    /// Runs `vault/setup.sh`.
    pub fn setup(&self) -> Ended {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vault/setup.sh"));
        self.environment(&mut command, ROOT);
        let tools = tool("vault").parent().unwrap().to_owned();
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", tools.display()));
        run(command.env("HASHICOIN_AUDIT_FILE", self.audit_file()))
    }

    /// The address, as VAULT_ADDR has it.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The certificate of the CA that vouches for it, when it speaks TLS.
    pub fn ca_file(&self) -> PathBuf {
        self.directory.path().join("vault-ca.pem")
    }

    /// A new token of a role.
    pub fn token(&self, role: &str) -> String {
        self.vault(&["token", "create", &format!("-role={role}"), "-field=token"])
            .trim()
            .to_owned()
    }

    /// What the `vault` command prints, run by somebody who may do everything.
    pub fn vault(&self, arguments: &[&str]) -> String {
        let ended = run(&mut self.cli(arguments));
        assert_eq!(ended.code(), 0, "{arguments:?}: {ended:?}");
        ended.stdout
    }

    /// Seals it.
    pub fn seal(&self) {
        self.vault(&["operator", "seal"]);
    }

    /// Unseals it.
    pub fn unseal(&self) {
        let stdout = self.process.stdout();
        let key = stdout
            .split_once("Unseal Key: ")
            .and_then(|(_, rest)| rest.lines().next());
        let key = key.unwrap_or_else(|| panic!("no unseal key: {stdout}"));
        let said = self.vault(&["operator", "unseal", "-format=json", key.trim()]);
        assert!(said.contains("\"sealed\": false"), "{said}");
    }

    /// What is in the audit log.
    pub fn audit_log(&self) -> String {
        fs::read_to_string(self.audit_file()).unwrap()
    }

    /// Gives a program what it needs to find this Vault, and to be known by a token.
    pub fn environment(&self, command: &mut Command, token: &str) {
        command.env("VAULT_ADDR", self.url()).env("VAULT_TOKEN", token);
        command.env_remove("VAULT_AGENT_ADDR").env_remove("VAULT_NAMESPACE");
        command.env("HOME", self.directory.path());
        if self.scheme == "https" {
            command.env("VAULT_CACERT", self.ca_file());
        } else {
            command.env_remove("VAULT_CACERT");
        }
    }

    /// A directory of its own.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn audit_file(&self) -> PathBuf {
        self.directory.path().join("audit.log")
    }

    fn cli(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(tool("vault"));
        self.environment(&mut command, ROOT);
        command.args(arguments);
        command
    }
}
