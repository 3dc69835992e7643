//! What the VMs of one proxy share, and faults on order.

use super::{guest, logged, request};
use crate::host::abi::Status;
use crate::host::metrics::{MetricIds, Stats};
use crate::host::shared_data::SharedData;
use crate::host::{Effect, Envoy, Fault, worker::Options};

const COUNTER: u32 = 0;
const GAUGE: u32 = 1;
const HISTOGRAM: u32 = 2;

#[test]
fn one_name_defined_twice_is_two_ids_of_one_metric() {
    let (mut stats, mut ids) = (Stats::default(), MetricIds::default());
    let first = ids.define(&mut stats, COUNTER, "a").unwrap();
    let second = ids.define(&mut stats, COUNTER, "a").unwrap();
    assert_ne!(first, second);
    ids.increment(&mut stats, first, 1).unwrap();
    ids.increment(&mut stats, second, 2).unwrap();
    assert_eq!((stats.counter("a"), ids.get(&mut stats, first)), (3, Ok(3)));
}

#[test]
fn an_id_is_one_vm_s_and_the_metric_is_the_proxy_s() {
    let (mut stats, mut one, mut other) = (Stats::default(), MetricIds::default(), MetricIds::default());
    let id = one.define(&mut stats, GAUGE, "g").unwrap();
    assert_eq!(other.record(&mut stats, id, 1), Err(Status::NOT_FOUND));
    let same = other.define(&mut stats, GAUGE, "g").unwrap();
    other.record(&mut stats, same, 7).unwrap();
    assert_eq!(one.get(&mut stats, id), Ok(7));
}

#[test]
fn what_may_be_done_with_a_metric_depends_on_its_kind() {
    let (mut stats, mut ids) = (Stats::default(), MetricIds::default());
    assert_eq!(ids.define(&mut stats, 3, "x"), Err(Status::BAD_ARGUMENT));
    let [counter, gauge, histogram] =
        [COUNTER, GAUGE, HISTOGRAM].map(|kind| ids.define(&mut stats, kind, "m").unwrap());
    assert_eq!(
        [counter, gauge, histogram].map(|id| id & 3),
        [COUNTER, GAUGE, HISTOGRAM]
    );
    for offset in [0, -1] {
        assert_eq!(ids.increment(&mut stats, counter, offset), Err(Status::BAD_ARGUMENT));
    }
    ids.increment(&mut stats, gauge, 5).unwrap();
    ids.increment(&mut stats, gauge, -2).unwrap();
    assert_eq!(ids.increment(&mut stats, histogram, 1), Err(Status::BAD_ARGUMENT));
    assert_eq!(ids.get(&mut stats, histogram), Err(Status::BAD_ARGUMENT));
    assert_eq!(ids.increment(&mut stats, counter + 400, 1), Err(Status::NOT_FOUND));
    // Recording adds to a counter and sets a gauge.
    for _ in 0..2 {
        ids.record(&mut stats, counter, 10).unwrap();
        ids.record(&mut stats, gauge, 10).unwrap();
    }
    assert_eq!((stats.counter("m"), stats.gauge("m")), (20, 10));
    assert_eq!(stats.counters().into_iter().collect::<Vec<_>>(), [("m".to_owned(), 20)]);
}

#[test]
fn compare_and_swap_guards_a_key_only_once_it_is_there() {
    let mut data = SharedData::default();
    assert_eq!(data.get(b"k"), Err(Status::NOT_FOUND));
    // Both workers believe to be the first: the number means nothing yet.
    assert_eq!(data.set(b"k", b"one", 5), Ok(()));
    let (value, cas) = data.get(b"k").unwrap();
    assert_eq!(value, b"one");
    assert_eq!(data.set(b"k", b"two", cas + 1), Err(Status::CAS_MISMATCH));
    assert_eq!(data.set(b"k", b"two", cas), Ok(()));
    assert_eq!(data.set(b"k", b"three", cas), Err(Status::CAS_MISMATCH));
    assert_eq!(data.set(b"k", b"four", 0), Ok(()));
    assert_eq!(data.get(b"k").unwrap().0, b"four");
}

