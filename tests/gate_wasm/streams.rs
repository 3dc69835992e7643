//! Whole requests: bodies, trailers, callbacks that should not have come, and many requests at once.

use super::{
    UNAVAILABLE, configuration, configure, envoy_in, envoy_with, free, refusal, request, token, upstream, vote,
    vote_without_coin,
};
use crate::capabilities::list_without;
use crate::host::vm::Called;
use crate::host::worker::Options;
use crate::host::{HeaderMap, Request};

const PAUSE: Called = Called::Returned(1);

fn with_body_and_trailers(mut request: Request) -> Request {
    request.body = vec![b"{\"weights\":".to_vec(), b"{}}".to_vec()];
    request.trailers = Some(HeaderMap::new([("t", "1")]));
    request
}

#[test]
fn what_is_accepted_arrives_whole() {
    let mut envoy = envoy_in("enforce");
    for sent in [with_body_and_trailers(vote("good")), with_body_and_trailers(free())] {
        let stream = envoy.workers[0].exchange(&sent);
        let (_, body) = stream.upstream.unwrap();
        assert_eq!((body.bytes, body.trailers), (sent.body.concat(), sent.trailers));
        assert!(stream.answered && stream.reply.is_none());
    }
}

#[test]
fn what_is_refused_is_refused_once_and_its_body_is_not_looked_at() {
    let mut envoy = envoy_in("enforce");
    let stream = envoy.workers[0].exchange(&with_body_and_trailers(vote_without_coin()));
    assert_eq!(refusal(&stream).as_deref(), Some("coin-missing"));
    let ran = ["context_create", "request_headers", "delete"];
    assert_eq!(stream.callbacks, ran.map(|name| format!("proxy_on_{name}")));
}

#[test]
fn callbacks_after_the_refusal_change_nothing() {
    let mut envoy = envoy_in("enforce");
    let worker = &mut envoy.workers[0];
    let id = worker.open();
    worker.request_headers(id, vote_without_coin().headers, false);
    // The proxy has no reason to call any of these now. Should it, the request stays where it is and nobody is answered twice.
    for (callback, arguments) in [
        ("proxy_on_request_body", [2, 1]),
        ("proxy_on_request_headers", [2, 1]),
        ("proxy_on_request_body", [0, 0]),
    ] {
        assert_eq!(worker.callback(id, callback, &arguments), PAUSE, "{callback}");
    }
    assert_eq!(worker.callback(id, "proxy_on_request_trailers", &[1]), PAUSE);
    assert_eq!(refusal(&worker.close(id)).as_deref(), Some("coin-missing"));
    assert_eq!(worker.failure(), None);
}

#[test]
fn a_body_without_a_verdict_is_refused() {
    let (mut envoy, id) = undecided();
    let worker = &mut envoy.workers[0];
    worker.request_body(id, b"{}", true);
    let stream = worker.stream(id);
    assert_eq!(stream.reply.as_ref().unwrap().details, UNAVAILABLE);
    let (_, body) = stream.upstream.as_ref().unwrap();
    assert_eq!(body.bytes, b"");
}

#[test]
fn trailers_without_a_verdict_are_refused() {
    let (mut envoy, id) = undecided();
    let worker = &mut envoy.workers[0];
    worker.request_trailers(id, HeaderMap::new([("t", "1")]));
    let stream = worker.stream(id);
    assert_eq!(stream.reply.as_ref().unwrap().details, UNAVAILABLE);
    assert_eq!(stream.upstream.as_ref().unwrap().1.trailers, None);
}

/// A request that went past the headers callback, because a list of capabilities leaves it out. Its headers are with the service: such a list opens the
/// gate for every request without a body, and the filter cannot know. This is why none is shipped.
fn undecided() -> (crate::host::Envoy, u32) {
    let options = Options {
        allowed: list_without(Some("proxy_on_request_headers")),
        ..Options::default()
    };
    let mut envoy = envoy_with(1, options);
    configure(&mut envoy, &configuration("enforce"));
    let id = envoy.workers[0].open();
    envoy.workers[0].request_headers(id, vote_without_coin().headers, false);
    assert!(envoy.workers[0].stream(id).upstream.is_some());
    (envoy, id)
}

#[test]
fn a_request_that_nobody_created_is_refused() {
    let mut envoy = envoy_in("enforce");
    let worker = &mut envoy.workers[0];
    for callback in ["proxy_on_request_headers", "proxy_on_request_body"] {
        let id = worker.open();
        assert_eq!(worker.callback(id, callback, &[0, 1]), PAUSE);
        assert_eq!(refusal(&worker.close(id)).as_deref(), Some(UNAVAILABLE), "{callback}");
    }
    assert_eq!(worker.failure(), None);
}

#[test]
fn memory_that_is_not_to_be_had_is_a_null_pointer() {
    let mut envoy = envoy_in("enforce");
    let worker = &mut envoy.workers[0];
    assert_eq!(worker.allocate(u32::MAX), Called::Returned(0));
    assert_ne!(worker.allocate(64), Called::Returned(0));
    assert_eq!(refusal(&worker.exchange(&vote("good"))), None);
}

#[test]
fn two_coins_as_the_proxy_joins_them_are_a_list() {
    let mut envoy = envoy_in("enforce");
    let coin = format!("Coin {}", token("good"));
    let mut twice = request(&[
        (":method", "POST"),
        (":path", "/v1/votes"),
        ("authorization", &coin),
        ("authorization", &coin),
    ]);
    assert_eq!(
        refusal(&envoy.workers[0].exchange(&twice)).as_deref(),
        Some("coin-duplicate")
    );
    twice.headers = twice.headers.joined_as_envoy_does();
    assert_eq!(
        refusal(&envoy.workers[0].exchange(&twice)).as_deref(),
        Some("coin-list")
    );
}

#[test]
fn many_requests_at_once_do_not_mix() {
    let mut envoy = envoy_in("enforce");
    let worker = &mut envoy.workers[0];
    let kinds = [
        vote("good"),
        vote_without_coin(),
        free(),
        vote("stranger"),
        vote("good-newest-key"),
    ];
    let open: Vec<u32> = (0..60).map(|_| worker.open()).collect();
    // Headers in one order, bodies in another, ends in a third.
    for (index, id) in open.iter().enumerate() {
        worker.request_headers(*id, kinds[index % kinds.len()].headers.clone(), false);
    }
    for (index, id) in open.iter().enumerate().rev() {
        worker.request_body(*id, index.to_string().as_bytes(), true);
    }
    for (index, id) in open
        .iter()
        .enumerate()
        .step_by(2)
        .chain(open.iter().enumerate().skip(1).step_by(2))
    {
        let stream = worker.close(*id);
        let serial = |stream: &_| String::from_utf8(upstream(stream).all("x-coin-serial").concat()).unwrap();
        match index % kinds.len() {
            0 => assert_eq!(serial(&stream), "01010101-0101-0101-0101-010101010101"),
            1 => assert_eq!(refusal(&stream).as_deref(), Some("coin-missing")),
            2 => assert_eq!(serial(&stream), ""),
            3 => assert_eq!(refusal(&stream).as_deref(), Some("coin-bad-signature")),
            _ => assert_eq!(serial(&stream), "02020202-0202-0202-0202-020202020202"),
        }
        if let Some((_, body)) = stream.upstream {
            assert_eq!(body.bytes, index.to_string().as_bytes());
        }
    }
    assert_eq!(worker.failure(), None);
}
