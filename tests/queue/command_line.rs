//! `hashicoin-ledger`'s command line: what it refuses, what it says, how it exits.

use std::fs;
use std::process::Command;

use servers::process::run;
use tempfile::TempDir;

use crate::harness::artifacts::{program, source};
use crate::harness::mint::Mint;

use super::world::log;

#[test]
fn a_mistake_on_the_command_line_is_64_and_help_is_0() {
    for (arguments, code) in [
        ("--help", 0),
        ("serve --help", 0),
        ("init --help", 0),
        ("--version", 0),
        ("", 64),
        ("sevre", 64),
        ("init", 64),
        ("serve --store s --campaign c", 64),
        ("serve --store s --campaign c --keys k --log-key l", 64),
        ("serve --store s --campaign c --keys k --signed-head h", 64),
        (
            "serve --store s --campaign c --keys k --signed-head h --log-key l --vault-log-key n",
            64,
        ),
        (
            "serve --store s --campaign c --keys k --signed-head h --vault-log-key ../n",
            64,
        ),
        (
            "serve --store s --campaign c --keys k --min-key-version 0 --log-key l --signed-head h",
            64,
        ),
        (
            "serve --store s --campaign c --keys k --listen here --log-key l --signed-head h",
            64,
        ),
        (
            "serve --store s --campaign c --keys k --redis http://localhost --log-key l --signed-head h",
            64,
        ),
        (
            "serve --store mysql://a@b/c --campaign c --keys k --log-key l --signed-head h",
            64,
        ),
        ("init --store postgres://nobody --campaign c", 64),
    ] {
        let ended = run(Command::new(program("hashicoin-ledger")).args(arguments.split_whitespace()));
        assert_eq!(ended.code(), code, "{arguments:?} {ended:?}");
    }
}

#[test]
fn a_password_on_the_command_line_is_refused_and_not_repeated() {
    for arguments in [
        "serve --campaign c --keys k --store postgres://u:hunter2@localhost/db",
        "init --campaign c --store postgres://u:hunter2@localhost/db",
        "serve --campaign c --keys k --store s --redis redis://:hunter2@localhost",
        "serve --campaign c --keys k --store s --redis redis+unix:///redis.sock?pass=hunter2",
        "serve --campaign c --keys k --store s --redis redis://u:hunter2?@localhost",
        "serve --campaign c --keys k --store s redis://:hunter2@localhost",
        "postgres://u:hunter2@localhost/db",
    ] {
        let ended = run(Command::new(program("hashicoin-ledger")).args(arguments.split_whitespace()));
        assert_eq!(ended.code(), 64, "{arguments:?} {ended:?}");
        assert!(
            !ended.stderr.contains("hunter2") && !ended.stdout.contains("hunter2"),
            "{ended:?}"
        );
    }
}

#[test]
fn what_cannot_be_counted_with_is_refused_with_what_to_do() {
    let directory = TempDir::new().unwrap();
    let log = log();
    let log = log.path();
    let ledger = directory.path().join("ledger.sqlite");
    let foreign = directory.path().join("foreign.sqlite");
    fs::write(&foreign, "something else").unwrap();
    let broken = directory.path().join("broken.json");
    fs::write(&broken, "{}").unwrap();
    let command = |name: &str, store: &std::path::Path| {
        let mut command = Command::new(program("hashicoin-ledger"));
        command.arg(name).arg("--store").arg(store);
        command
    };
    let campaign = source("tests/testdata/campaign.json");
    // No Redis is there: what is wrong before it is needed is said at once, and nothing waits.
    let serve = |store: &std::path::Path| {
        let mut command = command("serve", store);
        command.args(["--redis", "redis://127.0.0.1:1", "--listen", "127.0.0.1:0"]);
        command
            .arg("--log-key")
            .arg(log.join("log-key"))
            .arg("--signed-head")
            .arg(log.join("signed"));
        command
    };
    let refused = |command: &mut Command, code: i32, said: &str| {
        let ended = run(command);
        assert!(
            ended.code() == code && ended.stderr.contains(said),
            "{said:?}: {ended:?}"
        );
    };
    let keys = Mint::keys();
    refused(
        serve(&ledger).arg("--campaign").arg(&campaign).arg("--keys").arg(&keys),
        1,
        "there is no ledger at",
    );
    assert!(!ledger.exists(), "serving makes no ledger");
    refused(
        serve(&foreign)
            .arg("--campaign")
            .arg(&campaign)
            .arg("--keys")
            .arg(&keys),
        1,
        "foreign.sqlite",
    );
    refused(
        serve(&ledger).arg("--campaign").arg(&broken).arg("--keys").arg(&keys),
        1,
        "broken.json is wrong",
    );
    refused(
        serve(&ledger)
            .arg("--campaign")
            .arg(&campaign)
            .arg("--keys")
            .arg(&broken),
        1,
        "broken.json cannot be used",
    );
    refused(
        serve(&ledger)
            .arg("--campaign")
            .arg(directory.path().join("none"))
            .arg("--keys")
            .arg(&keys),
        2,
        "could not read",
    );
    assert_eq!(run(command("init", &ledger).arg("--campaign").arg(&campaign)).code(), 0);
    refused(
        command("init", &ledger).arg("--campaign").arg(&campaign),
        1,
        "never overwritten",
    );
}
