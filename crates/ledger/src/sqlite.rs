//! The embedded store: one SQLite file, in WAL mode with `synchronous=FULL`, so that a commit has reached the disk when it returns.
//!
//! One row per vote in `votes`; the numbers that follow from it (its units) are computed, not kept a second time. `head` and `totals` are
//! the running sums, `queue` and `dead_letters` the queue's progress, all written in the transaction that writes the votes.

mod check;
mod file;
mod log;
mod row;
mod state;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use coin::Timestamp;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};
use tlog::{Hash, Tree};
use vote::{CampaignFile, IssuedEntry, Nullifier};

use self::file::{Access, LedgerFile};
use self::log::SqliteLog;
use self::row::{coin_from_row, counted_from_row, weights_to_text};
use self::state::{
    find_dead_letter, insert_dead_letter, insert_tile_hashes, read_state, read_tile, read_tree, read_tree_head,
    write_state,
};
use crate::kept_coin::{COIN, leaf_hash};
use crate::kept_vote::VOTE;
use crate::sql_integer::to_sql;
use crate::tree::{grown, hashes};
use crate::{
    Appended, Batch, Counted, DeadLetter, Entry, KeptCheckpoint, LedgerError, LogKind, LogStore, Position, Reader,
    State, Store, StoreError,
};

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(error.to_string()),
            _ => StoreError::Backend(Box::new(error)),
        }
    }
}

/// A ledger in a SQLite file, locked against every other writer while this exists.
pub struct SqliteStore {
    writing: Writing,
    campaign_file: CampaignFile,
    /// The trees as committed; a failed commit leaves them for [`Store::recover`] to read again.
    tree: Tree,
    issued: Tree,
}

/// A connection that writes.
struct Writing {
    // Fields drop in this order: the connection before the lock.
    connection: Connection,
    file: Arc<LedgerFile>,
}

impl SqliteStore {
    /// Makes a new, empty ledger.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Exists`] when there is a file already; when the file cannot be made. A file that was made only in part is removed.
    pub fn init(path: &Path, file: &CampaignFile) -> Result<(), LedgerError> {
        file::init(path, file)
    }

    /// Opens a ledger and checks it whole: that it is one, that it is this campaign's, that its votes are numbered without a gap and its totals are
    /// their sum.
    ///
    /// # Errors
    ///
    /// Every [`LedgerError`] but `Exists` and `Stopped`.
    pub fn open(path: &Path, campaign_file: &CampaignFile) -> Result<SqliteStore, LedgerError> {
        let file = LedgerFile::lock(path)?;
        let connection = file
            .connect(Access::Write)
            .map_err(|error| LedgerError::at(&file.path().display(), error))?;
        check::check(&connection, file.path(), campaign_file)?;
        let tree = |log| read_tree(&connection, log).map_err(|error| LedgerError::at(&file.path().display(), error));
        let (tree, issued) = (tree(LogKind::Votes)?, tree(LogKind::Issued)?);
        Ok(SqliteStore {
            writing: Writing {
                connection,
                file: Arc::new(file),
            },
            campaign_file: campaign_file.clone(),
            tree,
            issued,
        })
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        // After an orderly stop the file alone is the whole ledger, so that a plain copy of it is a backup. If this fails, nothing is lost: the
        // votes stay in the log beside the file, where the next opening finds them.
        if let Err(error) = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        {
            tracing::warn!(%error, "the ledger's log was not folded into its file");
        }
    }
}

