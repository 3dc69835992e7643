//! A configuration with a mistake: Envoy does not start, and says why.

use crate::harness::envoy::{Envoy, bootstrap, replace};
use crate::harness::world::World;

#[test]
fn the_shipped_file_without_keys_is_refused() {
    let world = World::start();
    let text = bootstrap(world.api.address);
    let (before, rest) = text.split_once("\"keys\": ").unwrap();
    let (_, after) = rest.split_once(",\n").unwrap();
    let ended = Envoy::refuses(&format!("{before}\"keys\": {{}},\n{after}"));
    assert_ne!(ended.code(), 0);
    assert!(
        ended.stderr.contains("configuration refused: keys: "),
        "{}",
        ended.stderr
    );
}

#[test]
fn every_mistake_is_in_the_log_at_once() {
    let world = World::start();
    let mut text = bootstrap(world.api.address);
    replace(&mut text, "\"mode\": \"enforce\"", "\"mode\": \"enforced\"");
    replace(
        &mut text,
        "\"campaign\": \"hashiconf-2020\"",
        "\"campagne\": \"hashiconf-2020\"",
    );
    replace(&mut text, "\"path\": \"/v1/coins\"", "\"path\": \"/v1//coins\"");
    let ended = Envoy::refuses(&text);
    assert_ne!(ended.code(), 0);
    for mistake in ["mode: ", "campaign: ", "campagne: unknown key", "routes[1].path: "] {
        assert!(
            ended.stderr.contains(&format!("configuration refused: {mistake}")),
            "{mistake}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_missing_module_is_refused() {
    let world = World::start();
    let mut text = bootstrap(world.api.address);
    replace(&mut text, "coin_gate.wasm", "not_there.wasm");
    assert_ne!(Envoy::refuses(&text).code(), 0);
}
