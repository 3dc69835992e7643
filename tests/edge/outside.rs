//! What Envoy itself says when the API is not there, and what a client may not send to the API.

use crate::edge::cases::vote;
use crate::harness::http::{exchange, get};
use crate::harness::world::World;

#[test]
fn envoys_own_errors_are_problem_documents_too() {
    let world = World::start();
    let coin = world.coin().header();
    world.api.process().kill();
    let response = exchange(world.envoy.address, &vote("/v1/votes", &[("authorization", &coin)]));
    assert_eq!((response.status, response.problem().as_str()), (503, "about:blank"));
    assert_eq!(get(world.envoy.address, "/").problem(), "about:blank");
    // The gate's answers do not depend on the API.
    assert_eq!(
        exchange(world.envoy.address, &vote("/v1/votes", &[])).problem(),
        "coin-missing"
    );
}
