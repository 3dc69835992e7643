//! A commit whose answer is lost, and a server that is killed: what is read back is what is there, and nothing is counted twice.

use std::sync::{Arc, mpsc};
use std::thread;

use ledger::{Batch, KeptCheckpoint, LogKind, PostgresStore, PostgresUrl, Store, StoreError};
use serde_json::json;
use servers::Postgres;
use servers::postgres::LEDGER;

use crate::common::{campaign, nullifier};
use crate::contract::{at, ballot, queued};
use crate::database::Database;
use servers::proxy::{Cut, Proxy};

/// Opens the ledger through a proxy.
pub fn open_through(proxy: &Proxy, database: &Database) -> PostgresStore {
    let url = format!("postgres://{LEDGER}@{}/{}", proxy.address(), database.name);
    let url = PostgresUrl::parse(&url)
        .unwrap()
        .with_password(database.server.password());
    PostgresStore::open(&url, &campaign()).unwrap()
}

#[test]
fn a_connection_cut_around_commit_is_found_out_and_never_counted_twice() {
    for cut in [Cut::Before, Cut::After] {
        let database = Database::with_ledger();
        let proxy = Proxy::to(database.server.address());
        let mut store = open_through(&proxy, &database);
        let first = store
            .append(&queued([ballot(1, json!({"a": 1}))], at(1, 0), &[]))
            .unwrap();

        proxy.cut(cut);
        let batch = queued(
            [ballot(2, json!({"b": 1})), ballot(1, json!({"b": 1}))],
            at(4, 0),
            &[at(3, 0)],
        );
        let error = store.append(&batch).unwrap_err();
        assert!(matches!(error, StoreError::Backend(_)), "{cut:?}: {error}");
        // Without recovering nothing more is written.
        let error = store.append(&batch).unwrap_err();
        assert!(error.to_string().contains("recover first"), "{cut:?}: {error}");

        let state = store.recover().unwrap();
        let mut reader = store.reader().unwrap();
        let is_kept = cut == Cut::After;
        assert_eq!(reader.find(&nullifier(2)).unwrap().is_some(), is_kept, "{cut:?}");
        assert_eq!(reader.dead_letter(at(3, 0)).unwrap().is_some(), is_kept, "{cut:?}");
        match cut {
            Cut::Before => {
                assert_eq!(state, first.state);
                let appended = store.append(&batch).unwrap();
                assert!(appended.entries[0].is_new && !appended.entries[1].is_new);
            }
            _ => {
                assert_eq!(state.queue.position, at(4, 0));
                // A second try would be refused, had somebody not read the state back.
                assert!(matches!(store.append(&batch), Err(StoreError::Passed { .. })));
            }
        }
        let end = store.recover().unwrap();
        let queue = &end.queue;
        assert_eq!(
            (end.totals.votes, queue.accepted, queue.refused, queue.dead_lettered),
            (2, 2, 1, 1),
            "{cut:?}"
        );
        drop(store);
        database.open().unwrap();
    }
}

#[test]
fn a_checkpoint_whose_commit_is_cut_off_is_kept_once() {
    for cut in [Cut::Before, Cut::After] {
        let database = Database::with_ledger();
        let proxy = Proxy::to(database.server.address());
        let mut store = open_through(&proxy, &database);
        store
            .append(&queued([ballot(1, json!({"a": 1}))], at(1, 0), &[]))
            .unwrap();
        let mut log = store.log(LogKind::Votes).unwrap();
        let checkpoint = KeptCheckpoint {
            size: 1,
            note: "of one".to_owned(),
        };
        proxy.cut(cut);
        let error = log.keep_checkpoint(&checkpoint).unwrap_err();
        assert!(matches!(error, StoreError::Backend(_)), "{cut:?}: {error}");
        let kept = log.reader().last_checkpoint(LogKind::Votes).unwrap();
        assert_eq!(kept.is_some(), cut == Cut::After, "{cut:?}");
        log.keep_checkpoint(&checkpoint).unwrap();
        assert_eq!(
            log.reader().checkpoints_from(LogKind::Votes, 0, 10).unwrap(),
            [checkpoint],
            "{cut:?}"
        );
    }
}

/// Where a writer's connection falls silent: in words of the proxy, and how the server sees it from then on.
const SILENCES: [(&[u8], &str); 2] = [
    (
        b"COMMIT\0",
        "state = 'idle in transaction' AND query LIKE 'UPDATE ledger.head%'",
    ),
    // For a client in the middle of a COPY the server itself waits without an end.
    (
        b"PGCOPY\n",
        "state = 'active' AND wait_event = 'ClientRead' AND query LIKE 'COPY ledger.votes%'",
    ),
];

