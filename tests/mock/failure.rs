//! A trap is for ever: what a lost VM does to requests, and what brings it back.

use super::{guest, logged, request, worker};
use crate::host::{Envoy, worker::Options};

/// Traps at the first request, and would let every request through if it could.
const TRAP: &str = r#"
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $say_wasm) unreachable)"#;

#[test]
fn after_a_trap_every_request_is_503_and_the_module_is_not_asked_again() {
    let mut worker = worker(TRAP);
    for _ in 0..3 {
        let stream = worker.exchange(&request());
        let reply = stream.reply.unwrap();
        assert_eq!((reply.status, &reply.details[..]), (503, "wasm_fail_stream"));
        assert!(stream.upstream.is_none() && stream.answered);
        assert!(stream.callbacks.is_empty(), "{:?}", stream.callbacks);
    }
    assert_eq!(logged(&mut worker), ["wasm"], "one request came to the module");
    assert!(
        worker.failure().unwrap().contains("unreachable"),
        "{:?}",
        worker.failure()
    );
}

#[test]
fn a_plugin_that_may_fail_open_lets_everything_past_a_lost_vm() {
    let options = Options {
        fail_open: true,
        ..Options::default()
    };
    let mut envoy = Envoy::start(&guest(TRAP), 1, options).unwrap();
    envoy.configure(b"1").unwrap();
    for _ in 0..2 {
        let stream = envoy.workers[0].exchange(&request());
        assert!(stream.upstream.is_some() && stream.reply.is_none());
    }
}

#[test]
fn a_trap_is_one_worker_s_and_only_a_new_configuration_mends_it() {
    let once = r#"(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) unreachable)"#;
    let mut envoy = Envoy::start(&guest(once), 2, Options::default()).unwrap();
    envoy.configure(b"1").unwrap();
    envoy.workers[0].exchange(&request());
    let mut without_body = request();
    without_body.body.clear();
    let passes = |envoy: &mut Envoy, worker: usize| envoy.workers[worker].exchange(&without_body).upstream.is_some();
    assert!(!passes(&mut envoy, 0) && passes(&mut envoy, 1));
    envoy.configure(b"1").unwrap();
    assert!(!passes(&mut envoy, 0), "the same configuration is no news");
    envoy.configure(b"2").unwrap();
    assert!(passes(&mut envoy, 0));
}

#[test]
fn a_reply_asked_for_before_the_trap_comes_too_late() {
    let mut worker = worker(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (drop (call $refuse)) unreachable)"#,
    );
    let stream = worker.exchange(&request());
    assert_eq!((stream.reply.unwrap().status, stream.replies_too_many), (503, 1));
}

#[test]
fn a_callback_that_never_ends_is_a_trap() {
    let mut worker = worker(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (loop (br 0)) unreachable)"#,
    );
    assert_eq!(worker.exchange(&request()).reply.unwrap().status, 503);
    assert!(worker.failure().unwrap().contains("fuel"), "{:?}", worker.failure());
}

#[test]
fn a_trap_in_the_allocator_is_one_of_the_vm() {
    let reads = r#"
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $say (call $pairs (i32.const 0) (i32.const 64) (i32.const 68))) (i32.const 0))"#;
    for malloc in [
        r#"(func (export "malloc") (param i32) (result i32) unreachable)"#,
        r#"(func (export "malloc") (param i32) (result i32) (call $time (i32.const 64)))"#,
    ] {
        let text = format!("(module {} {malloc} {reads})", super::PRELUDE);
        let module = crate::host::Module::new(text.as_bytes()).unwrap();
        let mut envoy = Envoy::start(&module, 1, Options::default()).unwrap();
        envoy.configure(b"1").unwrap();
        let stream = envoy.workers[0].exchange(&request());
        assert_eq!(stream.reply.unwrap().status, 503, "{malloc}");
        // The call that needed the memory said so first.
        assert_eq!(logged(&mut envoy.workers[0]), ["6"]);
    }
}

#[test]
fn an_allocator_that_gives_nothing_fails_the_call_and_not_the_vm() {
    let text = format!(
        r#"(module {} (func (export "malloc") (param i32) (result i32) (i32.const 0))
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (call $say (call $pairs (i32.const 0) (i32.const 64) (i32.const 68))) (i32.const 0)))"#,
        super::PRELUDE
    );
    let module = crate::host::Module::new(text.as_bytes()).unwrap();
    let mut envoy = Envoy::start(&module, 1, Options::default()).unwrap();
    envoy.configure(b"1").unwrap();
    assert!(envoy.workers[0].exchange(&request()).upstream.is_some());
    assert_eq!(logged(&mut envoy.workers[0]), ["6"]);
}

#[test]
fn a_call_that_the_mock_does_not_copy_is_a_trap_that_names_it() {
    let module = crate::host::Module::new(
        format!(
            r#"(module (import "env" "proxy_done" (func $done (result i32))) {} {}
                (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $done)))"#,
            super::PRELUDE,
            super::MALLOC
        )
        .as_bytes(),
    );
    let mut envoy = Envoy::start(&module.unwrap(), 1, Options::default()).unwrap();
    envoy.configure(b"1").unwrap();
    envoy.workers[0].exchange(&request());
    assert!(envoy.workers[0].failure().unwrap().contains("proxy_done"));
}

#[test]
fn a_callback_that_the_capabilities_leave_out_is_passed_over() {
    let options = Options {
        allowed: vec!["proxy_on_configure", "proxy_log"],
        ..Options::default()
    };
    let mut envoy = Envoy::start(&guest(TRAP), 1, options).unwrap();
    envoy.configure(b"1").unwrap();
    assert!(envoy.workers[0].exchange(&request()).upstream.is_some());
}

#[test]
fn a_host_call_that_the_capabilities_leave_out_answers_internal_failure() {
    let asks = r#"
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            ;; 10 is ':' as a digit.
            (call $say (call $time (i32.const 64))) (i32.const 0))"#;
    let options = Options {
        allowed: vec!["proxy_on_request_headers", "proxy_log"],
        ..Options::default()
    };
    let mut envoy = Envoy::start(&guest(asks), 1, options).unwrap();
    envoy.configure(b"1").unwrap();
    envoy.workers[0].exchange(&request());
    assert_eq!(logged(&mut envoy.workers[0]), [":"]);
}
