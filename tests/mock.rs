//! The mock of the proxy, held to what Envoy does: each hard edge is shown by a guest of a few lines, written for the purpose, that falls over it.
//!
//! A guest says what it saw by logging: a status as one digit, or bytes as they are.

use crate::host::{HeaderMap, Module, Request, Worker, process::Process, worker::Options};

mod configuration;
mod failure;
mod flow;
mod loading;
mod maps;
mod shared;

/// What every guest has: the calls by short names, memory with `x-a` at 0 and `wasm` at 16, an allocator that never frees, and words for logging.
const PRELUDE: &str = r#"
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (import "env" "proxy_get_header_map_value" (func $value (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
    (import "env" "proxy_replace_header_map_value" (func $replace (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_remove_header_map_value" (func $remove (param i32 i32 i32) (result i32)))
    (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_set_header_map_pairs" (func $set_pairs (param i32 i32 i32) (result i32)))
    (import "env" "proxy_get_buffer_bytes" (func $bytes (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_send_local_response" (func $respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
    (import "env" "proxy_get_current_time_nanoseconds" (func $time (param i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "x-a")
    (data (i32.const 16) "wasm")
    (global $heap (mut i32) (i32.const 4096))
    (func (export "proxy_abi_version_0_2_1"))
    ;; Logs a status, as the digit at 32.
    (func $say (param $status i32)
        (i32.store8 (i32.const 32) (i32.add (i32.const 48) (local.get $status)))
        (drop (call $log (i32.const 2) (i32.const 32) (i32.const 1))))
    ;; Logs what a call handed over: pointer at 64, size at 68.
    (func $say_handed_over
        (drop (call $log (i32.const 2) (i32.load (i32.const 64)) (i32.load (i32.const 68)))))
    ;; Logs the four bytes of text at 16.
    (func $say_wasm
        (drop (call $log (i32.const 2) (i32.const 16) (i32.const 4))))
    ;; Answers 403 "wasm" without header lines.
    (func $refuse (result i32)
        (call $respond (i32.const 403) (i32.const 0) (i32.const 3) (i32.const 16) (i32.const 4)
            (i32.const 0) (i32.const 0) (i32.const -1)))
"#;

const MALLOC: &str = r#"
    (func (export "malloc") (param $size i32) (result i32)
        (global.get $heap)
        (global.set $heap (i32.add (global.get $heap) (local.get $size))))
"#;

/// A guest with these functions beside the usual.
fn guest(functions: &str) -> Module {
    Module::new(format!("(module {PRELUDE} {MALLOC} {functions})").as_bytes()).unwrap()
}

/// A worker that runs such a guest.
fn worker(functions: &str) -> Worker {
    let mut worker = Worker::start(&guest(functions), Process::default(), Options::default()).unwrap();
    worker.create_root().unwrap();
    worker
}

/// What was logged, line by line.
fn logged(worker: &mut Worker) -> Vec<String> {
    let shared = worker.state().process.lock();
    shared
        .log
        .iter()
        .map(|(_, line)| line.escape_ascii().to_string())
        .collect()
}

/// A request with two lines of one name, a body in two pieces and no trailers.
fn request() -> Request {
    Request {
        headers: HeaderMap::new([(":path", "/"), ("X-A", "1"), ("x-a", "2")]),
        body: vec![b"one".to_vec(), b"two".to_vec()],
        trailers: None,
    }
}
