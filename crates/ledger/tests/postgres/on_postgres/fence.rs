//! Two writers: the newer one writes, the older one is told, nothing is counted twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use ledger::{KeptCheckpoint, LogKind, PostgresStore, Store, StoreError};
use serde_json::json;
use servers::postgres::LEDGER;

use crate::common::{campaign_json, campaign_of, nullifier};
use crate::contract::{at, ballot, batch, now, queued};
use crate::database::Database;

#[test]
fn an_older_writer_is_refused_and_cannot_come_back() {
    let database = Database::with_ledger();
    let mut old = database.open().unwrap();
    old.append(&batch([ballot(1, json!({"a": 1}))])).unwrap();
    let mut log = old.log(LogKind::Votes).unwrap();
    log.keep_checkpoint(&checkpoint(0)).unwrap();
    let mut new = database.open().unwrap();
    assert!(matches!(log.keep_checkpoint(&checkpoint(1)), Err(StoreError::Fenced)));
    assert!(matches!(
        old.append(&batch([ballot(2, json!({"a": 1}))])),
        Err(StoreError::Fenced)
    ));
    assert!(matches!(old.recover(), Err(StoreError::Fenced)));
    let mut third = database.open().unwrap();
    assert!(matches!(new.issue(&[nullifier(1)], now()), Err(StoreError::Fenced)));
    drop(new);
    third.issue(&[nullifier(1)], now()).unwrap();
    let mut new = database.open().unwrap();
    assert!(old.append(&batch([ballot(2, json!({"a": 1}))])).is_err());
    let appended = new.append(&batch([ballot(2, json!({"b": 1}))])).unwrap();
    assert_eq!(appended.state.totals.votes, 2);
    assert!(appended.entries[0].is_new);
    // To look up is still right.
    assert_eq!(old.reader().unwrap().votes_from(0, 10).unwrap().len(), 2);
}

/// Of a log with so many votes; nobody here reads its note.
pub fn checkpoint(size: u64) -> KeptCheckpoint {
    let note = "signed".to_owned();
    KeptCheckpoint { size, note }
}

#[test]
fn a_writer_that_is_refused_at_opening_does_not_stop_the_one_that_writes() {
    let database = Database::with_ledger();
    let mut store = database.open().unwrap();
    let mut other = campaign_json();
    other["campaign"] = json!("another");
    let other = campaign_of(&other);
    assert!(PostgresStore::open(&database.url(LEDGER), &other).is_err());
    store.append(&batch([ballot(1, json!({"a": 1}))])).unwrap();
}

#[test]
fn what_an_old_connection_has_not_begun_is_shut_out_by_a_recovery() {
    let database = Database::with_ledger();
    let mut store = database.open().unwrap();
    let session = || database.sql("SELECT epoch, session FROM ledger.head");
    let before = session();
    store.recover().unwrap();
    assert_ne!(session(), before);
    store.append(&batch([ballot(1, json!({"a": 1}))])).unwrap();
}

/// Writers that consume the same queue, each beginning where the ledger is, take the ledger over from each other again and again.
#[test]
fn two_writers_at_once_count_each_entry_once() {
    const TAKEOVERS: u32 = 10;
    let database = Arc::new(Database::with_ledger());
    write_until(&database, || true).unwrap();
    let fenced = Arc::new(AtomicU32::new(0));
    let writers = [0, 1].map(|_| {
        let (database, fenced) = (Arc::clone(&database), Arc::clone(&fenced));
        thread::spawn(move || {
            while fenced.load(Ordering::SeqCst) < TAKEOVERS {
                match write_until(&database, || fenced.load(Ordering::SeqCst) >= TAKEOVERS) {
                    Ok(()) => {}
                    Err(StoreError::Fenced) => drop(fenced.fetch_add(1, Ordering::SeqCst)),
                    Err(error) => panic!("{error}"),
                }
            }
        })
    });
    for writer in writers {
        writer.join().unwrap();
    }
    // Opening counts again.
    let state = database.open().unwrap().recover().unwrap();
    let entries = state.queue.position.ms;
    assert_eq!(state.queue.accepted, entries / 2 + 1);
    assert_eq!(state.queue.refused, entries - state.queue.accepted);
    assert_eq!(state.totals.votes, state.queue.accepted);
}

/// Takes the ledger over and consumes the queue from there, an entry at a time. Entries 2n and 2n + 1 are of one coin, so that half of them are refused.
fn write_until(database: &Database, is_over: impl Fn() -> bool) -> Result<(), StoreError> {
    let mut store = database.open().unwrap();
    let mut entry = store.recover()?.queue.position.ms;
    // At least one, so that they get on.
    loop {
        entry += 1;
        store.append(&queued([ballot(entry / 2, json!({"a": 1}))], at(entry, 0), &[]))?;
        if is_over() {
            return Ok(());
        }
    }
}
