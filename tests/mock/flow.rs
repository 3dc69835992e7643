//! The order of things: pause and continue, answers, bodies, trailers.

use super::{logged, request, worker};
use crate::host::HeaderMap;

const HEADERS: &str = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)"#;
const BODY: &str = r#"(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)"#;

fn body(answer: u32) -> String {
    format!(
        r#"{BODY}
            (call $say (local.get 2))
            (call $say (call $bytes (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 64) (i32.const 68)))
            (call $say_handed_over)
            (i32.const {answer}))"#
    )
}

#[test]
fn without_callbacks_everything_passes() {
    let mut worker = worker("");
    let stream = worker.exchange(&request());
    let (headers, body) = stream.upstream.unwrap();
    assert_eq!((headers, &body.bytes[..]), (request().headers, &b"onetwo"[..]));
    assert!(stream.answered);
}

#[test]
fn a_pause_at_the_headers_stops_the_body_and_the_trailers_too() {
    let mut worker = worker(&format!("{HEADERS} (i32.const 1)) {}", body(0)));
    let mut request = request();
    request.trailers = Some(HeaderMap::default());
    let stream = worker.exchange(&request);
    assert_eq!(stream.upstream, None);
    assert_eq!(stream.callbacks, ["proxy_on_request_headers"]);
    assert!(!stream.answered);
}

#[test]
fn a_request_that_is_continued_goes_on_with_what_was_held() {
    let tick = r#"(func (export "proxy_on_tick") (param i32) (call $say (call $continue (i32.const 0))))"#;
    let mut worker = worker(&format!("{HEADERS} (i32.const 1)) {} {tick}", body(0)));
    let id = worker.open();
    worker.request_headers(id, request().headers, false);
    worker.request_body(id, b"one", true);
    assert_eq!(worker.stream(id).upstream, None);
    worker.callback(id, "proxy_on_tick", &[]);
    assert_eq!(logged(&mut worker), ["0", "1", "0", "one"]);
    let (headers, body) = worker.close(id).upstream.unwrap();
    assert_eq!((headers, &body.bytes[..]), (request().headers, &b"one"[..]));
}

#[test]
fn continuing_before_the_pause_leaves_the_request_paused() {
    let mut worker = worker(&format!(
        "{HEADERS} (call $say (call $continue (i32.const 0))) (i32.const 1))"
    ));
    let stream = worker.exchange(&request());
    assert_eq!(logged(&mut worker), ["0"]);
    assert_eq!((stream.upstream, stream.answered), (None, false));
}

#[test]
fn an_answer_to_the_headers_that_nobody_knows_is_a_pause() {
    let mut worker = worker(&format!("{HEADERS} (i32.const 77))"));
    assert_eq!(worker.exchange(&request()).upstream, None);
}

#[test]
fn a_pause_at_the_body_shows_all_of_it_at_the_next_piece() {
    let mut worker = worker(&body(1));
    let stream = worker.exchange(&request());
    assert_eq!(logged(&mut worker), ["0", "0", "one", "1", "0", "onetwo"]);
    // The headers are with the service all the same: this is why no verdict may wait for the body.
    let (headers, body) = stream.upstream.unwrap();
    assert_eq!((headers, &body.bytes[..]), (request().headers, &b""[..]));
}

#[test]
fn with_trailers_no_piece_of_the_body_is_the_last() {
    let mut worker = worker(&body(1));
    let mut request = request();
    request.trailers = Some(HeaderMap::new([("t", "1")]));
    let stream = worker.exchange(&request);
    assert_eq!(logged(&mut worker), ["0", "0", "one", "0", "0", "onetwo"]);
    // Whoever waited for the end of the body has let it pass: the trailers took it along.
    let (_, body) = stream.upstream.unwrap();
    assert_eq!((&body.bytes[..], body.trailers), (&b"onetwo"[..], request.trailers));
}

