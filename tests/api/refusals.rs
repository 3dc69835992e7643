//! Every reason to refuse a request, in the order in which they are looked for, and that nothing is counted when one is found.

use serde_json::{Value, json};

use super::server::Server;
use crate::harness::http::request;
use crate::harness::mint::{Mint, testdata_token};

const JSON: (&str, &str) = ("content-type", "application/json");
const VOTE: &str = r#"{"weights":{"clean-water":1}}"#;

#[test]
fn a_request_without_one_good_coin_is_refused() {
    let server = Server::start(&[]);
    let mint = Mint::new();
    let coin = mint.coins("good", 1).remove(0).header();
    let forged = Mint::stranger().coins("forged", 1).remove(0).header();
    let lower_case = coin.replace("Coin ", "coin ");
    let two = format!("{coin}, {coin}");
    let testdata = |name: &str| format!("Coin {}", testdata_token(name));
    for (name, coins, status, code) in [
        (
            "two header lines",
            vec![coin.clone(), coin.clone()],
            400,
            "coin-duplicate",
        ),
        (
            "a good and a bad line",
            vec![coin.clone(), "Bearer x".to_owned()],
            400,
            "coin-duplicate",
        ),
        ("none", vec![], 401, "coin-missing"),
        ("two in one line", vec![two], 400, "coin-list"),
        (
            "another scheme",
            vec!["Bearer abc".to_owned()],
            401,
            "coin-wrong-scheme",
        ),
        ("a scheme in other letters", vec![lower_case], 401, "coin-wrong-scheme"),
        ("no token", vec!["Coin".to_owned()], 401, "coin-wrong-scheme"),
        (
            "513 bytes",
            vec![format!("Coin {}", "a".repeat(513))],
            400,
            "coin-too-long",
        ),
        (
            "512 bytes",
            vec![format!("Coin {}", "a".repeat(512))],
            400,
            "coin-malformed",
        ),
        ("two parts", vec![testdata("two-parts")], 400, "coin-malformed"),
        ("padding", vec![testdata("padded")], 400, "coin-malformed"),
        ("spare bits", vec![testdata("spare-bits")], 400, "coin-malformed"),
        ("CR LF inside", vec![testdata("crlf")], 400, "coin-payload-malformed"),
        (
            "a field too many",
            vec![testdata("field-added")],
            400,
            "coin-payload-malformed",
        ),
        (
            "a key from the future",
            vec![testdata("key-unknown")],
            403,
            "coin-key-unknown",
        ),
        ("a retired key", vec![testdata("key-retired")], 403, "coin-key-retired"),
        (
            "another campaign",
            vec![testdata("wrong-campaign")],
            403,
            "coin-wrong-campaign",
        ),
        ("yesterday's coin", vec![testdata("expired")], 403, "coin-expired"),
        ("a stranger's signature", vec![forged], 403, "coin-bad-signature"),
    ] {
        let mut headers = vec![JSON];
        headers.extend(coins.iter().map(|coin| ("authorization", coin.as_str())));
        let response = server.send("POST", "/v1/votes", &headers, VOTE);
        assert_eq!((response.status, response.problem().as_str()), (status, code), "{name}");
        assert_eq!(response.header("www-authenticate"), Some("Coin"), "{name}");
        assert_eq!(response.header("cache-control"), Some("no-store"), "{name}");
    }
    assert_eq!(server.tally()["votes"], 0);
}

