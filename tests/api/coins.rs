//! Coins handed out of the pool: each once, to nobody in particular, no faster than the quota.

use std::collections::BTreeSet;
use std::fs;
use std::thread;

use serde_json::json;

use super::server::{Books, Server};
use crate::harness::mint::{Coin, Mint, read_coins};

/// Coins in a pool: so many that a shuffle which leaves them in order is no accident.
const POOL: usize = 24;
/// A quota that is never reached here.
const NO_QUOTA: [&str; 2] = ["--coins-per-minute", "1000000"];

#[test]
fn each_coin_leaves_once_in_no_order_and_then_the_pool_is_empty() {
    let mint = Mint::new();
    let directory = mint.mint_directory("pool", POOL);
    let server = Books::init().serve_pool(&directory, &NO_QUOTA);
    let taken: Vec<Coin> = (0..POOL).map(|number| coin(&server, &key(number))).collect();
    let minted = read_coins(&directory);
    let tokens = |coins: &[Coin]| coins.iter().map(|coin| coin.token.clone()).collect::<Vec<_>>();
    assert_ne!(tokens(&taken), tokens(&minted), "the order of minting");
    assert_eq!(
        BTreeSet::from_iter(tokens(&taken)),
        BTreeSet::from_iter(tokens(&minted))
    );
    assert_eq!(
        taken[0].txt,
        minted.iter().find(|coin| coin.token == taken[0].token).unwrap().txt
    );

    let late = server.take_coin(&key(POOL));
    assert_eq!((late.status, late.problem().as_str()), (503, "pool-empty"));
    assert_eq!(
        coin(&server, &key(3)).token,
        taken[3].token,
        "a key that has a coin keeps it"
    );

    // A handed-out coin votes.
    assert_eq!(server.vote(&taken[0], &json!({"clean-water": 1})).status, 201);

    // None of it is forgotten, and taking the directory in again brings no coin back.
    let server = server.kill().serve_pool(&directory, &NO_QUOTA);
    assert_eq!(coin(&server, &key(5)).token, taken[5].token);
    assert_eq!(server.take_coin(&key(POOL)).problem(), "pool-empty");

    // More coins, more to take.
    mint.mint_directory("more", 1);
    let more = directory.with_file_name("more");
    let server = server.kill().serve_pool(&more, &NO_QUOTA);
    assert_eq!(coin(&server, &key(POOL)).token, read_coins(&more)[0].token);
}

#[test]
fn one_key_gets_one_coin_however_often_it_asks() {
    let server = Books::init().serve_pool(&Mint::new().mint_directory("pool", POOL), &NO_QUOTA);
    let tokens: BTreeSet<String> = thread::scope(|scope| {
        let asks: Vec<_> = (0..16)
            .map(|number| {
                scope.spawn({
                    let server = &server;
                    move || coin(server, &key(number % 2)).token
                })
            })
            .collect();
        asks.into_iter().map(|ask| ask.join().unwrap()).collect()
    });
    assert_eq!(tokens.len(), 2);
}

#[test]
fn nothing_says_who_got_a_coin() {
    let server = Books::init().serve_pool(&Mint::new().mint_directory("pool", 2), &NO_QUOTA);
    let key = "alice-at-example-com";
    coin(&server, key);
    let (ended, books) = server.terminate();
    assert!(!ended.stderr.contains(key), "{}", ended.stderr);
    for entry in fs::read_dir(books.pool().parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        assert!(
            !bytes.windows(key.len()).any(|window| window == key.as_bytes()),
            "{}",
            path.display()
        );
    }
}

#[test]
fn the_quota_bounds_new_coins_and_no_others() {
    let server = Books::init().serve_pool(&Mint::new().mint_directory("pool", 4), &["--coins-per-minute", "2"]);
    let first = coin(&server, &key(0));
    coin(&server, &key(1));
    let refused = server.take_coin(&key(2));
    assert_eq!((refused.status, refused.problem().as_str()), (429, "quota-exceeded"));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    assert_eq!(coin(&server, &key(0)).token, first.token);
}

#[test]
fn a_request_for_a_coin_needs_one_key() {
    let server = Books::init().serve_pool(&Mint::new().mint_directory("pool", 1), &NO_QUOTA);
    let key = key(0);
    let header = ("idempotency-key", key.as_str());
    for headers in [
        &[][..],
        &[("idempotency-key", "short")],
        &[("idempotency-key", "with spaces in between")],
        &[header, header],
    ] {
        let refused = server.send("POST", "/v1/coins", headers, "");
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (400, "idempotency-key-missing"),
            "{headers:?}"
        );
    }
    assert_eq!(server.take_coin(&key).status, 201);
}

#[test]
fn without_a_pool_coins_are_switched_off() {
    let server = Server::start(&[]);
    let refused = server.take_coin(&key(0));
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (403, "coins-switched-off")
    );
    assert_eq!(server.get("/healthz").json()["dependencies"], json!({"ledger": "ok"}));
}

fn coin(server: &Server, key: &str) -> Coin {
    let answer = server.take_coin(key);
    assert_eq!(answer.status, 201, "{answer:?}");
    let json = answer.json();
    let member = |name: &str| json[name].as_str().unwrap().to_owned();
    Coin {
        txt: member("coin_txt"),
        token: member("token"),
    }
}

fn key(number: usize) -> String {
    format!("test-key-{number:08}")
}
