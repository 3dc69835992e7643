//! A Redis that is younger than the store, was set back, or is full; and messages that get lost on the way.

use std::thread;

use rusqlite::{Connection, TransactionBehavior};
use serde_json::json;
use servers::Redis;
use servers::process::run;
use servers::wait::wait_for;

use super::world::{Settings, Store, World, vote, votes};
use crate::api::events::Events;
use crate::harness::mint::Mint;

/// An entry's id that no clock reaches while these tests run.
const LATE: &str = "9999999999999-7";

/// A world whose store has passed [`LATE`], and whose ledger has ended.
fn ahead_of_every_clock() -> World {
    let world = World::start(Store::sqlite());
    let _: String = world
        .redis
        .ask(&["XADD", &votes(), LATE, "token", "x", "weights", "{}"]);
    wait_for("the entry to be decided", || {
        match world.redis.ask::<u64>(&["XLEN", &votes()]) {
            0 => Ok(()),
            other => Err(other.to_string()),
        }
    });
    world
}

/// Ends the ledger, does something to Redis, and gives what a new ledger says when it refuses to count.
fn refused(world: &World, change: impl FnOnce(&Redis)) -> String {
    world.ledger.kill();
    change(&world.redis);
    let ended = run(&mut world.serve_ledger());
    assert_eq!(ended.code(), 1, "{ended:?}");
    ended.stderr
}

#[test]
fn votes_in_a_redis_that_is_younger_than_the_store_are_counted() {
    let young = |redis: &Redis| {
        let _: String = redis.ask(&["FLUSHALL"]);
    };
    let young_and_used = |redis: &Redis| {
        let _: String = redis.ask(&["FLUSHALL"]);
        let id: String = redis.ask(&["XADD", &votes(), "*", "token", "x", "weights", "{}"]);
        let _: u64 = redis.ask(&["XDEL", &votes(), &id]);
    };
    let coins = Mint::new().coins("coins", 2);
    let mut world = ahead_of_every_clock();
    for (coin, change) in coins.iter().zip([&young as &dyn Fn(&Redis), &young_and_used]) {
        world.ledger.kill();
        change(&world.redis);
        world.start_ledger();
        world.is_well();
        // Under an id by the clock the ledger would take it for long decided.
        let answer = world.vote(coin, &json!({"clean-water": 1}), "wait=30");
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

#[test]
fn a_redis_that_was_set_back_with_votes_in_it_is_for_a_person_to_look_at() {
    let mut world = ahead_of_every_clock();
    let mut behind = String::new();
    let stderr = refused(&world, |redis| {
        let _: String = redis.ask(&["FLUSHALL"]);
        behind = redis.ask(&["XADD", &votes(), "*", "token", "x", "weights", "{}"]);
    });
    assert!(
        stderr.contains("Redis was set back") && stderr.contains(LATE) && stderr.contains(&behind),
        "{stderr}"
    );
    // What the person does, and what can be queued from then on is counted.
    assert_eq!(world.redis.ask::<u64>(&["XDEL", &votes(), &behind]), 1);
    world.start_ledger();
    world.is_well();
    let coins = Mint::new().coins("coins", 1);
    assert_eq!(world.vote(&coins[0], &json!({"clean-water": 1}), "wait=30").status, 201);
}

#[test]
fn a_store_that_knows_less_than_redis_is_not_counted_on_with() {
    let world = World::start(Store::sqlite());
    let coins = Mint::new().coins("coins", 1);
    assert_eq!(world.vote(&coins[0], &json!({"clean-water": 1}), "wait=30").status, 201);
    let stderr = refused(&world, |_| {
        let Store::Sqlite(directory) = &world.store else {
            unreachable!("this test is on SQLite");
        };
        // Yesterday's store.
        for file in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"] {
            let _ = std::fs::remove_file(directory.path().join(file));
        }
        world.store.init(&world.settings.campaign);
        // And the signer's memory too, which would have said the same.
        std::fs::remove_file(world.settings.log.path().join("signed")).unwrap();
    });
    // Who counts and who carries the log over see it at the same time.
    assert!(
        stderr.contains("Redis knows of 1 votes") || stderr.contains("checkpoints that this store does not have"),
        "{stderr}"
    );
}

#[test]
fn a_tally_of_somebody_else_s_is_not_written_over() {
    let tally = votes().replace(":votes", ":tally");
    let stderr = refused(&World::start(Store::sqlite()), |redis| {
        let _: String = redis.ask(&["SET", &tally, "9"]);
    });
    assert!(stderr.contains("does not hold this campaign's tally"), "{stderr}");
}

#[test]
fn a_full_queue_says_so_and_takes_votes_again() {
    let settings = Settings {
        api_arguments: &["--max-backlog", "1"],
        ..Settings::default()
    };
    let coins = Mint::new().coins("coins", 2);
    let mut world = World::start_with(Store::sqlite(), settings);
    world.ledger.kill();
    let cast = |world: &World, coin: usize, prefer| world.vote(&coins[coin], &json!({"clean-water": 1}), prefer);
    assert_eq!(cast(&world, 0, "respond-async").status, 202);
    let full = cast(&world, 1, "respond-async");
    assert_eq!((full.status, full.problem().as_str()), (503, "busy"), "{full:?}");
    assert!(full.header("retry-after").is_some(), "{full:?}");
    world.start_ledger();
    wait_for("room in the queue", || match cast(&world, 1, "wait=30") {
        answer if answer.status == 201 => Ok(()),
        answer if answer.status == 503 => Err(answer.problem()),
        other => panic!("{other:?}"),
    });
    world.settle(&coins);
}

#[test]
fn a_message_that_is_lost_with_its_connection_is_made_up_for() {
    let world = World::start(Store::sqlite());
    let coins = Mint::new().coins("coins", 1);
    let mut events = Events::open(world.api_address);
    assert_eq!(events.next_tally()["votes"], 0);
    let Store::Sqlite(directory) = &world.store else {
        unreachable!("this test is on SQLite");
    };
    let mut file = Connection::open(directory.path().join("ledger.sqlite")).unwrap();
    let held = file.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    let (address, coin) = (world.api_address, coins[0].clone());
    let waiting = thread::spawn(move || vote(address, &coin, &json!({"clean-water": 1}), "wait=30"));
    wait_for("the vote to be queued", || {
        match world.redis.ask::<u64>(&["XLEN", &votes()]) {
            1 => Ok(()),
            other => Err(other.to_string()),
        }
    });
    // Nobody listens when the ledger tells.
    let lost: u64 = world.redis.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert_eq!(lost, 1);
    drop(held);
    let answer = waiting.join().unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(events.next_tally()["votes"], 1);
    world.settle(&coins);
}
