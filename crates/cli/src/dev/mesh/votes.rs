//! What counts votes: the ledger, with its store in the Postgres beyond the gateway; the API in front of it; and the pool of coins. Each reaches the others through
//! its own sidecar alone.

use std::env;
use std::process::Command;

use serde_json::json;
use service::Failure;

use super::ports::Port;
use super::postgres::{DATABASE, LEDGER, OWNER};
use super::supervisor::Supervisor;
use super::{Site, vault};
use crate::dev::job;
use crate::dev::mint::{self, Order, Out, Signer};
use crate::dev::stage;
use crate::dev::stop::Stop;
use crate::dev::wait::wait_for;
use crate::http::{Base, Client};

/// Makes the store, starts ledger and API, and fills the pool; gives how many coins are in it. The proxies run, or come up meanwhile.
///
/// # Errors
///
/// When a step fails for good.
pub fn start(
    site: &Site<'_>,
    supervisor: &Supervisor,
    stop: &Stop,
    campaign: &str,
    count: u32,
) -> Result<u64, Failure> {
    // As whoever may change the schema; the ledger itself comes as a role that may only add.
    wait_for("the ledger's store, through the mesh", &mut &*supervisor, stop, || {
        let mut init = site.ledger("init", OWNER);
        init.args(["--writer-role", LEDGER]);
        job::run("hashicoin-ledger init", &mut init).map_err(|failure| failure.to_string())
    })?;
    let listen = format!("127.0.0.1:{}", site.ports.get(Port::Ledger));
    let mut serve = site.ledger("serve", LEDGER);
    serve.args(["--listen", &listen, "--redis", &site.redis(Port::LedgerToRedis)]);
    serve.arg("--keys").arg(site.data.keys());
    serve.args(["--vault-log-key", "hashicoin-log", "--signed-head"]);
    serve.arg(site.data.join("ledger.signed"));
    site.vault_environment(&mut serve, vault::LOG_SIGNER)?;
    supervisor.start("ledger", serve, json!({ "http": listen }))?;
    is_healthy("the ledger", Port::Ledger, site, supervisor, stop)?;

    let signer = Signer::Vault(&|command| site.vault_environment(command, vault::MINT));
    let order = Order {
        campaign,
        expires: mint::late()?,
        count,
    };
    let pool = Out::Pool(site.redis(Port::MintToRedis));
    let minted = wait_for("coins in the pool, through the mesh", &mut &*supervisor, stop, || {
        mint::to_hand_out(site.programs, site.data, &order, &signer, &pool).map_err(|failure| failure.to_string())
    })?;

    let listen = format!("127.0.0.1:{}", site.ports.get(Port::Api));
    let mut serve = Command::new(&site.programs.api);
    serve.args([
        "serve",
        "--listen",
        &listen,
        "--coins-per-minute",
        stage::COINS_PER_MINUTE,
    ]);
    serve.args(["--redis", &site.redis(Port::ApiToRedis)]);
    serve.arg("--campaign").arg(site.data.join("campaign.json"));
    serve.arg("--keys").arg(site.data.keys());
    without_settings(&mut serve);
    supervisor.start("api", serve, json!({ "http": listen }))?;
    is_healthy("the API", Port::Api, site, supervisor, stop)?;
    Ok(minted)
}

fn is_healthy(what: &str, port: Port, site: &Site<'_>, supervisor: &Supervisor, stop: &Stop) -> Result<(), Failure> {
    let client = Client::new(Base::local(site.ports.get(port)));
    wait_for(&format!("{what} to be healthy"), &mut &*supervisor, stop, || {
        let answer = client.get("/healthz").map_err(|failure| failure.to_string())?;
        if answer.status == 200 { Ok(()) } else { Err(answer.body) }
    })
}

/// What the user has set for another Redis or Postgres is not for these.
fn without_settings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("HASHICOIN_") || text.starts_with("PG") {
            command.env_remove(name);
        }
    }
}

impl Site<'_> {
    /// Redis, as a part's sidecar shows it.
    fn redis(&self, upstream: Port) -> String {
        format!("redis://127.0.0.1:{}", self.ports.get(upstream))
    }

    /// The ledger's program, as one of the two roles in Postgres.
    fn ledger(&self, name: &str, role: &str) -> Command {
        let mut command = Command::new(&self.ledger);
        without_settings(&mut command);
        let port = self.ports.get(Port::LedgerToPostgres);
        command.args([
            name,
            "--store",
            &format!("postgres://{role}@127.0.0.1:{port}/{DATABASE}"),
        ]);
        command.arg("--campaign").arg(self.data.join("campaign.json"));
        command.env("HASHICOIN_POSTGRES_PASSWORD_FILE", self.secrets().join(role));
        command
    }
}
