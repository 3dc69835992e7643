//! One batch in one transaction. Every statement says its arguments' types, which makes it one round trip instead of two.

use std::collections::{HashMap, HashSet};

use tlog::{Hash, Tree};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Transaction};
use vote::{CampaignFile, Charities, Nullifier};

use super::Fence;
use super::link::begin;
use super::row::{STATE, counted_from_row, nullifier_from_bytes, state_from_row, weights_to_text};
use crate::kept_vote::VOTE;
use crate::sql_integer::{from_sql, to_sql};
use crate::tree::{TileHash, grown};
use crate::{Appended, Ballot, Batch, Counted, DeadLetter, Entry, LogKind, State, StoreError};

/// Appends a batch, and gives the tree with its leaves besides.
pub(super) async fn append(
    client: &mut Client,
    fence: Fence,
    file: &CampaignFile,
    tree: &Tree,
    batch: &Batch,
) -> Result<(Appended, Tree), StoreError> {
    let transaction = begin(client).await?;
    let before = lock(&transaction, fence, file.charities()).await?;
    if tree.head() != before.tree_head() {
        return Err(StoreError::Damaged(
            "its head is not that of the tree that was written last".to_owned(),
        ));
    }
    let new = insert(&transaction, &before, batch).await?;
    let mut taken = find_others(&transaction, file, batch, &new).await?;

    let mut totals = before.totals.clone();
    let mut leaves = Vec::with_capacity(new.len());
    let mut entries = Vec::with_capacity(batch.ballots.len());
    for ballot in &batch.ballots {
        let is_new = !taken.contains_key(&ballot.nullifier);
        let counted = taken
            .entry(ballot.nullifier)
            .or_insert_with(|| ballot.counted(totals.votes, batch.counted_at));
        if is_new {
            match new.get(&ballot.nullifier) {
                Some((index, leaf)) if *index == counted.index => leaves.push(*leaf),
                _ => {
                    return Err(StoreError::Damaged(
                        "a batch was numbered otherwise than in its order".to_owned(),
                    ));
                }
            }
            totals.add(&counted.units)?;
        }
        entries.push(Entry {
            counted: counted.clone(),
            is_new,
        });
    }
    let (tree, tile_hashes) = grown(tree, &leaves)?;
    insert_tile_hashes(&transaction, LogKind::Votes, &tile_hashes).await?;
    let state = before.after(totals, tree.head().root, batch, leaves.len())?;
    if let Some(progress) = &batch.progress {
        insert_dead_letters(&transaction, &progress.dead_letters).await?;
    }
    if state != before {
        write_state(&transaction, &state).await?;
    }
    transaction.commit().await?;
    Ok((Appended { entries, state }, tree))
}

/// Reads the state and keeps every other writer from changing it until this transaction ends.
async fn lock(transaction: &Transaction<'_>, fence: Fence, charities: &Charities) -> Result<State, StoreError> {
    let statement = format!("SELECT {STATE} FROM ledger.head WHERE epoch = $1 AND session = $2 FOR UPDATE");
    let row = transaction
        .query_typed_opt(&statement, &[(&fence.epoch, Type::INT8), (&fence.session, Type::INT8)])
        .await?
        .ok_or(StoreError::Fenced)?;
    state_from_row(&row, charities)
}

