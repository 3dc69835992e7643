//! The key is rotated in Vault while votes are cast: both versions pass, the old one is retired, and no request fails because of it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::world::Mesh;
use crate::harness::artifacts::program;
use crate::harness::http::get;
use crate::harness::mint::{Coin, read_coins};
use crate::harness::wait::wait_for;

const VOTE: &str = r#"{"weights":{"clean-water":1}}"#;

/// Coins that Vault signs now, with its newest key.
fn mint(mesh: &Mesh, name: &str, count: usize) -> Vec<Coin> {
    let out = mesh.data(name);
    let mut command = Command::new(program("hashicoin-mint"));
    command.args(["mint", "--vault-key", "hashicoin", "--campaign", "hashiconf-2020"]);
    command.args([
        "--expires",
        "2030-01-01T00:00:00Z",
        "--count",
        &count.to_string(),
        "--out",
    ]);
    let token = Path::new(mesh.facts()["secrets"].as_str().unwrap()).join("vault-mint");
    command.env("VAULT_ADDR", format!("http://{}", mesh.address("vault", "http")));
    command.env("VAULT_TOKEN", fs::read_to_string(token).unwrap());
    command.arg(&out);
    // Redis' own address, not the mint's way there: a test comes from nowhere in the mesh.
    command.arg(format!("--ledger-redis=redis://{}", mesh.address("redis", "tcp")));
    Mesh::runs(&mut command);
    read_coins(&out)
}

/// Waits until the running gate and the file of the API and the ledger say this of the keys.
fn wait_for_keys(mesh: &Mesh, metric: &str, value: u64, in_the_file: &str) {
    wait_for(&format!("{metric} to be {value}"), || {
        let seen = mesh.gate_metrics()[metric];
        if seen == value {
            Ok(())
        } else {
            Err(format!("it is {seen}"))
        }
    });
    let file = fs::read_to_string(mesh.data("keys.json")).unwrap();
    assert!(file.contains(in_the_file), "{file}");
}

#[test]
fn a_rotation_under_load_fails_no_request_and_retires_the_old_key() {
    let mesh = Mesh::start();
    let old = mint(&mesh, "old", 300);
    let (load, late) = old.split_at(240);
    let over = AtomicBool::new(false);
    let new = thread::scope(|scope| {
        let (over, mesh) = (&over, &mesh);
        // Two voters and a reader, from before the rotation until after it.
        let voters: Vec<_> = load
            .chunks(load.len() / 2)
            .map(|coins| {
                scope.spawn(move || {
                    let mut cast = 0;
                    for coin in coins {
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                        let answer = mesh.vote(&coin.header(), VOTE);
                        assert_eq!(answer.status, 201, "{answer:?}");
                        assert_eq!(get(mesh.front, "/v1/tally").status, 200);
                        cast += 1;
                    }
                    cast
                })
            })
            .collect();
        Mesh::runs(mesh.vault().args(["write", "-f", "transit/keys/hashicoin/rotate"]));
        wait_for_keys(mesh, "coin_gate_key_version_max", 2, "\"2\"");
        let new = mint(mesh, "new", 12);
        assert!(new[0].token.contains(".2."), "signed by the new key");
        for coin in &new[..6] {
            // A connection between the proxies that was open before has the keys of before, for one more request; what is refused there is not spent.
            wait_for("the new key to count", || {
                let answer = mesh.vote(&coin.header(), VOTE);
                if answer.status == 201 {
                    return Ok(());
                }
                assert_eq!(answer.problem(), "coin-key-unknown", "{answer:?}");
                Err(format!("{answer:?}"))
            });
        }
        over.store(true, Ordering::Relaxed);
        for voter in voters {
            assert!(voter.join().unwrap() > 0);
        }
        new
    });
    assert_eq!(
        mesh.vote(&late[0].header(), VOTE).status,
        201,
        "the old key still counts"
    );

    let retire = ["write", "transit/keys/hashicoin/config", "min_decryption_version=2"];
    Mesh::runs(mesh.vault().args(retire));
    wait_for_keys(&mesh, "coin_gate_key_version_min", 2, "\"min_decryption_version\": 2");
    // A connection between the proxies that was open before has the keys of before, for one more request.
    let mut left = late[1..].iter();
    let refused = wait_for("the old key to be refused", || {
        let coin = left.next().expect("refused before the coins are used up");
        let answer = mesh.vote(&coin.header(), VOTE);
        if answer.status == 403 {
            Ok(answer)
        } else {
            Err(format!("{answer:?}"))
        }
    });
    assert!(
        matches!(refused.problem().as_str(), "coin-key-unknown" | "coin-key-retired"),
        "{refused:?}"
    );
    for coin in &new[6..] {
        assert_eq!(mesh.vote(&coin.header(), VOTE).status, 201);
    }
}
