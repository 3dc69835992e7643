//! The system refuses what the ledger asks of it: the built API on a ledger of its own, and strace, which makes one call to the system fail, or kills at it.
//!
//! A clean run counts the calls that reach the ledger's files. Then each is failed once, in a run of its own, with votes coming in: the disk fails (EIO), is full
//! (ENOSPC), or the process is killed there. After each the ledger is opened again, which counts all of it again; every vote that was answered is there under the index
//! that was answered, and sent again each coin counts once. `SYSCALLS=all` fails every call; the tests take some of each kind.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use servers::process::Process;
use servers::tools::tool;

use crate::api::server::Books;
use crate::harness::http::{Response, request, try_exchange};
use crate::harness::mint::{Coin, Mint};

/// What the ledger asks of its files.
const CALLS: [&str; 11] = [
    "openat",
    "read",
    "pread64",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "rename",
    "unlink",
    "close",
];

/// What needs room on the disk.
const NEED_ROOM: [&str; 7] = [
    "openat",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "rename",
];

/// How many votes are cast in a run.
const VOTES: usize = 4;

/// The API under strace, which does this to the calls that reach the ledger's files.
fn strace(books: &Books, injection: &str, log: &Path) -> Command {
    let mut strace = Command::new(tool("strace"));
    // With -D the process that was started becomes the API, and strace its grandchild: a signal reaches the API.
    strace.args(["-D", "-f", "--seccomp-bpf", "-qq", "-e", "signal=none", "-o"]);
    strace.arg(log).arg("-e").arg(injection);
    let directory = books.ledger().parent().unwrap().to_owned();
    let files = ["", "-wal", "-shm", ".lock", ".signed", ".signed.new"];
    let files = files.map(|suffix| PathBuf::from(format!("{}{suffix}", books.ledger().display())));
    for path in [&directory].into_iter().chain(&files) {
        strace.arg("-P").arg(path);
    }
    let api = books.command(&[]);
    strace.arg(api.get_program()).args(api.get_args());
    strace
}

/// Casts a vote of each coin, in order, at whoever listens there; what came of it, if an answer came.
fn cast(ready: &str, coins: &[Coin]) -> Vec<Option<Response>> {
    let ready: Value = serde_json::from_str(ready).unwrap();
    let address = ready["listening"].as_str().unwrap().parse().unwrap();
    let cast = |coin: &Coin| {
        let headers = [
            ("authorization", coin.header()),
            ("content-type", "application/json".to_owned()),
            ("prefer", "wait=30".to_owned()),
        ];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let body = json!({"weights": {"clean-water": 1}}).to_string();
        try_exchange(address, &request("POST", "/v1/votes", &headers, &body)).ok()
    };
    coins.iter().map(cast).collect()
}

/// The ledger after a run: opened again, it has every vote that was answered, and none twice.
fn has_every_answered_vote(books: Books, coins: &[Coin], answers: &[Option<Response>], what: &str) {
    let server = books.serve(&[]);
    // Before anything is sent again, which would count what was lost.
    for answer in answers.iter().flatten().filter(|answer| answer.status == 201) {
        let shown = server.get(answer.header("location").unwrap());
        assert_eq!(shown.status, 200, "{what}: {shown:?}");
        assert_eq!(shown.json()["index"], answer.json()["index"], "{what}");
    }
    let mut indices = Vec::new();
    for (place, coin) in coins.iter().enumerate() {
        let again = server.vote(coin, &json!({"clean-water": 1}));
        assert_eq!(again.status, 201, "{what}: {again:?}");
        // Whoever has a receipt has one that stays, whatever was signed since.
        let answer = answers.get(place).and_then(Option::as_ref).map(Response::json);
        if let Some(receipt) = answer.as_ref().and_then(|answer| answer.get("receipt")) {
            assert_eq!(&again.json()["receipt"], receipt, "{what}");
        }
        indices.push(again.json()["index"].as_u64().unwrap());
    }
    indices.sort_unstable();
    assert_eq!(indices, (0..coins.len() as u64).collect::<Vec<_>>(), "{what}");
    assert_eq!(server.tally()["votes"], coins.len(), "{what}");
}

