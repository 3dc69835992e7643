//! Two writers: the newer one writes, the older one is told, nothing is counted twice.

use std::sync::{Arc, Barrier};
use std::thread;

use ledger::{PostgresStore, Store, StoreError};
use serde_json::json;
use servers::postgres::LEDGER;

use crate::common::{campaign_json, campaign_of};
use crate::contract::{at, ballot, batch, queued};
use crate::database::Database;

#[test]
fn an_older_writer_is_refused_and_cannot_come_back() {
    let database = Database::with_ledger();
    let mut old = database.open().unwrap();
    old.append(&batch([ballot(1, json!({"a": 1}))])).unwrap();
    let mut new = database.open().unwrap();
    assert!(matches!(
        old.append(&batch([ballot(2, json!({"a": 1}))])),
        Err(StoreError::Fenced)
    ));
    assert!(matches!(old.recover(), Err(StoreError::Fenced)));
    assert!(old.append(&batch([ballot(2, json!({"a": 1}))])).is_err());
    let appended = new.append(&batch([ballot(2, json!({"b": 1}))])).unwrap();
    assert_eq!(appended.state.totals.votes, 2);
    assert!(appended.entries[0].is_new);
    // To look up is still right.
    assert_eq!(old.reader().unwrap().votes_from(0, 10).unwrap().len(), 2);
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
    const ENTRIES: u64 = 60;
    let database = Arc::new(Database::with_ledger());
    let start = Arc::new(Barrier::new(2));
    let writers = [0, 1].map(|_| {
        let (database, start) = (Arc::clone(&database), Arc::clone(&start));
        thread::spawn(move || {
            start.wait();
            let mut fenced = 0;
            'take_over: loop {
                let mut store = database.open().unwrap();
                let mut next = match store.recover() {
                    Ok(state) => state.queue.position.ms + 1,
                    Err(StoreError::Fenced) => continue,
                    Err(error) => panic!("{error}"),
                };
                while next <= ENTRIES {
                    // Every coin twice, so that half of the entries are refused.
                    let entry = queued([ballot(next / 2, json!({"a": 1}))], at(next, 0), &[]);
                    match store.append(&entry) {
                        Ok(_) => next += 1,
                        Err(StoreError::Fenced) => {
                            fenced += 1;
                            continue 'take_over;
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
                return fenced;
            }
        })
    });
    let fenced: u32 = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
    assert!(fenced > 0, "the writers never met");
    // Opening counts again.
    let state = database.open().unwrap().recover().unwrap();
    assert_eq!((state.queue.accepted, state.queue.refused), (31, 29));
    assert_eq!(state.totals.votes, 31);
    assert_eq!(state.queue.position, at(ENTRIES, 0));
}
