//! Every metric of the ledger, and what its health answer says.

use std::sync::atomic::{AtomicBool, Ordering};

use ledger::{Keys, LogKind, State};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use service::Health;

const ENTRIES: &str = "hashicoin_ledger_entries_total";
const BATCH: &str = "hashicoin_ledger_batch_entries";
const POSITION: &str = "hashicoin_ledger_position_seconds";
const VOTES: &str = "hashicoin_ledger_votes";
const LOG_SIZE: &str = "hashicoin_log_size";
const ISSUED_LOG_SIZE: &str = "hashicoin_issued_log_size";
const STORE_UP: &str = "hashicoin_ledger_store_up";
const REDIS_UP: &str = "hashicoin_ledger_redis_up";
const KEYS_STALE: &str = "hashicoin_keys_stale";
const KEY_VERSION: &str = "hashicoin_key_version";

/// Which parts work, as far as the counting thread has seen.
#[derive(Default)]
pub struct Status {
    store: AtomicBool,
    redis: AtomicBool,
}

impl Status {
    /// Notes whether the store works.
    pub fn store_works(&self, works: bool) {
        self.store.store(works, Ordering::Relaxed);
    }

    /// Notes whether Redis works.
    pub fn redis_works(&self, works: bool) {
        self.redis.store(works, Ordering::Relaxed);
    }

    /// The answer to "are you well?".
    pub fn health(&self) -> Health {
        Health::default()
            .with("store", self.store.load(Ordering::Relaxed))
            .with("redis", self.redis.load(Ordering::Relaxed))
    }

    /// Sets the metrics that are looked up when they are asked for.
    pub fn measure(&self, keys: &Keys) {
        let is = |yes| if yes { 1.0 } else { 0.0 };
        gauge!(STORE_UP).set(is(self.store.load(Ordering::Relaxed)));
        gauge!(REDIS_UP).set(is(self.redis.load(Ordering::Relaxed)));
        let keyring = keys.current();
        gauge!(KEYS_STALE).set(is(keys.is_stale()));
        gauge!(KEY_VERSION, "bound" => "lowest").set(f64::from(keyring.min_version()));
        gauge!(KEY_VERSION, "bound" => "highest").set(f64::from(keyring.max_version()));
    }
}

/// Says what each metric means.
pub fn describe() {
    describe_counter!(
        ENTRIES,
        "Entries of the queue by what became of them, since the campaign began: the store keeps these numbers."
    );
    describe_histogram!(BATCH, "Entries that were decided in one transaction.");
    describe_gauge!(
        POSITION,
        "Up to where the queue is decided: Redis' clock when that entry came in, Unix time."
    );
    describe_gauge!(VOTES, "Votes in the store.");
    describe_gauge!(LOG_SIZE, "Votes that the newest checkpoint in Redis covers.");
    describe_gauge!(
        ISSUED_LOG_SIZE,
        "Issued coins that the newest checkpoint in Redis covers."
    );
    describe_gauge!(STORE_UP, "1 while the store answers, 0 otherwise.");
    describe_gauge!(REDIS_UP, "1 while Redis answers, 0 otherwise.");
    describe_gauge!(
        KEYS_STALE,
        "1 while the file of keys cannot be used and those read before stay in force."
    );
    describe_gauge!(KEY_VERSION, "The lowest and the highest key version whose coins count.");
}

/// Shows what the store has.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, exact up to 2^53")]
pub fn state(state: &State) {
    let queue = &state.queue;
    for (outcome, count) in [
        ("accepted", queue.accepted),
        ("refused", queue.refused),
        ("dead_lettered", queue.dead_lettered),
    ] {
        counter!(ENTRIES, "outcome" => outcome).absolute(count);
    }
    gauge!(POSITION).set(queue.position.ms as f64 / 1000.0);
    gauge!(VOTES).set(state.totals.votes as f64);
}

/// Shows up to where a log is signed and in Redis.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, exact up to 2^53")]
pub fn log(log: LogKind, size: u64) {
    match log {
        LogKind::Issued => gauge!(ISSUED_LOG_SIZE).set(size as f64),
        LogKind::Votes => gauge!(LOG_SIZE).set(size as f64),
    }
}

/// Notes the size of a batch.
#[expect(clippy::cast_precision_loss, reason = "a batch has far fewer than 2^53 entries")]
pub fn batch(entries: usize) {
    histogram!(BATCH).record(entries as f64);
}
