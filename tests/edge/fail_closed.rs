//! What Envoy does when the gate is lost. The module is another one here, which traps on its first request; the bootstrap around it is the shipped one.

use std::fs;

use tempfile::TempDir;

use crate::edge::cases::vote;
use crate::harness::artifacts::gate;
use crate::harness::envoy::{Envoy, bootstrap, replace};
use crate::harness::http::{exchange, get};
use crate::harness::world::World;

/// The least that Envoy takes for a plugin (proxy-wasm ABI 0.2.1).
const TRAPS_ON_REQUEST: &str = r#"
(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024)
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
  (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 1)
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable))
"#;

#[test]
fn a_lost_vm_lets_nothing_through_not_even_what_was_free() {
    let mut world = World::start();
    let directory = TempDir::new().unwrap();
    let module = directory.path().join("trap.wasm");
    fs::write(&module, wat::parse_str(TRAPS_ON_REQUEST).unwrap()).unwrap();
    let mut text = bootstrap(world.api.address);
    replace(&mut text, gate().to_str().unwrap(), module.to_str().unwrap());
    world.envoy = Envoy::start_with(&text);
    let coin = world.coin().header();
    // More than there are workers: the first request on each traps, the others find the VM lost.
    for _ in 0..8 {
        let response = exchange(world.envoy.address, &vote("/v1/votes", &[("authorization", &coin)]));
        assert_eq!(response.status, 503, "{response:?}");
        assert_eq!(get(world.envoy.address, "/v1/tally").status, 503);
    }
    assert_eq!((world.envoy.upstream_requests(), world.api.requests()), (0, 0));
}
