//! `hashicoin-mint` through its front door: the same coins again and no more, nothing written over, no key shown.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::artifacts::program;
use crate::harness::process::{Ended, Process, run};
use crate::harness::wait::wait_for;

/// A directory with a key in it.
struct Room {
    directory: TempDir,
}

impl Room {
    fn new() -> Room {
        let room = Room {
            directory: TempDir::new().unwrap(),
        };
        let ended = room.keygen("key.pem");
        assert_eq!(ended.code(), 0, "{ended:?}");
        room
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn keygen(&self, name: &str) -> Ended {
        run(mint().arg("keygen").arg("--out").arg(self.path(name)))
    }

    /// The command that mints into a directory of the room.
    fn minting(&self, out: &str, count: u32) -> Command {
        let mut command = mint();
        command.args(["mint", "--json", "--campaign", "hashiconf-2020"]);
        command.args(["--expires", "2030-01-01T00:00:00Z", "--count", &count.to_string()]);
        command
            .arg("--key")
            .arg(self.path("key.pem"))
            .arg("--out")
            .arg(self.path(out));
        command
    }

    /// Mints an issuance, and gives what it reported.
    fn mint(&self, out: &str, issuance: &str, count: u32) -> Value {
        let ended = run(self.minting(out, count).args(["--issuance-id", issuance]));
        assert_eq!(ended.code(), 0, "{ended:?}");
        serde_json::from_str(ended.stdout.trim_end()).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
    }

    /// The names and texts of the coins in a directory.
    fn coins(&self, out: &str) -> BTreeMap<String, String> {
        let Ok(entries) = fs::read_dir(self.path(out)) else {
            return BTreeMap::new();
        };
        let paths = entries.map(|entry| entry.unwrap().path());
        let coins = paths.filter(|path| !name(path).starts_with('.') && name(path).ends_with(".coin.txt"));
        coins
            .map(|path| (name(&path), fs::read_to_string(path).unwrap()))
            .collect()
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn mint() -> Command {
    let mut command = Command::new(program("hashicoin-mint"));
    command.env_remove("NOMAD_ALLOC_ID");
    command
}

fn assert_refused(ended: &Ended, code: i32, words: &str) {
    assert_eq!((ended.code(), ended.stdout.as_str()), (code, ""), "{ended:?}");
    assert!(ended.stderr.contains(words), "{words:?}: {ended:?}");
}

#[test]
fn a_second_run_makes_the_same_coins_and_no_more() {
    let room = Room::new();
    let report = |minted: u32, existing: u32, count: u32, out: &str| {
        json!({"campaign": "hashiconf-2020", "issuance_id": "first", "count": count, "minted": minted, "existing": existing,
            "out": room.path(out)})
    };
    assert_eq!(room.mint("a", "first", 5), report(5, 0, 5, "a"));
    let coins = room.coins("a");
    assert_eq!(coins.keys().next().map(String::as_str), Some("000000.coin.txt"));
    assert_eq!(coins.len(), 5);
    assert_eq!(room.mint("a", "first", 5), report(0, 5, 5, "a"));
    assert_eq!(room.coins("a"), coins);
    // Elsewhere, from nothing: byte for byte the same.
    assert_eq!(room.mint("b", "first", 5), report(5, 0, 5, "b"));
    assert_eq!(room.coins("b"), coins);
    // A larger order has the same coins and some after them.
    assert_eq!(room.mint("a", "first", 8), report(3, 5, 8, "a"));
    let grown = room.coins("a");
    assert_eq!(grown.len(), 8);
    assert!(coins.iter().all(|(name, text)| grown[name] == *text));
    // A smaller one takes nothing away.
    assert_eq!(room.mint("a", "first", 2), report(0, 2, 2, "a"));
    assert_eq!(room.coins("a"), grown);
}

#[test]
fn a_coin_that_is_missing_is_made_again_as_it_was() {
    let room = Room::new();
    room.mint("a", "first", 4);
    let coins = room.coins("a");
    fs::remove_file(room.path("a/000002.coin.txt")).unwrap();
    assert_eq!(room.mint("a", "first", 4)["minted"], 1);
    assert_eq!(room.coins("a"), coins);
}

#[test]
fn an_order_without_a_name_gets_one_and_keeps_it() {
    let room = Room::new();
    let unnamed = |out: &str, count: u32| {
        let ended = run(&mut room.minting(out, count));
        assert_eq!(ended.code(), 0, "{ended:?}");
        serde_json::from_str::<Value>(&ended.stdout).unwrap()["issuance_id"].clone()
    };
    let id = unnamed("a", 2);
    let coins = room.coins("a");
    assert_eq!(fs::read_to_string(room.path("a/issuance-id")).unwrap().trim_end(), id);
    assert_eq!(unnamed("a", 3), id);
    assert!(coins.iter().all(|(name, text)| room.coins("a")[name] == *text));
    assert_ne!(unnamed("b", 2), id);
    assert!(
        room.coins("b")
            .values()
            .all(|text| !coins.values().any(|other| other == text))
    );
}

#[test]
fn under_nomad_the_allocation_names_the_order_and_another_one_is_refused() {
    let room = Room::new();
    let allocation = "5b5f0a5e-93a5-4d3c-9f2b-9b6b6d1f2c11";
    let ended = run(room.minting("a", 1).env("NOMAD_ALLOC_ID", allocation));
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert_eq!(
        serde_json::from_str::<Value>(&ended.stdout).unwrap()["issuance_id"],
        allocation
    );
    let coins = room.coins("a");
    let ended = run(room.minting("a", 2).env("NOMAD_ALLOC_ID", "another"));
    assert_refused(
        &ended,
        1,
        "belongs to issuance 5b5f0a5e-93a5-4d3c-9f2b-9b6b6d1f2c11, not another",
    );
    assert_eq!(room.coins("a"), coins);
}

#[test]
fn coins_without_their_order_s_name_are_not_guessed_at() {
    let room = Room::new();
    room.mint("a", "first", 2);
    fs::remove_file(room.path("a/issuance-id")).unwrap();
    assert_refused(
        &run(&mut room.minting("a", 2)),
        1,
        "holds coins but no file issuance-id",
    );
    fs::write(room.path("a/issuance-id"), "no id\n").unwrap();
    assert_refused(&run(&mut room.minting("a", 2)), 1, "is damaged");
}

#[test]
fn what_is_there_and_is_not_that_coin_is_refused_and_left_alone() {
    let room = Room::new();
    room.mint("a", "first", 2);
    room.mint("other", "second", 1);
    let foreign = fs::read_to_string(room.path("other/000000.coin.txt")).unwrap();
    let good = fs::read_to_string(room.path("a/000001.coin.txt")).unwrap();
    for wrong in [&foreign, "no coin\n", "", &good.replace("vault:v1", "vault:v2")] {
        fs::write(room.path("a/000001.coin.txt"), wrong).unwrap();
        let before = room.coins("a");
        let ended = run(&mut room.minting("a", 5));
        assert_refused(&ended, 1, "000001.coin.txt is not the coin that belongs there");
        assert_eq!(room.coins("a"), before);
    }
    // With another key the coins would be others.
    fs::write(room.path("a/000001.coin.txt"), &good).unwrap();
    fs::remove_file(room.path("key.pem")).unwrap();
    room.keygen("key.pem");
    assert_refused(&run(&mut room.minting("a", 2)), 1, "coin-bad-signature");
}

#[test]
fn a_mint_that_was_killed_goes_on_where_it_was() {
    let room = Room::new();
    let count = 400;
    let mut minting = room.minting("a", count);
    let process = Process::start("hashicoin-mint", minting.args(["--issuance-id", "first"]));
    let seen = wait_for("the first coins", || {
        let seen = room.coins("a");
        if seen.is_empty() {
            Err("no coin yet".to_owned())
        } else {
            Ok(seen)
        }
    });
    process.kill();
    process.ended();
    let left = room.coins("a");
    // Every name that there is holds a whole coin.
    assert!(seen.iter().all(|(name, text)| left[name] == *text));
    let report = room.mint("a", "first", count);
    assert_eq!(report["existing"], left.len());
    room.mint("b", "first", count);
    assert_eq!(room.coins("a"), room.coins("b"));
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let room = Room::new();
    for mode in [0o640, 0o604, 0o644, 0o660, 0o620] {
        fs::set_permissions(room.path("key.pem"), fs::Permissions::from_mode(mode)).unwrap();
        let shown = format!("(mode {mode:04o})");
        assert_refused(&run(&mut room.minting("a", 1)), 1, &shown);
        assert_refused(
            &run(mint().arg("keys").arg("--key").arg(room.path("key.pem"))),
            1,
            &shown,
        );
    }
    assert!(!room.path("a").exists());
    fs::set_permissions(room.path("key.pem"), fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(run(&mut room.minting("a", 1)).code(), 0);
}

#[test]
fn a_key_is_for_its_owner_alone_and_never_written_over() {
    let room = Room::new();
    let key = fs::read_to_string(room.path("key.pem")).unwrap();
    assert_eq!(
        fs::metadata(room.path("key.pem")).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_refused(&room.keygen("key.pem"), 1, "a key is never overwritten");
    assert_eq!(fs::read_to_string(room.path("key.pem")).unwrap(), key);
    assert_refused(&room.keygen("no/such/key.pem"), 2, "could not create");
}

#[test]
fn coins_and_their_directory_are_for_their_owner_alone() {
    let room = Room::new();
    room.mint("a", "first", 1);
    let mode = |name: &str| fs::metadata(room.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("a"), mode("a/000000.coin.txt")), (0o700, 0o600));
}

#[test]
fn the_key_is_never_shown() {
    let room = Room::new();
    let key = fs::read_to_string(room.path("key.pem")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    fs::write(room.path("damaged.pem"), key.replace("BEGIN", "BEGUN")).unwrap();
    fs::set_permissions(room.path("damaged.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    let damaged = run(mint().arg("keys").arg("--key").arg(room.path("damaged.pem")));
    assert_refused(&damaged, 1, "is not an Ed25519 private key in PKCS#8 PEM");
    let all = [
        damaged,
        room.keygen("another.pem"),
        run(mint().arg("keys").arg("--key").arg(room.path("key.pem"))),
        run(&mut room.minting("a", 2)),
    ];
    for ended in all {
        // Its last 40 characters are the end of the seed.
        let tail = &secret[secret.len() - 40..];
        assert!(
            !ended.stdout.contains(tail) && !ended.stderr.contains(tail),
            "{ended:?}"
        );
    }
}

#[test]
fn the_public_keys_are_in_vault_s_shape() {
    let room = Room::new();
    room.keygen("second.pem");
    let mut keys = mint();
    keys.arg("keys")
        .arg("--key")
        .arg(room.path("key.pem"))
        .arg("--key")
        .arg(room.path("second.pem"));
    let ended = run(&mut keys);
    assert_eq!(ended.code(), 0, "{ended:?}");
    fs::write(room.path("keys.json"), &ended.stdout).unwrap();
    let ended = run(Command::new(program("hashicoin"))
        .arg("keyring")
        .arg(room.path("keys.json")));
    assert_eq!(ended.code(), 0, "{ended:?}");
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].starts_with("version 1 ") && lines[1].starts_with("version 2 "),
        "{lines:?}"
    );
    // What it mints is good by those keys, under the version that it was told.
    let ended = run(room.minting("a", 1).args(["--key-version", "2"]));
    assert_eq!(ended.code(), 0, "{ended:?}");
    let verify = |keys: &str| {
        let mut command = Command::new(program("hashicoin"));
        command.args(["verify", "--json", "--keys"]).arg(room.path(keys));
        run(command.arg(room.path("a/000000.coin.txt")))
    };
    assert_eq!(verify("keys.json").code(), 1, "version 2 is the other key's");
    let mut keys = mint();
    keys.arg("keys")
        .arg("--key")
        .arg(room.path("second.pem"))
        .arg("--key")
        .arg(room.path("key.pem"));
    fs::write(room.path("turned.json"), run(&mut keys).stdout).unwrap();
    let ended = verify("turned.json");
    assert_eq!(ended.code(), 0, "{ended:?}");
    let verdict: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&verdict["key_version"], &verdict["expires"]),
        (&json!(2), &json!("2030-01-01T00:00:00Z"))
    );
}

#[test]
fn without_a_terminal_progress_is_plain_lines_on_standard_error() {
    let room = Room::new();
    let ended = run(&mut room.minting("a", 3));
    assert!(ended.stderr.contains("WARNING: signing with a key file"), "{ended:?}");
    assert!(ended.stderr.lines().any(|line| line == "3 of 3 coins"), "{ended:?}");
    assert!(!ended.stderr.contains(['\r', '\u{1b}']), "{ended:?}");
    assert_eq!(ended.stdout.lines().count(), 1, "{ended:?}");
}

#[test]
fn on_a_terminal_progress_is_a_bar() {
    let room = Room::new();
    let minting = room.minting("a", 3);
    // Python's standard library has the terminal that Rust's has not.
    let mut terminal = Command::new("python3");
    terminal.args(["-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"]);
    terminal.env_remove("NOMAD_ALLOC_ID").env("TERM", "xterm");
    let ended = run(terminal.arg(minting.get_program()).args(minting.get_args()));
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(ended.stdout.contains("3/3 coins"), "{ended:?}");
    assert!(!ended.stdout.contains("3 of 3 coins"), "{ended:?}");
}

#[test]
fn coins_that_nobody_could_spend_are_not_made() {
    let room = Room::new();
    let mut command = room.minting("a", 1);
    let ended = run(command.args(["--issuance-id", "first"]));
    assert_eq!(ended.code(), 0, "{ended:?}");
    let mut command = mint();
    command.args([
        "mint",
        "--campaign",
        "a",
        "--count",
        "1",
        "--expires",
        "2020-01-01T00:00:00Z",
    ]);
    command
        .arg("--key")
        .arg(room.path("key.pem"))
        .arg("--out")
        .arg(room.path("b"));
    assert_refused(&run(&mut command), 1, "give a later --expires");
    assert!(!room.path("b").exists());
}

#[test]
fn what_cannot_be_done_and_what_cannot_be_meant_have_codes_of_their_own() {
    let room = Room::new();
    fs::write(room.path("file"), "").unwrap();
    assert_refused(&run(&mut room.minting("file", 1)), 2, "could not create the directory");
    fs::remove_file(room.path("key.pem")).unwrap();
    assert_refused(&run(&mut room.minting("a", 1)), 2, "could not open the key file");
    for arguments in [
        "",
        "mint",
        "keys",
        "mint --key k --out o --count 1 --expires 2030-01-01T00:00:00Z --campaign A",
        "mint --key k --out o --count 1 --expires 2030-01-01 --campaign a",
        "mint --key k --out o --count 0 --expires 2030-01-01T00:00:00Z --campaign a",
    ] {
        assert_refused(&run(mint().args(arguments.split_whitespace())), 64, "--help");
    }
    assert_eq!(run(mint().arg("--help")).code(), 0);
}
