//! The gate as Consul has mounted it, read from the sidecar that runs.

use std::process::Command;

use serde_json::{Value, json};

use super::world::Mesh;
use crate::harness::artifacts::gate;
use crate::harness::http;

/// The connection manager of the sidecar's inbound listener, out of Envoy's configuration dump.
fn inbound(dump: &Value) -> &Value {
    let listeners = dump["configs"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|part| part["dynamic_listeners"].as_array())
        .flatten();
    let public = listeners
        .map(|listener| &listener["active_state"]["listener"])
        .find(|listener| listener["traffic_direction"] == "INBOUND");
    &public.unwrap_or_else(|| panic!("no inbound listener: {dump:#}"))["filter_chains"][0]["filters"][0]["typed_config"]
}

/// What is wrong with the way in which the gate is mounted.
fn mistakes(manager: &Value) -> Vec<String> {
    let filters = manager["http_filters"].as_array().unwrap();
    let names: Vec<&str> = filters.iter().map(|filter| filter["name"].as_str().unwrap()).collect();
    let mut mistakes = Vec::new();
    if names
        != [
            "envoy.filters.http.rbac",
            "envoy.filters.http.wasm",
            "envoy.filters.http.router",
        ]
    {
        mistakes.push(format!("the chain is {names:?}"));
    }
    for filter in filters
        .iter()
        .filter(|filter| filter["name"] == "envoy.filters.http.wasm")
    {
        let config = &filter["typed_config"]["config"];
        // Envoy's dump leaves out what is false.
        if !matches!(config["fail_open"], Value::Null | Value::Bool(false)) {
            mistakes.push(format!("fail_open is {}", config["fail_open"]));
        }
        if !matches!(
            config["failure_policy"].as_str(),
            None | Some("UNSPECIFIED" | "FAIL_CLOSED")
        ) {
            mistakes.push(format!("failure_policy is {}", config["failure_policy"]));
        }
    }
    mistakes
}

#[test]
fn the_sidecar_has_the_gate_closed_and_in_its_place() {
    let mesh = Mesh::start();
    let dump = http::get(mesh.address("envoy-api", "admin"), "/config_dump").json();
    let manager = inbound(&dump);
    assert_eq!(mistakes(manager), [""; 0]);
    let config = &manager["http_filters"][1]["typed_config"]["config"];
    for name in ["name", "root_id"] {
        assert_eq!(config[name], "coin_gate");
    }
    assert_eq!(config["vm_config"]["vm_id"], "coin_gate");
    let file = config["vm_config"]["code"]["local"]["filename"].as_str().unwrap();
    assert_eq!(sha256(file), sha256(gate().to_str().unwrap()));
    assert_eq!(mesh.gate_metrics()["coin_gate_config_ok"], 1);

    // What the mesh refuses before the gate looks, and that no timeout ends a stream.
    assert_eq!(
        (
            &manager["normalize_path"],
            &manager["merge_slashes"],
            &manager["path_with_escaped_slashes_action"],
            &manager["common_http_protocol_options"]["headers_with_underscores_action"],
            &manager["forward_client_cert_details"],
            &manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"]["timeout"],
        ),
        (
            &json!(true),
            &json!(true),
            &json!("REJECT_REQUEST"),
            &json!("REJECT_REQUEST"),
            &Value::Null,
            &json!("0s"),
        )
    );
    // The other sidecars do not have it: it is the API's.
    let dump = http::get(mesh.address("envoy-redis", "admin"), "/config_dump").text();
    assert!(!dump.contains("coin_gate"));
}

fn sha256(file: &str) -> String {
    let ended = Mesh::runs(Command::new("sha256sum").arg(file));
    ended.stdout.split_whitespace().next().unwrap().to_owned()
}

/// As Consul mounts the filter when `Required` is missing, and in a wrong place.
#[test]
fn an_open_gate_and_a_wrong_chain_are_mistakes() {
    let wasm = json!({ "name": "envoy.filters.http.wasm", "typed_config": { "config": { "fail_open": true } } });
    let router = json!({ "name": "envoy.filters.http.router" });
    assert_eq!(mistakes(&json!({ "http_filters": [wasm, router] })).len(), 2);
    assert_eq!(mistakes(&json!({ "http_filters": [router] })).len(), 1);
}
