//! Who waits for whom: a batch and a checkpoint go on side by side, and a takeover waits for either.

use std::pin::pin;
use std::thread;

use ledger::{LogKind, Store};
use serde_json::json;
use servers::postgres::LEDGER;
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio_postgres::{Client, Config, NoTls};

use super::fence::checkpoint;
use super::late::wait_for_the_lock;
use crate::contract::{ballot, batch, now};
use crate::database::Database;

/// A transaction of the writer's role that holds the head, for as long as this is there.
struct Held {
    client: Client,
    runtime: Runtime,
}

impl Held {
    /// With the lock that a clause of SELECT asks for.
    fn by(database: &Database, clause: &str) -> Held {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (address, password) = (database.server.address(), database.server.password());
        let mut config = Config::new();
        config.host(address.ip().to_string()).port(address.port());
        config.user(LEDGER).password(password).dbname(&database.name);
        let client = runtime.block_on(async {
            let (client, connection) = config.connect(NoTls).await.unwrap();
            tokio::spawn(connection);
            let hold = format!("BEGIN; SELECT FROM ledger.head {clause}");
            client.batch_execute(&hold).await.unwrap();
            client
        });
        Held { client, runtime }
    }

    /// Asks for more than fits into the sockets, and takes none of it.
    fn ask_and_take_nothing(&self) {
        self.runtime.block_on(async {
            let mut asking = pin!(
                self.client
                    .batch_execute("SELECT repeat('a', 1000) FROM generate_series(1, 1000000)")
            );
            tokio::select! {
                biased;
                answer = &mut asking => panic!("{answer:?}"),
                // Until the connection's task has sent it. It goes on in `block_on` alone.
                () = yield_now() => {}
            }
        });
    }
}

#[test]
fn a_checkpoint_is_kept_while_a_batch_is_counted() {
    let database = Database::with_ledger();
    let store = database.open().unwrap();
    let mut log = store.log(LogKind::Votes).unwrap();
    let _batch = Held::by(&database, "FOR NO KEY UPDATE");
    log.keep_checkpoint(&checkpoint(0)).unwrap();
}

#[test]
fn a_batch_is_counted_while_a_checkpoint_is_kept_and_a_takeover_waits() {
    let database = Database::with_ledger();
    let mut store = database.open().unwrap();
    let checkpoint = Held::by(&database, "FOR KEY SHARE");
    store.append(&batch([ballot(1, json!({"a": 1}))])).unwrap();
    store.issue(&[], now()).unwrap();
    thread::scope(|scope| {
        let takeover = scope.spawn(|| drop(database.open().unwrap()));
        wait_for_the_lock(&database, "the newer writer");
        drop(checkpoint);
        takeover.join().unwrap();
    });
}

#[test]
fn a_checkpoint_waits_for_a_takeover() {
    let database = Database::with_ledger();
    let store = database.open().unwrap();
    let mut log = store.log(LogKind::Votes).unwrap();
    let takeover = Held::by(&database, "FOR UPDATE");
    thread::scope(|scope| {
        let kept = scope.spawn(|| log.keep_checkpoint(&checkpoint(0)).unwrap());
        wait_for_the_lock(&database, "the checkpoint");
        drop(takeover);
        kept.join().unwrap();
    });
}

#[test]
fn a_takeover_ends_whoever_has_the_head_and_takes_no_answer() {
    let database = Database::with_ledger();
    let frozen = Held::by(&database, "FOR NO KEY UPDATE");
    frozen.ask_and_take_nothing();
    database.wait_for_one("the server to wait for its client", "wait_event = 'ClientWrite'");
    database.open().unwrap();
}
