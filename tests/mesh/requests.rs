//! What a client sees of the mesh: through the gateway, to the gate, to the API.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::world::Mesh;
use crate::harness::http::{exchange, get, read_head, request};
use crate::harness::wait::SOON;

/// Envoy ends a request after 15 s where nobody says otherwise.
const ENVOYS_TIMEOUT: Duration = Duration::from_secs(15);

const VOTE: &str = r#"{"weights":{"clean-water":1}}"#;

fn vote(target: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let headers = [&[("content-type", "application/json")], headers].concat();
    request("POST", target, &headers, VOTE)
}

#[test]
fn what_must_be_refused_is_refused_and_the_api_sees_nothing() {
    let mesh = Mesh::start();
    let good = mesh.coin("refused");
    // One letter of the signature is another one.
    let mut forged = good.clone().into_bytes();
    let last = forged.len() - 10;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    let before = mesh.api_requests();
    for (name, bytes, status, counter) in [
        (
            "a forged coin",
            vote("/v1/votes", &[("authorization", &forged)]),
            403,
            "coin_bad_signature",
        ),
        ("no coin", vote("/v1/votes", &[]), 401, "coin_missing"),
        ("two slashes, no coin", vote("//v1/votes", &[]), 401, "coin_missing"),
        ("a dot, no coin", vote("/v1/./votes", &[]), 401, "coin_missing"),
        (
            "up and down, no coin",
            vote("/v1/coins/../votes", &[]),
            401,
            "coin_missing",
        ),
        (
            "an escaped letter, no coin",
            vote("/v1/vote%73", &[]),
            401,
            "coin_missing",
        ),
        (
            "a semicolon",
            vote("/v1/votes;x", &[("authorization", &good)]),
            400,
            "path_not_canonical",
        ),
        (
            "a coin in the address",
            vote(&format!("/v1/votes?coin={}", &good[5..]), &[]),
            400,
            "coin_second_carrier",
        ),
        // These two end at the sidecar's door, before the gate.
        (
            "an escaped slash",
            vote("/v1%2fvotes", &[("authorization", &good)]),
            400,
            "",
        ),
        (
            "an underscore",
            vote("/v1/votes", &[("authorization", &good), ("x_coin", "1")]),
            400,
            "",
        ),
    ] {
        let counted = mesh.gate_metrics();
        let answer = exchange(mesh.front, &bytes);
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        let moved: Vec<String> = mesh
            .gate_metrics()
            .into_iter()
            .filter(|(metric, value)| counted[metric] != *value)
            .map(|(metric, _)| metric)
            .collect();
        let expected = if counter.is_empty() {
            Vec::new()
        } else {
            vec![format!("coin_gate_refused_{counter}")]
        };
        assert_eq!(moved, expected, "{name}");
        assert_eq!(mesh.api_requests(), before, "{name}");
    }
    // Nothing was wrong with the coin.
    assert_eq!(mesh.vote(&good, VOTE).status, 201);
}

#[test]
fn a_stream_outlives_the_meshs_timeout() {
    let mesh = Mesh::start();
    let coin = mesh.coin("stream");
    let mut stream = TcpStream::connect(mesh.front).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
        .write_all(b"GET /v1/tally/stream HTTP/1.1\r\nhost: hashicoin.test\r\n\r\n")
        .unwrap();
    let started = Instant::now();
    let mut stream = BufReader::new(stream);
    assert_eq!(read_head(&mut stream).0, 200);
    let mut next = |beginning: &str| {
        loop {
            let mut line = String::new();
            assert!(
                stream.read_line(&mut line).unwrap() > 0,
                "ended after {:?}",
                started.elapsed()
            );
            if line.starts_with(beginning) {
                return line;
            }
        }
    };
    next("data:");
    // Two heartbeats, 15 s apart: by the second one no timeout can be about to strike.
    next(":");
    next(":");
    assert!(started.elapsed() > ENVOYS_TIMEOUT + Duration::from_secs(5));
    assert_eq!(mesh.vote(&coin, VOTE).status, 201);
    let votes = get(mesh.front, "/v1/tally").json()["votes"].to_string();
    assert!(next("data:").contains(&format!("\"votes\":{votes}")));
}