/// A writer whose connection falls silent at its next message of this kind.
fn silent_at(message: &'static [u8]) -> (Database, PostgresStore) {
    let database = Database::with_ledger();
    let proxy = Proxy::to_cut_at(message, database.server.address());
    let store = open_through(&proxy, &database);
    proxy.cut(Cut::Silence);
    (database, store)
}

/// One vote of the same coin, from the queue's first entry.
fn one(charity: &str) -> Batch {
    queued([ballot(1, json!({charity: 1}))], at(1, 0), &[])
}

#[test]
fn a_writer_whose_connection_falls_silent_is_given_up_and_keeps_nobody_out() {
    for (message, seen) in SILENCES {
        let (database, mut old) = silent_at(message);
        let lost = thread::spawn(move || {
            let error = old.append(&one("a")).unwrap_err();
            (old, error)
        });
        database.wait_for_one("the old writer to hold the head", seen);
        // Nobody goes on with the transaction, and it is ended: the head is free.
        let mut new = database.open().unwrap();
        let appended = new.append(&one("b")).unwrap();
        assert!(appended.entries[0].is_new);
        let (mut old, error) = lost.join().unwrap();
        assert!(error.to_string().contains("did not answer within"), "{error}");
        assert!(matches!(old.recover(), Err(StoreError::Fenced)));
    }
}

#[test]
fn a_writer_whose_connection_falls_silent_gets_the_head_back() {
    for (message, _) in SILENCES {
        let (_database, mut store) = silent_at(message);
        let error = store.append(&one("a")).unwrap_err();
        assert!(error.to_string().contains("did not answer within"), "{error}");
        assert_eq!(store.recover().unwrap().totals.votes, 0);
        assert!(store.append(&one("a")).unwrap().entries[0].is_new);
    }
}

#[test]
fn a_recovery_whose_answer_is_lost_can_be_done_again() {
    let database = Database::with_ledger();
    let mut store = database.open().unwrap();
    // As if the session had been counted up, and nobody had heard.
    database.sql("UPDATE ledger.head SET session = session + 1");
    assert!(matches!(
        store.append(&queued([], at(1, 0), &[at(1, 0)])),
        Err(StoreError::Fenced)
    ));
    store.recover().unwrap();
    store.append(&queued([], at(1, 0), &[at(1, 0)])).unwrap();
}

#[test]
fn what_was_answered_survives_the_kill_of_the_server() {
    let mut database = Database::on(Arc::new(Postgres::start()));
    database.init().unwrap();
    let mut store = database.open().unwrap();
    let mut reader = store.reader().unwrap();
    let mut counted = Vec::new();
    for round in 0..3 {
        for number in 0..20 {
            let number = round * 20 + number;
            let entry = queued([ballot(number, json!({"c": 1}))], at(number + 1, 0), &[]);
            counted.push(store.append(&entry).unwrap().entries.remove(0).counted);
        }
        let server = Arc::get_mut(&mut database.server).unwrap();
        server.kill();
        let lost = queued([ballot(1_000 + round, json!({"a": 1}))], at(1_000 + round, 0), &[]);
        assert!(store.append(&lost).is_err());
        assert!(store.recover().is_err());
        assert!(reader.find(&nullifier(0)).is_err());
        server.start_again();

        let state = store.recover().unwrap();
        assert_eq!(state.totals.votes, counted.len() as u64);
        assert_eq!(state.queue.position, at((round + 1) * 20, 0));
        // The reader connects again by itself.
        assert_eq!(reader.votes_from(0, 1_000).unwrap(), counted);
    }
    drop(store);
    database.open().unwrap();
}

#[test]
fn a_server_that_is_killed_in_the_middle_of_the_work_has_all_that_it_answered_for() {
    let mut database = Database::on(Arc::new(Postgres::start()));
    database.init().unwrap();
    let mut store = database.open().unwrap();
    let (report, reports) = mpsc::channel();
    let counting = thread::spawn(move || {
        let entry = |number| queued([ballot(number, json!({"c": 1}))], at(number, 0), &[]);
        // Until the server is gone.
        let mut answered = 0;
        while store.append(&entry(answered + 1)).is_ok() {
            answered += 1;
            let _ = report.send(answered);
        }
        (store, answered)
    });
    reports.iter().find(|answered| *answered >= 20).unwrap();
    let server = Arc::get_mut(&mut database.server).unwrap();
    server.kill();
    let (mut store, answered) = counting.join().unwrap();
    server.start_again();
    let votes = store.recover().unwrap().totals.votes;
    // The last one may have been kept, unanswered.
    assert!(
        (answered..=answered + 1).contains(&votes),
        "{answered} answered, {votes} kept"
    );
    let kept = store.reader().unwrap().votes_from(0, 1_000_000).unwrap();
    let nullifiers: Vec<_> = kept.iter().map(|counted| counted.nullifier).collect();
    assert_eq!(nullifiers, (1..=votes).map(nullifier).collect::<Vec<_>>());
    drop(store);
    database.open().unwrap();
}
