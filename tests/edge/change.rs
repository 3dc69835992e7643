//! The gate while its configuration changes: under load, with keys that rotate and configurations with mistakes in between. No request is lost, none without a
//! good coin is let through, and no memory stays behind.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;

use crate::edge::cases::vote;
use crate::harness::envoy::{Envoy, bootstrap, replace};
use crate::harness::http::{exchange, get};
use crate::harness::mint::{Mint, testdata_token};
use crate::harness::wait::wait_for;
use crate::harness::world::World;

/// Changes before the memory is looked at; three times as many follow, a thousand in all.
const CHANGES: u64 = 250;
/// What Envoy's memory may differ by, in KiB, after the first changes and after all: the noise of its allocator and of V8. One VM that stays is 10 MiB.
const NOISE_KIB: u64 = 24 * 1024;

/// What a change brings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    /// The keys without the newest version.
    OldKeys,
    /// All keys.
    NewKeys,
    /// A mistake.
    Broken,
}

#[test]
fn changes_under_load_lose_no_request_let_none_through_and_leave_no_memory_behind() {
    let mut world = World::start();
    let text = bootstrap(world.api.address);
    world.envoy = Envoy::start_watching(&text);
    let coins = [world.coin().header(), world.coin().header()];
    let over = AtomicBool::new(false);
    let passed = thread::scope(|scope| {
        let (world, over) = (&world, &over);
        let end = EndsLoad(over);
        let load: Vec<_> = coins
            .iter()
            .map(|coin| scope.spawn(move || load(world, coin, over)))
            .collect();
        let mut probes = 0;
        let mut change = |number: u64| {
            let change = [Change::OldKeys, Change::Broken, Change::NewKeys, Change::Broken]
                [usize::try_from(number % 4).unwrap()];
            probes += carry_out(world, &text, number, change);
        };
        (0..CHANGES).for_each(&mut change);
        let before = settled_memory_kib(world);
        (CHANGES..4 * CHANGES).for_each(&mut change);
        let after = settled_memory_kib(world);
        drop(end);
        let passed: u64 = load.into_iter().map(|load| load.join().unwrap()).sum();
        println!(
            "{passed} requests passed during {} changes; Envoy had {before} KiB, then {after} KiB",
            4 * CHANGES
        );
        assert!(after < before + NOISE_KIB, "{before} KiB, then {after} KiB");
        passed + probes
    });
    assert_eq!(world.api.requests(), passed, "lost on the way, or let through");
}

/// Ends the load, also when a check fails: the scope waits for it.
struct EndsLoad<'a>(&'a AtomicBool);

impl Drop for EndsLoad<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Envoy's memory once nothing of what was replaced is left.
fn settled_memory_kib(world: &World) -> u64 {
    for what in ["total_filter_chains_draining", "total_listeners_draining"] {
        wait_for(what, || match world.envoy.stat(&format!("listener_manager.{what}")) {
            0 => Ok(()),
            left => Err(format!("{left} left")),
        });
    }
    world.envoy.memory_kib()
}

/// Brings a change and waits until it is in force, or refused. Gives how many requests it let through meanwhile.
fn carry_out(world: &World, text: &str, number: u64, change: Change) -> u64 {
    let mut text = text.to_owned();
    // A number of its own for each, or Envoy sees nothing new.
    replace(
        &mut text,
        "\"mode\":",
        &format!("\"log_every\": {}, \"mode\":", 1_000 + number),
    );
    let outcome = match change {
        Change::Broken => {
            replace(&mut text, "\"campaign\":", "\"campagne\":");
            "listener_manager.lds.update_rejected"
        }
        Change::OldKeys => {
            let all = Mint::keys_in_one_line();
            let mut old: Value = serde_json::from_str(&all).unwrap();
            old["data"]["keys"].as_object_mut().unwrap().remove("3").unwrap();
            replace(&mut text, &all, &old.to_string());
            "listener_manager.lds.update_success"
        }
        Change::NewKeys => "listener_manager.lds.update_success",
    };
    let (before, gate_before) = (world.envoy.stat(outcome), world.envoy.gate_metrics());
    world.envoy.replace_listeners(&text);
    wait_for(outcome, || match world.envoy.stat(outcome) - before {
        0 => Err("not yet".to_owned()),
        _ => Ok(()),
    });
    let gate = world.envoy.gate_metrics();
    if change == Change::Broken {
        // Not by the gauge: a worker that is late with the configuration before sets it to 1 once more.
        let rejected = |metrics: &BTreeMap<String, u64>| metrics.get("coin_gate_config_rejected").copied().unwrap_or(0);
        assert_eq!(rejected(&gate), rejected(&gate_before) + 1);
        return 0;
    }
    assert_eq!(gate["coin_gate_config_ok"], 1);
    let wanted = if change == Change::NewKeys { 202 } else { 403 };
    let newest = format!("Coin {}", testdata_token("good-newest-key"));
    let mut passed = 0;
    wait_for("the keys to be in force on the worker", || {
        let answer = exchange(world.envoy.address, &vote("/v1/votes", &[("authorization", &newest)]));
        passed += u64::from(answer.status == 202);
        if answer.status == wanted {
            Ok(())
        } else {
            Err(format!("{answer:?}"))
        }
    });
    passed
}

/// Votes with a coin that both sets of keys know, votes without one, and reads. Gives how many of them must have reached the API.
fn load(world: &World, coin: &str, over: &AtomicBool) -> u64 {
    let mut passed = 0;
    while !over.load(Ordering::Relaxed) {
        let answer = exchange(world.envoy.address, &vote("/v1/votes", &[("authorization", coin)]));
        assert_eq!(answer.status, 202, "{answer:?}");
        let answer = exchange(world.envoy.address, &vote("/v1/votes", &[]));
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(get(world.envoy.address, "/v1/tally").status, 200);
        passed += 2;
    }
    passed
}
