//! What a witness has signed last of each log: a SQLite file, written before anybody sees a signature.
//!
//! It is made once, and never by opening: a witness that forgot everything would sign any history.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior, params};
use tlog::{Hash, TreeHead};

/// Marks a file as a witness's memory: "HCWT".
const APPLICATION_ID: i32 = 0x4843_5754;

const SCHEMA: &str = "
    CREATE TABLE logs (
        origin TEXT PRIMARY KEY,
        size INTEGER NOT NULL CHECK (size >= 0),
        root BLOB NOT NULL CHECK (length(root) = 32),
        -- The checkpoint, signed by the log and the witness.
        note TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;";

/// How long a connection waits for somebody who looks at the file with other tools.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The file.
pub struct Memory(Connection);

/// Why there is no memory to be had.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// A file is there already.
    #[error("{} exists already, and what a witness remembers is never overwritten: give another path", .0.display())]
    Exists(PathBuf),
    /// There is none.
    #[error(
        "there is no {}: bring back what this witness remembers. Init makes a new, empty one: with the same key it would sign whatever a log shows it next",
        .0.display()
    )]
    Missing(PathBuf),
    /// Something else.
    #[error("{} is not what a witness of this version remembers: give the right file", .0.display())]
    Foreign(PathBuf),
    /// The file could not be made.
    #[error("could not make {}: {source}", .path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The database failed.
    #[error("what the witness remembers cannot be read or written: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl Memory {
    /// Makes an empty one where there is nothing.
    ///
    /// # Errors
    ///
    /// [`MemoryError`].
    pub fn init(path: &Path) -> Result<(), MemoryError> {
        let created = File::options().write(true).create_new(true).mode(0o600).open(path);
        drop(created.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => MemoryError::Exists(path.to_owned()),
            _ => io_error(path, error),
        })?);
        let mut connection = connect(path)?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.commit()?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))
            .and_then(|directory| directory.sync_all())
            .map_err(|error| io_error(path, error))
    }

    /// Opens the one that is there.
    ///
    /// # Errors
    ///
    /// [`MemoryError`].
    pub fn open(path: &Path) -> Result<Memory, MemoryError> {
        if !path.exists() {
            return Err(MemoryError::Missing(path.to_owned()));
        }
        let connection = connect(path).map_err(|error| match error {
            MemoryError::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                MemoryError::Foreign(path.to_owned())
            }
            error => error,
        })?;
        let id = connection.pragma_query_value(None, "application_id", |row| row.get::<_, i32>(0));
        let found: Option<String> = connection
            .query_row("SELECT sql FROM sqlite_schema WHERE name = 'logs'", [], |row| {
                row.get(0)
            })
            .optional()
            .unwrap_or_default();
        if id.ok() != Some(APPLICATION_ID) || found.is_none_or(|sql| !SCHEMA.contains(sql.trim())) {
            return Err(MemoryError::Foreign(path.to_owned()));
        }
        Ok(Memory(connection))
    }

    /// Puts the next checkpoint of a log in the place of the last, durable when this returns. `next` is given the last tree, the empty one at first, and gives the new
    /// one with its note, or why there is none; nobody else changes anything meanwhile.
    ///
    /// # Errors
    ///
    /// Of `next`; the outer one when the database failed: then it is not known whether it was kept, and nothing may be shown.
    pub fn advance<E>(
        &mut self,
        origin: &str,
        next: impl FnOnce(TreeHead) -> Result<(TreeHead, String), E>,
    ) -> Result<Result<(), E>, MemoryError> {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let select = "SELECT size, root FROM logs WHERE origin = ?1";
        let last = transaction.query_row(select, [origin], |row| Ok((row.get(0)?, Hash(row.get(1)?))));
        let last: (i64, Hash) = last.optional()?.unwrap_or((0, Hash::of_nothing()));
        let last = TreeHead {
            size: u64::try_from(last.0).unwrap_or_default(),
            root: last.1,
        };
        let (head, note) = match next(last) {
            Ok(next) => next,
            Err(error) => return Ok(Err(error)),
        };
        let size = i64::try_from(head.size).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        transaction.execute(
            "INSERT INTO logs (origin, size, root, note) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (origin) DO UPDATE SET size = ?2, root = ?3, note = ?4",
            params![origin, size, head.root.0, note],
        )?;
        transaction.commit()?;
        Ok(Ok(()))
    }

    /// The last checkpoint of each log, cosigned: origin and note.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub fn notes(&self) -> Result<Vec<(String, String)>, MemoryError> {
        let mut statement = self.0.prepare_cached("SELECT origin, note FROM logs")?;
        let notes = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(notes.collect::<Result<_, _>>()?)
    }
}

fn io_error(path: &Path, source: io::Error) -> MemoryError {
    let path = path.to_owned();
    MemoryError::Io { path, source }
}

fn connect(path: &Path) -> Result<Connection, MemoryError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // A commit has reached the disk when it returns; the directory's entry of the journal too.
    connection.pragma_update(None, "synchronous", "EXTRA")?;
    Ok(connection)
}
