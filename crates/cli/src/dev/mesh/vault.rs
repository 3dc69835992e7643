//! Vault: the only place that has the signing key. On disk, sealed when it starts again, set up by the shipped `vault/setup.sh`.

use std::env;
use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;

use serde_json::{Value, json};
use service::Failure;

use super::ports::Port;
use super::supervisor::Supervisor;
use super::{Site, write};
use crate::dev::job;
use crate::dev::stop::Stop;
use crate::dev::wait::wait_for;
use crate::http::{Base, Client};

/// The token that may do everything; only bringing up needs it.
pub const ROOT: &str = "vault-root";

/// What opens Vault after a start. Beside Vault, so for development alone.
const UNSEAL: &str = "vault-unseal";

/// The token of whoever brings the public keys to the gate, the API and the ledger.
pub const KEY_READER: &str = "vault-key-reader";

/// The token of the mint.
pub const MINT: &str = "vault-mint";

/// The token of the ledger, which signs its log.
pub const LOG_SIGNER: &str = "vault-log-signer";

/// Starts it, opens it, and gives it keys and policies.
///
/// # Errors
///
/// When a step fails.
pub fn start(site: &Site<'_>, supervisor: &Supervisor, stop: &Stop) -> Result<(), Failure> {
    let directory = site.data.join("vault");
    for (path, text) in super::files::VAULT {
        write(&site.data.join(path), text)?;
    }
    let (port, cluster) = (site.ports.get(Port::Vault), site.ports.get(Port::VaultCluster));
    let listener = |address: Ipv4Addr| json!({ "address": format!("{address}:{port}"), "cluster_address": format!("{address}:{cluster}"), "tls_disable": true });
    let mut own = listener(Ipv4Addr::LOCALHOST);
    // Prometheus has no token, and hears from a sealed Vault too.
    own["telemetry"] = json!({ "unauthenticated_metrics_access": true });
    let mut listeners = vec![json!({ "tcp": &own })];
    if site.has_nomad() {
        // Nomad's jobs are on another machine. Between real ones this is TLS; here the network is two namespaces of ours.
        let mut of_jobs = listener(site.network.server());
        of_jobs["telemetry"] = own["telemetry"].clone();
        listeners.push(json!({ "tcp": of_jobs }));
    }
    let configuration = json!({
        "listener": listeners,
        "storage": { "file": { "path": directory.join("data") } },
        "api_addr": site.vault_address(),
        // Its pages, for people, if the program has them.
        "ui": true,
        "telemetry": { "prometheus_retention_time": "60s", "disable_hostname": true },
        // Locking memory is a right that not everybody has. Where it matters, swap is off.
        "disable_mlock": true,
    });
    let file = directory.join("server.json");
    write(&file, &configuration.to_string())?;
    let mut command = Command::new(&site.tools.vault);
    without_settings(&mut command);
    command.arg("server").arg("-config").arg(file);
    let mut server = supervisor.start("vault", command, json!({ "http": format!("127.0.0.1:{port}") }))?;

    let http = Client::new(Base::local(port));
    let put = |target: &str, body: &Value| {
        let answer = http.put(target, body).map_err(|failure| failure.to_string())?;
        if answer.status == 200 {
            Ok(answer.json())
        } else {
            Err(format!("status {}", answer.status))
        }
    };
    let shares = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let keys = wait_for("Vault to be initialised", &mut server, stop, || {
        put("/v1/sys/init", &shares)
    })?;
    let (Some(unseal), Some(root)) = (keys["keys_base64"][0].as_str(), keys["root_token"].as_str()) else {
        return Err(Failure::CouldNot(
            "Vault gave no keys in a form that this program knows".to_owned(),
        ));
    };
    write(&site.secrets().join(UNSEAL), unseal)?;
    write(&site.secrets().join(ROOT), root)?;
    wait_for("Vault to be unsealed", &mut server, stop, || {
        let answer = put("/v1/sys/unseal", &json!({ "key": unseal }))?;
        if answer["sealed"] == false {
            Ok(())
        } else {
            Err(answer.to_string())
        }
    })?;

    let mut setup = Command::new("sh");
    site.vault_environment(&mut setup, ROOT)?;
    setup.env("PATH", &site.tools.path);
    setup.env("HASHICOIN_AUDIT_FILE", directory.join("audit.log"));
    let setup = setup.arg(directory.join("setup.sh"));
    // A Vault that was opened this moment may say for another one that it has no leader.
    wait_for("vault/setup.sh", &mut server, stop, || {
        job::run("vault/setup.sh", setup).map_err(|failure| failure.to_string())
    })?;
    for (role, file) in [("mint", MINT), ("key-reader", KEY_READER), ("log-signer", LOG_SIGNER)] {
        let role = format!("-role={role}");
        let mut create = site.vault(ROOT)?;
        let token = job::run(
            "`vault token create`",
            create.args(["token", "create", "-field=token", &role]),
        )?;
        write(&site.secrets().join(file), String::from_utf8_lossy(&token).trim())?;
    }
    Ok(())
}

/// What Vault says of the signing key: its public halves, and which of them count.
///
/// # Errors
///
/// When Vault does not say.
pub fn public_keys(site: &Site<'_>) -> Result<Value, Failure> {
    let mut read = site.vault(KEY_READER)?;
    let keys = job::run(
        "`vault read`",
        read.args(["read", "-format=json", "transit/keys/hashicoin"]),
    )?;
    let keys: Value = serde_json::from_slice(&keys)
        .map_err(|error| Failure::CouldNot(format!("`vault read` did not answer in JSON: {error}")))?;
    Ok(keys["data"].clone())
}

/// What the user has set for Vault is about another one.
fn without_settings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("VAULT_") {
            command.env_remove(name);
        }
    }
}

impl Site<'_> {
    /// Vault, as Nomad's jobs reach it.
    pub fn vault_for_jobs(&self) -> String {
        format!("http://{}:{}", self.network.server(), self.ports.get(Port::Vault))
    }

    fn vault_address(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.get(Port::Vault))
    }

    /// What tells a client of Vault whom to ask, and as whom.
    ///
    /// # Errors
    ///
    /// When the token is not there.
    pub fn vault_environment(&self, command: &mut Command, token: &str) -> Result<(), Failure> {
        let file = self.secrets().join(token);
        let token = fs::read_to_string(&file).map_err(|error| Failure::io("read", &file, &error))?;
        without_settings(command);
        command
            .env("VAULT_ADDR", self.vault_address())
            .env("VAULT_TOKEN", token);
        Ok(())
    }

    /// Vault's client, with somebody's token.
    fn vault(&self, token: &str) -> Result<Command, Failure> {
        let mut command = Command::new(&self.tools.vault);
        self.vault_environment(&mut command, token)?;
        Ok(command)
    }
}
