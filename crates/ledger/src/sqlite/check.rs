//! What is checked each time a ledger is opened: that it is one, that it is this campaign's, and that it adds up.

use std::path::Path;

use rusqlite::Connection;
use vote::{CampaignFile, Totals};

use super::file::{APPLICATION_ID, SCHEMA, SCHEMA_VERSION};
use super::row::{coin_from_row, counted_from_row};
use super::state::{count_dead_letters, for_each_tile_hash, read_state, read_tree_head};
use crate::kept_coin::{COIN, leaf_hash};
use crate::kept_vote::VOTE;
use crate::made_for::MadeFor;
use crate::tree::Recount;
use crate::{LedgerError, LogKind, StoreError};

/// Checks an opened file whole, in time proportional to its votes.
pub(super) fn check(connection: &Connection, path: &Path, file: &CampaignFile) -> Result<(), LedgerError> {
    let unreadable = |error| LedgerError::at(&path.display(), error);
    if let Some(what) = foreign(connection).map_err(unreadable)? {
        return Err(LedgerError::NotALedger {
            ledger: path.display().to_string(),
            what,
        });
    }
    let differences = made_for(connection).map_err(unreadable)?.differences(file);
    if !differences.is_empty() {
        return Err(LedgerError::OtherCampaign {
            ledger: path.display().to_string(),
            differences,
        });
    }
    recount(connection, file).map_err(unreadable)
}

/// Why the file is not a ledger of this version, if it is not.
fn foreign(connection: &Connection) -> Result<Option<String>, StoreError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let application_id = pragma("application_id")?;
    if application_id != APPLICATION_ID {
        return Ok(Some(format!(
            "its application_id is {application_id:#x}, not {APPLICATION_ID:#x}; give the path of the ledger's file"
        )));
    }
    let version = pragma("user_version")?;
    if version != SCHEMA_VERSION {
        return Ok(Some(format!(
            "its schema is version {version}, and this program's is {SCHEMA_VERSION}; open it with the program that made it"
        )));
    }
    let fresh = Connection::open_in_memory()?;
    fresh.execute_batch(SCHEMA)?;
    if tables(connection)? != tables(&fresh)? {
        return Ok(Some("its tables are not as a ledger is made".to_owned()));
    }
    let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok((journal != "wal").then(|| format!("its journal mode is {journal}, not wal")))
}

/// Everything in the schema, as SQL; SQLite's own tables aside.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement =
        connection.prepare("SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

fn made_for(connection: &Connection) -> Result<MadeFor, StoreError> {
    let mut statement = connection.prepare("SELECT id, name FROM charities ORDER BY position")?;
    let charities = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let charities = charities.collect::<Result<_, _>>()?;
    let made_for = connection.query_row(
        "SELECT name, currency, minor_units, has_issuance_log FROM campaign",
        [],
        |row| {
            Ok(MadeFor {
                campaign: row.get(0)?,
                currency: row.get(1)?,
                minor_units: row.get(2)?,
                charities,
                has_issuance_log: row.get(3)?,
            })
        },
    )?;
    Ok(made_for)
}

/// Counts again: the file is sound, the votes are numbered from 0 without a gap, the totals are their sum, and the queue's
/// counters those of its entries.
fn recount(connection: &Connection, file: &CampaignFile) -> Result<(), StoreError> {
    // Also compares the table with its index, without which a nullifier could be in the one and not in the other.
    let integrity: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if integrity != "ok" {
        return Err(StoreError::Damaged(integrity));
    }
    let mut sums = Totals::zero(file.charities());
    let mut tree = Recount::default();
    let mut statement = connection.prepare(&format!("SELECT {VOTE} FROM votes ORDER BY vote_index"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let counted = counted_from_row(row, file)?;
        if counted.index != sums.votes {
            return Err(StoreError::Damaged(format!("vote {} is missing", sums.votes)));
        }
        sums.add(&counted.units)?;
        tree.leaf(counted.leaf_hash())?;
    }
    tree.grow()?;
    for_each_tile_hash(connection, LogKind::Votes, |hash| tree.tile_hash(hash))?;
    let state = read_state(connection, file.charities())?;
    let totals = &state.totals;
    if *totals != sums {
        return Err(StoreError::Damaged(format!(
            "its totals say {} votes and units {:?}, its votes sum to {} and {:?}",
            totals.votes, totals.units, sums.votes, sums.units
        )));
    }
    tree.end_at(&state.tree_head(), "votes")?;
    let (letters, later) = count_dead_letters(connection, state.queue.position)?;
    state.check_queue(letters, later)?;
    recount_issued(connection)
}

/// The issued coins are numbered from 0 without a gap, and the tree is the one over them.
fn recount_issued(connection: &Connection) -> Result<(), StoreError> {
    let mut tree = Recount::default();
    let mut statement = connection.prepare(&format!("SELECT {COIN} FROM issued ORDER BY issued_index"))?;
    let mut rows = statement.query([])?;
    let mut index = 0;
    while let Some(row) = rows.next()? {
        tree.leaf(leaf_hash(&coin_from_row(row, index)?))?;
        index += 1;
    }
    tree.grow()?;
    for_each_tile_hash(connection, LogKind::Issued, |hash| tree.tile_hash(hash))?;
    tree.end_at(&read_tree_head(connection, LogKind::Issued)?, "issued coins")
}
