//! The store in Postgres: for a ledger that outlives its machine.
//!
//! **One writer, by a fence.** The row `ledger.head` says who writes. A writer that opens the ledger takes it over by making the row's `epoch` one higher; each
//! batch locks the row and finds its own epoch there, or is refused as [`StoreError::Fenced`]. The newest writer wins, and whatever an older one still has in
//! flight ends without a trace. A lock would be held by a connection that nobody is at the end of any more; a fence cannot be, and
//! the row itself is taken from a writer that is frozen while it has it.
//!
//! **A commit whose outcome is unknown** is found out: [`Store::recover`] connects anew and makes the row's `session` one higher, which waits for what the old
//! connection began, or ends it, and shuts it out if it did not begin yet. What is read with that is final.
//!
//! **Two roles.** The owner makes and migrates the schema ([`PostgresStore::init`]); the writer adds votes and dead letters, changes the head, and can change or
//! remove nothing else. TLS is the mesh's.
//!
//! Everything here blocks, with a deadline, and must not be called from a task.

mod append;
mod check;
mod head;
mod issue;
mod link;
mod log;
mod reader;
mod repeats;
mod row;
mod schema;
mod tiles;
mod url;

pub use self::url::PostgresUrl;

use coin::Timestamp;
use tlog::Tree;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;
use vote::{CampaignFile, Nullifier};

use self::head::{Fence, lock_out_all};
use self::link::{Link, WHOLE_LEDGER, WORK, begin};
use self::log::PostgresLog;
use self::reader::PostgresReader;
use self::repeats::Repeats;
use self::row::{STATE, state_from_row};
use crate::sql_integer::to_sql;
use crate::{Appended, Batch, LedgerError, LogKind, LogStore, Reader, Signer, Signing, State, Store, StoreError};

/// The epoch of who only looks.
const NOBODY: i64 = -1;

/// A ledger in Postgres, written by this store until another takes it over.
pub struct PostgresStore {
    url: PostgresUrl,
    file: CampaignFile,
    fence: Fence,
    /// The trees as committed; after a failure [`Store::recover`] reads them again.
    trees: Trees,
    repeats: Repeats,
    /// `None` after a failure, until it is recovered from.
    link: Option<Link>,
}

/// The trees of both logs.
struct Trees {
    votes: Tree,
    issued: Tree,
}

impl PostgresStore {
    /// Makes the ledger, or brings it to this program's version, and gives this role the rights of a writer. Comes as the owner of the database. What is there
    /// already stays: it can be done again at any time.
    ///
    /// # Errors
    ///
    /// [`LedgerError::OtherCampaign`], [`LedgerError::NotALedger`] when the schema is newer, [`LedgerError::Role`] when there is no such role or it could do more
    /// than a writer may, [`LedgerError::Store`]. Nothing was changed then.
    pub fn init(url: &PostgresUrl, file: &CampaignFile, writer_role: Option<&str>) -> Result<(), LedgerError> {
        let mut link = Link::connect(url.config())?;
        link.work(WHOLE_LEDGER, async |client| {
            schema::init(client, url, file, writer_role).await
        })
    }

    /// Opens a ledger, checks it whole (that it is one, that it is this campaign's, that its votes are numbered without a gap and its totals are their sum) and
    /// takes it over from whoever wrote it.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Missing`], [`LedgerError::NotALedger`], [`LedgerError::Role`] when this role could change votes, [`LedgerError::OtherCampaign`],
    /// [`LedgerError::Damaged`], [`LedgerError::Store`]. Whoever wrote it writes on then.
    pub fn open(url: &PostgresUrl, file: &CampaignFile) -> Result<PostgresStore, LedgerError> {
        PostgresStore::open_after(url, file, || Ok(()))
    }

    /// As [`open`](PostgresStore::open), for whoever signs the logs: it is not taken over by one that must not. A ledger that knows nothing of what was signed would end the one
    /// that does, and then itself.
    ///
    /// # Errors
    ///
    /// Those of [`open`](PostgresStore::open), and [`LedgerError::Signing`]. Whoever wrote it writes on then.
    pub fn open_to_sign(
        url: &PostgresUrl,
        file: &CampaignFile,
        signing: &Signing,
    ) -> Result<PostgresStore, LedgerError> {
        let log = |log| -> Result<Box<dyn LogStore>, StoreError> {
            Ok(Box::new(PostgresLog::connect(url, file, log, NOBODY)?))
        };
        PostgresStore::open_after(url, file, || {
            Signer::compare(log, file, signing).map(drop).map_err(LedgerError::from)
        })
    }

