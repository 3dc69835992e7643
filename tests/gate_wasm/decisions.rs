//! The decision table, run in the compiled module. The filter's own tests run the same files natively, so the two agree or one of them fails.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::{configure, envoy, keys, refusal, token, upstream};
use crate::harness::artifacts;
use crate::host::{Envoy, HeaderMap, Request, Stream};

#[test]
fn every_case_ends_as_the_table_says() {
    let directory = artifacts::root().join("tests/testdata/decisions");
    let mut cases = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let mut table: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(table["now"], "2026-01-01T00:00:00Z", "the mock's clock shows this time");
        table["config"]["keys"] = keys();
        let mut envoy = envoy();
        configure(&mut envoy, &table["config"]);
        for case in table["cases"].as_array().unwrap() {
            let name = format!("{}: {}", path.display(), case["name"]);
            run(&mut envoy, &table["config"]["mode"], case, &name);
            cases += 1;
        }
    }
    assert!(cases > 100, "only {cases} cases were found");
}

fn run(envoy: &mut Envoy, mode: &Value, case: &Value, name: &str) {
    let request = Request {
        headers: headers(&case["headers"]),
        ..Request::default()
    };
    let before = envoy.process.lock().stats.counters();
    let stream = envoy.workers[0].exchange(&request);
    assert_eq!(envoy.workers[0].failure(), None, "{name}");
    let expect = &case["expect"];
    assert_eq!(
        moved(envoy, &before),
        expect["counter"].as_str().into_iter().collect::<Vec<_>>(),
        "{name}"
    );
    if mode != "enforce" {
        assert_eq!(
            upstream(&stream),
            &request.headers,
            "{name}: changed, and the mode is {mode}"
        );
        return;
    }
    match expect["verdict"].as_str().unwrap() {
        "refused" => assert_eq!(refusal(&stream).as_deref(), expect["refusal"].as_str(), "{name}"),
        "free" | "accepted" => check_upstream(&request, &stream, &expect["upstream"], name),
        other => panic!("{name}: {other}: no such verdict in this mode"),
    }
}

/// The request reached the service, with these lines set, those removed, and every other as it was.
fn check_upstream(request: &Request, stream: &Stream, expect: &Value, name: &str) {
    let mut headers = request.headers.clone();
    for removed in expect["removed"].as_array().unwrap() {
        headers.remove(removed.as_str().unwrap().as_bytes());
    }
    let set = expect["set"].as_object().unwrap();
    for (name, value) in set {
        headers.set(name.as_bytes(), value.as_str().unwrap().as_bytes());
    }
    assert_eq!(sorted(upstream(stream)), sorted(&headers), "{name}");
    // What was not touched keeps its order.
    let untouched = |headers: &HeaderMap| {
        let kept = headers
            .lines()
            .iter()
            .filter(|(name, _)| !set.contains_key(&*String::from_utf8_lossy(name)));
        kept.cloned().collect::<Vec<_>>()
    };
    assert_eq!(untouched(upstream(stream)), untouched(&headers), "{name}");
}

fn sorted(headers: &HeaderMap) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut lines = headers.lines().to_vec();
    lines.sort();
    lines
}

/// The counters that moved by one; one that moved by more is named twice.
fn moved(envoy: &Envoy, before: &BTreeMap<String, u64>) -> Vec<String> {
    let mut moved = Vec::new();
    for (name, value) in envoy.process.lock().stats.counters() {
        let steps = value - before.get(&name).copied().unwrap_or_default();
        moved.extend((0..steps).map(|_| name.clone()));
    }
    moved
}

fn headers(value: &Value) -> HeaderMap {
    HeaderMap::new(
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|line| (bytes(&line[0]), bytes(&line[1]))),
    )
}

/// A name or value: text in which `${NAME}` stands for a token of the coin's test data, or `{"hex": …}`.
fn bytes(value: &Value) -> Vec<u8> {
    if let Some(hex) = value["hex"].as_str() {
        let octets = hex
            .as_bytes()
            .chunks(2)
            .map(|octet| std::str::from_utf8(octet).unwrap());
        return octets.map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect();
    }
    let mut text = value.as_str().unwrap().to_owned();
    while let Some(start) = text.find("${") {
        let end = start + text[start..].find('}').unwrap();
        let token = token(&text[start + 2..end]);
        text.replace_range(start..=end, &token);
    }
    text.into_bytes()
}