#[test]
fn a_local_reply_comes_after_the_callback_and_the_response_callbacks_run_on_it() {
    let mut worker = worker(&format!(
        r#"{HEADERS} (call $say (call $refuse)) (call $say_wasm) (i32.const 1))
           (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
             (call $say (local.get 2))
             (call $say (call $pairs (i32.const 2) (i32.const 64) (i32.const 68))) (call $say_handed_over)
             (call $say (call $value (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 64) (i32.const 68)))
             (i32.const 0))
           (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) (call $say (local.get 2)) (i32.const 0))
           (func (export "proxy_on_log") (param i32))
           (func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))
           (func (export "proxy_on_delete") (param i32))"#
    ));
    let stream = worker.exchange(&request());
    let status = r"\x01\x00\x00\x00\x07\x00\x00\x00\x03\x00\x00\x00:status\x00403\x00";
    // The request's headers are still there, since no Continue took them away.
    assert_eq!(logged(&mut worker), ["0", "wasm", "0", "0", status, "0", "1"]);
    let order = [
        "request_headers",
        "response_headers",
        "response_body",
        "log",
        "done",
        "delete",
    ];
    assert_eq!(stream.callbacks, order.map(|name| format!("proxy_on_{name}")));
    let reply = stream.reply.unwrap();
    assert_eq!(
        (reply.status, &reply.body[..], &reply.details[..], reply.grpc_status),
        (403, &b"wasm"[..], "x-a", None)
    );
    assert!(stream.answered && stream.upstream.is_none());
}

#[test]
fn continue_after_a_local_reply_does_not_count() {
    let mut worker = worker(&format!("{HEADERS} (call $say (call $refuse)) (i32.const 0))"));
    let stream = worker.exchange(&request());
    assert_eq!((stream.upstream, stream.answered), (None, true));
}

#[test]
fn a_local_reply_at_the_end_comes_to_nothing_and_stops_nobody_else() {
    let mut worker = worker(r#"(func (export "proxy_on_log") (param i32) (call $say (call $refuse)))"#);
    for _ in 0..2 {
        let stream = worker.exchange(&request());
        assert!(stream.reply.is_none() && stream.upstream.is_some());
    }
    assert_eq!(logged(&mut worker), ["0", "0"]);
}

#[test]
fn only_the_first_local_reply_counts() {
    let mut worker = worker(&format!(
        "{HEADERS} (call $say (call $refuse)) (call $say (call $refuse)) (i32.const 1))"
    ));
    let stream = worker.exchange(&request());
    assert_eq!((stream.replies_too_many, stream.reply.unwrap().status), (1, 403));
}

#[test]
fn a_local_reply_of_a_root_context_says_ok_and_goes_nowhere() {
    let mut worker = worker(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) (call $say (call $refuse)) (i32.const 1))"#,
    );
    assert!(worker.load(b"x"));
    assert_eq!(logged(&mut worker), ["0"]);
    assert!(worker.exchange(&request()).upstream.is_some());
}

#[test]
fn a_response_callback_can_hold_the_answer_back() {
    let mut worker =
        worker(r#"(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (i32.const 1))"#);
    assert!(!worker.exchange(&request()).answered);
}

#[test]
fn a_body_out_of_range_is_no_bytes_and_a_buffer_that_nobody_has_is_not_found() {
    let mut worker = worker(&format!(
        r#"{BODY}
            (call $say (call $bytes (i32.const 0) (i32.const 1) (i32.const 1) (i32.const 64) (i32.const 68)))
            (call $say_handed_over)
            (call $say (call $bytes (i32.const 0) (i32.const 9) (i32.const 9) (i32.const 64) (i32.const 68)))
            (call $say (i32.load (i32.const 64)))
            (call $say (call $bytes (i32.const 2) (i32.const 0) (i32.const 9) (i32.const 64) (i32.const 68)))
            (call $say (call $bytes (i32.const 9) (i32.const 0) (i32.const 9) (i32.const 64) (i32.const 68)))
            (i32.const 0))"#
    ));
    let mut request = request();
    request.body.truncate(1);
    worker.exchange(&request);
    assert_eq!(logged(&mut worker), ["0", "n", "0", "0", "1", "2"]);
}
