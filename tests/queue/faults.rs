//! A part is killed while votes come in. What was taken is counted, once.

use std::fs;
use std::thread;

use rusqlite::Connection;
use serde_json::json;
use servers::Postgres;
use servers::process::run;
use servers::proxy::{Cut, Proxy};
use servers::wait::wait_for;

use super::world::{Settings, Store, World, start, vote, votes};
use crate::harness::http;
use crate::harness::metrics::sum;
use crate::harness::mint::Mint;

/// Votes per test.
const VOTES: usize = 200;

fn with_fault(store: Store, fault: impl FnOnce(&mut World)) {
    let coins = Mint::new().coins("coins", VOTES);
    let mut world = World::start(store);
    world.load(&coins, fault);
    world.settle(&coins);
}

#[test]
fn the_ledger_is_killed_on_sqlite() {
    with_fault(Store::sqlite(), World::kill_ledger);
}

#[test]
fn the_ledger_is_killed_on_postgres() {
    with_fault(Store::postgres(), World::kill_ledger);
}

#[test]
fn the_api_is_killed() {
    with_fault(Store::sqlite(), World::kill_api);
}

#[test]
fn redis_is_killed_and_started_again() {
    with_fault(Store::sqlite(), |world| world.redis.kill_and_start());
}

#[test]
fn postgres_is_killed_and_started_again() {
    with_fault(Store::postgres(), |world| {
        let Store::Postgres(postgres) = &mut world.store else {
            unreachable!("this test is on Postgres");
        };
        postgres.kill_and_start();
    });
}

#[test]
fn a_vote_whose_commit_is_cut_off_is_counted_once_and_told() {
    let postgres = Postgres::start();
    let settings = Settings {
        proxy: Some(Proxy::to(postgres.address())),
        ..Settings::default()
    };
    let coins = Mint::new().coins("coins", 4);
    let world = World::start_with(Store::Postgres(postgres), settings);
    // In turns: the server never hears of the COMMIT, or it has done it and nobody hears the answer.
    for (coin, cut) in coins.iter().zip([Cut::Before, Cut::After].iter().cycle()) {
        world.settings.proxy.as_ref().unwrap().cut(*cut);
        let answer = world.vote(coin, &json!({"clean-water": 1}), "wait=30");
        assert_eq!(answer.status, 201, "{cut:?}: {answer:?}");
    }
    let stderr = world.ledger.stderr();
    let recoveries = stderr.matches("it is asked again what it holds").count();
    assert!(recoveries >= coins.len(), "{recoveries} of {}: {stderr}", coins.len());
    world.settle(&coins);
}

#[test]
fn who_waits_while_postgres_is_away_is_told_afterwards() {
    let coins = Mint::new().coins("coins", 1);
    let mut world = World::start(Store::postgres());
    let Store::Postgres(postgres) = &mut world.store else {
        unreachable!("this test is on Postgres");
    };
    postgres.kill();
    let (address, coin) = (world.api_address, coins[0].clone());
    let waiting = thread::spawn(move || vote(address, &coin, &json!({"clean-water": 1}), "wait=30"));
    wait_for("the vote to be queued", || {
        match world.redis.ask::<u64>(&["XLEN", &votes()]) {
            1 => Ok(()),
            other => Err(other.to_string()),
        }
    });
    postgres.start_again();
    let answer = waiting.join().unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
    world.settle(&coins);
}

#[test]
fn of_two_ledgers_the_newest_counts_and_the_other_ends() {
    let coins = Mint::new().coins("coins", VOTES);
    let mut world = World::start(Store::postgres());
    world.load(&coins, |world| {
        let (ledger, address) = start("hashicoin-ledger", &mut world.serve_ledger());
        let older = std::mem::replace(&mut world.ledger, ledger);
        world.ledger_address = address;
        let ended = older.ended();
        assert!(
            ended.code() == 2 && ended.stderr.contains("another writer"),
            "{ended:?}"
        );
    });
    world.settle(&coins);
}

