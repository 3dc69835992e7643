//! What is watched, on the mesh: everybody is read, every query of every dashboard has an answer, and no alert asks for what is not there.

use std::collections::BTreeSet;
use std::fs;

use regex_lite::Regex;
use serde_json::Value;

use super::world::Mesh;
use crate::harness::artifacts::root;
use crate::harness::http;
use crate::harness::wait::wait_for;

/// What Prometheus answers under `/api/v1/`.
fn ask(mesh: &Mesh, target: &str) -> Value {
    let answer = http::get(mesh.address("prometheus", "http"), &format!("/api/v1/{target}")).json();
    assert_eq!(answer["status"], "success", "{target}: {answer}");
    answer["data"].clone()
}

/// The values that a query has now.
fn values(mesh: &Mesh, query: &str) -> Vec<f64> {
    let escaped: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let data = ask(mesh, &format!("query?query={escaped}"));
    let series = data["result"].as_array().unwrap().iter();
    series
        .map(|series| series["value"][1].as_str().unwrap().parse().unwrap())
        .collect()
}

/// Every query of every dashboard, with where it stands; of those about Nomad's jobs only where there are some.
fn dashboard_queries(has_nomad: bool) -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for file in fs::read_dir(root().join("monitoring/grafana")).unwrap() {
        let path = file.unwrap().path();
        let dashboard: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let mut tags = dashboard["tags"].as_array().unwrap().iter();
        if tags.any(|tag| tag == "nomad") && !has_nomad {
            continue;
        }
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                let place = format!("{}, {}", dashboard["title"], panel["title"]);
                queries.push((place, target["expr"].as_str().unwrap().to_owned()));
            }
        }
    }
    queries
}

/// Whom Prometheus reads, and who of them answers: jobs and proxies, sorted.
fn read(mesh: &Mesh) -> (Vec<String>, bool) {
    let data = ask(mesh, "query?query=up");
    let series = data["result"].as_array().unwrap();
    let name = |series: &Value| {
        let label = |name: &str| series["metric"][name].as_str().unwrap_or_default().to_owned();
        format!("{} {}", label("job"), label("proxy")).trim().to_owned()
    };
    let mut names: Vec<String> = series.iter().map(name).collect();
    names.sort();
    (names, series.iter().all(|series| series["value"][1] == "1"))
}

/// The metrics that a query names.
fn metrics(query: &str) -> impl Iterator<Item = String> {
    let name = Regex::new(r"\b(up\b|(hashicoin|coin_gate|envoy|consul|vault|nomad)[_:][A-Za-z_:0-9]+)").unwrap();
    // Labels have such names too.
    let without_labels = Regex::new(r"\{[^}]*\}|\b(by|on|without) *\([^)]*\)").unwrap();
    let bare = without_labels.replace_all(query, " ").into_owned();
    let names: Vec<String> = name.find_iter(&bare).map(|found| found.as_str().to_owned()).collect();
    names.into_iter()
}

#[test]
fn everybody_is_read_and_every_query_has_an_answer() {
    let mesh = Mesh::start();
    everybody_is_read(
        &mesh,
        &[
            "api",
            "consul",
            "envoy api",
            "envoy gateway",
            "envoy ledger",
            "envoy mint",
            "envoy pci-gateway",
            "envoy redis",
            "ledger",
            "vault",
        ],
        &[],
        false,
    );
}

/// Holds what a mesh's Prometheus reads against who there is, asks it what dashboards and rules ask, and holds the alerts that fire against those that must.
pub fn everybody_is_read(mesh: &Mesh, everybody: &[&str], alerts: &[&str], has_nomad: bool) {
    wait_for("Prometheus to read everybody", || {
        let (read, all_answer) = read(mesh);
        if read == everybody && all_answer {
            Ok(())
        } else {
            Err(format!("all answer: {all_answer}; {read:?}"))
        }
    });
    // A rate is that between two readings, so something happens after the first.
    wait_for("votes to be known to Prometheus", || {
        let known = values(mesh, r#"hashicoin_ledger_votes{job="ledger"}"#);
        if known == [f64::from(u32::try_from(mesh.votes()).unwrap())] {
            Ok(())
        } else {
            Err(format!("{known:?}"))
        }
    });
    let coin = mesh.coin("watched");
    assert_eq!(mesh.vote(&coin, r#"{"weights":{"clean-water":1}}"#).status, 201);
    assert_eq!(mesh.vote("Coin none", "{}").status, 400);

    let queries = dashboard_queries(has_nomad);
    assert!(queries.len() > 30, "{queries:?}");
    wait_for("an answer to every query of the dashboards", || {
        let has_none = |query: &str| values(mesh, query).iter().all(|value| value.is_nan());
        let silent: Vec<_> = queries.iter().filter(|(_, query)| has_none(query)).collect();
        if silent.is_empty() {
            Ok(())
        } else {
            Err(format!("{silent:#?}"))
        }
    });
    for what in ["hashicoin:gate_refused:rate5m", "hashicoin_log_size"] {
        wait_for(&format!("{what} to show what happened"), || {
            let values = values(mesh, what);
            if values.iter().any(|value| *value > 0.0) {
                Ok(())
            } else {
                Err(format!("{values:?}"))
            }
        });
    }

    let (mut names, mut firing) = (BTreeSet::new(), Vec::new());
    for group in ask(mesh, "rules")["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            assert_eq!(rule["health"], "ok", "{rule:#}");
            if rule["state"] == "firing" {
                firing.push(rule["name"].as_str().unwrap().to_owned());
            }
            names.extend(metrics(rule["query"].as_str().unwrap()));
        }
    }
    assert_eq!(firing, alerts);
    assert!(names.len() > 15, "{names:?}");
    names.retain(|name| values(mesh, name).is_empty());
    assert!(names.is_empty(), "rules ask for metrics that nobody has: {names:?}");
}

#[test]
fn metrics_are_told_from_labels_and_functions() {
    let query = r#"sum by (envoy_response_code_class) (rate(envoy_a{envoy_b="up"}[5m])) - up / on() max(hashicoin:x:y offset 1m)"#;
    assert_eq!(metrics(query).collect::<Vec<_>>(), ["envoy_a", "up", "hashicoin:x:y"]);
}
