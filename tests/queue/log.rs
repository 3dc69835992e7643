//! The public log behind a queue: the ledger signs it and carries it into Redis, the API publishes it from there.

use std::fs;

use serde_json::{Value, json};
use servers::postgres::DATABASE;
use servers::process::run;
use servers::wait::wait_for;

use super::world::{Store, World};
use crate::harness::mint::{CAMPAIGN, Mint};

/// A name of the log's in Redis.
fn key(name: &str) -> String {
    format!("hashicoin:{{{CAMPAIGN}}}:log:{name}")
}

/// The files of a log of this many votes, fewer than 256, by their addresses.
fn files(votes: usize) -> Vec<String> {
    let partial = |level: &str| format!("/v1/log/tile/{level}/000.p/{votes}");
    vec![
        partial("0"),
        partial("entries"),
        "/v1/log/checkpoint".to_owned(),
        "/v1/log/checkpoints".to_owned(),
    ]
}

fn size(world: &World) -> Option<usize> {
    world.get("/v1/log/checkpoint").text().lines().nth(1)?.parse().ok()
}

#[test]
fn what_is_published_outlives_the_ledger_and_comes_back_after_redis_lost_it() {
    let mut world = World::start(Store::postgres());
    let coins = Mint::new().coins("coins", 4);
    let receipts: Vec<(String, Value)> = coins[..3]
        .iter()
        .map(|coin| {
            let vote = world.vote(coin, &json!({"clean-water": 1}), "wait=30").json();
            (
                vote["receipt_location"].as_str().unwrap().to_owned(),
                vote["receipt"].clone(),
            )
        })
        .collect();
    assert!(receipts.iter().all(|(_, receipt)| receipt.is_string()), "{receipts:?}");
    let published: Vec<_> = files(3).iter().map(|file| world.get(file)).collect();
    assert!(published.iter().all(|file| file.status == 200), "{published:?}");
    assert_eq!(world.get("/v1/log/tile/0/000.p/4").status, 404);

    world.ledger.kill();
    let same = |world: &World| {
        for (file, before) in files(3).iter().zip(&published) {
            assert_eq!(world.get(file).body, before.body, "{file}");
        }
        for (location, receipt) in &receipts {
            assert_eq!(json!(world.get(location).text()), *receipt);
        }
    };
    same(&world);
    let _: u64 = world.redis.ask(&[
        "DEL",
        &key("checkpoints"),
        &key("keys"),
        &key("tile:0:0"),
        &key("entries:0"),
    ]);
    world.start_ledger();
    world.is_well();
    wait_for("the log to be back", || {
        let list = world.get("/v1/log/checkpoints").json();
        if list["checkpoints"].as_array().is_some_and(|list| list.len() == 4) {
            Ok(())
        } else {
            Err(list.to_string())
        }
    });
    same(&world);
    assert!(world.get("/v1/log/log.json").json()["verifier_keys"][0].is_string());
    assert_eq!(world.vote(&coins[3], &json!({"clean-water": 1}), "wait=30").status, 201);
    assert_eq!(size(&world), Some(4));
}

#[test]
fn votes_go_on_while_the_log_cannot_be_signed_and_are_covered_afterwards() {
    let world = World::start(Store::sqlite());
    let coins = Mint::new().coins("coins", 2);
    assert_eq!(world.vote(&coins[0], &json!({"clean-water": 1}), "wait=30").status, 201);
    // Nothing can be renamed over a directory.
    let signed = world.settings.log.path().join("signed");
    let moved = world.settings.log.path().join("moved");
    fs::rename(&signed, moved).unwrap();
    fs::create_dir(&signed).unwrap();
    let counted = world.vote(&coins[1], &json!({"clean-water": 1}), "wait=2");
    assert_eq!((counted.status, &counted.json()["receipt"]), (201, &Value::Null));
    let location = counted.json()["receipt_location"].as_str().unwrap().to_owned();
    let pending = world.get(&location);
    assert_eq!((pending.status, pending.problem().as_str()), (503, "receipt-pending"));
    assert!(pending.header("retry-after").is_some());
    assert_eq!(size(&world), Some(1));
    fs::remove_dir(&signed).unwrap();
    wait_for("the receipt", || match world.get(&location) {
        receipt if receipt.status == 200 => Ok(()),
        other => Err(other.problem()),
    });
}

#[test]
fn another_log_s_checkpoints_in_redis_are_not_added_to() {
    let mut world = World::start(Store::sqlite());
    let coins = Mint::new().coins("coins", 1);
    assert_eq!(world.vote(&coins[0], &json!({"clean-water": 1}), "wait=30").status, 201);
    let note = world.get("/v1/log/checkpoint").text();
    let foreign = note.replacen("\n1\n", "\n2\n", 1);
    world.ledger.kill();
    let _: u64 = world.redis.ask(&["ZADD", &key("checkpoints"), "2", &foreign]);
    world.start_ledger();
    let ended = world.ledger.ended();
    assert!(
        ended.code() == 1 && ended.stderr.contains("checkpoints that this store does not have"),
        "{ended:?}"
    );
}

#[test]
fn yesterday_s_database_is_not_signed() {
    let coins = Mint::new().coins("coins", 2);
    let mut world = World::start(Store::postgres());
    let count = |world: &World, coin| {
        let answer = world.vote(coin, &json!({"clean-water": 1}), "wait=30").json();
        assert!(answer["receipt"].is_string(), "{answer}");
    };
    count(&world, &coins[0]);
    world.ledger.kill();
    let in_postgres = |world: &World, statement: &str| {
        let Store::Postgres(postgres) = &world.store else {
            unreachable!("this test is on Postgres");
        };
        // A copy is made of what nobody uses; the killed ledger's connections end in a moment.
        wait_for("nobody to be connected", || {
            let others = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{DATABASE}'");
            match postgres.sql_in("postgres", &others).as_str() {
                "0" => Ok(()),
                others => Err(others.to_owned()),
            }
        });
        postgres.sql_in("postgres", statement);
    };
    in_postgres(&world, &format!("CREATE DATABASE yesterday TEMPLATE {DATABASE}"));
    world.start_ledger();
    world.is_well();
    count(&world, &coins[1]);
    world.ledger.kill();
    in_postgres(&world, &format!("DROP DATABASE {DATABASE}"));
    in_postgres(&world, &format!("ALTER DATABASE yesterday RENAME TO {DATABASE}"));
    // Redis would know as well.
    let _: String = world.redis.ask(&["FLUSHALL"]);
    let ended = run(&mut world.serve_ledger());
    assert_eq!(ended.code(), 1, "{ended:?}");
    assert!(ended.stderr.contains("the log was signed up to 2 entries"), "{ended:?}");
    fs::remove_file(world.settings.log.path().join("signed")).unwrap();
    let ended = run(&mut world.serve_ledger());
    assert_eq!(ended.code(), 1, "{ended:?}");
    assert!(ended.stderr.contains("what was signed last"), "{ended:?}");
}
