//! What the queue's two programs promise when nothing is killed, and what they refuse.

use serde_json::json;
use servers::Redis;
use servers::process::run;

use super::world::{Store, World, api, votes};
use crate::api::openapi;
use crate::harness::http;
use crate::harness::mint::{Coin, Mint};

#[test]
fn a_vote_is_queued_counted_shown_and_refused_a_second_time() {
    let world = World::start(Store::sqlite());
    let coins = Mint::new().coins("coins", 2);
    let queued = world.vote(&coins[0], &json!({"clean-water": 2}), "respond-async");
    assert_eq!((queued.status, &queued.json()["state"]), (202, &json!("queued")));
    let counted = world.vote(&coins[0], &json!({"clean-water": 1}), "wait=30");
    assert_eq!((counted.status, &counted.json()["state"]), (201, &json!("counted")));
    assert_eq!(counted.json()["id"], queued.json()["id"]);
    let mut shown = world.get(queued.header("location").unwrap()).json();
    let receipt = world.get(shown["receipt_location"].as_str().unwrap());
    shown["receipt"] = receipt.text().into();
    assert_eq!(shown, counted.json());
    let spent = world.vote(&coins[0], &json!({"open-books": 1}), "wait=30");
    assert_eq!((spent.status, spent.problem().as_str()), (409, "coin-spent"));
    let forged = world.vote(
        &Mint::stranger().coins("forged", 1)[0],
        &json!({"open-books": 1}),
        "wait=30",
    );
    assert_eq!(forged.problem(), "coin-bad-signature");
    // What others put into the stream is a dead letter, and stops nothing.
    let _: String = world.redis.ask(&["XADD", &votes(), "*", "token", "x", "weights", "{}"]);
    assert_eq!(world.vote(&coins[1], &json!({"clean-water": 1}), "wait=30").status, 201);
    assert_eq!(world.get("/v1/tally").json()["votes"], 2);
    world.settle(&coins);
}

#[test]
fn a_redis_that_may_forget_is_refused() {
    let redis = Redis::start_with(&["--appendonly", "yes", "--appendfsync", "everysec"]);
    let ended = run(&mut api(&redis));
    assert!(
        ended.code() == 1 && ended.stderr.contains("appendfsync is everysec"),
        "{ended:?}"
    );
}

#[test]
fn without_redis_nothing_is_taken_and_afterwards_all_goes_on() {
    let mut world = World::start(Store::sqlite());
    let coins = Mint::new().coins("coins", 1);
    world.redis.kill();
    let answer = world.vote(&coins[0], &json!({"clean-water": 1}), "wait=1");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some());
    let health = world.get("/healthz");
    assert_eq!(
        (health.status, &health.json()["dependencies"]["redis"]),
        (503, &json!("failing"))
    );
    world.redis.start_again();
    world.is_well();
    assert_eq!(world.vote(&coins[0], &json!({"clean-water": 1}), "wait=30").status, 201);
    world.settle(&coins);
}

#[test]
fn coins_of_the_pool_in_redis_are_handed_out_and_vote() {
    let world = World::start(Store::sqlite());
    let take = |key: &str| {
        let request = http::request("POST", "/v1/coins", &[("idempotency-key", key)], "");
        let answer = http::exchange(world.api_address, &request);
        openapi::check("POST", "/v1/coins", &answer);
        answer
    };
    let empty = take("0123456789abcdef");
    assert_eq!((empty.status, empty.problem().as_str()), (503, "pool-empty"));
    Mint::new().mint_into_pool("pool", 1, &world.redis.url());
    let taken = take("0123456789abcdef");
    assert_eq!(taken.status, 201, "{taken:?}");
    assert_eq!(
        take("0123456789abcdef").body,
        taken.body,
        "a key that has a coin keeps it"
    );
    assert_eq!(take("0123456789abcdeg").problem(), "pool-empty");
    let coin = Coin {
        txt: taken.json()["coin_txt"].as_str().unwrap().to_owned(),
        token: taken.json()["token"].as_str().unwrap().to_owned(),
    };
    world.vote(&coin, &json!({"clean-water": 1}), "wait=30");
    world.settle(&[coin]);
}
