//! What `cargo xtask bench ledger` measures with: `hashicoin-ledger serve` as it ships, between a real Redis and a real Postgres, beside the least that writing the
//! same rows into that Postgres can be, beside its store alone, and beside a log of Tessera's.
//!
//! `ledger_load ROWS VOTES ROUNDS TESSERA-LOAD` fills a ledger with that many rows, has each count that many votes in each round, and prints an object of figures
//! for each round. TESSERA-LOAD is the program that tools/tessera-load makes.

mod alone;
mod copy;
mod disk;
mod latency;
mod rig;
mod tessera;
mod votes;

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use self::alone::Alone;
use self::copy::Copy;
use self::rig::Rig;
use self::tessera::{Entries, Tessera};
use self::votes::Maker;

/// How long votes come at half of the speed that was measured, each time.
const OPEN_LOOP: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [numbers @ .., tessera] = arguments.as_slice() else {
        return usage();
    };
    let numbers: Option<Vec<u64>> = numbers.iter().map(|number| number.parse().ok()).collect();
    let Some(&[rows, votes, rounds]) = numbers.as_deref() else {
        return usage();
    };
    let mut maker = Maker::new();
    let rig = Rig::start(rows, &mut maker);
    let mut copy = Copy::new(&rig);
    let mut alone = Alone::open(&rig.postgres, &maker.campaign);
    let mut tessera = Tessera::filled(Path::new(tessera), rows);
    for _ in 0..rounds {
        let fdatasync_ms = disk::fdatasync_ms(rig.directory());
        let rows = rig.watch.votes();
        disk::settle();
        let copied = copy.rows_per_s(&maker.rows(votes));
        disk::settle();
        let stored = alone.rows_per_s(&maker.rows(votes));
        disk::settle();
        let appended = tessera.entries_per_s(votes, Entries::Unsigned);
        disk::settle();
        let appended_signed = tessera.entries_per_s(votes, Entries::Signed);
        disk::settle();
        let counted = rig.count(&maker.tokens(votes));
        let rate = counted.votes_per_s / 2.0;
        let due = (rate * OPEN_LOOP.as_secs_f64()) as u64;
        disk::settle();
        let receipts = rig.receipts(&maker.tokens(due), rate);
        disk::settle();
        let meanwhile = rig.receipts_while_redis_rewrites(&maker.tokens(due), rate);
        let figures = json!({
            "rows": rows,
            "fdatasync_ms": fdatasync_ms,
            "votes_per_s": counted.votes_per_s,
            "cpu_us": { "ledger": counted.ledger_us, "postgres": counted.postgres_us, "redis": counted.redis_us },
            "batch": counted.batch,
            "copied_per_s": copied,
            "stored_per_s": stored,
            "appended_per_s": appended,
            "appended_signed_per_s": appended_signed,
            "open_per_s": rate,
            "p50_receipt_ms": receipts.at(0.5),
            "p99_receipt_ms": receipts.at(0.99),
            "p99_receipt_rewriting_ms": meanwhile.at(0.99),
            "bytes_per_row": rig.bytes_per_row(),
        });
        println!("{figures}");
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: ledger_load ROWS VOTES ROUNDS TESSERA-LOAD");
    ExitCode::from(64)
}