/// Inserts the votes whose nullifiers are new, numbered on without a gap, and returns their indices and leaves. Whoever gets past the lock, the unique constraint still
/// refuses the second vote of a nullifier, and the batch with it.
async fn insert(
    transaction: &Transaction<'_>,
    before: &State,
    batch: &Batch,
) -> Result<HashMap<Nullifier, (u64, Hash)>, StoreError> {
    let mut seen = HashSet::new();
    let firsts: Vec<&Ballot> = batch
        .ballots
        .iter()
        .filter(|ballot| seen.insert(ballot.nullifier))
        .collect();
    if firsts.is_empty() {
        return Ok(HashMap::new());
    }
    let bytes = |of: fn(&Ballot) -> &[u8]| firsts.iter().map(|ballot| of(ballot)).collect::<Vec<_>>();
    // The place of a vote is not in its entry.
    let leaf = |ballot: &&Ballot| ballot.counted(0, batch.counted_at).leaf_hash();
    let leaves: Vec<Hash> = firsts.iter().map(leaf).collect();
    let leaf_hashes: Vec<&[u8]> = leaves.iter().map(|leaf| leaf.0.as_slice()).collect();
    let nullifiers = bytes(|ballot| ballot.nullifier.as_bytes());
    let serials = bytes(|ballot| ballot.coin.coin.serial.as_bytes());
    let signatures = bytes(|ballot| &ballot.coin.signature);
    let expires = firsts.iter().map(|ballot| to_sql(ballot.coin.coin.expires.unix_s()));
    let expires = expires.collect::<Result<Vec<_>, _>>()?;
    let weights: Vec<String> = firsts
        .iter()
        .map(|ballot| weights_to_text(ballot.vote.weights()))
        .collect();
    let key_versions: Vec<i64> = firsts.iter().map(|ballot| ballot.coin.key_version.into()).collect();
    let statement = format!(
        "INSERT INTO ledger.votes ({VOTE})
        SELECT $8 - 1 + row_number() OVER (ORDER BY place), nullifier, serial, expires, key_version, signature, weights::integer[], $9, leaf_hash
        FROM unnest($1, $2, $3, $4, $5, $6, $7)
            WITH ORDINALITY AS ballot (nullifier, serial, expires, key_version, signature, weights, leaf_hash, place)
        WHERE NOT EXISTS (SELECT FROM ledger.votes WHERE votes.nullifier = ballot.nullifier)
        RETURNING nullifier, vote_index"
    );
    let rows = transaction
        .query_typed(
            &statement,
            &[
                (&nullifiers, Type::BYTEA_ARRAY),
                (&serials, Type::BYTEA_ARRAY),
                (&expires, Type::INT8_ARRAY),
                (&key_versions, Type::INT8_ARRAY),
                (&signatures, Type::BYTEA_ARRAY),
                (&weights, Type::TEXT_ARRAY),
                (&leaf_hashes, Type::BYTEA_ARRAY),
                (&to_sql(before.totals.votes)?, Type::INT8),
                (&to_sql(batch.counted_at.unix_s())?, Type::INT8),
            ],
        )
        .await?;
    let leaves: HashMap<Nullifier, Hash> = firsts.iter().map(|ballot| ballot.nullifier).zip(leaves).collect();
    let mut new = HashMap::with_capacity(rows.len());
    for row in &rows {
        let nullifier = nullifier_from_bytes(row.try_get(0)?)?;
        let leaf = leaves.get(&nullifier).copied();
        let leaf = leaf.ok_or_else(|| StoreError::Damaged("a vote was inserted that was not asked for".to_owned()))?;
        new.insert(nullifier, (from_sql(row.try_get(1)?)?, leaf));
    }
    Ok(new)
}

/// The votes that hold the nullifiers which were not new.
async fn find_others(
    transaction: &Transaction<'_>,
    file: &CampaignFile,
    batch: &Batch,
    new: &HashMap<Nullifier, (u64, Hash)>,
) -> Result<HashMap<Nullifier, Counted>, StoreError> {
    let others = batch.ballots.iter().map(|ballot| &ballot.nullifier);
    let others: HashSet<&[u8]> = others
        .filter(|nullifier| !new.contains_key(nullifier))
        .map(|nullifier| nullifier.as_bytes().as_slice())
        .collect();
    if others.is_empty() {
        return Ok(HashMap::new());
    }
    let others = Vec::from_iter(others);
    let statement = format!("SELECT {VOTE} FROM ledger.votes WHERE nullifier = ANY ($1)");
    let rows = transaction
        .query_typed(&statement, &[(&others, Type::BYTEA_ARRAY)])
        .await?;
    let found = rows.iter().map(|row| counted_from_row(row, file));
    found
        .map(|counted| counted.map(|counted| (counted.nullifier, counted)))
        .collect()
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
