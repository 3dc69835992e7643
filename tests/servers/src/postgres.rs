//! A real Postgres with two roles that have passwords, durable as it comes: `fsync`, `full_page_writes` and `synchronous_commit` are on, pages have
//! checksums.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{User, geteuid};
use tempfile::{NamedTempFile, TempDir};

use crate::port::Port;
use crate::process::{Process, run};
use crate::tools::tool;
use crate::wait::wait_for;

/// Whom Postgres runs as when the test is root: it refuses to be root.
const SYSTEM_USER: &str = "postgres";

/// The database.
pub const DATABASE: &str = "hashicoin";

/// The role that owns the database and may change its schema.
pub const OWNER: &str = "hashicoin_owner";

/// The role of the ledger; it may connect, and what else it may the schema says.
pub const LEDGER: &str = "hashicoin_ledger";

/// A running Postgres with an empty database.
pub struct Postgres {
    /// Before its directory, so that it has ended when that goes.
    process: Option<Process>,
    directory: TempDir,
    port: Port,
    password: String,
    settings: Vec<String>,
}

impl Postgres {
    /// Ready for connections.
    pub fn start() -> Postgres {
        Postgres::start_with(&[])
    }

    /// With settings of the test's own, such as `synchronous_commit=off`.
    pub fn start_with(settings: &[&str]) -> Postgres {
        let mut random = [0; 16];
        getrandom::fill(&mut random).unwrap();
        let mut postgres = Postgres {
            directory: TempDir::new().unwrap(),
            port: Port::claim(),
            password: random.iter().map(|byte| format!("{byte:02x}")).collect(),
            settings: settings.iter().map(|setting| (*setting).to_owned()).collect(),
            process: None,
        };
        postgres.create();
        postgres.start_again();
        let password = &postgres.password;
        postgres.sql_in(
            "postgres",
            &format!(
                "CREATE ROLE {OWNER} LOGIN PASSWORD '{password}';
                 CREATE ROLE {LEDGER} LOGIN PASSWORD '{password}';
                 CREATE DATABASE {DATABASE} OWNER {OWNER};
                 REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;
                 GRANT CONNECT ON DATABASE {DATABASE} TO {LEDGER};"
            ),
        );
        postgres
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port.number()))
    }

    /// Where a role ([`OWNER`] or [`LEDGER`]) finds the database; without the password, which belongs into no argument list.
    pub fn url(&self, role: &str) -> String {
        format!("postgres://{role}@{}/{DATABASE}", self.address())
    }

    /// The password of both roles.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// A file with nothing but the password, for the test's user alone.
    pub fn password_file(&self) -> PathBuf {
        self.directory.path().join("password")
    }

    /// What the database says to its superuser, in `psql`'s barest form: rows by line, columns by `|`.
    pub fn sql(&self, statements: &str) -> String {
        self.sql_in(DATABASE, statements)
    }

    /// The same of another database on this server.
    pub fn sql_in(&self, database: &str, statements: &str) -> String {
        // In a file: everybody on the machine can read arguments.
        let file = NamedTempFile::new_in(self.directory.path()).unwrap();
        fs::write(&file, statements).unwrap();
        let mut psql = Command::new(tool("psql"));
        without_settings(&mut psql);
        psql.args([
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
        ]);
        psql.args(["--username=postgres", "--dbname", database]);
        psql.args(["--port", &self.port.number().to_string(), "--host"]);
        psql.arg(self.directory.path());
        let ended = run(psql.arg("--file").arg(file.path()));
        assert_eq!(ended.code(), 0, "{statements}: {ended:?}");
        ended.stdout.trim_end().to_owned()
    }

    /// Kills it (SIGKILL), and starts it again on the same data and port.
    pub fn kill_and_start(&mut self) {
        self.kill();
        self.start_again();
    }

    /// Kills it (SIGKILL), as a crash would.
    pub fn kill(&mut self) {
        let process = self.process.take().expect("a Postgres that runs");
        process.kill();
        // Its backends write to the same pipe and end when they miss it, so at the end of what they wrote none is left to hold on to the data.
        process.ended();
    }

    /// Starts it again after [`kill`](Postgres::kill), on the same data and port.
    pub fn start_again(&mut self) {
        let mut command = as_system_user(&tool("postgres"));
        command.arg("-D").arg(self.data());
        let mut set = |setting: &str| {
            command.args(["-c", setting]);
        };
        set("listen_addresses=127.0.0.1");
        set(&format!("port={}", self.port.number()));
        set(&format!("unix_socket_directories={}", self.directory.path().display()));
        self.settings.iter().for_each(|setting| set(setting));
        let mut process = Process::start("postgres", &mut command);
        let pid = process.id().to_string();
        wait_for("Postgres to be ready", || {
            process.still_runs();
            // The first line is of who wrote it, which may be the one that was killed; the eighth is how far it is.
            let status = fs::read_to_string(self.data().join("postmaster.pid")).map_err(|error| error.to_string())?;
            let lines: Vec<&str> = status.lines().map(str::trim).collect();
            let is_ready = lines.first() == Some(&pid.as_str()) && lines.get(7) == Some(&"ready");
            if is_ready { Ok(()) } else { Err(status) }
        });
        self.process = Some(process);
    }

    /// Makes the cluster and the database.
    fn create(&self) {
        let mut file = OpenOptions::new();
        let file = file.write(true).create_new(true).mode(0o600).open(self.password_file());
        file.unwrap().write_all(self.password.as_bytes()).unwrap();
        if geteuid().is_root() {
            let user = User::from_name(SYSTEM_USER).unwrap();
            let user = user.unwrap_or_else(|| panic!("no user {SYSTEM_USER}, which Debian's postgresql brings"));
            chown(self.directory.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
        }
        let mut initdb = as_system_user(&tool("initdb"));
        initdb.args([
            "--username=postgres",
            "--auth=trust",
            "--data-checksums",
            "--encoding=UTF8",
        ]);
        // The machine would have to fail for an empty database to be lost.
        initdb.args(["--locale=C", "--no-instructions", "--no-sync", "--pgdata"]);
        let made = run(initdb.arg(self.data()));
        assert_eq!(made.code(), 0, "{made:?}");
        // The superuser comes by the socket, which is in a directory for this user alone; the roles come with a password.
        let rules = "local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
        fs::write(self.data().join("pg_hba.conf"), rules).unwrap();
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGQUIT ends it with all its processes at once; a clean end would write out data that nobody reads again. At SIGTERM, which comes next, it would wait
        // for its clients to leave.
        if let Some(process) = &self.process {
            process.quit();
        }
    }
}

