//! Requests that two parsers might read in two ways. For each, through a real Envoy: either the service never sees the request, or it carries exactly one
//! coin that the gate has verified.
//!
//! [`table`] has the requests, byte for byte, each with what must become of it. They run in front of an origin that records every byte, in front of the real
//! API, and in front of the origin again behind an Envoy that is set up as leniently as it can be: there Envoy tidies and passes on what it would refuse
//! otherwise, and the gate alone must hold.

mod frames;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::harness::envoy::{Envoy, bootstrap, replace};
use crate::harness::origin::{Arrived, Origin};
use crate::harness::wait::{SOON, wait_for};
use crate::harness::world::World;

use table::{Case, End, ROWS, cases};

/// What the verdict headers say when they are not the gate's.
const SPOOFED: &str = "spoofed";

/// What the gate says of a coin.
const VERDICTS: [&str; 4] = [
    "x-coin-campaign",
    "x-coin-expires",
    "x-coin-key-version",
    "x-coin-serial",
];

/// Headers that must not reach a service: they replace the method or the path after the gate has looked, or turn the connection into another.
const FORBIDDEN: [&str; 7] = [
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "upgrade",
    "http2-settings",
];

#[test]
fn every_row_of_the_table_has_a_case() {
    let rows: BTreeSet<_> = cases("Coin a", "Coin b").iter().map(|case| case.row).collect();
    assert_eq!(rows, BTreeSet::from(ROWS));
}

#[test]
fn the_origin_sees_what_the_table_says_and_nothing_else() {
    let world = World::start();
    let origin = Origin::start();
    let envoy = Envoy::start_with(&prompt(origin.address));
    let coins = [world.coin().header(), world.coin().header()];
    assert_each(&coins, |case| {
        let before = envoy.gate_metrics();
        send(envoy.address, case)?;
        let arrived = origin.arrived(|| envoy.upstream_closed());
        judge(&coins, &arrived)?;
        let moved = moved(&before, &envoy);
        let expected = counters(case);
        if moved != expected {
            return Err(format!(
                "the gate counted {moved:?}, not {expected:?}; at the origin: {arrived:?}"
            ));
        }
        let refused = case.count(|end| matches!(end, End::Refused(_)));
        let most = case.ends.len() - refused;
        let least = most - case.count(|end| end == End::Cut);
        if !(least..=most).contains(&arrived.len()) {
            return Err(format!("at the origin, and the gate counted {moved:?}: {arrived:?}"));
        }
        Ok(())
    });
    still_works(&envoy, &origin, &coins);
}

#[test]
fn the_api_sees_what_the_table_says_and_counts_one_vote_for_each_coin() {
    let mut world = World::start();
    world.envoy = Envoy::start_with(&prompt(world.api.address));
    let coins = [world.coin().header(), world.coin().header()];
    assert_each(&coins, |case| {
        let before = world.api.requests();
        send(world.envoy.address, case)?;
        let seen = usize::try_from(world.api.requests() - before).unwrap();
        let most = case.count(|end| !matches!(end, End::Refused(_)));
        let least = most - case.count(|end| end == End::Cut);
        if !(least..=most).contains(&seen) {
            return Err(format!("the API saw {seen} requests, not {most}"));
        }
        Ok(())
    });
    assert!(world.api.votes("counted") <= 2, "two coins, and more votes");
}

/// The gate does not rely on what Envoy refuses by default.
#[test]
fn behind_the_most_lenient_envoy_nothing_reaches_the_origin_without_a_verified_coin() {
    let world = World::start();
    let origin = Origin::start();
    let envoy = Envoy::start_with(&lenient(&origin));
    let coins = [world.coin().header(), world.coin().header()];
    assert_each(&coins, |case| {
        send(envoy.address, case)?;
        judge(&coins, &origin.arrived(|| envoy.upstream_closed()))
    });
    still_works(&envoy, &origin, &coins);
}

/// The shipped Envoy, but that it does not wait a second for a refused client to close its connection.
fn prompt(service: SocketAddr) -> String {
    let mut text = bootstrap(service);
    let idle = "stream_idle_timeout: 60s";
    replace(&mut text, idle, &format!("delayed_close_timeout: 0s\n          {idle}"));
    text
}

