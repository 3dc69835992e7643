//! Where the ledger keeps its votes: a SQLite file, or a Postgres database.

use std::path::PathBuf;

use ledger::{LedgerError, PostgresStore, PostgresUrl, Signing, SqliteStore, Store};
use service::Failure;
use vote::CampaignFile;

/// A store's place, as the command line names it.
#[derive(Clone, Debug)]
pub enum Place {
    /// A file.
    Sqlite(PathBuf),
    /// A database.
    Postgres(Box<PostgresUrl>),
}

impl Place {
    /// A Postgres address, or else a path.
    ///
    /// # Errors
    ///
    /// When it is meant to be an address and is none, or holds a password; it is not repeated.
    pub fn parse(text: &str) -> Result<Place, String> {
        if PostgresUrl::is_meant(text) {
            PostgresUrl::parse(text).map(Box::new).map(Place::Postgres)
        } else {
            Ok(Place::Sqlite(text.into()))
        }
    }

    /// The same place, with the password that the environment has for it.
    ///
    /// # Errors
    ///
    /// When the environment names a file without one.
    pub fn with_password(self) -> Result<Place, Failure> {
        match self {
            Place::Sqlite(path) => Ok(Place::Sqlite(path)),
            Place::Postgres(url) => {
                let url = url.with_password_from_environment();
                url.map(Box::new).map(Place::Postgres).map_err(Failure::CouldNot)
            }
        }
    }

    /// Makes the store; a database also lets this role write.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or a file is there already.
    pub fn init(&self, file: &CampaignFile, writer_role: Option<&str>) -> Result<(), LedgerError> {
        match self {
            Place::Sqlite(path) => SqliteStore::init(path, file),
            Place::Postgres(url) => PostgresStore::init(url, file, writer_role),
        }
    }

    /// Opens the store for writing, and checks it whole.
    ///
    /// # Errors
    ///
    /// When it is another's, damaged, in use, or cannot be reached; and, for a database, when this program must not sign its logs: whoever writes it writes on.
    pub fn open(&self, file: &CampaignFile, signing: &Signing) -> Result<Box<dyn Store>, LedgerError> {
        match self {
            Place::Sqlite(path) => Ok(Box::new(SqliteStore::open(path, file)?)),
            Place::Postgres(url) => Ok(Box::new(PostgresStore::open_to_sign(url, file, signing)?)),
        }
    }
}
