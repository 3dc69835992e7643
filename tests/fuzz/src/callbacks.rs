//! The callbacks of requests in any order, also in such as no proxy brings them in: each answers what a small model says, nothing traps, and nobody is answered twice.

use std::array;

use crate::compiled::with_envoy;
use crate::host::vm::Called;
use crate::host::{Effect, Envoy, Fault, HeaderMap};

/// Requests at once.
const REQUESTS: usize = 4;
/// A root context that nobody created.
const NO_ROOT: u32 = u32::MAX;

/// What the gate knows of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Nothing, or nothing but that it has no configuration.
    Nothing,
    Created,
    Passed,
    Refused,
}

/// A byte for each step: which of the requests, and what happens to it.
pub fn callbacks(data: &[u8]) {
    with_envoy(|envoy| {
        let mut requests: [_; REQUESTS] = array::from_fn(|_| (envoy.workers[0].open(), Known::Nothing));
        for byte in data {
            let (which, step) = (usize::from(*byte) % REQUESTS, usize::from(*byte) / REQUESTS);
            let (id, known) = requests[which];
            requests[which] = match step % 7 {
                0 => create(envoy, id, true),
                1 => create(envoy, id, false),
                2 => (id, headers(envoy, id, known, true)),
                3 => (id, headers(envoy, id, known, false)),
                4 => (id, rest(envoy, id, known, "proxy_on_request_body", &[1, 0])),
                5 => (id, rest(envoy, id, known, "proxy_on_request_trailers", &[1])),
                _ => (another(envoy, id), Known::Nothing),
            };
            check(envoy, requests[which]);
        }
        for (id, _) in requests {
            envoy.workers[0].close(id);
        }
        assert_eq!(envoy.workers[0].failure(), None);
    });
}

/// Ends a request and gives the next.
fn another(envoy: &mut Envoy, id: u32) -> u32 {
    envoy.workers[0].close(id);
    envoy.workers[0].open()
}

/// The next request begins, under the root in force or under none.
fn create(envoy: &mut Envoy, id: u32, with_root: bool) -> (u32, Known) {
    let id = another(envoy, id);
    let worker = &mut envoy.workers[0];
    let root = worker.root_in_force().filter(|_| with_root).unwrap_or(NO_ROOT);
    assert_eq!(
        worker.callback(id, "proxy_on_context_create", &[root]),
        Called::Returned(0)
    );
    (id, if with_root { Known::Created } else { Known::Nothing })
}

/// Headers that need no coin, or none at all.
fn headers(envoy: &mut Envoy, id: u32, known: Known, good: bool) -> Known {
    let lines = [(":method", "GET"), (":path", "/")].into_iter().filter(|_| good);
    envoy.process.lock().faults.order(Some(Fault {
        call: "proxy_get_header_map_pairs",
        nth: None,
        effect: Effect::Bytes(HeaderMap::new(lines).marshal()),
    }));
    let called = envoy.workers[0].callback(id, "proxy_on_request_headers", &[2, 0]);
    envoy.process.lock().faults.order(None);
    expect(called, good && matches!(known, Known::Created | Known::Passed))
}

/// What comes after the headers.
fn rest(envoy: &mut Envoy, id: u32, known: Known, callback: &'static str, arguments: &[u32]) -> Known {
    let called = envoy.workers[0].callback(id, callback, arguments);
    expect(called, known == Known::Passed)
}

fn expect(called: Called, passes: bool) -> Known {
    assert_eq!(called, Called::Returned(u32::from(!passes)));
    if passes { Known::Passed } else { Known::Refused }
}

fn check(envoy: &Envoy, (id, known): (u32, Known)) {
    let stream = envoy.workers[0].stream(id);
    // Who passed first and is refused later is answered too.
    assert_eq!(stream.reply.is_some(), known == Known::Refused);
    assert_eq!(stream.replies_too_many, 0);
}