/// An Envoy that passes on all that it can: upgrades, tunnels, HTTP/1.0, trailers, lengths beside chunks, any number of headers, tidied paths.
fn lenient(origin: &Origin) -> String {
    let mut text = prompt(origin.address);
    for (from, to) in [
        ("normalize_path: false", "normalize_path: true"),
        ("merge_slashes: false", "merge_slashes: true"),
        ("KEEP_UNCHANGED", "UNESCAPE_AND_FORWARD"),
        ("max_request_headers_kb: 16", "max_request_headers_kb: 96"),
        ("max_headers_count: 64", "max_headers_count: 2000"),
        (
            "          http2_protocol_options:\n",
            "          upgrade_configs: [{ upgrade_type: websocket }, { upgrade_type: h2c }, { upgrade_type: CONNECT }]
          http_protocol_options: { accept_http_10: true, allow_chunked_length: true, enable_trailers: true }
          http2_protocol_options:
            allow_connect: true
            override_stream_error_on_invalid_http_message: true\n",
        ),
        (
            "              - match: { prefix: / }\n",
            "              - match: { connect_matcher: {} }
                route: { cluster: api, upgrade_configs: [{ upgrade_type: CONNECT }] }
              - match: { prefix: / }\n",
        ),
    ] {
        replace(&mut text, from, to);
    }
    text
}

/// Runs every case of the table, and fails with all complaints at once.
fn assert_each(coins: &[String; 2], run: impl Fn(&Case) -> Result<(), String>) {
    let complain = |case: &Case| {
        let complaint = run(case).err()?;
        Some(format!("{}: {complaint}", case.name))
    };
    let complaints: Vec<_> = cases(&coins[0], &coins[1]).iter().filter_map(complain).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// Sends a case's bytes as they are and reads until its connection is closed, or each of its streams.
fn send(address: SocketAddr, case: &Case) -> Result<(), String> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    // Who is refused before all is sent finds the connection closed.
    let _ = stream.write_all(&case.bytes);
    let (mut answer, mut chunk) = (Vec::new(), [0; 16384]);
    let streams = frames::streams_ended(&case.bytes).max(1);
    while !frames::is_http2(&case.bytes) || frames::streams_ended(&answer) < streams {
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => answer.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(()),
            Err(error) => return Err(format!("{error} after {}", answer.escape_ascii())),
        }
    }
    Ok(())
}

/// Each request at the origin is one that needs no coin, as the shipped routes have it, or carries exactly one coin, with the gate's verdict on it.
fn judge(coins: &[String; 2], arrived: &[Arrived]) -> Result<(), String> {
    let bad = arrived.iter().find(|request| !may_arrive(coins, request));
    bad.map_or(Ok(()), |request| Err(format!("at the origin: {request:?}")))
}

fn may_arrive(coins: &[String; 2], request: &Arrived) -> bool {
    let names = request.headers.iter().map(|(name, _)| name.replace('_', "-"));
    let path = request.target.split('?').next().unwrap();
    let odd_path = !path.starts_with('/') || path.contains("//") || path.contains(['%', ';', '\\']);
    if odd_path || names.clone().any(|name| FORBIDDEN.contains(&name.as_str())) {
        return false;
    }
    let verdicts: BTreeSet<String> = names.filter(|name| name.starts_with("x-coin-")).collect();
    if matches!(request.method.as_str(), "GET" | "HEAD") || (request.method == "POST" && path == "/v1/coins") {
        return verdicts.is_empty();
    }
    let carried = request.all("authorization");
    let [carried] = carried[..] else { return false };
    let once = |name: &&str| matches!(request.all(name)[..], [value] if value != SPOOFED);
    coins.iter().any(|coin| coin == carried) && verdicts.len() == VERDICTS.len() && VERDICTS.iter().all(once)
}

/// A request that kills the gate is an attack as well: after all of them it lets a good coin through. And no coin is in Envoy's log.
fn still_works(envoy: &Envoy, origin: &Origin, coins: &[String; 2]) {
    // More than there are workers.
    for _ in 0..8 {
        send(envoy.address, &table::good(&coins[0])).unwrap();
        let arrived = origin.arrived(|| envoy.upstream_closed());
        assert_eq!((arrived.len(), judge(coins, &arrived)), (1, Ok(())), "{arrived:?}");
    }
    let marker = &coins[0]["Coin ".len()..][..24];
    send(envoy.address, &table::last()).unwrap();
    let said = wait_for("the last request to be in the log", || match envoy.said() {
        said if said.contains("TRACE") => Ok(said),
        said => Err(said),
    });
    assert!(!said.contains(marker), "a coin in Envoy's log");
}

fn moved(before: &BTreeMap<String, u64>, envoy: &Envoy) -> BTreeMap<String, u64> {
    let moved = envoy.gate_metrics().into_iter().map(|(name, value)| {
        let moved = value - before.get(&name).copied().unwrap_or_default();
        (name, moved)
    });
    moved.filter(|(_, moved)| *moved > 0).collect()
}

/// The gate's counters that a case must move.
fn counters(case: &Case) -> BTreeMap<String, u64> {
    let mut counters = BTreeMap::new();
    for end in case.ends {
        let name = match end {
            End::Passes | End::Cut => "coin_gate_accepted".to_owned(),
            End::Free => "coin_gate_free".to_owned(),
            End::Refused(code) => format!("coin_gate_refused_{}", code.replace('-', "_")),
        };
        *counters.entry(name).or_default() += 1;
    }
    counters
}
