//! The command line: what it refuses, what it says, how it exits.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::server::Books;
use crate::harness::artifacts::{program, source};
use crate::harness::mint::Mint;
use crate::harness::process::{Ended, run};

#[test]
fn a_mistake_on_the_command_line_is_64_and_help_is_0() {
    for (arguments, code) in [
        ("--help", 0),
        ("serve --help", 0),
        ("--version", 0),
        ("", 64),
        ("sereve", 64),
        ("serve", 64),
        ("init --ledger l", 64),
        ("serve --ledger l --campaign c --keys k --listen here", 64),
        ("serve --ledger l --campaign c --keys k --min-key-version 0", 64),
        ("serve --ledger l --campaign c --keys k --coins-per-minute 5", 64),
        ("serve --ledger l --campaign c --keys k --max-requests 0", 64),
    ] {
        let ended = run(Command::new(program("hashicoin-api")).args(arguments.split_whitespace()));
        assert_eq!(ended.code(), code, "{arguments:?} {ended:?}");
    }
}

#[test]
fn books_are_made_once_and_never_by_serving() {
    let books = Books::init();
    let again = init(&books.ledger());
    assert!(
        again.code() == 1 && again.stderr.contains("never overwritten"),
        "{again:?}"
    );

    // A lost pool is not replaced by an empty one, and a lost ledger even less.
    let coins = Mint::new().mint_directory("pool", 1);
    fs::remove_file(books.pool()).unwrap();
    refused(
        books.command(&[]).arg("--pool").arg(&coins),
        1,
        &["there is no pool", "backup"],
    );
    refused(
        Command::new(program("hashicoin-api"))
            .args(["init"])
            .arg("--ledger")
            .arg(books.ledger())
            .arg("--campaign")
            .arg(source("tests/testdata/campaign.json")),
        1,
        &["exists already"],
    );
    assert!(!books.pool().exists());
    fs::remove_file(books.ledger()).unwrap();
    refused(&mut books.command(&[]), 1, &["there is no ledger"]);
    assert!(!books.ledger().exists());
}

#[test]
fn init_makes_both_books_or_neither() {
    let directory = TempDir::new().unwrap();
    let ledger = directory.path().join("ledger.sqlite");
    let pool = directory.path().join("ledger.sqlite.pool.sqlite");
    fs::write(&pool, "something").unwrap();
    let ended = init(&ledger);
    assert!(
        ended.code() == 1 && ended.stderr.contains("pool.sqlite exists"),
        "{ended:?}"
    );
    assert!(!ledger.exists());
    assert_eq!(fs::read(&pool).unwrap(), b"something");
    let ended = init(&directory.path().join("no/such/place.sqlite"));
    assert!(ended.code() == 2 && ended.stderr.contains("No such file"), "{ended:?}");
}

#[test]
fn wrong_files_are_refused_all_mistakes_at_once() {
    let books = Books::init();
    let directory = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let serve_on = |address: &str, campaign: &Path, keys: &Path| {
        let mut command = Command::new(program("hashicoin-api"));
        command
            .args(["serve", "--listen", address])
            .arg("--ledger")
            .arg(books.ledger());
        command.arg("--campaign").arg(campaign).arg("--keys").arg(keys);
        command
    };
    let serve = |campaign: &Path, keys: &Path| serve_on("127.0.0.1:0", campaign, keys);
    let good = source("tests/testdata/campaign.json");
    let bad = file(
        "campaign.json",
        r#"{"campaign": "No Slug", "charities": [], "extra": 1}"#,
    );
    let no_keys = file("keys.json", r#"{"data": {"keys": {}}}"#);
    refused(
        &mut serve(&bad, &no_keys),
        1,
        &[
            "1 to 32 of a-z",
            "no \"donation\"",
            "\"extra\"",
            "list of 1 to 64",
            "\"keys\" is empty",
        ],
    );
    refused(
        &mut serve(&directory.path().join("none.json"), &Mint::keys()),
        2,
        &["could not read", "none.json"],
    );
    let other = fs::read_to_string(&good)
        .unwrap()
        .replace("hashiconf-2020", "hashiconf-2021");
    refused(
        &mut serve(&file("other.json", &other), &Mint::keys()),
        1,
        &["another campaign file"],
    );
    refused(
        serve(&good, &Mint::keys()).args(["--min-key-version", "9"]),
        1,
        &["above every key"],
    );
    refused(
        &mut serve_on("192.0.2.1:80", &good, &Mint::keys()),
        2,
        &["could not listen on 192.0.2.1:80"],
    );
}

#[test]
fn a_directory_with_one_bad_coin_is_not_taken_in() {
    let books = Books::init();
    let mint = Mint::new();
    let good = mint.mint_directory("good", 1);
    for (directory, words) in [
        (Mint::stranger().mint_directory("forged", 1), "coin-bad-signature"),
        (mint.mint_for("another-year", "other", 1), "coin-wrong-campaign"),
    ] {
        let name = directory.file_name().unwrap().to_string_lossy().into_owned();
        for entry in fs::read_dir(&good).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().ends_with(".coin.txt") {
                fs::copy(&path, directory.join("good.coin.txt")).unwrap();
            }
        }
        refused(
            books.command(&[]).arg("--pool").arg(&directory),
            1,
            &[words, &name, "no coin was taken in"],
        );
    }
    let broken = TempDir::new().unwrap();
    fs::write(broken.path().join("broken.coin.txt"), "no coin").unwrap();
    refused(
        books.command(&[]).arg("--pool").arg(broken.path()),
        1,
        &["broken.coin.txt", "drawing"],
    );
    refused(
        books.command(&[]).arg("--pool").arg(broken.path().join("none")),
        2,
        &["could not read"],
    );

    let server = books.serve_pool(&good, &[]);
    let metrics = server.get("/metrics").text();
    assert_eq!(
        crate::harness::metrics::sum(&metrics, "hashicoin_pool_coins", &[r#"state="available""#]),
        1
    );
}

fn init(ledger: &Path) -> Ended {
    let mut command = Command::new(program("hashicoin-api"));
    command.arg("init").arg("--ledger").arg(ledger);
    run(command.arg("--campaign").arg(source("tests/testdata/campaign.json")))
}

/// Runs a command that must be refused, in words that hold all of these, without a word on standard output.
fn refused(command: &mut Command, code: i32, words: &[&str]) {
    let ended = run(command);
    assert_eq!((ended.code(), ended.stdout.as_str()), (code, ""), "{ended:?}");
    for words in words {
        assert!(ended.stderr.contains(words), "{words:?} is not in {}", ended.stderr);
    }
}
