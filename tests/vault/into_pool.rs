//! Minting into the pool in Redis: each coin once, whatever is killed, and as many waiting as are to be kept.

use std::collections::HashSet;
use std::process::Command;

use serde_json::{Value, json};

use super::{assert_refused, minting, report};
use crate::harness::process::{Process, run};
use crate::harness::redis::Redis;
use crate::harness::vault::Vault;
use crate::harness::wait::wait_for;

const POOL: &str = "hashicoin:{hashiconf-2020}:pool:";

fn pooled(vault: &Vault, token: &str, redis: &Redis, amount: [&str; 2]) -> Command {
    let mut command = minting(vault, token);
    command.args(amount).args(["--pool-redis", &redis.url()]);
    command
}

fn waiting(redis: &Redis, version: u32) -> u64 {
    redis.ask(&["ZCARD", &format!("{POOL}waiting:1893456000:{version}")])
}

/// Takes coins out, as handing them out does.
fn take(redis: &Redis, count: u32) {
    let _: Vec<String> = redis.ask(&["ZPOPMIN", &format!("{POOL}waiting:1893456000:1"), &count.to_string()]);
}

fn known(redis: &Redis) -> u64 {
    redis.ask(&["HLEN", &format!("{POOL}coins")])
}

#[test]
fn a_mint_that_is_killed_and_started_again_pushes_each_coin_once() {
    let (vault, redis) = (Vault::start(), Redis::start());
    let token = vault.token("mint");
    let count = 25_000;
    let minting = || {
        let mut command = pooled(&vault, &token, &redis, ["--count", "25000"]);
        command.args(["--issuance-id", "first"]);
        command
    };
    for above in [0, 5_000] {
        let process = Process::start("hashicoin-mint", &mut minting());
        wait_for("more coins", || {
            let seen = known(&redis);
            if seen > above { Ok(()) } else { Err(seen.to_string()) }
        });
        process.kill();
        process.ended();
        // Some of them leave meanwhile.
        take(&redis, 100);
    }
    let before = known(&redis);
    assert!(before < count);
    assert_eq!(report(&mut minting())["minted"], count - before);
    assert_eq!((known(&redis), waiting(&redis, 1)), (count, count - 200));
    let serials: Vec<String> = redis.ask(&["ZRANGE", &format!("{POOL}waiting:1893456000:1"), "0", "-1"]);
    assert_eq!(serials.iter().collect::<HashSet<_>>().len() as u64, count - 200);
}

#[test]
fn two_mints_of_one_issuance_make_its_coins_once() {
    let (vault, redis) = (Vault::start(), Redis::start());
    let start = || {
        let mut command = pooled(&vault, &vault.token("mint"), &redis, ["--count", "10000"]);
        Process::start("hashicoin-mint", command.args(["--issuance-id", "first"]))
    };
    let ended = [start(), start()].map(Process::ended);
    let minted: u64 = ended
        .iter()
        .map(|ended| super::read_report(ended)["minted"].as_u64().unwrap())
        .sum();
    assert_eq!((minted, known(&redis), waiting(&redis, 1)), (10_000, 10_000, 10_000));
}

#[test]
fn as_many_are_kept_waiting_as_are_asked_for() {
    let (vault, redis) = (Vault::start(), Redis::start());
    let token = vault.token("mint");
    let keep = |count: &str| report(&mut pooled(&vault, &token, &redis, ["--keep", count]));
    let figures = |report: &Value| (report["minted"].as_u64().unwrap(), report["waiting"].as_u64().unwrap());
    let first = keep("3000");
    assert_eq!(figures(&first), (3000, 3000));
    assert_eq!(figures(&keep("3000")), (0, 3000));
    take(&redis, 10);
    let again = keep("3000");
    assert_eq!(figures(&again), (10, 3000));
    // It goes on with the issuance that the pool remembers, under new serials.
    assert_eq!(again["issuance_id"], first["issuance_id"]);
    assert_eq!(known(&redis), 3010);
    assert_eq!(figures(&keep("100")), (0, 3000));
    // Coins of a retired key are worth nothing, so others take their place.
    vault.vault(&["write", "-f", "transit/keys/hashicoin/rotate"]);
    vault.vault(&["write", "transit/keys/hashicoin/config", "min_decryption_version=2"]);
    assert_eq!(figures(&keep("50")), (50, 50));
    assert_eq!(waiting(&redis, 2), 50);
}

