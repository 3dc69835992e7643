//! On a real Vault: what each role may do, and the mint that signs with it, in good times and in bad ones.

mod access;
mod faults;
mod into_pool;
mod mint;
mod roles;

use std::process::Command;

use serde_json::Value;

use crate::harness::artifacts::program;
use crate::harness::process::{Ended, run};
use crate::harness::vault::Vault;

/// The command that mints coins with Vault's key; amount and place are the caller's.
fn minting(vault: &Vault, token: &str) -> Command {
    minting_with(vault, token, "hashicoin")
}

/// The same with another key.
fn minting_with(vault: &Vault, token: &str, key: &str) -> Command {
    let mut command = Command::new(program("hashicoin-mint"));
    command.env_remove("NOMAD_ALLOC_ID").env_remove("HASHICOIN_REDIS_URL");
    vault.environment(&mut command, token);
    command.args(["mint", "--json", "--vault-key", key, "--campaign", "hashiconf-2020"]);
    command.args(["--expires", "2030-01-01T00:00:00Z"]);
    command
}

/// Runs it to a good end, and gives what it reported.
fn report(command: &mut Command) -> Value {
    read_report(&run(command))
}

fn read_report(ended: &Ended) -> Value {
    assert_eq!(ended.code(), 0, "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn assert_refused(ended: &Ended, code: i32, words: &str) {
    assert_eq!((ended.code(), ended.stdout.as_str()), (code, ""), "{ended:?}");
    assert!(ended.stderr.contains(words), "{words:?}: {ended:?}");
}
