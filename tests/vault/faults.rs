//! A Vault that is sealed, away, over its rate limit or done with the token: waited for where it passes, said where it does not, nothing half-minted.

use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::{assert_refused, minting, read_report, report};
use crate::harness::process::{Process, run};
use crate::harness::redis::Redis;
use crate::harness::vault::Vault;
use crate::harness::wait::wait_for;

/// Enough for several batches after the first.
const COUNT: u64 = 40_000;
const COINS: &str = "hashicoin:{hashiconf-2020}:pool:coins";

fn many(vault: &Vault, token: &str, redis: &Redis) -> Command {
    let mut command = minting(vault, token);
    command.args([
        "--issuance-id",
        "first",
        "--count",
        &COUNT.to_string(),
        "--pool-redis",
        &redis.url(),
    ]);
    command
}

/// Waits until some coins are in, and says how many.
fn some_coins(redis: &Redis) -> u64 {
    wait_for("the first coins", || match redis.ask::<u64>(&["HLEN", COINS]) {
        0 => Err("none".to_owned()),
        count => Ok(count),
    })
}

fn wait_until_it_says(process: &mut Process, words: &str) {
    wait_for(words, || {
        process.still_runs();
        let stderr = process.stderr();
        if stderr.contains(words) { Ok(()) } else { Err(stderr) }
    });
}

/// All are there, and a second run finds nothing to do.
fn assert_whole(vault: &Vault, redis: &Redis) {
    assert_eq!(redis.ask::<u64>(&["HLEN", COINS]), COUNT);
    let report = report(&mut many(vault, &vault.token("mint"), redis));
    assert_eq!((&report["minted"], &report["waiting"]), (&json!(0), &json!(COUNT)));
}

#[test]
fn a_vault_that_is_sealed_in_the_middle_is_waited_for() {
    let (vault, redis) = (Vault::start(), Redis::start());
    let mut process = Process::start("hashicoin-mint", &mut many(&vault, &vault.token("mint"), &redis));
    some_coins(&redis);
    vault.seal();
    wait_until_it_says(&mut process, "is sealed or not ready (503");
    vault.unseal();
    read_report(&process.ended());
    assert_whole(&vault, &redis);
}

#[test]
fn a_vault_that_stays_sealed_or_away_ends_the_run_and_the_next_goes_on() {
    let (vault, redis) = (Vault::start(), Redis::start());
    let token = vault.token("mint");
    let process = Process::start(
        "hashicoin-mint",
        many(&vault, &token, &redis).args(["--vault-timeout", "1"]),
    );
    some_coins(&redis);
    vault.seal();
    assert_refused(&process.ended(), 2, "start again; coins that were minted are kept");
    let kept: u64 = redis.ask(&["HLEN", COINS]);
    assert!(
        kept < COUNT && redis.ask::<u64>(&["ZCARD", "hashicoin:{hashiconf-2020}:pool:waiting:1893456000:1"]) == kept
    );
    // From the start, too.
    let ended = run(many(&vault, &token, &redis).args(["--vault-timeout", "1"]));
    assert_refused(&ended, 2, "is sealed or not ready");
    let ended = run(many(&vault, &token, &redis)
        .args(["--vault-timeout", "1"])
        .env("VAULT_ADDR", "http://127.0.0.1:1"));
    assert_refused(&ended, 2, "does not answer");
    vault.unseal();
    assert_eq!(report(&mut many(&vault, &token, &redis))["minted"], COUNT - kept);
    assert_whole(&vault, &redis);
}

#[test]
fn a_rate_limit_slows_the_mint_and_does_not_stop_it() {
    let (vault, redis) = (Vault::start(), Redis::start());
    vault.vault(&["write", "sys/quotas/rate-limit/mint", "path=transit/", "rate=5"]);
    let ended = run(&mut many(&vault, &vault.token("mint"), &redis));
    assert!(ended.stderr.contains("is over its rate limit (429"), "{ended:?}");
    read_report(&ended);
    vault.vault(&["delete", "sys/quotas/rate-limit/mint"]);
    assert_whole(&vault, &redis);
}

#[test]
fn a_token_that_is_revoked_in_the_middle_ends_the_run_at_once() {
    let (vault, redis) = (Vault::start(), Redis::start());
    let token = vault.token("mint");
    let process = Process::start("hashicoin-mint", &mut many(&vault, &token, &redis));
    some_coins(&redis);
    vault.vault(&["token", "revoke", &token]);
    assert_refused(&process.ended(), 1, "the token has expired, was revoked");
    report(&mut many(&vault, &vault.token("mint"), &redis));
    assert_whole(&vault, &redis);
}

#[test]
fn a_run_outlives_its_token_by_renewing_it() {
    let (vault, redis) = (Vault::start(), Redis::start());
    // Four seconds of token for some seven of work.
    vault.vault(&["write", "sys/quotas/rate-limit/mint", "path=transit/", "rate=5"]);
    let token = vault.vault(&[
        "token",
        "create",
        "-orphan",
        "-no-default-policy",
        "-policy=hashicoin-mint",
        "-period=4s",
        "-field=token",
    ]);
    let token = token.trim();
    read_report(&run(&mut many(&vault, token, &redis)));
    let renewals = vault.audit_log().matches("\"path\":\"auth/token/renew-self\"").count();
    assert!(renewals >= 2, "{renewals} entries");
    vault.vault(&["delete", "sys/quotas/rate-limit/mint"]);
    assert_whole(&vault, &redis);
}

#[test]
fn a_rotation_in_the_middle_goes_unnoticed() {
    let (vault, redis) = (Vault::start(), Redis::start());
    let process = Process::start("hashicoin-mint", &mut many(&vault, &vault.token("mint"), &redis));
    some_coins(&redis);
    vault.vault(&["write", "-f", "transit/keys/hashicoin/rotate"]);
    read_report(&process.ended());
    let waiting = |version: u32| {
        redis.ask::<u64>(&[
            "ZCARD",
            &format!("hashicoin:{{hashiconf-2020}}:pool:waiting:1893456000:{version}"),
        ])
    };
    assert!(waiting(1) > 0 && waiting(2) > 0 && waiting(1) + waiting(2) == COUNT);
    assert_whole(&vault, &redis);
}

#[test]
fn what_is_no_vault_is_not_taken_for_one() {
    let out = TempDir::new().unwrap();
    let vault = Vault::start();
    let mut command = minting(&vault, &vault.token("mint"));
    command
        .args(["--count", "1", "--vault-timeout", "1", "--out"])
        .arg(out.path());
    // Vault's own page, which is no API.
    let ended = run(command.env("VAULT_ADDR", format!("{}/ui", vault.url())));
    assert_ne!(ended.code(), 0, "{ended:?}");
    assert!(
        ended.stderr.contains("VAULT_ADDR") || ended.stderr.contains("is that a Vault"),
        "{ended:?}"
    );
}
