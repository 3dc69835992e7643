//! The ledger holds coins to its own file of keys, which it reads again when it has changed.

use serde_json::json;
use tempfile::TempDir;

use super::world::{Settings, Store, World};
use crate::api::keys::{keys, replace};
use crate::harness::http;
use crate::harness::metrics::sum;
use crate::harness::mint::Mint;

#[test]
fn a_rotation_reaches_the_running_ledger() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("keys.json");
    replace(&path, &keys(&["1"]).to_string());
    let settings = Settings {
        ledger_keys: path.clone(),
        ..Settings::default()
    };
    let world = World::start_with(Store::sqlite(), settings);
    let gauge = |name: &str, labels: &[&str]| {
        let metrics = http::get(world.ledger_address, "/metrics").text();
        sum(&metrics, name, labels)
    };
    // The mint of the tests signs with version 2. The API has all keys, so what is refused here is refused by the ledger.
    let coins = Mint::new().coins("coins", 3);
    let cast = |coin: usize| world.vote(&coins[coin], &json!({"clean-water": 1}), "wait=30");
    assert_eq!(cast(0).problem(), "coin-key-unknown");

    replace(&path, &keys(&["1", "2"]).to_string());
    assert_eq!(cast(0).status, 201);

    // A file that cannot be used stops nothing, and is noticed.
    assert_eq!(gauge("hashicoin_keys_stale", &[]), 0);
    replace(&path, r#"{"keys": {}}"#);
    assert_eq!(cast(1).status, 201);
    assert_eq!(gauge("hashicoin_keys_stale", &[]), 1);

    let mut retired = keys(&["1", "2", "3"]);
    retired["min_decryption_version"] = json!(3);
    replace(&path, &retired.to_string());
    assert_eq!(cast(2).problem(), "coin-key-retired");
    assert_eq!(gauge("hashicoin_keys_stale", &[]), 0);
    assert_eq!(
        gauge("hashicoin_ledger_entries_total", &[r#"outcome="dead_lettered""#]),
        2
    );
    world.settle(&coins[..2]);
}