#[test]
fn a_topping_up_that_is_killed_goes_on_where_it_was_and_two_at_once_do_not_overfill() {
    let (vault, redis) = (Vault::start(), Redis::start());
    let token = vault.token("mint");
    let keep = || pooled(&vault, &token, &redis, ["--keep", "25000"]);
    let process = Process::start("hashicoin-mint", &mut keep());
    wait_for("the first coins", || {
        let seen = known(&redis);
        if seen > 0 { Ok(()) } else { Err(String::new()) }
    });
    process.kill();
    process.ended();
    let before = known(&redis);
    assert!(before < 25_000);
    // Of one issuance and of two.
    let start = |issuance: &[&str]| Process::start("hashicoin-mint", keep().args(issuance));
    let ended = [start(&[]), start(&[]), start(&["--issuance-id", "another"])].map(Process::ended);
    let minted: u64 = ended
        .iter()
        .map(|ended| super::read_report(ended)["minted"].as_u64().unwrap())
        .sum();
    assert_eq!(
        (before + minted, known(&redis), waiting(&redis, 1)),
        (25_000, 25_000, 25_000)
    );
}

#[test]
fn a_coin_in_the_pool_names_the_request_that_signed_it() {
    let (vault, redis) = (Vault::start(), Redis::start());
    report(&mut pooled(&vault, &vault.token("mint"), &redis, ["--count", "3"]));
    let records: Vec<String> = redis.ask(&["HVALS", &format!("{POOL}coins")]);
    assert_eq!(records.len(), 3);
    for record in records {
        let (_, request_id) = record.split_once(' ').unwrap();
        let entry = format!("\"id\":\"{request_id}\"");
        let log = vault.audit_log();
        let line = log.lines().find(|line| line.contains(&entry)).unwrap();
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["request"]["path"], "transit/sign/hashicoin");
    }
}

#[test]
fn another_expiry_for_the_same_coins_is_refused() {
    let (vault, redis) = (Vault::start(), Redis::start());
    let token = vault.token("mint");
    report(pooled(&vault, &token, &redis, ["--count", "3"]).args(["--issuance-id", "first"]));
    let mut command = Command::new(crate::harness::artifacts::program("hashicoin-mint"));
    vault.environment(&mut command, &token);
    command.args([
        "mint",
        "--vault-key",
        "hashicoin",
        "--campaign",
        "hashiconf-2020",
        "--count",
        "4",
    ]);
    command.args([
        "--expires",
        "2031-01-01T00:00:00Z",
        "--issuance-id",
        "first",
        "--pool-redis",
        &redis.url(),
    ]);
    assert_refused(&run(&mut command), 1, "the pool has another coin under serial");
    assert_eq!(known(&redis), 3);
}

#[test]
fn a_redis_that_dies_in_the_middle_ends_the_run_and_the_next_goes_on() {
    let (vault, mut redis) = (Vault::start(), Redis::start());
    let token = vault.token("mint");
    let mut command = pooled(&vault, &token, &redis, ["--count", "25000"]);
    command.args(["--issuance-id", "first"]);
    let process = Process::start("hashicoin-mint", &mut command);
    wait_for("the first coins", || {
        let seen = known(&redis);
        if seen > 0 { Ok(()) } else { Err(String::new()) }
    });
    redis.kill_and_start();
    // It may have been away for so short a time that the mint found it again.
    let ended = process.ended();
    assert!(
        ended.code() == 0 || ended.stderr.contains("check that it runs"),
        "{ended:?}"
    );
    report(&mut command);
    assert_eq!((known(&redis), waiting(&redis, 1)), (25_000, 25_000));
}

#[test]
fn the_address_of_redis_may_come_by_the_environment_and_a_password_must() {
    let (vault, redis) = (Vault::start(), Redis::start());
    let token = vault.token("mint");
    let mut command = minting(&vault, &token);
    command.args(["--count", "1", "--pool-redis"]);
    assert_refused(&run(&mut command), 64, "HASHICOIN_REDIS_URL");
    let password = "a-password-of-a-test";
    let _: String = redis.ask(&["CONFIG", "SET", "requirepass", password]);
    let url = format!("{}?pass={password}", redis.url());
    assert_refused(&run(command.env("HASHICOIN_REDIS_URL", redis.url())), 2, "failed");
    let ended = run(command.env("HASHICOIN_REDIS_URL", &url));
    assert_eq!(super::read_report(&ended)["pool"], json!(redis.url()));
    assert!(!ended.stderr.contains(password), "{ended:?}");
    let mut command = minting(&vault, &token);
    let ended = run(command.args(["--count", "1", "--pool-redis", &url]));
    assert_refused(&ended, 64, "everybody on this machine can read");
}

#[test]
fn what_cannot_be_meant_is_a_mistake() {
    let vault = Vault::start();
    for arguments in [
        "--count 1",
        "--out o",
        "--count 1 --keep 1 --pool-redis redis://127.0.0.1:1",
        "--keep 1 --out o",
        "--count 1 --out o --pool-redis redis://127.0.0.1:1",
        "--count 1 --out o --key k",
        "--count 1 --out o --key-version 2",
        "--count 1 --out o --vault-mount /transit",
        "--count 1 --out o --vault-mount ../transit",
        "--count 1 --out o --vault-timeout 0",
        "--count 1 --pool-redis 127.0.0.1:6379",
    ] {
        let ended = run(minting(&vault, "unused").args(arguments.split_whitespace()));
        assert_refused(&ended, 64, "--help");
    }
}
