//! The running sums, the queue's progress and its dead letters: read as a whole, written as a whole.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use tlog::{Hash, Tree, TreeHead};
use vote::{Charities, Totals};

use crate::sql_integer::to_sql;
use crate::tree::{TileHash, resumed};
use crate::{DeadLetter, LogKind, Position, QueueState, State, StoreError};

/// A number that SQLite keeps with a sign and the schema without one.
fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

pub(super) fn read_state(connection: &Connection, charities: &Charities) -> Result<State, StoreError> {
    let (totals, root) = read_head(connection, charities)?;
    Ok(State {
        totals,
        root,
        queue: read_queue(connection)?,
    })
}

fn read_head(connection: &Connection, charities: &Charities) -> Result<(Totals, Hash), StoreError> {
    let mut statement = connection.prepare_cached("SELECT votes, root FROM head")?;
    let head = statement.query_row([], |row| Ok((unsigned(row, 0)?, Hash(row.get(1)?))));
    let head = head.optional()?;
    let (votes, root) = head.ok_or_else(|| StoreError::Damaged("there is no number of votes".to_owned()))?;
    let mut statement = connection.prepare_cached("SELECT units FROM totals ORDER BY position")?;
    let units = statement
        .query_map([], |row| unsigned(row, 0))?
        .collect::<Result<Vec<_>, _>>()?;
    if units.len() != charities.len() {
        return Err(StoreError::Damaged(
            "there is not one total for each charity".to_owned(),
        ));
    }
    Ok((Totals { votes, units }, root))
}

fn read_queue(connection: &Connection) -> Result<QueueState, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT ms, sequence, accepted, refused, dead_lettered FROM queue")?;
    let queue = statement.query_row([], |row| {
        Ok(QueueState {
            position: Position {
                ms: unsigned(row, 0)?,
                sequence: unsigned(row, 1)?,
            },
            accepted: unsigned(row, 2)?,
            refused: unsigned(row, 3)?,
            dead_lettered: unsigned(row, 4)?,
        })
    });
    let missing = || StoreError::Damaged("there is no progress of the queue".to_owned());
    queue.optional()?.ok_or_else(missing)
}

/// Writes what differs.
pub(super) fn write_state(transaction: &Transaction<'_>, before: &State, after: &State) -> Result<(), StoreError> {
    if after.totals != before.totals {
        write_head(transaction, &after.totals, &after.root)?;
    }
    if after.queue != before.queue {
        write_queue(transaction, &after.queue)?;
    }
    Ok(())
}

fn write_head(transaction: &Transaction<'_>, totals: &Totals, root: &Hash) -> Result<(), StoreError> {
    let mut statement = transaction.prepare_cached("UPDATE head SET votes = ?1, root = ?2")?;
    statement.execute(params![to_sql(totals.votes)?, root.0])?;
    let mut statement = transaction.prepare_cached("UPDATE totals SET units = ?2 WHERE position = ?1")?;
    for (position, units) in (0_i64..).zip(&totals.units) {
        statement.execute([position, to_sql(*units)?])?;
    }
    Ok(())
}

fn write_queue(transaction: &Transaction<'_>, queue: &QueueState) -> Result<(), StoreError> {
    let mut statement = transaction
        .prepare_cached("UPDATE queue SET ms = ?1, sequence = ?2, accepted = ?3, refused = ?4, dead_lettered = ?5")?;
    statement.execute(params![
        to_sql(queue.position.ms)?,
        to_sql(queue.position.sequence)?,
        to_sql(queue.accepted)?,
        to_sql(queue.refused)?,
        to_sql(queue.dead_lettered)?,
    ])?;
    Ok(())
}

pub(super) fn insert_dead_letter(transaction: &Transaction<'_>, letter: &DeadLetter) -> Result<(), StoreError> {
    let mut statement =
        transaction.prepare_cached("INSERT INTO dead_letters (ms, sequence, code) VALUES (?1, ?2, ?3)")?;
    statement.execute(params![
        to_sql(letter.position.ms)?,
        to_sql(letter.position.sequence)?,
        letter.code
    ])?;
    Ok(())
}

