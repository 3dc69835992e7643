//! A ledger in a real Postgres: a database of its own, with the server's two roles as its owner and its writer.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ledger::{LedgerError, PostgresStore, PostgresUrl, Store};
use servers::Postgres;
use servers::postgres::{LEDGER, OWNER};
use servers::wait::wait_for;

use crate::common::campaign;
use crate::contract::Kind;

/// The server of the tests that need one and not its end. It ends with the last of them.
static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());

/// Tells the databases of one server apart.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A database on a server.
pub struct Database {
    pub server: Arc<Postgres>,
    pub name: String,
}

impl Database {
    /// An empty one, on a server that others use too.
    pub fn empty() -> Database {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let server = shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Postgres::start());
            *shared = Arc::downgrade(&server);
            server
        });
        drop(shared);
        Database::on(server)
    }

    /// An empty one on this server.
    pub fn on(server: Arc<Postgres>) -> Database {
        let name = format!("ledger_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        server.sql(&format!("CREATE DATABASE {name} OWNER {OWNER}"));
        Database { server, name }
    }

    /// One with a new ledger.
    pub fn with_ledger() -> Database {
        let database = Database::empty();
        database.init().unwrap();
        database
    }

    /// Its address, for a role.
    pub fn url(&self, role: &str) -> PostgresUrl {
        let url = format!("postgres://{role}@{}/{}", self.server.address(), self.name);
        PostgresUrl::parse(&url).unwrap().with_password(self.server.password())
    }

    pub fn init(&self) -> Result<(), LedgerError> {
        PostgresStore::init(&self.url(OWNER), &campaign(), Some(LEDGER))
    }

    pub fn open(&self) -> Result<PostgresStore, LedgerError> {
        PostgresStore::open(&self.url(LEDGER), &campaign())
    }

    /// Past the ledger, as an attacker with all rights would.
    pub fn sql(&self, sql: &str) -> String {
        self.server.sql_in(&self.name, sql)
    }

    /// Waits until the server sees one connection to this database so: a condition on `pg_stat_activity`.
    pub fn wait_for_one(&self, what: &str, seen: &str) {
        let count = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND {seen}");
        wait_for(what, || match self.sql(&count).as_str() {
            "1" => Ok(()),
            other => Err(format!("{other} connections with {seen}")),
        });
    }
}

impl Kind for Database {
    fn open_store(&self) -> Box<dyn Store> {
        Box::new(self.open().unwrap())
    }
}
