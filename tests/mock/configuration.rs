//! How a configuration arrives, and what becomes of the one before it.

use super::{guest, logged, request, worker};
use crate::host::{Envoy, worker::Options};

/// Logs its configuration and takes it unless it begins with `-`.
const CONFIGURE: &str = r#"
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (call $say (local.get 1))
        (call $say (call $bytes (i32.const 7) (i32.const 0) (i32.const -1) (i32.const 64) (i32.const 68)))
        (call $say_handed_over)
        (i32.ne (i32.const 45) (i32.load8_u (i32.load (i32.const 64)))))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $say (call $bytes (i32.const 7) (i32.const 0) (i32.const -1) (i32.const 64) (i32.const 68)))
        (i32.const 0))"#;

#[test]
fn the_configuration_is_there_while_it_is_handed_over_and_not_after() {
    let mut worker = worker(CONFIGURE);
    assert!(worker.load(b"abc"));
    worker.exchange(&request());
    assert_eq!(logged(&mut worker), ["3", "0", "abc", "1"]);
}

#[test]
fn it_is_tried_in_a_vm_of_its_own_before_any_worker_sees_it() {
    let mut envoy = Envoy::start(&guest(CONFIGURE), 2, Options::default()).unwrap();
    envoy.configure(b"1").unwrap();
    assert_eq!(logged(&mut envoy.workers[0]).len(), 3 * 3, "the trial and two workers");
    assert!(envoy.configure(b"-").is_err());
    assert_eq!(logged(&mut envoy.workers[0]).len(), 4 * 3, "one more trial");
}

#[test]
fn a_verdict_is_kept_and_the_one_in_force_is_no_news() {
    let mut envoy = Envoy::start(&guest(CONFIGURE), 1, Options::default()).unwrap();
    for configuration in [b"1", b"1", b"-", b"-", b"1"] {
        assert_eq!(envoy.configure(configuration).is_ok(), configuration != b"-");
    }
    let lines = logged(&mut envoy.workers[0]);
    assert_eq!(lines, ["1", "0", "1", "1", "0", "1", "1", "0", "-"]);
}

#[test]
fn a_worker_that_does_not_take_its_configuration_serves_nobody() {
    let mut worker = worker(CONFIGURE);
    assert!(!worker.load(b"-"));
    let stream = worker.exchange(&request());
    assert_eq!((stream.reply.unwrap().status, stream.upstream), (503, None));
}

#[test]
fn requests_keep_the_plugin_that_they_began_with_and_the_last_one_ends_it() {
    let mut worker = worker(
        r#"(func (export "proxy_on_context_create") (param i32 i32) (call $say (local.get 0)) (call $say (local.get 1)))
           (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (call $say_wasm) (i32.const 0))
           (func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))
           (func (export "proxy_on_delete") (param i32) (call $say (local.get 0)))"#,
    );
    let old = worker.open();
    worker.request_headers(old, request().headers, false);
    assert!(worker.load(b"new"));
    assert_eq!(
        logged(&mut worker),
        ["1", "0", "2", "1", "3", "0"],
        "root 1, stream 2 of it, root 3"
    );
    worker.request_body(old, b"x", true);
    worker.close(old);
    assert_eq!(
        logged(&mut worker)[6..],
        ["wasm", "2", "1"],
        "with stream 2 its root is over"
    );
}
