//! The compiled filter under lists of allowed capabilities: the shortest that it works under, and that list less each of its names.
//!
//! `edge` holds Envoy to the same table, with a vote or two for each name; here everything is asked under every list.

use std::collections::BTreeMap;

use super::{configuration, configure, envoy_with, free, refusal, statuses, vote, vote_without_coin};
use crate::capabilities::{End, WHOLE, Without, list_without, needed};
use crate::host::worker::Options;
use crate::host::{Envoy, HeaderMap, Request, Stream};

/// A proxy with this list, and whether the plugin started.
fn under(list: Vec<&'static str>) -> (Envoy, bool) {
    let options = Options {
        allowed: list,
        ..Options::default()
    };
    let mut envoy = envoy_with(1, options);
    let started = envoy.configure(configuration("enforce").to_string().as_bytes()).is_ok();
    (envoy, started)
}

fn end(stream: &Stream) -> End {
    match (refusal(stream), &stream.upstream) {
        (Some(code), _) => End::Refused(u16::try_from(statuses(&code).0).unwrap()),
        (None, Some(_)) => End::Passes,
        (None, None) => End::Held,
    }
}

/// One request of each kind by name; the last word says whether it has a good coin or needs none.
fn requests() -> BTreeMap<&'static str, Request> {
    let mut requests = BTreeMap::from([
        ("free", free()),
        ("good", vote("good")),
        ("missing", vote_without_coin()),
        ("forged", vote("stranger")),
        ("expired", vote("expired")),
    ]);
    for (name, plain) in [
        ("free spoofed", "free"),
        ("good spoofed", "good"),
        ("missing spoofed", "missing"),
    ] {
        let mut request = requests[plain].clone();
        request.headers.add(b"x-coin-role", b"admin");
        requests.insert(name, request);
    }
    requests
}

fn may_pass(name: &str) -> bool {
    name.starts_with("free") || name.starts_with("good")
}

/// The request with a body, and with trailers after it.
fn with_body(request: &Request) -> Request {
    Request {
        body: vec![b"{}".to_vec()],
        trailers: Some(HeaderMap::new([("t", "1")])),
        ..request.clone()
    }
}

#[test]
fn under_the_shortest_list_everything_ends_as_without_a_list() {
    let (mut free, _) = under(Vec::new());
    let (mut listed, started) = under(list_without(None));
    assert!(started);
    for (name, plain) in requests() {
        for request in [with_body(&plain), plain] {
            let [expected, seen] = [&mut free, &mut listed].map(|envoy| envoy.workers[0].exchange(&request));
            assert_eq!(
                (end(&seen), &seen.upstream),
                (end(&expected), &expected.upstream),
                "{name}"
            );
            assert_eq!(end(&seen) == End::Passes, may_pass(name), "{name}");
        }
    }
    let counted = |envoy: &Envoy| envoy.process.lock().stats.counters();
    assert_eq!(counted(&listed), counted(&free));
}

#[test]
fn each_omission_has_the_effect_that_is_written_down() {
    for (omitted, written) in needed() {
        let (mut envoy, started) = under(list_without(Some(omitted)));
        let mut ends = |request: Request| end(&envoy.workers[0].exchange(&request));
        let seen = if started {
            match ends(vote_without_coin()) {
                End::Passes => Without::Opens,
                without_coin => Without::Ends(without_coin, ends(vote("good"))),
            }
        } else {
            Without::NoStart
        };
        assert_eq!(seen, written, "without {omitted}");
    }
}

#[test]
fn only_without_its_first_callback_does_anything_pass_that_must_not_and_then_no_body_does() {
    for (omitted, written) in needed() {
        let (mut envoy, _) = under(list_without(Some(omitted)));
        let worker = &mut envoy.workers[0];
        for (name, request) in requests() {
            let [bare, whole] = [&request, &with_body(&request)].map(|request| worker.exchange(request).upstream);
            if written == Without::Opens {
                let (_, body) = whole.unwrap();
                assert_eq!(
                    (body.bytes.as_slice(), body.trailers),
                    (&b""[..], None),
                    "without {omitted}: {name}"
                );
            } else if !may_pass(name) {
                assert_eq!((bare, whole), (None, None), "without {omitted}: {name}");
            } else if let Some((headers, _)) = bare {
                assert!(
                    headers.all("x-coin-role").is_empty(),
                    "without {omitted}: {name}: a spoofed verdict"
                );
            }
        }
    }
}

#[test]
fn a_list_that_names_more_changes_nothing() {
    let mut list = list_without(None);
    list.extend(["proxy_on_response_headers", "proxy_on_log", "proxy_http_call"]);
    let (mut envoy, started) = under(list);
    configure(&mut envoy, &configuration("enforce"));
    let mut ends = |request| end(&envoy.workers[0].exchange(&request));
    assert_eq!(Without::Ends(ends(vote_without_coin()), ends(vote("good"))), WHOLE);
    assert!(started);
}
