//! The external Postgres: durable, with checksums, on the data network, for two roles with passwords and from the gateway's address alone.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use nix::unistd::User;
use serde_json::{Value, json};
use service::Failure;

use super::network::Machine;
use super::ports::Port;
use super::supervisor::Supervisor;
use super::{Site, secret, write};
use crate::dev::job;
use crate::dev::stop::Stop;
use crate::dev::wait::wait_for;

/// Whom Postgres runs as when this is root: it refuses to be root.
const SYSTEM_USER: &str = "postgres";

/// The database, and the role that owns it and may change its schema.
pub const DATABASE: &str = "hashicoin";

/// The role of `hashicoin-ledger init`.
pub const OWNER: &str = "hashicoin_owner";

/// The role of `hashicoin-ledger serve`; the schema says what it may do.
pub const LEDGER: &str = "hashicoin_ledger";

/// Makes an empty database, and starts its server.
///
/// # Errors
///
/// When it does not come up.
pub fn start(site: &Site<'_>, supervisor: &Supervisor, stop: &Stop) -> Result<(), Failure> {
    let directory = site.data.join("postgres");
    fs::create_dir(&directory).map_err(|error| Failure::io("create", &directory, &error))?;
    hand_over(site, &directory)?;
    let data = directory.join("data");
    let mut initdb = site.as_postgres(&site.tools.initdb);
    initdb.args(["--username=postgres", "--auth=trust", "--data-checksums"]);
    initdb.args(["--encoding=UTF8", "--locale=C", "--no-instructions", "--pgdata"]);
    job::run("initdb", initdb.arg(&data))?;
    // Over TCP the two roles come with a password, through the gateway. The socket is in a directory for this user alone.
    let rules = format!(
        "local all postgres trust\nhost {DATABASE} {OWNER},{LEDGER} {}/32 scram-sha-256\n",
        site.network.pci_data()
    );
    let file = data.join("pg_hba.conf");
    fs::write(&file, rules).map_err(|error| Failure::io("write", &file, &error))?;

    let port = site.ports.get(Port::Postgres);
    let mut command = site.as_postgres(&site.tools.postgres);
    command.arg("-D").arg(&data);
    command.args(["-c", &format!("listen_addresses={}", site.network.postgres())]);
    command.args(["-c", &format!("port={port}"), "-c"]);
    command.arg(format!("unix_socket_directories={}", directory.display()));
    let address = format!("{}:{port}", site.network.postgres());
    let mut server = supervisor.start("postgres", command, json!({ "tcp": address }))?;

    let script = site.secrets().join("roles.sql");
    write(
        &script,
        &roles(
            &secret(&site.secrets().join(OWNER))?,
            &secret(&site.secrets().join(LEDGER))?,
        ),
    )?;
    wait_for("Postgres", &mut server, stop, || {
        site.psql(["-c", "SELECT 1"]).map_err(|failure| failure.to_string())
    })?;
    site.psql(["-f".as_ref(), script.as_os_str()]).map(drop)
}

fn roles(owner: &str, ledger: &str) -> String {
    format!(
        "CREATE ROLE {OWNER} LOGIN PASSWORD '{owner}';\n\
         CREATE ROLE {LEDGER} LOGIN PASSWORD '{ledger}';\n\
         CREATE DATABASE {DATABASE} OWNER {OWNER};\n\
         REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;\n\
         GRANT CONNECT ON DATABASE {DATABASE} TO {LEDGER};\n"
    )
}

/// Gives the directory to whom the server runs as, and lets that user find it.
fn hand_over(site: &Site<'_>, directory: &Path) -> Result<(), Failure> {
    if !site.network.is_separate() {
        return Ok(());
    }
    let user = User::from_name(SYSTEM_USER).ok().flatten().ok_or_else(|| {
        Failure::CouldNot(format!(
            "there is no user {SYSTEM_USER}, and Postgres does not run as root: install your distribution's Postgres, which brings it"
        ))
    })?;
    chown(directory, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
        .map_err(|error| Failure::io("hand over", directory, &error))?;
    // Whoever knows a name in it may pass through; nobody may look around.
    let top = site.data.path();
    fs::set_permissions(top, Permissions::from_mode(0o711)).map_err(|error| Failure::io("open up", top, &error))
}

impl Site<'_> {
    /// A program on the database's machine, as the user that the database belongs to.
    fn as_postgres(&self, program: &Path) -> Command {
        let mut command = if self.network.is_separate() {
            let mut command = self.network.command(Machine::Data, Path::new("setpriv"));
            command.args(["--reuid", SYSTEM_USER, "--regid", SYSTEM_USER, "--init-groups"]);
            command.arg(program);
            command
        } else {
            Command::new(program)
        };
        without_settings(&mut command);
        command
    }

    /// Postgres' client on its own machine, as the superuser.
    fn psql<Argument: AsRef<std::ffi::OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = Argument>,
    ) -> Result<Vec<u8>, Failure> {
        let mut psql = Command::new(&self.tools.psql);
        without_settings(&mut psql);
        psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--username=postgres"]);
        psql.arg("--host").arg(self.data.join("postgres"));
        psql.args(["--port", &self.ports.get(Port::Postgres).to_string()]);
        job::run("psql", psql.arg("postgres").args(arguments))
    }

    /// Where Postgres is reached, and as whom.
    pub fn postgres_facts(&self) -> Value {
        json!({
            "address": format!("{}:{}", self.network.postgres(), self.ports.get(Port::Postgres)),
            "through_the_mesh": format!("127.0.0.1:{}", self.ports.get(Port::LedgerToPostgres)),
            "database": DATABASE,
            "owner": { "user": OWNER, "password_file": self.secrets().join(OWNER) },
            "ledger": { "user": LEDGER, "password_file": self.secrets().join(LEDGER) },
        })
    }
}

/// What the user has set for Postgres is about another one.
fn without_settings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
}
