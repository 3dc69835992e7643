//! A COMMIT that is still under way when the writer has lost its connection: whoever asks for the state waits for it or shuts it out, and what is read is final.

use std::thread;

use ledger::{State, Store, StoreError};
use serde_json::json;

use super::cuts::open_through;
use crate::common::nullifier;
use crate::contract::{at, ballot, queued};
use crate::database::Database;
use servers::proxy::{Cut, Proxy};

/// One coin's vote, from the queue's entry of the same number.
fn one(number: u64) -> ledger::Batch {
    queued([ballot(number, json!({"a": 1}))], at(number, 0), &[])
}

/// Whether the ledger has counted the first so many entries, with a vote each.
fn is_at(state: &State, number: u64) {
    assert_eq!((state.totals.votes, state.queue.position), (number, at(number, 0)));
}

/// A writer that has counted one vote and lost its connection with the COMMIT of the second under way.
fn late(database: &Database, proxy: &Proxy) -> impl Store + use<> {
    let mut store = open_through(proxy, database);
    store.append(&one(1)).unwrap();
    proxy.cut(Cut::Late);
    let error = store.append(&one(2)).unwrap_err();
    assert!(matches!(error, StoreError::Backend(_)), "{error}");
    store
}

/// Waits until somebody waits for a lock in this database.
pub fn wait_for_the_lock(database: &Database, what: &str) {
    database.wait_for_one(what, "wait_event_type = 'Lock'");
}

#[test]
fn a_recovery_waits_for_a_commit_that_is_under_way() {
    let database = Database::with_ledger();
    let proxy = Proxy::to(database.server.address());
    let mut store = late(&database, &proxy);
    let recovery = thread::spawn(move || (store.recover().unwrap(), store));
    wait_for_the_lock(&database, "the recovery");
    assert!(!recovery.is_finished());
    proxy.release();
    let (state, mut store) = recovery.join().unwrap();
    // On a machine so slow that the server gave the transaction up first, it was not kept. Whatever was read is what stays.
    let votes = state.totals.votes;
    is_at(&state, votes);
    is_at(&store.append(&one(votes + 1)).unwrap().state, votes + 1);
    is_at(&database.open().unwrap().recover().unwrap(), votes + 1);
}

#[test]
fn a_takeover_waits_for_a_commit_that_is_under_way() {
    let database = Database::with_ledger();
    let proxy = Proxy::to(database.server.address());
    let mut old = late(&database, &proxy);
    thread::scope(|scope| {
        let takeover = scope.spawn(|| database.open().unwrap());
        wait_for_the_lock(&database, "the newer writer");
        proxy.release();
        let mut new = takeover.join().unwrap();
        let state = new.recover().unwrap();
        is_at(&state, state.totals.votes);
        new.append(&one(state.totals.votes + 1)).unwrap();
    });
    assert!(matches!(old.recover(), Err(StoreError::Fenced)));
    // Opening counts again.
    database.open().unwrap();
}

#[test]
fn a_commit_that_arrives_after_the_recovery_changes_nothing() {
    let database = Database::with_ledger();
    let proxy = Proxy::to(database.server.address());
    let mut store = late(&database, &proxy);
    // The server gives up a transaction that nobody goes on with.
    is_at(&store.recover().unwrap(), 1);
    proxy.release();
    is_at(&store.append(&one(2)).unwrap().state, 2);
    let counted = store.reader().unwrap().find(&nullifier(2)).unwrap();
    assert_eq!(counted.unwrap().index, 1);
}
