//! The compiled filter in the mock of the proxy: a script of requests and configurations, with any bytes in them. It must not trap, must
//! not use up its fuel, and must decide what the same code decides natively.

use std::cell::RefCell;
use std::env;
use std::fs;
use std::path::PathBuf;

use crate::config::Config;
use crate::gate::Verdict;
use crate::header_map::decode;
use crate::host::worker::Options;
use crate::host::{Effect, Envoy, Fault, HeaderMap, Module, Request};
use crate::pure::{NOW_UNIX_S, decision, good_configuration, lines};

/// The module, unless this variable names another: built by `cargo xtask wasm` beside the test that runs.
const MODULE: &str = "COIN_GATE_WASM";

thread_local! {
    static ENVOY: RefCell<Envoy> = RefCell::new(start());
}

fn start() -> Envoy {
    let beside = || {
        let test = env::current_exe().unwrap();
        test.ancestors()
            .nth(3)
            .unwrap()
            .join("wasm32-unknown-unknown/wasm/coin_gate.wasm")
    };
    let path = env::var_os(MODULE).map_or_else(beside, PathBuf::from);
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask wasm`", path.display()));
    let mut envoy = Envoy::start(&Module::new(&bytes).unwrap(), 1, Options::default()).unwrap();
    envoy.process.lock().now_unix_ns = NOW_UNIX_S * 1_000_000_000;
    envoy.configure(good_configuration().as_bytes()).unwrap();
    envoy
}

/// Runs something with the proxy that all inputs share.
pub fn with_envoy(run: impl FnOnce(&mut Envoy)) {
    ENVOY.with_borrow_mut(run);
}

/// Events, one after each empty line: the first letter says which. `c` a configuration, `m` a header map as it is, any other a request with these lines, whose
/// number of body pieces and trailers follows from that letter.
pub fn compiled(data: &[u8]) {
    with_envoy(|envoy| {
        for event in split(data) {
            let (kind, bytes) = event.split_first().map_or((0, event), |(kind, bytes)| (*kind, bytes));
            match kind {
                b'c' => reconfigure(envoy, bytes),
                b'm' => judge(envoy, bytes.to_vec(), 0),
                kind => judge(envoy, HeaderMap::new(lines(bytes)).marshal(), kind),
            }
            assert_eq!(envoy.workers[0].failure(), None);
        }
    });
}

fn split(data: &[u8]) -> Vec<&[u8]> {
    let mut events = Vec::new();
    let mut rest = data;
    while let Some(at) = rest.windows(2).position(|window| window == b"\n\n") {
        events.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    events.push(rest);
    events
}

/// The proxy brings a configuration; what the module says of it is what the same code says natively. Then the good one is back.
fn reconfigure(envoy: &mut Envoy, bytes: &[u8]) {
    let good = good_configuration();
    let taken = envoy.configure(bytes).is_ok();
    assert_eq!(taken, bytes == good.as_bytes() || Config::parse(bytes).is_ok());
    envoy.configure(good.as_bytes()).unwrap();
}

/// A request whose headers the module sees as these bytes.
fn judge(envoy: &mut Envoy, map: Vec<u8>, kind: u8) {
    let native = decode(&map).map(|pairs| decision(&pairs));
    let expected = match native {
        None => Some("gate-unavailable"),
        Some(Verdict::Refused(refusal)) => Some(refusal.code()),
        Some(_) => None,
    };
    envoy.process.lock().faults.order(Some(Fault {
        call: "proxy_get_header_map_pairs",
        nth: None,
        effect: Effect::Bytes(map),
    }));
    let stream = envoy.workers[0].exchange(&Request {
        headers: HeaderMap::new([(":path", "/")]),
        body: vec![b"x".to_vec(); usize::from(kind % 4)],
        trailers: (kind % 8 >= 4).then(|| HeaderMap::new([("t", "1")])),
    });
    envoy.process.lock().faults.order(None);
    let refused = stream.reply.as_ref().map(|reply| reply.details.as_str());
    assert_eq!(refused, expected, "compiled and native");
    assert_eq!(stream.upstream.is_some(), expected.is_none());
}
