//! Health and metrics.

use rusqlite::Connection;
use serde_json::json;

use super::server::{Books, Server};
use crate::harness::metrics::sum;
use crate::harness::mint::Mint;

#[test]
fn health_names_the_dependency_that_fails() {
    let server = Books::init().serve_pool(&Mint::new().mint_directory("pool", 1), &[]);
    let well = server.get("/healthz");
    let all_ok = json!({"status": "ok", "dependencies": {"ledger": "ok", "pool": "ok"}});
    assert_eq!((well.status, well.json()), (200, all_ok));

    damage(&server.books.pool(), "coins");
    let ill = server.get("/healthz");
    let pool_failing = json!({"status": "failing", "dependencies": {"ledger": "ok", "pool": "failing"}});
    assert_eq!((ill.status, ill.json()), (503, pool_failing));
    let refused = server.take_coin("0123456789abcdef");
    assert_eq!((refused.status, refused.problem().as_str()), (500, "internal-error"));

    damage(&server.books.ledger(), "votes");
    let ill = server.get("/healthz");
    let both_failing = json!({"status": "failing", "dependencies": {"ledger": "failing", "pool": "failing"}});
    assert_eq!((ill.status, ill.json()), (503, both_failing));
    let refused = server.get(&format!("/v1/votes/{}", "0".repeat(64)));
    assert_eq!((refused.status, refused.problem().as_str()), (500, "internal-error"));
    // The reason is for the operator alone.
    assert!(!refused.text().contains("table"), "{}", refused.text());
    let (ended, _) = server.terminate();
    assert!(ended.stderr.contains("no such table"), "{}", ended.stderr);
}

#[test]
fn every_request_is_counted_once_by_its_route_and_status() {
    let server = Books::init().serve_pool(&Mint::new().mint_directory("pool", 3), &[]);
    let coins = Mint::new().coins("coins", 2);
    let requests = |labels: &[&str]| sum(&server.get("/metrics").text(), "hashicoin_api_requests_total", labels);
    assert_eq!(requests(&[]), 0);
    server.get("/healthz");
    server.get("/v1/tally");
    server.get("/v1/tally?x=1");
    server.send("HEAD", "/v1/tally", &[], "");
    server.send("DELETE", "/v1/tally", &[], "");
    server.send("PROPFIND", "/v1/tally", &[], "");
    server.get("/nowhere");
    server.get("/v1/votes/0");
    server.take_coin("0123456789abcdef");
    server.vote(&coins[0], &json!({"clean-water": 1}));
    server.vote(&coins[0], &json!({"clean-water": 1}));
    server.vote(&coins[0], &json!({"open-books": 1}));
    server.vote(&Mint::stranger().coins("forged", 1)[0], &json!({"open-books": 1}));
    for (labels, expected) in [
        (&[r#"method="GET""#, r#"route="/v1/tally""#, r#"status="200""#][..], 2),
        (&[r#"method="HEAD""#, r#"route="/v1/tally""#, r#"status="200""#], 1),
        (&[r#"method="DELETE""#, r#"route="/v1/tally""#, r#"status="405""#], 1),
        (&[r#"method="other""#, r#"route="/v1/tally""#, r#"status="405""#], 1),
        (&[r#"method="GET""#, r#"route="unmatched""#, r#"status="404""#], 1),
        (&[r#"method="GET""#, r#"route="/v1/votes/{id}""#, r#"status="404""#], 1),
        (&[r#"method="POST""#, r#"route="/v1/coins""#, r#"status="201""#], 1),
        (&[r#"method="POST""#, r#"route="/v1/votes""#, r#"status="201""#], 2),
        (&[r#"method="POST""#, r#"route="/v1/votes""#, r#"status="409""#], 1),
        (&[r#"method="POST""#, r#"route="/v1/votes""#, r#"status="403""#], 1),
        (&[], 12),
    ] {
        assert_eq!(requests(labels), expected, "{labels:?}");
    }
    let text = server.get("/metrics").text();
    for (name, label, expected) in [
        ("hashicoin_votes_total", r#"outcome="counted""#, 1),
        ("hashicoin_votes_total", r#"outcome="repeated""#, 1),
        ("hashicoin_votes_total", r#"outcome="spent""#, 1),
        ("hashicoin_votes_total", r#"outcome="refused""#, 1),
        ("hashicoin_pool_coins", r#"state="available""#, 2),
        ("hashicoin_pool_coins", r#"state="handed_out""#, 1),
        ("hashicoin_ledger_units", r#"charity="clean-water""#, 1_000_000),
        ("hashicoin_ledger_units", r#"charity="open-books""#, 0),
    ] {
        assert_eq!(sum(&text, name, &[label]), expected, "{name} {label}");
    }
    assert_eq!(sum(&text, "hashicoin_ledger_votes", &[]), 1);
    assert_eq!(sum(&text, "hashicoin_ledger_open", &[]), 1);
}

#[test]
fn outcomes_are_there_before_the_first_vote() {
    let server = Server::start(&[]);
    let text = server.get("/metrics").text();
    for outcome in ["counted", "repeated", "spent", "refused"] {
        assert!(
            text.contains(&format!("hashicoin_votes_total{{outcome=\"{outcome}\"}} 0\n")),
            "{text}"
        );
    }
}

/// Takes a table out from under the server.
fn damage(database: &std::path::Path, table: &str) {
    let connection = Connection::open(database).unwrap();
    connection.execute_batch(&format!("DROP TABLE {table}")).unwrap();
}
