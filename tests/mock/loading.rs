//! A module that the proxy would not load is not loaded, and the reason names what is missing.

use super::{MALLOC, PRELUDE, guest, logged};
use crate::host::{Module, Worker, process::Process, vm::Called, worker::Options};

fn refusal(text: &str) -> String {
    let module = Module::new(text.as_bytes()).unwrap();
    let started = Worker::start(&module, Process::default(), Options::default());
    started.err().expect("a module that is not loaded")
}

#[test]
fn an_import_that_the_proxy_does_not_have_is_refused_and_the_others_are_named() {
    let reason = refusal(r#"(module (import "env" "proxy_open_file" (func)))"#);
    assert!(reason.starts_with("env.proxy_open_file: no such import"), "{reason}");
    assert!(reason.contains("proxy_get_header_map_pairs"), "{reason}");
    let reason = refusal(r#"(module (import "wasi_snapshot_preview1" "fd_write" (func)))"#);
    assert!(
        reason.starts_with("wasi_snapshot_preview1.fd_write: no such import"),
        "{reason}"
    );
}

#[test]
fn an_import_of_another_type_is_refused() {
    let reason = refusal(&format!(
        r#"(module (import "env" "proxy_done" (func (param i64) (result i32))) {PRELUDE} {MALLOC})"#
    ));
    assert!(reason.contains("proxy_done"), "{reason}");
}

#[test]
fn a_module_of_another_abi_is_refused() {
    let reason = refusal(r#"(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_1_0")))"#);
    assert!(reason.contains("proxy_abi_version_0_2_1"), "{reason}");
}

#[test]
fn a_module_without_an_allocator_is_refused() {
    assert!(refusal(&format!("(module {PRELUDE})")).contains("missing malloc"));
}

#[test]
fn either_name_of_the_allocator_will_do() {
    let other = MALLOC.replace("malloc", "proxy_on_memory_allocate");
    let module = Module::new(format!("(module {PRELUDE} {other})").as_bytes()).unwrap();
    assert!(Worker::start(&module, Process::default(), Options::default()).is_ok());
}

#[test]
fn while_it_starts_a_module_may_log_and_nothing_else() {
    let process = Process::default();
    let module = guest(r#"(func (export "_initialize") (call $say_wasm))"#);
    let mut worker = Worker::start(&module, process, Options::default()).unwrap();
    assert_eq!(logged(&mut worker), ["wasm"]);

    let module = guest(r#"(func (export "_initialize") (drop (call $time (i32.const 64))))"#);
    let reason = Worker::start(&module, Process::default(), Options::default())
        .err()
        .unwrap();
    assert!(reason.contains("restricted_callback"), "{reason}");
}

#[test]
fn a_command_is_started_like_a_reactor() {
    let module = guest(r#"(func (export "_start") (call $say_wasm))"#);
    let mut worker = Worker::start(&module, Process::default(), Options::default()).unwrap();
    assert_eq!(logged(&mut worker), ["wasm"]);
}

#[test]
fn a_module_that_answers_false_at_vm_start_is_not_run() {
    let module = guest(r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 0))"#);
    let mut worker = Worker::start(&module, Process::default(), Options::default()).unwrap();
    assert!(worker.create_root().is_err());
}

#[test]
fn an_export_that_a_module_lacks_is_missing_not_failed() {
    let mut worker = super::worker("");
    let id = worker.open();
    assert_eq!(worker.callback(id, "proxy_on_tick", &[]), Called::Missing);
    assert_eq!(worker.failure(), None);
}