#[test]
fn a_body_that_is_no_vote_is_refused_and_spends_nothing() {
    let server = Server::start(&[]);
    let coin = Mint::new().coins("coin", 1).remove(0);
    let header = coin.header();
    let deep = format!("{{\"weights\":{}1{}}}", "[".repeat(4000), "]".repeat(4000));
    for (body, status, code) in [
        ("", 400, "vote-malformed"),
        ("{", 400, "vote-malformed"),
        ("null", 400, "vote-malformed"),
        ("[]", 400, "vote-malformed"),
        ("{}", 400, "vote-malformed"),
        (&deep, 400, "vote-malformed"),
        (r#"{"weights":{"clean-water":1}} x"#, 400, "vote-malformed"),
        (r#"{"weights":{"clean-water":1},"more":1}"#, 400, "vote-malformed"),
        (r#"{"Weights":{"clean-water":1}}"#, 400, "vote-malformed"),
        (r#"{"weights":[["clean-water",1]]}"#, 400, "vote-malformed"),
        (r#"{"weights":{}}"#, 400, "vote-malformed"),
        (
            r#"{"weights":{"clean-water":1,"clean-water":1}}"#,
            400,
            "vote-malformed",
        ),
        (
            r#"{"weights":{"clean-water":1,"clean\u002dwater":1}}"#,
            400,
            "vote-malformed",
        ),
        (
            r#"{"weights":{"clean-water":1},"weights":{"open-books":1}}"#,
            400,
            "vote-malformed",
        ),
        (r#"{"weights":{"clean-water":0}}"#, 400, "vote-malformed"),
        (r#"{"weights":{"clean-water":-1}}"#, 400, "vote-malformed"),
        (r#"{"weights":{"clean-water":1.0}}"#, 400, "vote-malformed"),
        (r#"{"weights":{"clean-water":1e2}}"#, 400, "vote-malformed"),
        (r#"{"weights":{"clean-water":1000001}}"#, 400, "vote-malformed"),
        (
            r#"{"weights":{"clean-water":99999999999999999999}}"#,
            400,
            "vote-malformed",
        ),
        (r#"{"weights":{"clean-water":"1"}}"#, 400, "vote-malformed"),
        (r#"{"weights":{"clean-water":null}}"#, 400, "vote-malformed"),
        (
            r#"{"weights":{"clean-water":1,"<script>":1}}"#,
            422,
            "vote-unknown-charity",
        ),
        (r#"{"weights":{"Clean-Water":1}}"#, 422, "vote-unknown-charity"),
    ] {
        let response = server.send("POST", "/v1/votes", &[JSON, ("authorization", &header)], body);
        assert_eq!(
            (response.status, response.problem().as_str()),
            (status, code),
            "{body:.80}"
        );
        assert!(
            !response.text().contains("script"),
            "what was sent is repeated: {}",
            response.text()
        );
    }
    assert_eq!(server.tally()["votes"], 0);
    // All that was the coin's own, and it is as good as new.
    assert_eq!(server.vote(&coin, &json!({"clean-water": 1})).status, 201);
}

#[test]
fn a_body_of_another_type_is_refused() {
    let server = Server::start(&[]);
    let header = Mint::new().coins("coin", 1).remove(0).header();
    for types in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "application/json; charset=utf-8")],
        &[("content-type", "application/problem+json")],
        &[JSON, JSON],
        &[JSON, ("content-encoding", "gzip")],
    ] {
        let headers = [types, &[("authorization", header.as_str())]].concat();
        let response = server.send("POST", "/v1/votes", &headers, VOTE);
        let seen = (response.status, response.problem());
        assert_eq!(seen, (415, "unsupported-media-type".to_owned()), "{types:?}");
    }
    let headers = [("content-type", "Application/JSON"), ("authorization", &header)];
    assert_eq!(
        server.send("POST", "/v1/votes", &headers, VOTE).status,
        202,
        "media types have no case"
    );
}

#[test]
fn an_address_or_a_method_that_is_not_there_is_refused() {
    let server = Server::start(&[]);
    for path in [
        "/v1",
        "/v2/tally",
        "/v1/tally/",
        "/V1/tally",
        "/index.html",
        "/v1/votes/a/b",
        "/%2e%2e/",
    ] {
        let response = server.get(path);
        assert_eq!(
            (response.status, response.problem().as_str()),
            (404, "not-found"),
            "{path}"
        );
    }
    for id in ["0", &"0".repeat(64), &"A".repeat(64), "%ff", "%00"] {
        let response = server.get(&format!("/v1/votes/{id}"));
        assert_eq!(
            (response.status, response.problem().as_str()),
            (404, "vote-unknown"),
            "{id}"
        );
    }
    for (method, path, allowed) in [
        ("DELETE", "/v1/tally", "GET,HEAD"),
        ("GET", "/v1/votes", "POST"),
        ("GET", "/v1/coins", "POST"),
        ("PUT", "/v1/votes/0", "GET,HEAD"),
        ("POST", "/healthz", "GET,HEAD"),
        ("POST", "/metrics", "GET,HEAD"),
        ("OPTIONS", "/v1/votes", "POST"),
        ("PROPFIND", "/", "GET,HEAD"),
    ] {
        let response = server.send(method, path, &[], "");
        assert_eq!(
            (response.status, response.problem().as_str()),
            (405, "method-not-allowed"),
            "{method} {path}"
        );
        assert_eq!(response.header("allow"), Some(allowed), "{method} {path}");
    }
}

#[test]
fn what_a_proxy_may_have_said_about_the_coin_is_not_believed() {
    let server = Server::start(&[]);
    let headers = [
        JSON,
        ("x-coin-serial", "0198c0de-0000-8000-8000-000000000001"),
        ("x-coin-campaign", "hashiconf-2020"),
        ("x-coin-key-version", "2"),
        ("x-coin-expires", "2030-01-01T00:00:00Z"),
    ];
    let response = server.send("POST", "/v1/votes", &headers, VOTE);
    assert_eq!(response.problem(), "coin-missing");
    let forged = Mint::stranger().coins("forged", 1).remove(0).header();
    let headers = [&headers[..], &[("authorization", &forged)]].concat();
    let response = server.send("POST", "/v1/votes", &headers, VOTE);
    assert_eq!(response.problem(), "coin-bad-signature");
}

#[test]
fn bytes_that_are_no_http_do_not_disturb() {
    let server = Server::start(&[]);
    for bytes in [
        &b"\x00\x01\x02\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: a\r\n\r\n",
    ] {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(crate::harness::wait::SOON)).unwrap();
        stream.write_all(bytes).unwrap();
        // Whatever the answer, the connection ends; the server may have ended it already.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    // Two lengths that differ are how a request is smuggled past a proxy.
    let smuggled = request("POST", "/v1/votes", &[("content-length", "4")], VOTE);
    let response = crate::harness::http::exchange(server.address, &smuggled);
    assert_eq!(response.status, 400);
    assert_eq!(server.get("/v1/tally").json()["votes"], Value::from(0));
}
