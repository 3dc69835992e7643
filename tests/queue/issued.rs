//! The log of issued coins behind a queue: only coins that a mint told of count, whatever is killed, and an auditor finds every one of them.

use std::process::Command;

use serde_json::{Value, json};
use servers::process::run;
use servers::wait::wait_for;

use super::world::{Settings, Store, World};
use crate::harness::artifacts::{program, source};
use crate::harness::http;
use crate::harness::mint::{CAMPAIGN, Coin, Mint};

/// A world whose campaign logs its coins.
fn start(store: Store) -> World {
    let settings = Settings {
        campaign: source("examples/campaign.json"),
        ..Settings::default()
    };
    World::start_with(store, settings)
}

/// How many coins the published log has.
fn published(world: &World) -> Option<usize> {
    world.get("/v1/issued/checkpoint").text().lines().nth(1)?.parse().ok()
}

/// The stream that mints write to.
fn issued() -> String {
    format!("hashicoin:{{{CAMPAIGN}}}:issued")
}

/// What an auditor finds.
fn audit(world: &World) -> Value {
    let mut audit = Command::new(program("hashicoin"));
    let ended = run(audit
        .arg("audit")
        .arg(format!("http://{}", world.api_address))
        .arg("--json"));
    assert_eq!(ended.code(), 0, "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn only_coins_that_the_mint_told_of_count() {
    let world = start(Store::postgres());
    let mint = Mint::new();
    let told = mint.mint_and_tell("told", 3, &world.redis.url());
    let unknown = &mint.coins("untold", 1)[0];
    let vote = |coin: &Coin| world.vote(coin, &json!({"clean-water": 1}), "wait=30");
    for coin in &told {
        assert_eq!(vote(coin).status, 201);
    }
    for _ in 0..2 {
        let refused = vote(unknown);
        assert_eq!((refused.status, refused.problem().as_str()), (403, "coin-not-issued"));
    }
    // The pool tells of its coins by itself.
    mint.mint_into_pool("pool", 300, &world.redis.url());
    let take = http::request("POST", "/v1/coins", &[("idempotency-key", "0123456789abcdef")], "");
    let handed_out = http::exchange(world.api_address, &take);
    assert_eq!(handed_out.status, 201, "{handed_out:?}");
    let token = handed_out.json()["token"].as_str().unwrap().to_owned();
    let txt = String::new();
    assert_eq!(vote(&Coin { txt, token }).status, 201);
    wait_for("all coins to be published", || match published(&world) {
        Some(303) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let report = audit(&world);
    assert_eq!(report["issued"]["entries"], 303, "{report}");
    // Told at last, it counts; told again, it is there once.
    for _ in 0..2 {
        mint.mint_and_tell("untold", 1, &world.redis.url());
    }
    assert_eq!(vote(unknown).status, 201);
    assert_eq!(world.redis.ask::<u64>(&["XLEN", &issued()]), 0);
    wait_for("the last one to be published", || match published(&world) {
        Some(304) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(audit(&world)["entries"], 5);
}

#[test]
fn what_mints_say_while_the_ledger_is_away_is_logged_before_any_vote() {
    let mut world = start(Store::sqlite());
    let mint = Mint::new();
    let mut coins = mint.mint_and_tell("before", 1, &world.redis.url());
    assert_eq!(world.vote(&coins[0], &json!({"clean-water": 1}), "wait=30").status, 201);
    world.ledger.kill();
    coins.extend(mint.mint_and_tell("meanwhile", 40, &world.redis.url()));
    for coin in &coins[1..] {
        assert_eq!(
            world.vote(coin, &json!({"clean-water": 1}), "respond-async").status,
            202
        );
    }
    // What none of our programs wrote is dropped, and stops nothing.
    let _: String = world.redis.ask(&["XADD", &issued(), "*", "coins", "x"]);
    world.start_ledger();
    world.settle(&coins);
    assert_eq!(audit(&world)["issued"]["entries"], 41);
}

#[test]
fn a_campaign_that_does_not_log_its_coins_has_no_such_log_and_keeps_nothing_of_it() {
    let world = World::start(Store::sqlite());
    assert_eq!(world.get("/v1/issued/checkpoint").status, 404);
    assert_eq!(world.get("/v1/issued/checkpoints").status, 404);
    assert_eq!(world.get("/v1/issued/tile/0/000.p/1").status, 404);
    let coins = Mint::new().mint_and_tell("told", 1, &world.redis.url());
    assert_eq!(world.vote(&coins[0], &json!({"clean-water": 1}), "wait=30").status, 201);
    let mut world = world;
    world.kill_ledger();
    world.settle(&coins);
    assert_eq!(world.redis.ask::<u64>(&["EXISTS", &issued()]), 0);
}
