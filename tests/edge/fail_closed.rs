//! What Envoy does when the gate is lost. The module is another one here, which lets everything through until a request tells it to trap; the bootstrap around it
//! is the shipped one.

use std::fs;

use tempfile::TempDir;

use crate::edge::cases::vote;
use crate::harness::artifacts::gate;
use crate::harness::envoy::{Envoy, bootstrap, replace};
use crate::harness::http::{exchange, get, request};
use crate::harness::wait::wait_for;
use crate::harness::world::World;

/// The least that Envoy takes for a plugin (proxy-wasm ABI 0.2.1), and a trap at the header `x-trap`. No such path is in the gate.
const TRAPS_WHEN_TOLD: &str = r#"
(module
  (import "env" "proxy_get_header_map_value" (func $value (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "x-trap")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024)
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
  (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 1)
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (if (i32.eqz (call $value (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 64) (i32.const 68)))
      (then unreachable))
    (i32.const 0)))
"#;

#[test]
fn a_lost_vm_lets_nothing_through_not_even_what_was_free_and_a_counter_says_so() {
    let mut world = World::start();
    let directory = TempDir::new().unwrap();
    let module = directory.path().join("trap.wasm");
    fs::write(&module, wat::parse_str(TRAPS_WHEN_TOLD).unwrap()).unwrap();
    let mut text = bootstrap(world.api.address);
    replace(&mut text, gate().to_str().unwrap(), module.to_str().unwrap());
    world.envoy = Envoy::start_with(&text);
    assert_eq!(get(world.envoy.address, "/v1/tally").status, 200);
    assert_eq!(world.envoy.stat("http.public.downstream_rq_5xx"), 0);
    // More than there are workers: the first on each traps, the others find the VM lost.
    let trap = request("GET", "/v1/tally", &[("x-trap", "1")], "");
    for _ in 0..16 {
        assert_eq!(exchange(world.envoy.address, &trap).status, 503);
    }
    let before = world.envoy.upstream_requests();
    let coin = world.coin().header();
    for _ in 0..8 {
        let response = exchange(world.envoy.address, &vote("/v1/votes", &[("authorization", &coin)]));
        assert_eq!(response.status, 503, "{response:?}");
        assert_eq!(get(world.envoy.address, "/v1/tally").status, 503);
    }
    assert_eq!((world.envoy.upstream_requests(), world.api.requests()), (before, 1));
    // What docs/operating.md says to look at.
    assert_eq!(world.envoy.stat("http.public.downstream_rq_5xx"), 32);
    wait_for("the access log", || match world.envoy.said() {
        said if said.contains(" 503 wasm_fail_stream ") => Ok(()),
        said => Err(said),
    });
}