fn as_system_user(program: &Path) -> Command {
    let mut command = Command::new(program);
    if geteuid().is_root() {
        command = Command::new("setpriv");
        command.args(["--reuid", SYSTEM_USER, "--regid", SYSTEM_USER, "--init-groups"]);
        command.arg(program);
    }
    without_settings(&mut command);
    command
}

/// What the user has set for Postgres is about another one.
fn without_settings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
}

#[test]
fn a_role_comes_with_its_password_and_no_other_way() {
    let postgres = Postgres::start();
    let connect = |password: &str| {
        let mut psql = Command::new(tool("psql"));
        without_settings(&mut psql);
        psql.args(["--no-psqlrc", "--no-password", "--tuples-only", "--no-align"]);
        psql.args(["--command", "SELECT current_user", &postgres.url(LEDGER)]);
        run(psql.env("PGPASSWORD", password))
    };
    let password = fs::read_to_string(postgres.password_file()).unwrap();
    assert_eq!(connect(&password).stdout.trim(), LEDGER);
    assert!(connect("wrong").stderr.contains("password authentication failed"));
}

#[test]
fn a_killed_postgres_has_all_that_it_answered_for() {
    let mut postgres = Postgres::start();
    postgres.sql("CREATE TABLE votes (n int); INSERT INTO votes VALUES (1), (2)");
    postgres.kill_and_start();
    assert_eq!(postgres.sql("SELECT sum(n), count(*) FROM votes"), "3|2");
    let durable = "SHOW fsync; SHOW full_page_writes; SHOW synchronous_commit; SHOW data_checksums";
    assert_eq!(postgres.sql(durable), "on\non\non\non");
}

#[test]
fn a_setting_is_the_server_s() {
    let postgres = Postgres::start_with(&["synchronous_commit=off"]);
    assert_eq!(postgres.sql("SHOW synchronous_commit"), "off");
}

#[test]
fn a_dropped_postgres_is_gone() {
    let postgres = Postgres::start();
    let (address, directory) = (postgres.address(), postgres.data());
    drop(postgres);
    assert!(std::net::TcpStream::connect(address).is_err() && !directory.exists());
}
