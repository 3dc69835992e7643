//! One batch in one transaction. The votes go in as binary COPY, the cheapest way that Postgres has; every other statement says its arguments' types, which makes it one
//! round trip instead of two.

use std::collections::HashMap;
use std::pin::pin;

use tlog::Tree;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, Transaction};
use vote::{CampaignFile, Charities, Nullifier};

use super::head::Fence;
use super::link::begin;
use super::repeats::Repeats;
use super::row::{STATE, counted_from_row, state_from_row};
use crate::kept_vote::VOTE;
use crate::sql_integer::to_sql;
use crate::tree::{TileHash, grown, hashes};
use crate::{Appended, Batch, Counted, DeadLetter, Entry, Leaf, LogKind, State, StoreError};

/// The types of [`VOTE`]'s columns.
const VOTE_TYPES: [Type; 9] = [
    Type::INT8,
    Type::BYTEA,
    Type::BYTEA,
    Type::INT8,
    Type::INT8,
    Type::BYTEA,
    Type::INT4_ARRAY,
    Type::INT8,
    Type::BYTEA,
];

/// The constraint by which a nullifier is counted once, as Postgres names it.
const UNIQUE: &str = "votes_nullifier_key";

/// Appends a batch, and gives the tree with its leaves besides.
pub(super) async fn append(
    client: &mut Client,
    fence: Fence,
    file: &CampaignFile,
    tree: &Tree,
    repeats: &mut Repeats,
    batch: &Batch,
) -> Result<(Appended, Tree), StoreError> {
    if !repeats.are_expected() {
        let transaction = begin(client).await?;
        let before = lock(&transaction, fence, file.charities()).await?;
        if let Some(appended) = write(transaction, before, tree, &HashMap::new(), batch).await? {
            return Ok(appended);
        }
        repeats.seen(true);
    }
    let transaction = begin(client).await?;
    let before = lock(&transaction, fence, file.charities()).await?;
    let taken = find_taken(&transaction, file, batch).await?;
    repeats.seen(!taken.is_empty());
    let appended = write(transaction, before, tree, &taken, batch).await?;
    appended.ok_or_else(|| StoreError::Damaged("a nullifier is taken by no vote".to_owned()))
}

/// Writes and commits a batch, of whose nullifiers these are taken; `None`, and nothing was kept, if the constraint says that others are.
async fn write(
    transaction: Transaction<'_>,
    before: State,
    tree: &Tree,
    taken: &HashMap<Nullifier, Counted>,
    batch: &Batch,
) -> Result<Option<(Appended, Tree)>, StoreError> {
    if tree.head() != before.tree_head() {
        return Err(StoreError::Damaged(
            "its head is not that of the tree that was written last".to_owned(),
        ));
    }
    // Where the votes that are new stand among the entries.
    let mut places = HashMap::with_capacity(batch.ballots.len());
    let mut totals = before.totals.clone();
    let mut entries: Vec<Entry> = Vec::with_capacity(batch.ballots.len());
    for ballot in &batch.ballots {
        let earlier = places
            .get(&ballot.nullifier)
            .and_then(|place: &usize| entries.get(*place));
        let first = taken.get(&ballot.nullifier).or(earlier.map(|entry| &entry.counted));
        let is_new = first.is_none();
        let counted = match first {
            Some(first) => first.clone(),
            None => ballot.counted(totals.votes, batch.counted_at),
        };
        if is_new {
            totals.add(&counted.units)?;
            places.insert(counted.nullifier, entries.len());
        }
        entries.push(Entry { counted, is_new });
    }
    let new = entries.iter().filter(|entry| entry.is_new);
    let new: Vec<&Counted> = new.map(|entry| &entry.counted).collect();
    let leaves: Vec<Leaf> = new.iter().map(|counted| counted.leaf()).collect();
    if !copy(&transaction, &new, &leaves).await? {
        transaction.rollback().await?;
        return Ok(None);
    }
    let (tree, tile_hashes) = grown(tree, &hashes(&leaves))?;
    insert_tile_hashes(&transaction, LogKind::Votes, &tile_hashes).await?;
    let state = before.after(totals, tree.head().root, batch, leaves.len())?;
    if let Some(progress) = &batch.progress {
        insert_dead_letters(&transaction, &progress.dead_letters).await?;
    }
    if state != before {
        write_state(&transaction, &state).await?;
    }
    transaction.commit().await?;
    Ok(Some((Appended { entries, leaves, state }, tree)))
}

/// Reads the state and keeps every other writer from changing it until this transaction ends.
async fn lock(transaction: &Transaction<'_>, fence: Fence, charities: &Charities) -> Result<State, StoreError> {
    state_from_row(&fence.hold(transaction, STATE).await?, charities)
}

/// The votes that hold nullifiers of this batch already, by nullifier. Nobody adds one while this transaction has the head's lock.
async fn find_taken(
    transaction: &Transaction<'_>,
    file: &CampaignFile,
    batch: &Batch,
) -> Result<HashMap<Nullifier, Counted>, StoreError> {
    if batch.ballots.is_empty() {
        return Ok(HashMap::new());
    }
    let nullifiers = batch
        .ballots
        .iter()
        .map(|ballot| ballot.nullifier.as_bytes().as_slice());
    let nullifiers: Vec<&[u8]> = nullifiers.collect();
    let statement = format!("SELECT {VOTE} FROM ledger.votes WHERE nullifier = ANY ($1)");
    let rows = transaction
        .query_typed(&statement, &[(&nullifiers, Type::BYTEA_ARRAY)])
        .await?;
    let found = rows.iter().map(|row| counted_from_row(row, file));
    found
        .map(|counted| counted.map(|counted| (counted.nullifier, counted)))
        .collect()
}