#[test]
fn a_ledger_that_is_overtaken_ends_without_waiting_for_a_vote() {
    let mut world = World::start(Store::postgres());
    let (ledger, address) = start("hashicoin-ledger", &mut world.serve_ledger());
    let older = std::mem::replace(&mut world.ledger, ledger);
    world.ledger_address = address;
    let ended = older.ended();
    assert!(
        ended.code() == 2 && ended.stderr.contains("another writer"),
        "{ended:?}"
    );
    world.settle(&[]);
}

#[test]
fn a_ledger_that_slept_through_a_takeover_is_fenced_out() {
    let coins = Mint::new().coins("coins", VOTES);
    let mut world = World::start(Store::postgres());
    world.load(&coins, |world| {
        // Wherever it is: reading, in the middle of a transaction, before it tells.
        world.ledger.stop();
        let (ledger, address) = start("hashicoin-ledger", &mut world.serve_ledger());
        let older = std::mem::replace(&mut world.ledger, ledger);
        world.ledger_address = address;
        wait_for("the newer ledger to count", || {
            let metrics = http::get(address, "/metrics").text();
            match sum(&metrics, "hashicoin_ledger_batch_entries_count", &[]) {
                0 => Err(metrics),
                _ => Ok(()),
            }
        });
        older.go_on();
        let ended = older.ended();
        assert!(
            ended.code() == 2 && ended.stderr.contains("another writer"),
            "{ended:?}"
        );
    });
    world.settle(&coins);
}

#[test]
fn a_ledger_that_knows_not_what_was_signed_takes_nothing_over() {
    let coins = Mint::new().coins("coins", 2);
    let mut world = World::start(Store::postgres());
    assert_eq!(world.vote(&coins[0], &json!({"clean-water": 1}), "wait=30").status, 201);
    let file = world.settings.log.path().join("signed");
    let elsewhere = file.with_extension("elsewhere");
    // As on a machine that the file was not brought to. The one that runs writes it anew with its next checkpoint.
    fs::rename(&file, &elsewhere).unwrap();
    let ended = run(&mut world.serve_ledger());
    assert!(ended.code() == 1 && ended.stderr.contains("there is no"), "{ended:?}");
    fs::rename(&elsewhere, &file).unwrap();
    assert_eq!(world.vote(&coins[1], &json!({"clean-water": 1}), "wait=30").status, 201);
    world.ledger.still_runs();
    world.settle(&coins);
}

#[test]
fn what_a_dead_ledger_had_read_is_counted_by_the_next() {
    let coins = Mint::new().coins("coins", 3);
    let mut world = World::start(Store::sqlite());
    let Store::Sqlite(directory) = &world.store else {
        unreachable!("this test is on SQLite");
    };
    // The ledger reads the votes, and cannot commit them.
    let mut file = Connection::open(directory.path().join("ledger.sqlite")).unwrap();
    let held = file
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .unwrap();
    for coin in &coins {
        let answer = world.vote(coin, &json!({"clean-water": 1}), "respond-async");
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    let unknown = world.vote(&coins[0], &json!({"clean-water": 1}), "wait=1");
    assert_eq!(unknown.problem(), "outcome-unknown");
    world.ledger.kill();
    drop(held);
    assert_eq!(
        world.redis.ask::<u64>(&["XLEN", &votes()]),
        4,
        "nothing is cut off before it is committed"
    );
    world.kill_ledger();
    world.settle(&coins);
}

#[test]
fn a_redis_that_lost_everything_is_written_again() {
    let coins = Mint::new().coins("coins", 3);
    let world = World::start(Store::sqlite());
    for coin in &coins[..2] {
        assert_eq!(world.vote(coin, &json!({"clean-water": 1}), "wait=30").status, 201);
    }
    let _: String = world.redis.ask(&["FLUSHALL"]);
    wait_for("the ledger to write the votes again", || {
        let answer = world.vote(&coins[0], &json!({"clean-water": 1}), "wait=1");
        if answer.status == 201 {
            Ok(())
        } else {
            Err(format!("{answer:?}"))
        }
    });
    assert_eq!(
        world.vote(&coins[2], &json!({"clean-water": 1}), "wait=30").json()["index"],
        2
    );
    assert_eq!(world.get("/v1/tally").json()["votes"], 3);
}
