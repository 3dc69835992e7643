//! How much, how many, how long.

use rusqlite::Connection;
use serde_json::json;

use super::openapi;
use super::server::Server;
use crate::harness::http::{read_response, request};
use crate::harness::mint::Mint;

/// The longest body, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

#[test]
fn a_body_may_have_16384_bytes_and_not_one_more() {
    let server = Server::start(&[]);
    let coin = Mint::new().coins("coin", 1).remove(0).header();
    let headers = [("authorization", coin.as_str()), ("content-type", "application/json")];
    let padded = |bytes: usize| format!("{:<bytes$}", r#"{"weights":{"clean-water":1}}"#);
    let answer = server.send("POST", "/v1/votes", &headers, &padded(BODY_BYTES_MAX + 1));
    assert_eq!((answer.status, answer.problem().as_str()), (413, "body-too-large"));

    // In chunks nothing announces the length.
    let body = padded(BODY_BYTES_MAX + 1);
    let headers = [&headers[..], &[("transfer-encoding", "chunked")]].concat();
    let head = request("POST", "/v1/votes", &headers, "");
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let answer = server.send_bytes("POST", "/v1/votes", &[head, chunks.into_bytes()].concat());
    assert_eq!((answer.status, answer.problem().as_str()), (413, "body-too-large"));

    let answer = server.send("POST", "/v1/votes", &headers[..2], &padded(BODY_BYTES_MAX));
    assert_eq!(answer.status, 202);
}

#[test]
fn more_requests_at_once_than_there_is_room_for_are_turned_away() {
    let server = Server::start(&["--max-requests", "1"]);
    let mut slow = server.occupy_a_place();
    for (method, path) in openapi::operations() {
        let answer = server.send(&method, &path, &[], "");
        if matches!(path.as_str(), "/healthz" | "/metrics") {
            assert_eq!(answer.status, 200, "whoever looks after a busy server must see it");
            continue;
        }
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (503, "busy"),
            "{method} {path}"
        );
        assert_eq!(answer.header("retry-after"), Some("1"), "{method} {path}");
    }
    let answer = read_response(&mut slow);
    assert_eq!((answer.status, answer.problem().as_str()), (408, "request-timeout"));
    assert_eq!(server.get("/v1/tally").status, 200, "there is room again");
}

#[test]
fn an_outcome_that_does_not_come_in_time_is_unknown_and_comes_when_asked_again() {
    let server = Server::start(&[]);
    let coin = Mint::new().coins("coin", 1).remove(0);
    let header = coin.header();
    let headers = [
        ("authorization", header.as_str()),
        ("content-type", "application/json"),
        ("prefer", "wait=1"),
    ];
    // Somebody else holds the database, so the writer cannot commit.
    let other = Connection::open(server.books.ledger()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answer = server.send("POST", "/v1/votes", &headers, r#"{"weights":{"clean-water":1}}"#);
    assert_eq!((answer.status, answer.problem().as_str()), (503, "outcome-unknown"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    other.execute_batch("ROLLBACK").unwrap();
    let answer = server.vote(&coin, &json!({"clean-water": 1}));
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(server.tally()["votes"], 1);
}