impl Store for SqliteStore {
    fn append(&mut self, batch: &Batch) -> Result<Appended, StoreError> {
        // Immediate: the state that is read below is still the state when it is written.
        let transaction = self
            .writing
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = read_state(&transaction, self.campaign_file.charities())?;
        if self.tree.head() != before.tree_head() {
            return Err(StoreError::Damaged(
                "its head is not that of the tree that was written last".to_owned(),
            ));
        }
        let mut totals = before.totals.clone();
        let mut leaves = Vec::new();
        let mut entries = Vec::with_capacity(batch.ballots.len());
        for ballot in &batch.ballots {
            let counted = ballot.counted(totals.votes, batch.counted_at);
            let leaf = counted.leaf();
            let is_new = insert(&transaction, &counted, &leaf.hash)?;
            let counted = if is_new {
                totals.add(&counted.units)?;
                leaves.push(leaf);
                counted
            } else {
                let first = find(&transaction, &ballot.nullifier, &self.campaign_file)?;
                first.ok_or_else(|| StoreError::Damaged("a nullifier is taken by no vote".to_owned()))?
            };
            entries.push(Entry { counted, is_new });
        }
        let (tree, tile_hashes) = grown(&self.tree, &hashes(&leaves))?;
        insert_tile_hashes(&transaction, LogKind::Votes, &tile_hashes)?;
        let state = before.after(totals, tree.head().root, batch, leaves.len())?;
        for letter in batch.progress.iter().flat_map(|progress| &progress.dead_letters) {
            insert_dead_letter(&transaction, letter)?;
        }
        write_state(&transaction, &before, &state)?;
        transaction.commit()?;
        self.tree = tree;
        Ok(Appended { entries, leaves, state })
    }

    fn issue(&mut self, coins: &[Nullifier], now: Timestamp) -> Result<(), StoreError> {
        let transaction = self
            .writing
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = read_tree_head(&transaction, LogKind::Issued)?;
        if self.issued.head() != before {
            return Err(StoreError::Damaged(
                "its head is not that of the tree of issued coins that was written last".to_owned(),
            ));
        }
        let mut leaves = Vec::with_capacity(coins.len());
        for nullifier in coins {
            let entry = IssuedEntry {
                nullifier: *nullifier,
                issued_at: now,
            };
            let leaf = leaf_hash(&entry);
            if insert_issued(&transaction, before.size + leaves.len() as u64, &entry, &leaf)? {
                leaves.push(leaf);
            }
        }
        let (tree, tile_hashes) = grown(&self.issued, &leaves)?;
        insert_tile_hashes(&transaction, LogKind::Issued, &tile_hashes)?;
        let head = tree.head();
        let update = "UPDATE head SET issued = ?1, issued_root = ?2";
        transaction.execute(update, params![to_sql(head.size)?, head.root.0])?;
        transaction.commit()?;
        self.issued = tree;
        Ok(())
    }

    fn recover(&mut self) -> Result<State, StoreError> {
        // Whatever the old connection left half done ends with it.
        self.writing.connection = self.writing.file.connect(Access::Write)?;
        // A commit whose fsync failed can still be read, out of the system's cache, though it may never reach the disk. Folding the log into the file
        // writes and syncs it once more, so that what is read below is durable before anybody is told of it.
        let is_hindered: bool = self
            .writing
            .connection
            .query_row("PRAGMA wal_checkpoint(FULL)", [], |row| row.get(0))?;
        if is_hindered {
            let why = "another program reads the file, so its log could not be folded into it; stop that program";
            return Err(StoreError::Backend(why.into()));
        }
        let transaction = self.writing.connection.transaction()?;
        let state = read_state(&transaction, self.campaign_file.charities())?;
        let votes: i64 = transaction.query_row("SELECT coalesce(max(vote_index) + 1, 0) FROM votes", [], |row| {
            row.get(0)
        })?;
        if votes != to_sql(state.totals.votes)? || !state.totals.is_conserved() {
            return Err(StoreError::Damaged("the totals are not those of the votes".to_owned()));
        }
        self.tree = read_tree(&transaction, LogKind::Votes)?;
        self.issued = read_tree(&transaction, LogKind::Issued)?;
        Ok(state)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        Ok(Box::new(SqliteReader::connect(
            &self.writing.file,
            &self.campaign_file,
        )?))
    }

    fn log(&self, log: LogKind) -> Result<Box<dyn LogStore>, StoreError> {
        let (file, campaign_file) = (&self.writing.file, &self.campaign_file);
        Ok(Box::new(SqliteLog::connect(file, campaign_file, log)?))
    }
}

/// A connection that only looks up. In WAL mode it never waits for the writer, nor the writer for it.
struct SqliteReader {
    connection: Connection,
    campaign_file: CampaignFile,
}

impl SqliteReader {
    fn connect(file: &LedgerFile, campaign_file: &CampaignFile) -> Result<SqliteReader, StoreError> {
        Ok(SqliteReader {
            connection: file.connect(Access::Read)?,
            campaign_file: campaign_file.clone(),
        })
    }
}

