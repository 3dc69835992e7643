//! The memory of a real Envoy with the gate, over a million requests: what it has after the first hundred thousand it has at the end. The thousand changes of the
//! configuration are in `change`.
//!
//! Envoy answers in the service's place here, and the access log goes nowhere: both would be most of the time.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use crate::capabilities::list_without;
use crate::harness::envoy::{Envoy, bootstrap, replace, restrict};
use crate::harness::mint::testdata_token;

/// Requests before the memory is looked at, and altogether.
const FIRST: usize = 100_000;
const ALL: usize = 1_000_000;
/// What Envoy's memory may differ by then, in KiB: the noise of its allocator and of V8. Eight bytes that stay of each request are 7 MiB.
const NOISE_KIB: u64 = 6 * 1024;

/// Threads that send, and connections of each: one request on every connection, then the answers, so that neither side waits for the other. On one connection
/// Envoy does not take more than a few requests before it has written the answers.
const THREADS: usize = 2;
const CONNECTIONS: usize = 16;

/// A request without a body, and the status that it gets.
struct Kind {
    request: String,
    status: u16,
}

/// One for each way through the gate that keeps the connection: free, accepted, refused before and after the signature is looked at, with something to strip.
fn kinds() -> Vec<Kind> {
    let kind = |method: &str, path: &str, headers: &[&str], status| Kind {
        request: format!(
            "{method} {path} HTTP/1.1\r\nhost: hashicoin.test\r\n{}\r\n",
            headers.iter().map(|line| format!("{line}\r\n")).collect::<String>()
        ),
        status,
    };
    let coin = |name: &str| format!("authorization: Coin {}", testdata_token(name));
    vec![
        kind("GET", "/v1/tally", &[], 200),
        kind(
            "GET",
            "/v1/tally?a=b",
            &["x-coin-role: admin", "x_original_url: /"],
            200,
        ),
        kind("POST", "/v1/votes", &[&coin("good")], 200),
        kind(
            "POST",
            "/v1/votes",
            &[&coin("good-newest-key"), "x-coin-serial: 1"],
            200,
        ),
        kind("POST", "/v1/votes", &[], 401),
        kind("POST", "/v1/votes", &[&coin("expired")], 403),
        kind("POST", "/v1/votes", &[&coin("wrong-campaign")], 403),
        kind("POST", "/v1/votes", &[&coin("key-unknown")], 403),
        kind("POST", "/v1/votes", &[&coin("stranger")], 403),
    ]
}

#[test]
fn a_million_requests_leave_no_memory_behind() {
    let envoy = Envoy::start_with(&answering_itself());
    let (before, after) = memory_kib_over(&envoy, &kinds(), ALL);
    println!("Envoy had {before} KiB, then {after} KiB");
    assert!(after < before + NOISE_KIB, "{before} KiB, then {after} KiB");
}

/// What the limit is worth: without one callback, the gate never hears that a request is over and keeps some forty bytes of each; half as many requests are enough to see it.
#[test]
fn forty_bytes_of_each_request_are_noticed() {
    let mut text = answering_itself();
    restrict(&mut text, &list_without(Some("proxy_on_delete")));
    let envoy = Envoy::start_with(&text);
    let mut cheapest = kinds();
    cheapest.truncate(1);
    let (before, after) = memory_kib_over(&envoy, &cheapest, ALL / 2);
    println!("Envoy had {before} KiB, then {after} KiB");
    assert!(after >= before + NOISE_KIB, "{before} KiB, then {after} KiB");
}

/// The shipped bootstrap, in which Envoy answers what the gate lets through, and writes no log.
fn answering_itself() -> String {
    let mut text = bootstrap(SocketAddr::from(([127, 0, 0, 1], 9)));
    replace(
        &mut text,
        "route: { cluster: api, timeout: 35s }",
        "direct_response: { status: 200 }",
    );
    replace(&mut text, "envoy.access_loggers.stdout", "envoy.access_loggers.file");
    replace(
        &mut text,
        "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog\n",
        "envoy.extensions.access_loggers.file.v3.FileAccessLog\n              path: /dev/null\n",
    );
    text
}

/// Envoy's memory after the first requests and after all of them.
fn memory_kib_over(envoy: &Envoy, kinds: &[Kind], all: usize) -> (u64, u64) {
    send(envoy.address, kinds, FIRST);
    let before = envoy.memory_kib();
    send(envoy.address, kinds, all - FIRST);
    (before, envoy.memory_kib())
}

/// Sends at least so many requests, each kind as often as any other.
fn send(address: SocketAddr, kinds: &[Kind], requests: usize) {
    let rounds = requests.div_ceil(THREADS * CONNECTIONS * kinds.len());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut streams: Vec<_> = (0..CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect();
                for kind in (0..rounds).flat_map(|_| kinds) {
                    for stream in &mut streams {
                        stream.write_all(kind.request.as_bytes()).unwrap();
                    }
                    for stream in &mut streams {
                        let answer = answer(stream);
                        let expected = format!("HTTP/1.1 {} ", kind.status);
                        let right = answer.starts_with(expected.as_bytes());
                        assert!(right, "{}: {}", kind.request, answer.escape_ascii());
                    }
                }
            });
        }
    });
}

/// One whole answer, as it came.
fn answer(stream: &mut TcpStream) -> Vec<u8> {
    let (mut answer, mut chunk) = (Vec::new(), [0; 2048]);
    while length(&answer) != Some(answer.len()) {
        let size = stream.read(&mut chunk).unwrap();
        assert!(size > 0, "closed; so far {}", answer.escape_ascii());
        answer.extend_from_slice(&chunk[..size]);
    }
    answer
}

/// The length of an answer, once its head is there.
fn length(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).unwrap();
    let body = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    Some(head + body.map_or(0, |length| length.parse::<usize>().unwrap()))
}
