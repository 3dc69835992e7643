//! Header maps: what they show, and when.

use super::{logged, request, worker};
use crate::host::HeaderMap;

/// Logs the status of reading `x-a` of a map, and of reading all of it.
fn look(map: u32) -> String {
    format!(
        "(call $say (call $value (i32.const {map}) (i32.const 0) (i32.const 3) (i32.const 64) (i32.const 68)))
         (i64.store (i32.const 64) (i64.const -1))
         (call $say (call $pairs (i32.const {map}) (i32.const 64) (i32.const 68)))"
    )
}

#[test]
fn one_value_is_the_first_and_all_pairs_are_all() {
    let mut worker = worker(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $say (call $value (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 64) (i32.const 68)))
            (call $say_handed_over)
            (call $say (call $pairs (i32.const 0) (i32.const 64) (i32.const 68)))
            (call $say_handed_over)
            (i32.const 0))"#,
    );
    worker.exchange(&request());
    let pairs = r"\x03\x00\x00\x00\x05\x00\x00\x00\x01\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00:path\x00/\x00x-a\x001\x00x-a\x002\x00";
    assert_eq!(logged(&mut worker), ["0", "1", "0", pairs]);
}

#[test]
fn a_name_that_is_not_there_is_not_found() {
    let mut worker = worker(&format!(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {} (i32.const 0))"#,
        look(0)
    ));
    let mut request = request();
    request.headers.remove(b"x-a");
    worker.exchange(&request);
    assert_eq!(logged(&mut worker), ["1", "0"]);
}

#[test]
fn out_of_its_phase_a_value_is_a_bad_argument_but_all_pairs_are_none_and_ok() {
    let mut worker = worker(&format!(
        r#"(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
            {} (call $say (i32.load (i32.const 64))) (call $say (i32.load (i32.const 68)))
            (call $say (call $replace (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 16) (i32.const 4)))
            (call $say (call $remove (i32.const 0) (i32.const 0) (i32.const 3)))
            (i32.const 0))"#,
        look(0)
    ));
    let stream = worker.exchange(&request());
    assert_eq!(logged(&mut worker)[..6], ["2", "0", "0", "0", "2", "2"]);
    let (headers, _) = stream.upstream.unwrap();
    assert_eq!(headers, request().headers);
}

#[test]
fn a_map_that_the_abi_does_not_have_is_a_bad_argument() {
    let mut worker = worker(&format!(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {} (i32.const 0))"#,
        look(8)
    ));
    worker.exchange(&request());
    assert_eq!(logged(&mut worker), ["2", "2"]);
}

#[test]
fn the_access_log_reads_headers_and_finds_no_request_trailers() {
    let mut worker = worker(&format!(
        r#"(func (export "proxy_on_log") (param i32) {} {} {} (call $say_handed_over)
            (call $say (call $remove (i32.const 0) (i32.const 0) (i32.const 3))))"#,
        look(0),
        look(1),
        look(2)
    ));
    let mut request = request();
    request.trailers = Some(HeaderMap::new([("x-a", "3")]));
    worker.exchange(&request);
    let status = r"\x01\x00\x00\x00\x07\x00\x00\x00\x03\x00\x00\x00:status\x00200\x00";
    assert_eq!(logged(&mut worker), ["0", "0", "1", "0", "1", "0", status, "2"]);
}

#[test]
fn what_is_changed_reaches_the_service() {
    let mut worker = worker(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $say (call $replace (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 16) (i32.const 4)))
            (i32.const 0))"#,
    );
    let (headers, _) = worker.exchange(&request()).upstream.unwrap();
    assert_eq!(headers, HeaderMap::new([(":path", "/"), ("x-a", "wasm")]));
}

#[test]
fn a_line_can_be_added_and_a_whole_map_put_in_place() {
    let mut worker = worker(
        r#"(data (i32.const 128) "\01\00\00\00\01\00\00\00\01\00\00\00z\001\00")
           (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $say (call $set_pairs (i32.const 0) (i32.const 128) (i32.const 16)))
            (call $say (call $add (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 16) (i32.const 4)))
            (i32.const 0))
           (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
            (call $say (call $set_pairs (i32.const 0) (i32.const 128) (i32.const 16)))
            (call $say (call $add (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 16) (i32.const 4)))
            (i32.const 0))"#,
    );
    let (headers, _) = worker.exchange(&request()).upstream.unwrap();
    assert_eq!(headers, HeaderMap::new([("z", "1"), ("x-a", "wasm")]));
    assert_eq!(logged(&mut worker)[..4], ["0", "0", "2", "2"]);
}

#[test]
fn a_map_that_cannot_be_read_leaves_no_line() {
    let mut worker = worker(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $say (call $set_pairs (i32.const 0) (i32.const 16) (i32.const 4)))
            (i32.const 0))"#,
    );
    let (headers, _) = worker.exchange(&request()).upstream.unwrap();
    assert_eq!(
        (headers, logged(&mut worker)),
        (HeaderMap::default(), vec!["0".to_owned()])
    );
}

#[test]
fn memory_that_is_not_the_module_s_is_invalid() {
    let mut worker = worker(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $say (call $value (i32.const 0) (i32.const 65534) (i32.const 3) (i32.const 64) (i32.const 68)))
            (call $say (call $pairs (i32.const 0) (i32.const -2) (i32.const 68)))
            (call $say (call $remove (i32.const 0) (i32.const -1) (i32.const -1)))
            (i32.const 0))"#,
    );
    worker.exchange(&request());
    assert_eq!(logged(&mut worker), ["6", "6", "6"]);
    assert_eq!(worker.failure(), None);
}

#[test]
fn a_map_of_the_module_s_that_cannot_be_read_is_empty() {
    for bytes in [
        &b""[..],
        b"\x01\0\0\0",
        b"\xff\xff\xff\xff",
        b"\x01\0\0\0\x01\0\0\0\x01\0\0\0a\0b",
        b"\x01\0\0\0\x01\0\0\0\x01\0\0\0axb\0",
    ] {
        assert_eq!(HeaderMap::unmarshal(bytes), HeaderMap::default(), "{bytes:?}");
    }
    let map = HeaderMap::new([("a", &b"\xff\0"[..]), ("a", b"")]);
    assert_eq!(HeaderMap::unmarshal(&map.marshal()), map);
}

#[test]
fn on_arrival_some_names_are_joined_and_others_are_not() {
    let lines = [
        ("cookie", "a"),
        ("Authorization", "1"),
        ("x", "1"),
        ("authorization", "2"),
        ("cookie", "b"),
        ("x", "2"),
    ];
    let arrived = HeaderMap::new(lines).joined_as_envoy_does();
    assert_eq!(
        arrived,
        HeaderMap::new([("cookie", "a; b"), ("authorization", "1,2"), ("x", "1"), ("x", "2")])
    );
}
