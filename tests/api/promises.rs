//! openapi.json promises nothing that is not kept: each of its answers is seen here at least once.

use std::collections::BTreeSet;

use rusqlite::Connection;
use serde_json::json;

use super::events::Events;
use super::openapi::{self, Promise};
use super::server::{Books, Server};
use crate::harness::artifacts::source;
use crate::harness::http::read_response;
use crate::harness::mint::{Mint, testdata_token};

#[test]
fn every_answer_in_openapi_json_is_given() {
    let mint = Mint::new();
    let pool = mint.mint_directory("pool", 2);
    let mut kept: BTreeSet<Promise> = BTreeSet::new();

    let server = Books::init().serve_pool(&pool, &["--coins-per-minute", "1"]);
    each_answer_of_a_healthy_server(&server, &mint);
    kept.extend(server.kept());

    let pool = mint.mint_directory("logged", 257);
    let server = Books::init_for(source("examples/campaign.json")).serve_pool(&pool, &[]);
    for file in ["checkpoint", "checkpoints", "tile/0/000", "tile/0/001.p/1"] {
        server.get(&format!("/v1/issued/{file}"));
    }
    kept.extend(server.kept());

    let server = Server::start(&["--max-requests", "1"]);
    server.take_coin("0123456789abcdef");
    each_answer_of_a_busy_server(&server);
    kept.extend(server.kept());

    let server = Server::start(&[]);
    let ledger = Connection::open(server.books.ledger()).unwrap();
    ledger.execute_batch("DROP TABLE votes").unwrap();
    server.get("/healthz");
    kept.extend(server.kept());

    let broken: Vec<Promise> = openapi::promises().difference(&kept).cloned().collect();
    assert!(
        broken.is_empty(),
        "openapi.json promises what no request here got: {broken:?}"
    );
}

fn each_answer_of_a_healthy_server(server: &Server, mint: &Mint) {
    for (method, path) in openapi::operations() {
        if path == "/v1/tally/stream" {
            server.keep("GET", &path, &Events::ask(server.address).0);
        } else {
            server.send(&method, &path, &[], "");
        }
        // Too long, were it ever sent.
        server.send(&method, &path, &[("content-length", "16385")], "");
    }
    for path in ["/", "/app.js", "/style.css"] {
        let etag = server.get(path).header("etag").unwrap().to_owned();
        server.send("GET", path, &[("if-none-match", &etag)], "");
    }
    server.get("/problems/none-such");
    server.take_coin("0123456789abcdef");
    server.take_coin("0123456789abcdeg");

    let coin = mint.coins("coin", 1).remove(0);
    let answer = server.vote(&coin, &json!({"clean-water": 1}));
    server.get(answer.header("location").unwrap());
    server.get(answer.json()["receipt_location"].as_str().unwrap());
    for coin in mint.coins("tile", 255) {
        server.queue_vote(&coin, &json!({"clean-water": 1}));
    }
    server.wait_for_checkpoint(256);
    server.get("/v1/log/tile/0/000");
    server.get("/v1/log/tile/0/000.p/1");
    server.get("/v1/log/checkpoints?from=x");
    server.vote(&coin, &json!({"open-books": 1}));
    server.vote(&coin, &json!({"nobody": 1}));
    server.vote(&coin, &json!({}));
    let coin = coin.header();
    let expired = format!("Coin {}", testdata_token("expired"));
    for (coin, content_type) in [
        (&coin, "application/json"),
        (&coin, "text/plain"),
        (&expired, "application/json"),
    ] {
        let headers = [("authorization", coin.as_str()), ("content-type", content_type)];
        server.send("POST", "/v1/votes", &headers, r#"{"weights":{"clean-water":1}}"#);
    }
}

fn each_answer_of_a_busy_server(server: &Server) {
    let mut slow = server.occupy_a_place();
    for (method, path) in openapi::operations() {
        server.send(&method, &path, &[], "");
    }
    server.keep("POST", "/v1/votes", &read_response(&mut slow));
}

#[test]
fn every_problem_has_a_page() {
    let server = Server::start(&[]);
    let codes = std::fs::read_to_string(crate::harness::artifacts::source("crates/api/src/problem/kind.rs")).unwrap()
        + &std::fs::read_to_string(crate::harness::artifacts::source("crates/coin/src/refusal.rs")).unwrap();
    // A code stands on a line of its own in both tables.
    let codes: BTreeSet<&str> = codes
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","))
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
        .collect();
    assert_eq!(codes.len(), 36, "{codes:?}");
    for code in codes {
        let page = server.get(&format!("/problems/{code}"));
        assert_eq!(page.status, 200, "{code}");
        assert!(page.text().contains(&format!("<code>{code}</code>")), "{}", page.text());
        assert!(
            !page.text().contains("<token>"),
            "what looks like an element is text: {}",
            page.text()
        );
    }
}