/// Claims the key `x-a` if nobody has: the wrong way to do something once.
const CLAIM: &str = r#"
    (import "env" "proxy_get_shared_data" (func $get (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_set_shared_data" (func $set (param i32 i32 i32 i32 i32) (result i32)))"#;

#[test]
fn the_workers_of_a_proxy_share_one_store() {
    let text = format!(
        r#"(module {CLAIM} {} {}
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (call $say (call $get (i32.const 0) (i32.const 3) (i32.const 64) (i32.const 68) (i32.const 72)))
                (call $say (call $set (i32.const 0) (i32.const 3) (i32.const 16) (i32.const 4) (i32.load (i32.const 72))))
                (i32.const 0)))"#,
        super::PRELUDE,
        super::MALLOC
    );
    let module = crate::host::Module::new(text.as_bytes()).unwrap();
    let mut envoy = Envoy::start(&module, 2, Options::default()).unwrap();
    envoy.configure(b"1").unwrap();
    for worker in [0, 1] {
        envoy.workers[worker].exchange(&request());
    }
    assert_eq!(logged(&mut envoy.workers[0]), ["1", "0", "0", "0"]);
}

/// Asks for the time three times and logs the statuses.
const TIMES: &str = r#"
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $say (call $time (i32.const 64)))
        (call $say (call $time (i32.const 64)))
        (call $say (call $time (i32.const 64)))
        (i32.const 0))"#;

#[test]
fn a_fault_strikes_one_call_or_every_one_and_is_over_when_it_is_lifted() {
    let mut envoy = Envoy::start(&guest(TIMES), 1, Options::default()).unwrap();
    envoy.configure(b"1").unwrap();
    for (nth, expected) in [(Some(2), ["0", "9", "0"]), (None, ["9", "9", "9"])] {
        let effect = Effect::Status(9);
        envoy.process.lock().faults.order(Some(Fault {
            call: "proxy_get_current_time_nanoseconds",
            nth,
            effect,
        }));
        envoy.process.lock().log.clear();
        envoy.workers[0].exchange(&request());
        assert_eq!(logged(&mut envoy.workers[0]), expected);
    }
    envoy.process.lock().faults.order(None);
    envoy.process.lock().log.clear();
    envoy.workers[0].exchange(&request());
    assert_eq!(logged(&mut envoy.workers[0]), ["0", "0", "0"]);
    assert_eq!(envoy.process.lock().calls["proxy_get_current_time_nanoseconds"], 9);
}

#[test]
fn a_fault_can_hand_over_bytes_that_the_proxy_never_would() {
    let reads = r#"
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $say (call $pairs (i32.const 0) (i32.const 64) (i32.const 68)))
            (call $say_handed_over)
            (i32.const 0))"#;
    let mut envoy = Envoy::start(&guest(reads), 1, Options::default()).unwrap();
    envoy.configure(b"1").unwrap();
    let effect = Effect::Bytes(b"garbage".to_vec());
    envoy.process.lock().faults.order(Some(Fault {
        call: "proxy_get_header_map_pairs",
        nth: None,
        effect,
    }));
    envoy.workers[0].exchange(&request());
    assert_eq!(logged(&mut envoy.workers[0]), ["0", "garbage"]);
}

#[test]
fn the_clock_shows_what_it_was_set_to() {
    let clock = r#"
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $time (i32.const 64)))
            (drop (call $log (i32.const 2) (i32.const 64) (i32.const 8)))
            (i32.const 0))"#;
    let mut envoy = Envoy::start(&guest(clock), 1, Options::default()).unwrap();
    envoy.configure(b"1").unwrap();
    envoy.process.lock().now_unix_ns = u64::from_le_bytes(*b"12345678");
    envoy.workers[0].exchange(&request());
    assert_eq!(logged(&mut envoy.workers[0]), ["12345678"]);
}