    fn open_after(
        url: &PostgresUrl,
        file: &CampaignFile,
        last_check: impl FnOnce() -> Result<(), LedgerError>,
    ) -> Result<PostgresStore, LedgerError> {
        let mut link = Link::connect(url.config())?;
        link.work(WHOLE_LEDGER, async |client| check::check(client, url, file).await)?;
        last_check()?;
        let take_over =
            format!("UPDATE ledger.head SET epoch = epoch + 1, session = 0 RETURNING {STATE}, epoch, session");
        let (fence, _, trees) = link.work(WORK, async |client| take(client, file, &take_over, &[]).await)?;
        Ok(PostgresStore {
            url: url.clone(),
            file: file.clone(),
            fence,
            trees,
            repeats: Repeats::default(),
            link: Some(link),
        })
    }

    /// Given back only after a success: on a connection where something failed, who knows what is in flight.
    fn take_link(&mut self) -> Result<Link, StoreError> {
        let link = self.link.take();
        link.ok_or_else(|| StoreError::Backend("not connected since the last failure; recover first".into()))
    }
}

/// Takes the head by this statement, which returns [`STATE`], epoch and session, and reads under its lock what is committed.
async fn take(
    client: &mut Client,
    file: &CampaignFile,
    statement: &str,
    arguments: &[&(dyn ToSql + Sync)],
) -> Result<(Fence, State, Trees), StoreError> {
    let mut transaction = begin(client).await?;
    lock_out_all(&mut transaction).await?;
    let row = transaction.query_opt(statement, arguments).await?;
    let row = row.ok_or(StoreError::Fenced)?;
    // Under the head's lock, so that this is the same moment.
    let votes = "SELECT coalesce(max(vote_index) + 1, 0) FROM ledger.votes";
    let votes: i64 = transaction.query_one(votes, &[]).await?.try_get(0)?;
    let state = state_from_row(&row, file.charities())?;
    if votes != to_sql(state.totals.votes)? || !state.totals.is_conserved() {
        return Err(StoreError::Damaged("the totals are not those of the votes".to_owned()));
    }
    let trees = Trees {
        votes: tiles::read_tree(&transaction, LogKind::Votes).await?,
        issued: tiles::read_tree(&transaction, LogKind::Issued).await?,
    };
    let fence = Fence {
        epoch: row.try_get("epoch")?,
        session: row.try_get("session")?,
    };
    transaction.commit().await?;
    Ok((fence, state, trees))
}

impl Store for PostgresStore {
    fn append(&mut self, batch: &Batch) -> Result<Appended, StoreError> {
        let mut link = self.take_link()?;
        let repeats = &mut self.repeats;
        let (appended, tree) = link.work(WORK, async |client| {
            append::append(client, self.fence, &self.file, &self.trees.votes, repeats, batch).await
        })?;
        self.trees.votes = tree;
        self.link = Some(link);
        Ok(appended)
    }

    fn issue(&mut self, coins: &[Nullifier], now: Timestamp) -> Result<(), StoreError> {
        let mut link = self.take_link()?;
        let tree = link.work(WORK, async |client| {
            issue::issue(client, self.fence, &self.trees.issued, coins, now).await
        })?;
        self.trees.issued = tree;
        self.link = Some(link);
        Ok(())
    }

    fn recover(&mut self) -> Result<State, StoreError> {
        self.link = None;
        let mut link = Link::connect(self.url.config())?;
        // Whether or not the answer to this arrives, doing it again is right: it asks for the epoch alone.
        let connect_again =
            format!("UPDATE ledger.head SET session = session + 1 WHERE epoch = $1 RETURNING {STATE}, epoch, session");
        let epoch: [&(dyn ToSql + Sync); 1] = [&self.fence.epoch];
        let (fence, state, trees) = link.work(WORK, async |client| {
            take(client, &self.file, &connect_again, &epoch).await
        })?;
        self.fence = fence;
        self.trees = trees;
        self.link = Some(link);
        Ok(state)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        Ok(Box::new(PostgresReader::connect(&self.url, &self.file)?))
    }

    fn log(&self, log: LogKind) -> Result<Box<dyn LogStore>, StoreError> {
        let log = PostgresLog::connect(&self.url, &self.file, log, self.fence.epoch)?;
        Ok(Box::new(log))
    }
}
