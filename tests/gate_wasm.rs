//! The compiled filter, byte for byte what ships, in the mock of the proxy.
//!
//! The decisions are tested natively and far faster in the filter's own package; here it is about what only the compiled module can show: that it decides
//! the same, that no answer of the proxy makes it trap or let something through, and what it leaves behind.

mod capabilities;
mod configuration;
mod decisions;
mod faults;
mod logs;
mod resources;
mod streams;
mod surface;

use std::fs;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::harness::artifacts;
use crate::host::worker::Options;
use crate::host::{Envoy, HeaderMap, Module, Request, Stream};

/// The first second of 2026: after the coins of the test data were made, before they expire.
const NOW_UNIX_S: u64 = 1_767_225_600;

/// What the refusal is called when the filter itself could not do its work.
const UNAVAILABLE: &str = "gate-unavailable";

/// The compiled filter.
fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| Module::new(&fs::read(artifacts::gate()).unwrap()).unwrap())
}

/// A proxy with one worker that has no configuration yet.
fn envoy() -> Envoy {
    envoy_with(1, Options::default())
}

fn envoy_with(workers: usize, options: Options) -> Envoy {
    let envoy = Envoy::start(module(), workers, options).unwrap();
    envoy.process.lock().now_unix_ns = NOW_UNIX_S * 1_000_000_000;
    envoy
}

/// A proxy with one worker and the configuration that ships, in this mode.
fn envoy_in(mode: &str) -> Envoy {
    let mut envoy = envoy();
    configure(&mut envoy, &configuration(mode));
    envoy
}

fn configure(envoy: &mut Envoy, configuration: &Value) {
    envoy.configure(configuration.to_string().as_bytes()).unwrap();
}

/// The route table that ships, and the keys of the coin's test data.
fn configuration(mode: &str) -> Value {
    json!({
        "mode": mode,
        "campaign": "hashiconf-2020",
        "keys": keys(),
        "routes": [
            { "methods": ["GET", "HEAD"], "prefix": "/", "coin": "none" },
            { "methods": ["POST"], "path": "/v1/coins", "coin": "none" },
        ],
    })
}

fn keys() -> Value {
    serde_json::from_str(&source("crates/coin/testdata/keys.json")).unwrap()
}

/// A token of the coin's test data.
fn token(name: &str) -> String {
    let file = source(&format!("crates/coin/testdata/tokens/{name}.txt"));
    let (_, token) = file.split_once("\n\n").unwrap();
    token.strip_suffix('\n').unwrap_or(token).to_owned()
}

fn source(path: &str) -> String {
    let path = artifacts::root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A request without a body.
fn request(lines: &[(&str, &str)]) -> Request {
    Request {
        headers: HeaderMap::new(lines.iter().copied()),
        ..Request::default()
    }
}

/// A vote with this token of the test data.
fn vote(token_name: &str) -> Request {
    let coin = format!("Coin {}", token(token_name));
    request(&[(":method", "POST"), (":path", "/v1/votes"), ("authorization", &coin)])
}

/// A vote without a coin.
fn vote_without_coin() -> Request {
    request(&[(":method", "POST"), (":path", "/v1/votes")])
}

/// Something that needs no coin.
fn free() -> Request {
    request(&[(":method", "GET"), (":path", "/v1/tally")])
}

/// The reason with which a request was refused, if it was; checks that the refusal is one: nothing reached the service, and the client has exactly one
/// answer, a problem document whose parts agree.
fn refusal(stream: &Stream) -> Option<String> {
    let reply = stream.reply.as_ref()?;
    assert_eq!(stream.upstream, None, "refused, and with the service all the same");
    assert!(stream.answered, "the client waits for its refusal");
    assert_eq!(stream.replies_too_many, 0);
    let problem: Value = serde_json::from_slice(&reply.body).unwrap_or_else(|error| panic!("{error}: {reply:?}"));
    let code = problem["type"].as_str().unwrap().strip_prefix("/problems/").unwrap();
    assert_eq!(code, reply.details);
    assert_eq!(problem["status"], reply.status);
    assert!(problem["title"].is_string() && problem["detail"].is_string());
    assert_eq!(problem.as_object().unwrap().len(), 4, "{problem}");
    let mut headers = vec![
        ("content-type", "application/problem+json"),
        ("cache-control", "no-store"),
        ("www-authenticate", "Coin"),
    ];
    if code == UNAVAILABLE {
        headers.push(("retry-after", "1"));
    }
    assert_eq!(reply.headers, HeaderMap::new(headers));
    assert_eq!((reply.status, reply.grpc_status), statuses(code), "{code}");
    Some(code.to_owned())
}

/// The HTTP and the gRPC status of a refusal.
fn statuses(code: &str) -> (u32, Option<u32>) {
    match code {
        "coin-missing" | "coin-wrong-scheme" => (401, Some(16)),
        "coin-key-unknown" | "coin-key-retired" | "coin-wrong-campaign" | "coin-expired" | "coin-bad-signature" => {
            (403, Some(7))
        }
        UNAVAILABLE => (503, Some(14)),
        _ => (400, Some(3)),
    }
}

/// The headers with which a request reached the service.
fn upstream(stream: &Stream) -> &HeaderMap {
    let (headers, _) = stream.upstream.as_ref().expect("a request that reached the service");
    headers
}
