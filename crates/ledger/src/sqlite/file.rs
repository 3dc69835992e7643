//! The ledger's file on disk: made once, never made by opening, locked by one writer. All file handling is here.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};
use tlog::Hash;
use vote::CampaignFile;

use crate::sql_integer::to_sql;
use crate::{LedgerError, StoreError};

/// Marks a file as this program's ledger: "HCLG".
pub(super) const APPLICATION_ID: i32 = 0x4843_4c47;
/// The version of the schema.
pub(super) const SCHEMA_VERSION: i32 = 5;
/// The tables.
pub(super) const SCHEMA: &str = include_str!("schema.sql");

/// How long a connection waits for somebody who reads the file with other tools.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What a connection may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Look up.
    Read,
    /// Look up and write.
    Write,
}

/// A ledger's file, with the lock that keeps other writers out. The operating system lets go of the lock when the process ends, however it ends.
pub(super) struct LedgerFile {
    path: PathBuf,
    _lock: File,
}

impl LedgerFile {
    /// Locks the ledger that exists at this path.
    pub(super) fn lock(path: &Path) -> Result<LedgerFile, LedgerError> {
        // One ledger has one lock, whatever way leads to it.
        let path = fs::canonicalize(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => LedgerError::Missing(path.display().to_string()),
            _ => io_error(path, source),
        })?;
        // A file beside the ledger, since closing any handle to the ledger itself would drop SQLite's own locks (POSIX). It stays when the
        // ledger is closed: to remove it would let two writers lock two different files.
        let lock_path = with_suffix(&path, ".lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(|source| io_error(&lock_path, source))?;
        match lock.try_lock() {
            Ok(()) => Ok(LedgerFile { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(LedgerError::Locked(path)),
            Err(TryLockError::Error(source)) => Err(io_error(&lock_path, source)),
        }
    }

    /// The ledger's path, without symbolic links.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Connects to the file. Never makes one.
    pub(super) fn connect(&self, access: Access) -> Result<Connection, StoreError> {
        let mode = match access {
            Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
        };
        // Without CREATE; each connection stays with one thread at a time.
        let connection = Connection::open_with_flags(&self.path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        if access == Access::Write && connection.is_readonly("main")? {
            // SQLite falls back to reading without a word.
            return Err(StoreError::Backend(
                "the file cannot be written; check its owner and mode".into(),
            ));
        }
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(connection)
    }
}

/// Makes an empty ledger for a campaign at a path where there is nothing.
pub(super) fn init(path: &Path, file: &CampaignFile) -> Result<(), LedgerError> {
    // The handle is closed before SQLite opens the file.
    let created = File::options().write(true).create_new(true).mode(0o600).open(path);
    drop(created.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => LedgerError::Exists(path.to_owned()),
        _ => io_error(path, source),
    })?);
    let result = fill(path, file);
    if result.is_err() {
        // Best effort: what stays would be refused by open, as no ledger.
        let _ = fs::remove_file(path);
    }
    result
}

fn fill(path: &Path, file: &CampaignFile) -> Result<(), LedgerError> {
    let ledger_file = LedgerFile::lock(path)?;
    let mut connection = ledger_file.connect(Access::Write)?;
    write_schema(&mut connection, file)?;
    connection.close().map_err(|(_, error)| StoreError::from(error))?;
    // The file's name is durable only when its directory is.
    let directory = ledger_file.path.parent().unwrap_or(Path::new("/"));
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| io_error(directory, source))
}

fn write_schema(connection: &mut Connection, file: &CampaignFile) -> Result<(), StoreError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // The mark is written with the rest, so half a ledger is no ledger.
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.execute(
        "INSERT INTO campaign (only_row, name, currency, minor_units, has_issuance_log) VALUES (0, ?1, ?2, ?3, ?4)",
        params![
            file.campaign().as_str(),
            file.donation().currency,
            to_sql(file.donation().minor_units)?,
            file.has_issuance_log()
        ],
    )?;
    let root = Hash::of_nothing().0;
    let head = "INSERT INTO head (only_row, votes, root, issued, issued_root) VALUES (0, 0, ?1, 0, ?1)";
    transaction.execute(head, [root])?;
    transaction.execute("INSERT INTO queue VALUES (0, 0, 0, 0, 0, 0)", [])?;
    for (position, charity) in (0_i64..).zip(file.charities().iter()) {
        transaction.execute(
            "INSERT INTO charities (position, id, name) VALUES (?1, ?2, ?3)",
            params![position, charity.id, charity.name],
        )?;
        transaction.execute("INSERT INTO totals (position, units) VALUES (?1, 0)", [position])?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn io_error(path: &Path, source: io::Error) -> LedgerError {
    LedgerError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::{Access, LedgerFile, init};
    use vote::CampaignFile;

    fn new_ledger() -> (TempDir, PathBuf, LedgerFile) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.sqlite");
        let example = CampaignFile::parse(include_bytes!("../../../../examples/campaign.json")).unwrap();
        init(&path, &example).unwrap();
        let file = LedgerFile::lock(&path).unwrap();
        (directory, path, file)
    }

    #[test]
    fn every_connection_waits_for_the_disk_and_keeps_foreign_keys() {
        let (_directory, _path, file) = new_ledger();
        for access in [Access::Write, Access::Read] {
            let connection = file.connect(access).unwrap();
            for (pragma, value) in [("synchronous", 2), ("foreign_keys", 1)] {
                let found: i64 = connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap();
                assert_eq!(found, value, "{pragma}");
            }
        }
        let connection = file.connect(Access::Write).unwrap();
        let orphan = connection.execute("INSERT INTO totals (position, units) VALUES (99, 0)", []);
        assert!(orphan.unwrap_err().to_string().contains("FOREIGN KEY"));
    }

    #[test]
    fn a_reader_cannot_write() {
        let (_directory, _path, file) = new_ledger();
        let connection = file.connect(Access::Read).unwrap();
        assert!(connection.execute("UPDATE head SET votes = 1", []).is_err());
    }

    #[test]
    fn connecting_does_not_make_a_file_that_vanished() {
        let (_directory, path, file) = new_ledger();
        fs::remove_file(&path).unwrap();
        assert!(file.connect(Access::Write).is_err());
        assert!(!path.exists());
    }
}
