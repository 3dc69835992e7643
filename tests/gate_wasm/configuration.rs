//! Configurations: taken whole or not at all, and the one before stays.

use serde_json::{Value, json};

use super::{NOW_UNIX_S, UNAVAILABLE, configuration, configure, envoy, envoy_in, envoy_with, free, module, refusal};
use super::{upstream, vote, vote_without_coin};
use crate::host::process::Process;
use crate::host::worker::Options;
use crate::host::{Envoy, Worker};

/// The gauges: keys that count, lowest and newest version, configuration in force.
fn gauges(envoy: &Envoy) -> [u64; 4] {
    let shared = envoy.process.lock();
    ["keys", "key_version_min", "key_version_max", "config_ok"]
        .map(|name| shared.stats.gauge(&format!("coin_gate_{name}")))
}

fn rejected(envoy: &Envoy) -> u64 {
    envoy.process.lock().stats.counter("coin_gate_config_rejected")
}

fn log_lines(envoy: &Envoy) -> Vec<(u32, String)> {
    let shared = envoy.process.lock();
    shared
        .log
        .iter()
        .map(|(level, line)| (*level, String::from_utf8(line.clone()).unwrap()))
        .collect()
}

/// Configurations that nobody may run on.
fn bad() -> Vec<Vec<u8>> {
    let with = |name: &str, value: Value| {
        let mut configuration = configuration("enforce");
        configuration[name] = value;
        configuration.to_string().into_bytes()
    };
    let mut oversize = configuration("enforce").to_string().into_bytes();
    oversize.resize(256 * 1024 + 1, b' ');
    vec![
        Vec::new(),
        b" ".to_vec(),
        b"{".to_vec(),
        b"{}".to_vec(),
        b"null".to_vec(),
        b"\xff\xfe".to_vec(),
        vec![b'['; 100_000],
        oversize,
        with("mode", json!("on")),
        with("campaign", json!("")),
        with("keys", json!({})),
        with("min_key_version", json!(4)),
        with("routes", json!([{ "prefix": "/x", "coin": "none" }])),
        with("fail_open", json!(true)),
    ]
}

#[test]
fn a_bad_one_at_the_start_lets_nothing_in() {
    for text in bad() {
        let mut envoy = envoy();
        assert!(envoy.configure(&text).is_err(), "{:?}", text.escape_ascii().to_string());
        assert_eq!((rejected(&envoy), gauges(&envoy)[3]), (1, 0));
        let stream = envoy.workers[0].exchange(&free());
        assert!(stream.upstream.is_none() && stream.reply.unwrap().status == 503);
    }
}

#[test]
fn a_bad_one_later_leaves_the_one_in_force() {
    let mut envoy = envoy_in("enforce");
    let before = gauges(&envoy);
    assert_eq!(before, [2, 2, 3, 1]);
    for (index, text) in bad().into_iter().enumerate() {
        assert!(envoy.configure(&text).is_err());
        assert_eq!(rejected(&envoy), index as u64 + 1);
        assert_eq!(gauges(&envoy), [2, 2, 3, 0], "keys stay as they are in force");
        assert!(refusal(&envoy.workers[0].exchange(&vote("good"))).is_none());
        assert_eq!(
            refusal(&envoy.workers[0].exchange(&vote("key-retired"))).as_deref(),
            Some("coin-key-retired")
        );
    }
}

#[test]
fn every_mistake_is_in_the_log_at_once() {
    const LEVEL_ERROR: u32 = 4;
    let mut envoy = envoy();
    let text = r#"{"mode":"on","campaign":"","keys":{},"header":"Cookie","log_every":0,"typo":1,"routes":{}}"#;
    assert!(envoy.configure(text.as_bytes()).is_err());
    let lines = log_lines(&envoy);
    for key in ["mode", "campaign", "keys", "header", "log_every", "typo", "routes"] {
        let found = lines
            .iter()
            .any(|(level, line)| *level == LEVEL_ERROR && line.starts_with(&format!("configuration refused: {key}: ")));
        assert!(found, "{key}: {lines:?}");
    }
}

#[test]
fn a_new_one_counts_from_the_next_request_on() {
    let mut envoy = envoy_in("enforce");
    assert!(refusal(&envoy.workers[0].exchange(&vote("good"))).is_none());
    let mut stricter = configuration("enforce");
    stricter["min_key_version"] = json!(3);
    configure(&mut envoy, &stricter);
    assert_eq!(gauges(&envoy), [1, 3, 3, 1]);
    assert_eq!(
        refusal(&envoy.workers[0].exchange(&vote("good"))).as_deref(),
        Some("coin-key-retired")
    );
    assert!(refusal(&envoy.workers[0].exchange(&vote("good-newest-key"))).is_none());
}

#[test]
fn a_request_that_began_before_keeps_what_it_began_with() {
    let mut envoy = envoy_in("enforce");
    let before = envoy.workers[0].open();
    configure(&mut envoy, &configuration("off"));
    let after = envoy.workers[0].open();
    for id in [before, after] {
        envoy.workers[0].request_headers(id, vote_without_coin().headers, true);
    }
    assert_eq!(
        refusal(&envoy.workers[0].close(before)).as_deref(),
        Some("coin-missing")
    );
    assert_eq!(upstream(&envoy.workers[0].close(after)), &vote_without_coin().headers);
}

#[test]
fn a_good_one_after_a_bad_one_puts_the_gauge_right() {
    let mut envoy = envoy_in("enforce");
    assert!(envoy.configure(b"{}").is_err());
    assert_eq!(gauges(&envoy)[3], 0);
    configure(&mut envoy, &configuration("shadow"));
    assert_eq!(gauges(&envoy)[3], 1);
}

#[test]
fn the_one_in_force_sent_again_after_a_bad_one_does_not_reach_the_gauge() {
    // The proxy sees nothing new in it and asks no VM, so the gauge goes on saying that the newest one was refused. Nothing in the filter can change
    // that; who watches the gauge must know.
    let mut envoy = envoy_in("enforce");
    assert!(envoy.configure(b"{}").is_err());
    configure(&mut envoy, &configuration("enforce"));
    assert_eq!(gauges(&envoy)[3], 0);
}

#[test]
fn without_a_configuration_every_request_is_refused() {
    let mut worker = Worker::start(module(), Process::default(), Options::default()).unwrap();
    worker.state().process.lock().now_unix_ns = NOW_UNIX_S * 1_000_000_000;
    worker.create_root().unwrap();
    for request in [free(), vote("good"), vote_without_coin()] {
        assert_eq!(refusal(&worker.exchange(&request)).as_deref(), Some(UNAVAILABLE));
    }
    assert_eq!(worker.failure(), None);
}

#[test]
fn every_worker_decides_alike_and_they_count_together() {
    let mut envoy = envoy_with(3, Options::default());
    configure(&mut envoy, &configuration("enforce"));
    for worker in &mut envoy.workers {
        assert!(refusal(&worker.exchange(&vote("good"))).is_none());
        assert_eq!(
            refusal(&worker.exchange(&vote("stranger"))).as_deref(),
            Some("coin-bad-signature")
        );
    }
    let counters = envoy.process.lock().stats.counters();
    let expected = [("coin_gate_accepted", 3), ("coin_gate_refused_coin_bad_signature", 3)];
    assert_eq!(counters, expected.map(|(name, value)| (name.to_owned(), value)).into());
    assert_eq!(gauges(&envoy), [2, 2, 3, 1]);
}
