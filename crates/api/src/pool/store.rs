//! The pool's SQLite file: one table, and the five questions that are asked of it.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use coin::{Serial, SignedCoin, Timestamp};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

/// `PRAGMA application_id`: tells a pool from other SQLite files. ASCII "HCPL".
const APPLICATION_ID: i32 = 0x4843_504c;
/// `PRAGMA user_version`: the version of the schema below.
const SCHEMA_VERSION: i32 = 1;

/// A coin is out exactly when it has a `key_hash`; that it is unique makes one key one coin.
const SCHEMA: &str = "
    CREATE TABLE coins (
        serial      BLOB    PRIMARY KEY,
        coin_txt    TEXT    NOT NULL,
        key_version INTEGER NOT NULL,
        expires_s   INTEGER NOT NULL,
        place       INTEGER NOT NULL,
        key_hash    BLOB    UNIQUE
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX coins_in ON coins (place) WHERE key_hash IS NULL;
";

/// Why there is no pool to work with.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is there already.
    #[error(
        "{0} exists, and a pool is never overwritten: choose another --ledger, or move the file away if its coins are not needed any more"
    )]
    Exists(PathBuf),
    /// It is not there.
    #[error(
        "there is no pool at {0}: `hashicoin-api init` makes one beside the ledger. If it was lost, bring it back from a backup; an empty one \
         would hand out coins again that are out already"
    )]
    Missing(PathBuf),
    /// The file is something else.
    #[error("{0} is not a pool of this version: give the ledger that `hashicoin-api init` made")]
    Other(PathBuf),
    /// The file cannot be made.
    #[error("could not create {0}: {1}")]
    Create(PathBuf, io::Error),
    /// SQLite failed.
    #[error("could not open {0}: {1}")]
    Sqlite(PathBuf, rusqlite::Error),
}

/// How many coins are where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// In the pool and worth something now.
    pub available: u32,
    /// Handed out.
    pub handed_out: u32,
}

/// The next coin to hand out.
pub struct Next {
    pub serial: Vec<u8>,
    pub coin_txt: String,
}

pub struct Store {
    connection: Connection,
}

impl Store {
    pub fn create(path: &Path) -> Result<Store, OpenError> {
        // SQLite opens a file that is there; only the operating system can promise that this one was not.
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => OpenError::Exists(path.to_owned()),
                _ => OpenError::Create(path.to_owned(), error),
            })?;
        let connection = connect(path).map_err(|error| OpenError::Sqlite(path.to_owned(), error))?;
        let schema = format!(
            "BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        );
        connection
            .execute_batch(&schema)
            .map_err(|error| OpenError::Sqlite(path.to_owned(), error))?;
        Ok(Store { connection })
    }

    pub fn open(path: &Path) -> Result<Store, OpenError> {
        if !path.exists() {
            return Err(OpenError::Missing(path.to_owned()));
        }
        let sqlite = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => OpenError::Other(path.to_owned()),
            _ => OpenError::Sqlite(path.to_owned(), error),
        };
        let connection = connect(path).map_err(sqlite)?;
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        let is_ours = pragma("application_id").map_err(sqlite)? == APPLICATION_ID;
        if !is_ours || pragma("user_version").map_err(sqlite)? != SCHEMA_VERSION {
            return Err(OpenError::Other(path.to_owned()));
        }
        Ok(Store { connection })
    }

    /// Starts a transaction; dropped without commit, it never was.
    pub fn begin(&mut self) -> Result<rusqlite::Transaction<'_>, rusqlite::Error> {
        self.connection.transaction()
    }

    /// The coin that the key with this hash got.
    pub fn coin_of(&self, key_hash: &[u8; 32]) -> Result<Option<String>, rusqlite::Error> {
        self.connection
            .prepare_cached("SELECT coin_txt FROM coins WHERE key_hash = ?1")?
            .query_row(params![key_hash], |row| row.get(0))
            .optional()
    }

    /// The next coin that is in, has not expired and is of a key that counts.
    pub fn next(&self, now: Timestamp, min_key_version: u32) -> Result<Option<Next>, rusqlite::Error> {
        self.connection
            .prepare_cached(
                "SELECT serial, coin_txt FROM coins
                 WHERE key_hash IS NULL AND expires_s > ?1 AND key_version >= ?2 ORDER BY place LIMIT 1",
            )?
            .query_row(params![seconds(now), min_key_version], |row| {
                Ok(Next {
                    serial: row.get(0)?,
                    coin_txt: row.get(1)?,
                })
            })
            .optional()
    }

    /// Marks a coin as out. Durable when this returns.
    pub fn hand_out(&self, serial: &[u8], key_hash: &[u8; 32]) -> Result<(), rusqlite::Error> {
        let changed = self
            .connection
            .prepare_cached("UPDATE coins SET key_hash = ?2 WHERE serial = ?1 AND key_hash IS NULL")?
            .execute(params![serial, key_hash])?;
        // Another process took the coin between the question and the answer.
        if changed == 1 {
            Ok(())
        } else {
            Err(rusqlite::Error::StatementChangedRows(changed))
        }
    }

    /// The serials of all coins.
    pub fn serials(&self) -> Result<Vec<Serial>, rusqlite::Error> {
        let mut statement = self.connection.prepare("SELECT serial FROM coins ORDER BY serial")?;
        let serials = statement.query_map([], |row| Ok(Serial::from_bytes(row.get(0)?)))?;
        serials.collect()
    }

    pub fn counts(&self, now: Timestamp, min_key_version: u32) -> Result<Counts, rusqlite::Error> {
        self.connection
            .prepare_cached(
                "SELECT count(*) FILTER (WHERE key_hash IS NULL AND expires_s > ?1 AND key_version >= ?2),
                        count(key_hash) FROM coins",
            )?
            .query_row(params![seconds(now), min_key_version], |row| {
                Ok(Counts {
                    available: row.get(0)?,
                    handed_out: row.get(1)?,
                })
            })
    }
}

/// What the pool has under a serial.
pub fn coin_txt_of(connection: &Connection, serial: &Serial) -> Result<Option<String>, rusqlite::Error> {
    connection
        .prepare_cached("SELECT coin_txt FROM coins WHERE serial = ?1")?
        .query_row(params![serial.as_bytes()], |row| row.get(0))
        .optional()
}

/// Puts a coin in, at this place in the order of handing out.
pub fn insert(connection: &Connection, signed: &SignedCoin, coin_txt: &str, place: i64) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached(
            "INSERT INTO coins (serial, coin_txt, key_version, expires_s, place) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            signed.coin.serial.as_bytes(),
            coin_txt,
            signed.key_version,
            seconds(signed.coin.expires),
            place
        ])
        .map(drop)
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // With less, a coin that was handed out just before a power failure would be handed out again after it.
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// SQLite's integers are signed; no timestamp is after the year 9999.
fn seconds(time: Timestamp) -> i64 {
    i64::try_from(time.unix_s()).unwrap_or(i64::MAX)
}