/// Writes votes that are new. Whoever gets past the lock, the unique constraint refuses the second vote of a nullifier, and the batch with it: then this is `false`.
async fn copy(transaction: &Transaction<'_>, votes: &[&Counted], leaves: &[Leaf]) -> Result<bool, StoreError> {
    if votes.is_empty() {
        return Ok(true);
    }
    let statement = format!("COPY ledger.votes ({VOTE}) FROM STDIN BINARY");
    let mut writer = pin!(BinaryCopyInWriter::new(
        transaction.copy_in(&statement).await?,
        &VOTE_TYPES
    ));
    for (counted, leaf) in votes.iter().zip(leaves) {
        let coin = &counted.coin;
        let weights: Result<Vec<i32>, _> = counted.vote.weights().iter().copied().map(i32::try_from).collect();
        let weights = weights.map_err(|_| StoreError::Damaged("a weight does not fit into 32 bits".to_owned()))?;
        writer
            .as_mut()
            .write(&[
                &to_sql(counted.index)?,
                &counted.nullifier.as_bytes().as_slice(),
                &coin.coin.serial.as_bytes().as_slice(),
                &to_sql(coin.coin.expires.unix_s())?,
                &i64::from(coin.key_version),
                &coin.signature.as_slice(),
                &weights,
                &to_sql(counted.counted_at.unix_s())?,
                &leaf.hash.0.as_slice(),
            ])
            .await?;
    }
    match writer.finish().await {
        Ok(_) => Ok(true),
        Err(error) if is_refused(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether this is the constraint's word that a nullifier is taken.
fn is_refused(error: &Error) -> bool {
    let said = error.as_db_error();
    said.is_some_and(|said| *said.code() == SqlState::UNIQUE_VIOLATION && said.constraint() == Some(UNIQUE))
}

pub(super) async fn insert_tile_hashes(
    transaction: &Transaction<'_>,
    log: LogKind,
    hashes: &[TileHash],
) -> Result<(), StoreError> {
    if hashes.is_empty() {
        return Ok(());
    }
    let levels: Vec<i16> = hashes.iter().map(|hash| hash.level.into()).collect();
    let places = hashes
        .iter()
        .map(|hash| to_sql(hash.place))
        .collect::<Result<Vec<_>, _>>()?;
    let hashes: Vec<&[u8]> = hashes.iter().map(|hash| hash.hash.0.as_slice()).collect();
    let statement = format!(
        "INSERT INTO ledger.{} (level, place, hash) SELECT * FROM unnest($1, $2, $3)",
        log.tables().tile_hashes
    );
    transaction
        .execute_typed(
            &statement,
            &[
                (&levels, Type::INT2_ARRAY),
                (&places, Type::INT8_ARRAY),
                (&hashes, Type::BYTEA_ARRAY),
            ],
        )
        .await?;
    Ok(())
}

async fn insert_dead_letters(transaction: &Transaction<'_>, letters: &[DeadLetter]) -> Result<(), StoreError> {
    if letters.is_empty() {
        return Ok(());
    }
    let numbers =
        |number: fn(&DeadLetter) -> u64| letters.iter().map(number).map(to_sql).collect::<Result<Vec<_>, _>>();
    let ms = numbers(|letter| letter.position.ms)?;
    let sequences = numbers(|letter| letter.position.sequence)?;
    let codes: Vec<&str> = letters.iter().map(|letter| letter.code.as_str()).collect();
    transaction
        .execute_typed(
            "INSERT INTO ledger.dead_letters (ms, sequence, code) SELECT * FROM unnest($1, $2, $3)",
            &[
                (&ms, Type::INT8_ARRAY),
                (&sequences, Type::INT8_ARRAY),
                (&codes, Type::TEXT_ARRAY),
            ],
        )
        .await?;
    Ok(())
}

/// Writes the row that this transaction has locked.
async fn write_state(transaction: &Transaction<'_>, state: &State) -> Result<(), StoreError> {
    let State { totals, root, queue } = state;
    let units = totals
        .units
        .iter()
        .copied()
        .map(to_sql)
        .collect::<Result<Vec<_>, _>>()?;
    transaction
        .execute_typed(
            "UPDATE ledger.head
             SET votes = $1, units = $2, ms = $3, sequence = $4, accepted = $5, refused = $6, dead_lettered = $7, root = $8",
            &[
                (&to_sql(totals.votes)?, Type::INT8),
                (&units, Type::INT8_ARRAY),
                (&to_sql(queue.position.ms)?, Type::INT8),
                (&to_sql(queue.position.sequence)?, Type::INT8),
                (&to_sql(queue.accepted)?, Type::INT8),
                (&to_sql(queue.refused)?, Type::INT8),
                (&to_sql(queue.dead_lettered)?, Type::INT8),
                (&root.0.as_slice(), Type::BYTEA),
            ],
        )
        .await?;
    Ok(())
}
