//! The log of issued coins beside a ledger in this process: the pool's coins are in it before they are handed out, and only they count.

use std::fs;
use std::process::Command;

use serde_json::json;

use super::server::Books;
use crate::harness::artifacts::{program, source};
use crate::harness::mint::{Mint, read_coins};
use crate::harness::process::run;

#[test]
fn the_pools_coins_are_logged_and_no_other_coin_counts() {
    let mint = Mint::new();
    let pool = mint.mint_directory("pool", 260);
    let coins = read_coins(&pool);
    let server = Books::init_for(source("examples/campaign.json")).serve_pool(&pool, &[]);
    assert_eq!(server.vote(&coins[0], &json!({"clean-water": 1})).status, 201);
    let outside = &mint.coins("outside", 1)[0];
    let refused = server.vote(outside, &json!({"clean-water": 1}));
    assert_eq!((refused.status, refused.problem().as_str()), (403, "coin-not-issued"));
    // All of it is signed before the first answer.
    let checkpoint = server.get("/v1/issued/checkpoint").text();
    assert!(
        checkpoint.starts_with("hashicoin/hashiconf-2020/issued\n260\n"),
        "{checkpoint}"
    );
    assert_eq!(server.get("/v1/issued/tile/0/000").status, 200);
    assert_eq!(server.get("/v1/issued/tile/entries/001.p/4").status, 200);
    assert_eq!(server.get("/v1/issued/tile/0/001.p/5").status, 404);
    assert_eq!(
        server.get("/v1/issued/checkpoints").json()["checkpoints"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let mut audit = Command::new(program("hashicoin"));
    let ended = run(audit
        .arg("audit")
        .arg(format!("http://{}", server.address))
        .arg("--json"));
    assert_eq!(ended.code(), 0, "{ended:?}");

    // Started again with one coin more, it logs that one.
    for file in fs::read_dir(mint.mint_directory("outside", 1)).unwrap() {
        let file = file.unwrap().path();
        if file.to_string_lossy().ends_with(".coin.txt") {
            fs::copy(&file, pool.join("more.coin.txt")).unwrap();
        }
    }
    let (_, books) = server.terminate();
    let server = books.serve_pool(&pool, &[]);
    assert_eq!(server.vote(outside, &json!({"clean-water": 1})).status, 201);
    assert!(server.get("/v1/issued/checkpoint").text().contains("\n261\n"));
}
