//! What a client sees through a real Envoy with the compiled gate, and what the real API sees of it.
//!
//! For each request: the status, the problem's type, the one counter that moved, and that the API saw nothing of what was refused. Two witnesses
//! say the last, Envoy's count of requests sent on and the API's count of requests received.

mod capabilities;
mod cases;
mod change;
mod configuration;
mod fail_closed;
mod http2;
mod memory;
mod outside;
mod smuggling;
mod tokens;

use std::collections::BTreeMap;

use crate::harness::http::Response;
use crate::harness::world::World;

/// What was counted anywhere, before or after a request.
struct Counts {
    gate: BTreeMap<String, u64>,
    upstream: u64,
    api: u64,
}

impl Counts {
    fn of(world: &World) -> Counts {
        Counts {
            gate: world.envoy.gate_metrics(),
            upstream: world.envoy.upstream_requests(),
            api: world.api.requests(),
        }
    }

    /// What moved since, and by how much.
    fn moved(&self, later: &Counts) -> BTreeMap<String, u64> {
        let gate = later.gate.iter().map(|(name, value)| {
            let before = self.gate.get(name).copied().unwrap_or_default();
            (name.clone(), value.abs_diff(before))
        });
        let others = [
            ("sent to the API".to_owned(), later.upstream - self.upstream),
            ("seen by the API".to_owned(), later.api - self.api),
        ];
        gate.chain(others).filter(|(_, moved)| *moved > 0).collect()
    }
}

/// Sends a request that the gate must refuse: checks the answer, the counter, and that the API saw nothing.
fn assert_refused(name: &str, world: &World, status: u16, problem: &str, send: impl FnOnce() -> Response) {
    let before = Counts::of(world);
    let response = send();
    assert_eq!(
        (response.status, response.problem().as_str()),
        (status, problem),
        "{name}: {response:?}"
    );
    assert_eq!(response.header("www-authenticate"), Some("Coin"), "{name}");
    assert_eq!(response.header("cache-control"), Some("no-store"), "{name}");
    let counter = format!("coin_gate_refused_{}", problem.replace('-', "_"));
    assert_eq!(
        before.moved(&Counts::of(world)),
        BTreeMap::from([(counter, 1)]),
        "{name}"
    );
}

/// Sends a request that must reach the API, once, with or without a coin.
fn assert_passes(name: &str, world: &World, counter: &str, status: u16, send: impl FnOnce() -> Response) -> Response {
    let before = Counts::of(world);
    let response = send();
    assert_eq!(response.status, status, "{name}: {response:?}");
    let moved = [(counter, 1), ("seen by the API", 1), ("sent to the API", 1)];
    let moved = moved.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(before.moved(&Counts::of(world)), BTreeMap::from(moved), "{name}");
    response
}
