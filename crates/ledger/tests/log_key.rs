//! The log's signing key, in a file and in a real Vault: what it signs is good by the keys that are published, and nothing else is believed.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use servers::Vault;
use servers::process::{Ended, run};
use servers::tools::tool;
use servers::wait::wait_for;
use service::Failure;
use tlog::{Checkpoint, Hash, Note, Tree, TreeHead, VerifierKey, bundle, bundles};
use transit::{Settings, Token};

use ledger::LogKey;

const ORIGIN: &str = "hashicoin/hashiconf-2020";

fn unsigned(size: u64) -> Note {
    let root = Hash::of_leaf(&size.to_be_bytes());
    let checkpoint = Checkpoint::new(ORIGIN, TreeHead { size, root }).unwrap();
    Note::new(checkpoint.to_string()).unwrap()
}

/// A signed checkpoint, as a stranger reads it, and the version of the key that signed it.
fn signed(key: &LogKey, size: u64) -> (Note, u32) {
    let mut note = unsigned(size);
    let version = key.sign(&mut note).unwrap();
    (Note::parse(note.to_string().as_bytes()).unwrap(), version)
}

/// The published key of a version, as a stranger reads it.
fn published(key: &LogKey, version: u32) -> VerifierKey {
    VerifierKey::parse(&key.verifier_keys().unwrap()[&version].to_string()).unwrap()
}

fn settings(vault: &Vault, token: &str) -> Settings {
    Settings {
        address: vault.url(),
        token: Token::parse(token),
        namespace: None,
        ca_file: None,
    }
}

fn in_vault(vault: &Vault, role: &str, name: &str) -> Result<LogKey, Failure> {
    let settings = settings(vault, &vault.token(role));
    LogKey::in_vault(settings, Duration::from_secs(1), "transit", name, ORIGIN)
}

fn refused<T>(result: Result<T, Failure>) -> String {
    match result {
        Err(Failure::Refused(message)) => message,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("not refused"),
    }
}

#[test]
fn a_key_in_a_file_signs_checkpoints() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.log-key");
    key_file::create(&path).unwrap();
    let key = LogKey::in_file(&path, ORIGIN).unwrap();
    let (note, version) = signed(&key, 7);
    assert_eq!(version, 1);
    note.verify([&published(&key, 1)]).unwrap();

    let another = directory.path().join("another.log-key");
    key_file::create(&another).unwrap();
    let another = LogKey::in_file(&another, ORIGIN).unwrap();
    assert!(note.verify([&published(&another, 1)]).is_err());
    let message = refused(LogKey::in_file(&path, "two words"));
    assert!(message.contains("cannot be the log's name"), "{message}");
}

#[test]
fn after_a_rotation_in_vault_new_checkpoints_have_the_new_key_and_old_ones_stay_good() {
    let vault = Vault::start();
    let key = in_vault(&vault, "log-signer", "hashicoin-log").unwrap();
    let (old, version) = signed(&key, 7);
    assert_eq!(version, 1);
    vault.vault(&["write", "-f", "transit/keys/hashicoin-log/rotate"]);
    let (new, version) = signed(&key, 8);
    assert_eq!(version, 2);
    let [first, second] = [1, 2].map(|version| published(&key, version));
    old.verify([&first]).unwrap();
    new.verify([&second]).unwrap();
    assert!(old.verify([&second]).is_err() && new.verify([&first]).is_err());
    // Whoever comes later has both keys from the start.
    let later = in_vault(&vault, "log-signer", "hashicoin-log").unwrap();
    assert_eq!(later.verifier_keys().unwrap(), key.verifier_keys().unwrap());
}

/// What Go's note package and Tessera's fsck say about a log of one entry that `key` signs, to somebody who trusts `trusted`.
fn others_say(key: &LogKey, trusted: &VerifierKey) -> Ended {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let mut tree = Tree::new();
    for tile in tree.append(&[Hash::of_leaf(b"entry")]).unwrap() {
        write(&tile.id().to_string(), &tile.to_bytes());
    }
    let mut entries = Vec::new();
    bundle::push(&mut entries, b"entry").unwrap();
    for id in bundles(0, 1) {
        write(&id.to_string(), &entries);
    }
    let checkpoint = Checkpoint::new(ORIGIN, tree.head()).unwrap();
    let mut note = Note::new(checkpoint.to_string()).unwrap();
    key.sign(&mut note).unwrap();
    write("checkpoint", note.to_string().as_bytes());
    let mut command = Command::new(tool("tlog-check"));
    run(command.arg(directory.path()).arg(trusted.to_string()))
}

#[test]
fn others_accept_what_vault_signed_before_and_after_a_rotation() {
    let vault = Vault::start();
    let key = in_vault(&vault, "log-signer", "hashicoin-log").unwrap();
    let first = published(&key, 1);
    let ended = others_say(&key, &first);
    assert_eq!(ended.code(), 0, "{ended:?}");
    vault.vault(&["write", "-f", "transit/keys/hashicoin-log/rotate"]);
    signed(&key, 7);
    let ended = others_say(&key, &published(&key, 2));
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert_eq!(others_say(&key, &first).code(), 1);
}

#[test]
fn who_signs_coins_signs_no_checkpoints_nor_the_other_way_round() {
    let vault = Vault::start();
    for (role, name) in [
        ("mint", "hashicoin-log"),
        ("log-signer", "hashicoin"),
        ("key-reader", "hashicoin-log"),
    ] {
        let message = refused(in_vault(&vault, role, name));
        assert!(
            message.contains("has no policy for this: get a new one (`vault token create -role=log-signer`)"),
            "{role}: {message}"
        );
    }
}

#[test]
fn a_sealed_vault_is_named_and_signs_again_once_it_is_unsealed() {
    let vault = Vault::start();
    let key = in_vault(&vault, "log-signer", "hashicoin-log").unwrap();
    vault.seal();
    for _ in 0..2 {
        let mut note = unsigned(7);
        let Err(Failure::CouldNot(message)) = key.sign(&mut note) else {
            panic!("signed by a sealed Vault")
        };
        assert!(message.contains("is sealed or not ready (503"), "{message}");
        assert_eq!(note, unsigned(7), "nothing was added");
    }
    vault.unseal();
    let (note, version) = signed(&key, 7);
    note.verify([&published(&key, version)]).unwrap();
    // It has given up before, and is patient again all the same: several pauses of the second that it has.
    vault.seal();
    let start = Instant::now();
    assert!(key.sign(&mut unsigned(8)).is_err());
    assert!(start.elapsed() >= Duration::from_millis(300), "{:?}", start.elapsed());
}

#[test]
fn a_log_with_nothing_to_sign_keeps_its_token() {
    let vault = Vault::start();
    // Renewed after four of six seconds.
    let token = vault.vault(&[
        "token",
        "create",
        "-orphan",
        "-no-default-policy",
        "-policy=hashicoin-log-signer",
        "-period=6s",
        "-field=token",
    ]);
    let settings = settings(&vault, token.trim());
    let key = LogKey::in_vault(settings, Duration::from_secs(1), "transit", "hashicoin-log", ORIGIN).unwrap();
    wait_for("a renewal", || {
        key.keep().unwrap();
        if vault.audit_log().contains("\"path\":\"auth/token/renew-self\"") {
            Ok(())
        } else {
            Err("none".to_owned())
        }
    });
}