pub(super) fn find_dead_letter(connection: &Connection, position: Position) -> Result<Option<DeadLetter>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT code FROM dead_letters WHERE ms = ?1 AND sequence = ?2")?;
    let key = [to_sql(position.ms)?, to_sql(position.sequence)?];
    let code = statement.query_row(key, |row| row.get(0)).optional()?;
    Ok(code.map(|code| DeadLetter { position, code }))
}

/// How many dead letters there are, and how many of them are of entries after this one.
pub(super) fn count_dead_letters(connection: &Connection, position: Position) -> Result<(u64, u64), StoreError> {
    let counts = connection.query_row(
        "SELECT count(*), count(*) FILTER (WHERE (ms, sequence) > (?1, ?2)) FROM dead_letters",
        [to_sql(position.ms)?, to_sql(position.sequence)?],
        |row| Ok((unsigned(row, 0)?, unsigned(row, 1)?)),
    );
    Ok(counts?)
}

/// How many leaves a log has, and the root of the tree over them, as its head says.
pub(super) fn read_tree_head(connection: &Connection, log: LogKind) -> Result<TreeHead, StoreError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {} FROM head", log.tables().head))?;
    let head = statement.query_row([], |row| {
        Ok(TreeHead {
            size: unsigned(row, 0)?,
            root: Hash(row.get(1)?),
        })
    });
    head.optional()?
        .ok_or_else(|| StoreError::Damaged("there is no head".to_owned()))
}

/// A log's tree, out of its right edge; it must be the one that the head says.
pub(super) fn read_tree(connection: &Connection, log: LogKind) -> Result<Tree, StoreError> {
    let head = read_tree_head(connection, log)?;
    let tree = resumed(head.size, |tile| read_tile(connection, log, tile.level(), tile.index()))?;
    if tree.head() == head {
        Ok(tree)
    } else {
        let leaves = log.tables().leaves;
        Err(StoreError::Damaged(format!("the root is not that of the {leaves}")))
    }
}

/// The hashes of a tile, as many as there are.
pub(super) fn read_tile(connection: &Connection, log: LogKind, level: u8, index: u64) -> Result<Vec<Hash>, StoreError> {
    let first = to_sql(index << 8)?;
    let tables = log.tables();
    let (leaves, number, above) = (tables.leaves, tables.index, tables.tile_hashes);
    let statement = if level == 0 {
        format!("SELECT leaf_hash FROM {leaves} WHERE {number} BETWEEN ?2 AND ?2 + 255 AND ?1 = 0 ORDER BY {number}")
    } else {
        format!("SELECT hash FROM {above} WHERE level = ?1 AND place BETWEEN ?2 AND ?2 + 255 ORDER BY place")
    };
    let mut statement = connection.prepare_cached(&statement)?;
    let hashes = statement.query_map(params![level, first], |row| Ok(Hash(row.get(0)?)))?;
    Ok(hashes.collect::<Result<_, _>>()?)
}

pub(super) fn insert_tile_hashes(
    transaction: &Transaction<'_>,
    log: LogKind,
    hashes: &[TileHash],
) -> Result<(), StoreError> {
    let insert = format!(
        "INSERT INTO {} (level, place, hash) VALUES (?1, ?2, ?3)",
        log.tables().tile_hashes
    );
    let mut statement = transaction.prepare_cached(&insert)?;
    for TileHash { level, place, hash } in hashes {
        statement.execute(params![level, to_sql(*place)?, hash.0])?;
    }
    Ok(())
}

/// All hashes above the leaves.
pub(super) fn for_each_tile_hash(
    connection: &Connection,
    log: LogKind,
    mut work: impl FnMut(TileHash) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let hashes = format!(
        "SELECT level, place, hash FROM {} ORDER BY level, place",
        log.tables().tile_hashes
    );
    let mut statement = connection.prepare(&hashes)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        work(TileHash {
            level: row.get(0)?,
            place: unsigned(row, 1)?,
            hash: Hash(row.get(2)?),
        })?;
    }
    Ok(())
}
