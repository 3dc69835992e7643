//! The running sums, the queue's progress and its dead letters: read as a whole, written as a whole.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use vote::{Charities, Totals};

use crate::sql_integer::to_sql;
use crate::{DeadLetter, Position, QueueState, State, StoreError};

/// A number that SQLite keeps with a sign and the schema without one.
fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

pub(super) fn read_state(connection: &Connection, charities: &Charities) -> Result<State, StoreError> {
    Ok(State {
        totals: read_totals(connection, charities)?,
        queue: read_queue(connection)?,
    })
}

fn read_totals(connection: &Connection, charities: &Charities) -> Result<Totals, StoreError> {
    let mut statement = connection.prepare_cached("SELECT votes FROM head")?;
    let votes = statement.query_row([], |row| unsigned(row, 0)).optional()?;
    let votes = votes.ok_or_else(|| StoreError::Damaged("there is no number of votes".to_owned()))?;
    let mut statement = connection.prepare_cached("SELECT units FROM totals ORDER BY position")?;
    let units = statement
        .query_map([], |row| unsigned(row, 0))?
        .collect::<Result<Vec<_>, _>>()?;
    if units.len() != charities.len() {
        return Err(StoreError::Damaged(
            "there is not one total for each charity".to_owned(),
        ));
    }
    Ok(Totals { votes, units })
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
        write_totals(transaction, &after.totals)?;
    }
    if after.queue != before.queue {
        write_queue(transaction, &after.queue)?;
    }
    Ok(())
}

fn write_totals(transaction: &Transaction<'_>, totals: &Totals) -> Result<(), StoreError> {
    let mut statement = transaction.prepare_cached("UPDATE head SET votes = ?1")?;
    statement.execute([to_sql(totals.votes)?])?;
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