impl Reader for SqliteReader {
    fn find(&mut self, nullifier: &Nullifier) -> Result<Option<Counted>, StoreError> {
        find(&self.connection, nullifier, &self.campaign_file)
    }

    fn votes_from(&mut self, index: u64, limit: u32) -> Result<Vec<Counted>, StoreError> {
        let statement = format!("SELECT {VOTE} FROM votes WHERE vote_index >= ?1 ORDER BY vote_index LIMIT ?2");
        let mut statement = self.connection.prepare_cached(&statement)?;
        let mut rows = statement.query(params![to_sql(index)?, limit])?;
        let mut votes = Vec::new();
        while let Some(row) = rows.next()? {
            votes.push(counted_from_row(row, &self.campaign_file)?);
        }
        Ok(votes)
    }

    fn issued_from(&mut self, index: u64, limit: u32) -> Result<Vec<IssuedEntry>, StoreError> {
        let statement = format!("SELECT {COIN} FROM issued WHERE issued_index >= ?1 ORDER BY issued_index LIMIT ?2");
        let mut statement = self.connection.prepare_cached(&statement)?;
        let mut rows = statement.query(params![to_sql(index)?, limit])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            entries.push(coin_from_row(row, index + entries.len() as u64)?);
        }
        Ok(entries)
    }

    fn find_issued(&mut self, coins: &[Nullifier]) -> Result<HashSet<Nullifier>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT 1 FROM issued WHERE nullifier = ?1")?;
        let mut found = HashSet::with_capacity(coins.len());
        for nullifier in coins {
            if statement.exists([nullifier.as_bytes()])? {
                found.insert(*nullifier);
            }
        }
        Ok(found)
    }

    fn tile(&mut self, log: LogKind, level: u8, index: u64) -> Result<Vec<Hash>, StoreError> {
        read_tile(&self.connection, log, level, index)
    }

    fn checkpoints_from(&mut self, log: LogKind, size: u64, limit: u32) -> Result<Vec<KeptCheckpoint>, StoreError> {
        log::checkpoints_from(&self.connection, log, size, limit)
    }

    fn last_checkpoint(&mut self, log: LogKind) -> Result<Option<KeptCheckpoint>, StoreError> {
        log::last_checkpoint(&self.connection, log)
    }

    fn dead_letter(&mut self, position: Position) -> Result<Option<DeadLetter>, StoreError> {
        find_dead_letter(&self.connection, position)
    }
}

/// Inserts a vote unless its nullifier is taken, which the table's UNIQUE constraint decides; whether it was inserted.
fn insert(transaction: &Transaction<'_>, counted: &Counted, leaf: &Hash) -> Result<bool, StoreError> {
    let statement = format!(
        "INSERT INTO votes ({VOTE}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (nullifier) DO NOTHING"
    );
    let mut statement = transaction.prepare_cached(&statement)?;
    let coin = &counted.coin;
    let rows = statement.execute(params![
        to_sql(counted.index)?,
        counted.nullifier.as_bytes(),
        coin.coin.serial.as_bytes(),
        to_sql(coin.coin.expires.unix_s())?,
        coin.key_version,
        coin.signature,
        weights_to_text(counted.vote.weights()),
        to_sql(counted.counted_at.unix_s())?,
        leaf.0,
    ])?;
    Ok(rows == 1)
}

/// Inserts an issued coin unless it is there; whether it was inserted.
fn insert_issued(
    transaction: &Transaction<'_>,
    index: u64,
    entry: &IssuedEntry,
    leaf: &Hash,
) -> Result<bool, StoreError> {
    let statement = format!("INSERT INTO issued ({COIN}) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (nullifier) DO NOTHING");
    let mut statement = transaction.prepare_cached(&statement)?;
    let rows = statement.execute(params![
        to_sql(index)?,
        entry.nullifier.as_bytes(),
        to_sql(entry.issued_at.unix_s())?,
        leaf.0,
    ])?;
    Ok(rows == 1)
}

fn find(connection: &Connection, nullifier: &Nullifier, file: &CampaignFile) -> Result<Option<Counted>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {VOTE} FROM votes WHERE nullifier = ?1"))?;
    let found = statement.query_row([nullifier.as_bytes()], |row| Ok(counted_from_row(row, file)));
    found.optional()?.transpose()
}
