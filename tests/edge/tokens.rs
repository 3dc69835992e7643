//! Every token of the coin's own test data, through Envoy; and coins of strangers, minted for the occasion.

use std::fs;

use crate::edge::cases::vote;
use crate::edge::{assert_passes, assert_refused};
use crate::harness::artifacts::source;
use crate::harness::http::exchange;
use crate::harness::mint::{Mint, read_coins, testdata_token};
use crate::harness::world::World;

#[test]
fn every_token_of_the_test_data_meets_the_same_fate_at_the_edge() {
    let world = World::start();
    let mut accepted = 0;
    for (name, expected) in expectations() {
        let authorization = format!("Coin {}", testdata_token(&name));
        let send = || {
            exchange(
                world.envoy.address,
                &vote("/v1/votes", &[("authorization", &authorization)]),
            )
        };
        match expected.as_str() {
            "accepted" => {
                assert_passes(&name, &world, "coin_gate_accepted", 202, send);
                accepted += 1;
            }
            code => assert_refused(&name, &world, status(code), code, send),
        }
    }
    assert_eq!((accepted, world.api.requests(), world.api.votes("counted")), (2, 2, 2));
}

#[test]
fn coins_of_another_campaign_or_another_mint_are_refused() {
    let world = World::start();
    let elsewhere = read_coins(&world.mint.mint_for("another-campaign", "elsewhere", 1));
    let stranger = Mint::stranger().coins("stranger", 1);
    for (coin, code) in [
        (&elsewhere[0], "coin-wrong-campaign"),
        (&stranger[0], "coin-bad-signature"),
    ] {
        assert_refused(code, &world, 403, code, || {
            exchange(
                world.envoy.address,
                &vote("/v1/votes", &[("authorization", &coin.header())]),
            )
        });
    }
}

/// The name of each token and what its file expects, but for two that Envoy sees differently: the coin that the data look at in its last second has
/// expired since, and a scheme with an empty token behind it has lost its space, which HTTP trims.
fn expectations() -> Vec<(String, String)> {
    let mut expectations: Vec<_> = fs::read_dir(source("crates/coin/testdata/tokens"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            let expected = text.lines().find_map(|line| line.strip_prefix("expect: ")).unwrap();
            let expected = match name.as_str() {
                "last-second" => "coin-expired",
                "empty" => "coin-wrong-scheme",
                _ => expected,
            };
            (name, expected.to_owned())
        })
        .collect();
    expectations.sort();
    expectations
}

fn status(code: &str) -> u16 {
    match code {
        "coin-wrong-scheme" => 401,
        "coin-too-long" | "coin-malformed" | "coin-payload-malformed" => 400,
        _ => 403,
    }
}
