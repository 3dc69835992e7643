//! The public log, as it is served: files that never change, and nothing that no checkpoint covers. What is in them is for auditors to check; that the server
//! refuses to sign another tree is checked here.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::server::{Books, Server};
use crate::harness::mint::Mint;
use crate::harness::process::Process;

#[test]
fn what_is_published_never_changes_and_says_so() {
    let server = Server::start(&[]);
    let coins = Mint::new().coins("coins", 3);
    let answer = server.vote(&coins[0], &json!({"clean-water": 1})).json();
    let files = ["/v1/log/tile/0/000.p/1", "/v1/log/tile/entries/000.p/1"];
    let files = files.into_iter().chain(answer["receipt_location"].as_str());
    let before: Vec<_> = files.clone().map(|file| server.get(file)).collect();
    for coin in &coins[1..] {
        server.vote(coin, &json!({"open-books": 1}));
    }
    for (file, before) in files.zip(before) {
        let after = server.get(file);
        assert_eq!((after.status, &after.body), (200, &before.body), "{file}");
        assert_eq!(
            after.header("cache-control"),
            Some("public, max-age=31536000, immutable"),
            "{file}"
        );
    }
    for file in ["log.json", "checkpoint", "checkpoints"] {
        let file = server.get(&format!("/v1/log/{file}"));
        assert_eq!(file.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn what_no_checkpoint_covers_is_not_published() {
    let server = Server::start(&[]);
    let coins = Mint::new().coins("coins", 2);
    for (coin, size) in coins.iter().zip(1..) {
        server.vote(coin, &json!({"clean-water": 1}));
        for (file, is_there) in [("0/000.p/1", true), ("entries/000.p/1", true), ("0/000.p/2", size == 2)] {
            let file = server.get(&format!("/v1/log/tile/{file}"));
            assert_eq!(file.status, if is_there { 200 } else { 404 }, "{size}");
        }
    }
    for file in [
        "0/000",
        "0/000.p/3",
        "0/000.p/0",
        "0/000.p/256",
        "0/0",
        "0/001",
        "1/000.p/1",
        "64/000",
        "entries/000",
        "entries/x000/000.p/1",
        "entries",
        "../checkpoint",
    ] {
        let file = server.get(&format!("/v1/log/tile/{file}"));
        assert_eq!((file.status, file.problem().as_str()), (404, "not-found"));
    }
    let nobody = server.get(&format!("/v1/votes/{}/receipt", "0".repeat(64)));
    assert_eq!((nobody.status, nobody.problem().as_str()), (404, "vote-unknown"));
}

#[test]
fn checkpoints_are_listed_in_order_from_any_size() {
    let server = Server::start(&[]);
    let coins = Mint::new().coins("coins", 3);
    for coin in &coins {
        server.vote(coin, &json!({"clean-water": 1}));
    }
    let sizes = |from: &str| -> Vec<u64> {
        let list = server.get(&format!("/v1/log/checkpoints{from}")).json();
        assert_eq!(list["next"], Value::Null);
        let notes = list["checkpoints"].as_array().unwrap();
        let size = |note: &Value| note.as_str().unwrap().lines().nth(1).unwrap().parse().unwrap();
        notes.iter().map(size).collect()
    };
    assert_eq!(sizes(""), [0, 1, 2, 3]);
    assert_eq!(sizes("?from=2"), [2, 3]);
    assert_eq!(sizes("?from=4"), [0_u64; 0]);
}

#[test]
fn the_log_says_which_keys_sign_it_and_its_coins() {
    let books = Books::init();
    let server = books.serve(&[]);
    let info = server.get("/v1/log/log.json").json();
    assert_eq!(info["origin"], "hashicoin/hashiconf-2020");
    let keys = info["verifier_keys"].as_array().unwrap();
    assert!(
        keys[0].as_str().unwrap().starts_with("hashicoin/hashiconf-2020+"),
        "{keys:?}"
    );
    assert_eq!(keys.len(), 1);
    let coin_keys: Value = serde_json::from_slice(&fs::read(Mint::keys()).unwrap()).unwrap();
    for (version, key) in info["coin_keys"]["keys"].as_object().unwrap() {
        assert_eq!(
            key["public_key"], coin_keys["data"]["keys"][version]["public_key"],
            "{version}"
        );
    }
    assert_eq!(info["campaign"]["campaign"], "hashiconf-2020");
}

fn beside(books: &Books, suffix: &str) -> PathBuf {
    let mut path = books.ledger().into_os_string();
    path.push(suffix);
    path.into()
}

#[test]
fn a_ledger_that_lost_signed_votes_is_not_served() {
    let server = Server::start(&[]);
    let coins = Mint::new().coins("coins", 2);
    server.vote(&coins[0], &json!({"clean-water": 1}));
    let (_, books) = server.terminate();
    let yesterday = fs::read(books.ledger()).unwrap();
    let server = books.serve(&[]);
    server.vote(&coins[1], &json!({"clean-water": 1}));
    let (_, books) = server.terminate();
    fs::write(books.ledger(), yesterday).unwrap();
    refused(&books, "the log was signed up to 2 entries");
}

#[test]
fn a_log_without_its_key_or_its_memory_is_not_served() {
    let (_, books) = Server::start(&[]).terminate();
    for (suffix, says) in [(".log-key", "log-key"), (".signed", "signed up to 0 entries at least")] {
        let moved = beside(&books, ".moved");
        fs::rename(beside(&books, suffix), &moved).unwrap();
        refused(&books, says);
        fs::rename(&moved, beside(&books, suffix)).unwrap();
    }
    books.serve(&[]);
}

fn refused(books: &Books, says: &str) {
    let ended = Process::start("hashicoin-api", &mut books.command(&[])).ended();
    assert!(matches!(ended.code(), 1 | 2), "{ended:?}");
    assert!(ended.stderr.contains(says), "{ended:?}");
}