/// For each call, which of its repetitions to fail, out of those that each thread of a clean run made: strace counts for each thread.
fn calls_of_a_clean_run(coins: &[Coin]) -> BTreeMap<String, BTreeSet<usize>> {
    let books = Books::init();
    let log = books.ledger().with_extension("strace");
    let mut command = strace(&books, &format!("trace={}", CALLS.join(",")), &log);
    let mut process = Process::start("hashicoin-api", &mut command);
    let answers = cast(&process.first_line(), coins);
    assert!(
        answers.iter().flatten().all(|answer| answer.status == 201),
        "{answers:?}"
    );
    process.terminate();
    assert_eq!(process.ended().code(), 0);
    let text = fs::read_to_string(log).unwrap();
    let mut by_thread: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in text.lines() {
        let call = line
            .split_once(' ')
            .and_then(|(thread, call)| Some((thread, call.trim().split_once('(')?.0)));
        if let Some(call) = call.filter(|(_, name)| CALLS.contains(name)) {
            *by_thread.entry(call).or_default() += 1;
        }
    }
    let mut calls: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for ((_, name), count) in by_thread {
        calls.entry(name.to_owned()).or_default().extend(sampled(count));
    }
    calls
}

/// Some of the numbers from 1 to `count`: one in the middle, and the last; or all.
fn sampled(count: usize) -> Vec<usize> {
    if env::var_os("SYSCALLS").is_some_and(|value| value == "all") {
        return (1..=count).collect();
    }
    vec![count.div_ceil(2), count]
}

/// Fails calls of these names, one in each run.
fn fail_each(names: &[&str], fault: &str) {
    let coins = Mint::new().coins("coins", VOTES);
    let calls = calls_of_a_clean_run(&coins);
    for name in ["openat", "pread64", "pwrite64", "fsync", "ftruncate"] {
        assert!(
            calls.contains_key(name),
            "no {name} reached the ledger's files: {calls:?}"
        );
    }
    let mut runs = 0;
    for (name, repetitions) in calls.iter().filter(|(name, _)| names.contains(&name.as_str())) {
        for when in repetitions {
            let injection = format!("inject={name}:{fault}:when={when}");
            let books = Books::init();
            let log = books.ledger().with_extension("strace");
            let mut process = Process::start("hashicoin-api", &mut strace(&books, &injection, &log));
            let answers = match process.line_or_end() {
                Ok(ready) => {
                    let answers = cast(&ready, &coins);
                    for answer in answers.iter().flatten() {
                        assert!([201, 503].contains(&answer.status), "{injection}: {answer:?}");
                    }
                    // It may have been killed.
                    if process.runs() {
                        process.terminate();
                    }
                    answers
                }
                Err(_) => Vec::new(),
            };
            let ended = process.ended();
            if !fault.contains("SIGKILL") {
                assert!([0, 1, 2].contains(&ended.code()), "{injection}: {ended:?}");
                assert!(!ended.stderr.contains("panicked"), "{injection}: {ended:?}");
            }
            has_every_answered_vote(books, &coins, &answers, &injection);
            runs += 1;
        }
    }
    println!("{fault}: {runs} runs, of {calls:?}");
}

#[test]
fn a_disk_that_fails_at_any_call_loses_no_answered_vote() {
    fail_each(&CALLS, "error=EIO");
}

#[test]
fn a_disk_that_is_full_at_any_call_loses_no_answered_vote() {
    fail_each(&NEED_ROOM, "error=ENOSPC");
}

#[test]
fn a_kill_at_any_call_loses_no_answered_vote() {
    fail_each(&CALLS, "signal=SIGKILL");
}
