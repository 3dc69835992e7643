//! Lists of allowed capabilities (`capability_restriction_config`): what each omission from the shortest list that works does to the gate, in a real Envoy.
//!
//! An omission of a host call never opens the gate. One of a callback can: Envoy passes over a callback that is not on the list, and a module cannot find out.
//! So no shipped configuration has a list. docs/decisions/0021-no-list-of-capabilities.md says more.

use crate::capabilities::{End, WHOLE, Without, list_without, needed};
use crate::edge::cases::vote;
use crate::harness::artifacts::source;
use crate::harness::envoy::{Envoy, bootstrap, replace, restrict};
use crate::harness::http::{Response, exchange, request};
use crate::harness::world::World;

#[test]
fn each_omission_has_the_effect_that_is_written_down() {
    let mut world = World::start();
    let mut wrong = Vec::new();
    for (omitted, written) in [(None, WHOLE)]
        .into_iter()
        .chain(needed().map(|(name, effect)| (Some(name), effect)))
    {
        let seen = effect(&mut world, omitted, written);
        if seen != written {
            wrong.push(format!("without {omitted:?}: {seen:?}, not {written:?}"));
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
fn effect(world: &mut World, omitted: Option<&str>, written: Without) -> Without {
    let mut text = bootstrap(world.api.address);
    restrict(&mut text, &list_without(omitted));
    // Somebody waits for the answers that never come.
    replace(&mut text, "stream_idle_timeout: 60s", "stream_idle_timeout: 0.5s");
    if written == Without::NoStart {
        assert_ne!(Envoy::refuses(&text).code(), 0);
        return Without::NoStart;
    }
    world.envoy = Envoy::start_with(&text);
    let before = world.api.requests();
    let bare = exchange(world.envoy.address, &request("POST", "/v1/votes", &[], ""));
    if world.api.requests() > before {
        return Without::Opens;
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
    Without::Ends(end(&none), end(&good))
}

/// A vote that passes is accepted by the API; one that is held is ended by Envoy's timeout.
fn end(answer: &Response) -> End {
    match answer.status {
        202 => End::Passes,
        504 => End::Held,
        status => End::Refused(status),
    }
}
