//! Lists of allowed capabilities (`capability_restriction_config`): what each omission from the shortest list that works does to the gate, in a real Envoy.
//!
//! An omission of a host call never opens the gate. One of a callback can: Envoy passes over a callback that is not on the list, and a module cannot find out.
//! So no shipped configuration has a list. docs/decisions/0021-no-list-of-capabilities.md says more.

use crate::edge::cases::vote;
use crate::gate_wasm::faults;
use crate::harness::artifacts::source;
use crate::harness::envoy::{Envoy, bootstrap, replace};
use crate::harness::http::{exchange, request};
use crate::harness::world::World;

/// The callbacks that the gate needs, beside its host calls ([`faults::CALLS`]).
const CALLBACKS: [&str; 8] = [
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_done",
    "proxy_on_delete",
];

/// What an omission does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// Envoy does not start.
    NoStart,
    /// A vote without a coin is answered with the first status, one with a coin with the second; the API sees nothing of the former.
    Answers(u16, u16),
    /// A vote without a coin and without a body reaches the API.
    Opens,
}

use Effect::{Answers, NoStart, Opens};

const EFFECTS: [(&str, Effect); 18] = [
    ("proxy_log", Answers(401, 202)),
    ("proxy_define_metric", Answers(401, 202)),
    ("proxy_increment_metric", Answers(401, 202)),
    ("proxy_record_metric", Answers(401, 202)),
    ("proxy_get_buffer_bytes", NoStart),
    ("proxy_get_header_map_pairs", Answers(503, 503)),
    ("proxy_get_current_time_nanoseconds", Answers(401, 503)),
    ("proxy_replace_header_map_value", Answers(401, 503)),
    // Needed only where there is something to strip.
    ("proxy_remove_header_map_value", Answers(401, 202)),
    // The refusal cannot be sent, and Envoy's own timeout ends the request.
    ("proxy_send_local_response", Answers(504, 202)),
    ("proxy_on_vm_start", Answers(401, 202)),
    ("proxy_on_configure", Answers(503, 503)),
    ("proxy_on_context_create", NoStart),
    ("proxy_on_request_headers", Opens),
    ("proxy_on_request_body", Answers(401, 202)),
    ("proxy_on_request_trailers", Answers(401, 202)),
    ("proxy_on_done", Answers(401, 202)),
    // The SDK never hears that a request is over: memory grows.
    ("proxy_on_delete", Answers(401, 202)),
];

#[test]
fn the_list_is_of_the_host_calls_and_the_callbacks() {
    let mut listed: Vec<_> = EFFECTS.iter().map(|(name, _)| *name).collect();
    let mut needed = [&faults::CALLS[..], &CALLBACKS].concat();
    listed.sort_unstable();
    needed.sort_unstable();
    assert_eq!(listed, needed);
}

#[test]
fn each_omission_has_the_effect_that_is_written_down() {
    let mut world = World::start();
    let whole = effect(&mut world, None);
    assert_eq!(whole, Answers(401, 202), "the whole list");
    let mut wrong = Vec::new();
    for (name, expected) in EFFECTS {
        let seen = effect(&mut world, Some((name, expected)));
        if seen != expected {
            wrong.push(format!("without {name}: {seen:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn no_shipped_configuration_has_a_list() {
    for path in [
        "envoy/bootstrap.yaml",
        "crates/cli/src/config_entry.rs",
        "consul/config/api.hcl",
        "consul/keys.ctmpl",
    ] {
        let text = std::fs::read_to_string(source(path)).unwrap();
        for word in [
            "capability_restriction",
            "CapabilityRestriction",
            "allowed_capabilities",
            "AllowedCapabilities",
        ] {
            assert!(!text.contains(word), "{path}: {word}");
        }
    }
}

/// What the list does without this name.
fn effect(world: &mut World, omitted: Option<(&str, Effect)>) -> Effect {
    let names = EFFECTS.map(|(name, _)| name);
    let kept = names
        .iter()
        .filter(|name| omitted.is_none_or(|(omitted, _)| **name != omitted));
    let list: Vec<_> = kept.map(|name| format!("{name}: {{}}")).collect();
    let mut text = bootstrap(world.api.address);
    let policy = "failure_policy: FAIL_CLOSED\n";
    let allowed = format!(
        "{policy}                capability_restriction_config: {{ allowed_capabilities: {{ {} }} }}\n",
        list.join(", ")
    );
    replace(&mut text, policy, &allowed);
    // Somebody waits for the answers that never come.
    replace(&mut text, "stream_idle_timeout: 60s", "stream_idle_timeout: 0.5s");
    if omitted.is_some_and(|(_, effect)| effect == NoStart) {
        assert_ne!(Envoy::refuses(&text).code(), 0);
        return NoStart;
    }
    world.envoy = Envoy::start_with(&text);
    let before = world.api.requests();
    let bare = exchange(world.envoy.address, &request("POST", "/v1/votes", &[], ""));
    if world.api.requests() > before {
        return Opens;
    }
    let none = exchange(world.envoy.address, &vote("/v1/votes", &[]));
    assert_eq!(none.status, bare.status, "{omitted:?}");
    assert_eq!(
        world.api.requests(),
        before,
        "{omitted:?}: a vote without a coin reached the API"
    );
    let coin = world.coin().header();
    let good = exchange(world.envoy.address, &vote("/v1/votes", &[("authorization", &coin)]));
    Answers(none.status, good.status)
}
