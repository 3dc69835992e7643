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

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use servers::process::Process;
use servers::tools::tool;
use servers::wait::wait_for;

use crate::api::server::Books;
use crate::harness::http::{self, Response, request, try_exchange};
use crate::harness::mint::{Coin, Mint};
use crate::queue::world::{Store, World, start};

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

/// Stops the program at no other calls than these; it could not go on without strace then.
const QUICK: [&str; 1] = ["--seccomp-bpf"];

/// Hears a signal to let the program go, which it does not when it writes into a file.
const LETS_GO: [&str; 1] = ["-I2"];

/// A program under strace, which does this to the calls that reach the files of a ledger, or only writes them down.
fn strace(flags: &[&str], program: &Command, ledger: &Path, injection: Option<&str>) -> Command {
    let mut strace = Command::new(tool("strace"));
    // With -D the process that was started becomes the program, and strace its grandchild: a signal reaches the program.
    strace
        .args(["-D", "-f", "-qq", "-e", "signal=none"])
        .args(flags)
        .arg("-o");
    strace.arg(log(ledger)).arg(format!("--trace={}", CALLS.join(",")));
    strace.args(injection.map(|injection| format!("--inject={injection}")));
    let beside = |suffix| PathBuf::from(format!("{}{suffix}", ledger.display()));
    let files = ["", "-wal", "-shm", ".lock", ".signed", ".signed.new"].map(beside);
    for path in [ledger.parent().unwrap()]
        .into_iter()
        .chain(files.iter().map(PathBuf::as_path))
    {
        strace.arg("-P").arg(path);
    }
    strace.arg(program.get_program()).args(program.get_args());
    strace
}

/// Where strace writes down what it saw.
fn log(ledger: &Path) -> PathBuf {
    ledger.with_extension("strace")
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
    let mut command = strace(&QUICK, &books.command(&[]), &books.ledger(), None);
    let mut process = Process::start("hashicoin-api", &mut command);
    let answers = cast(&process.first_line(), coins);
    assert!(
        answers.iter().flatten().all(|answer| answer.status == 201),
        "{answers:?}"
    );
    process.terminate();
    assert_eq!(process.ended().code(), 0);
    let text = fs::read_to_string(log(&books.ledger())).unwrap();
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
            let injection = format!("{name}:{fault}:when={when}");
            let books = Books::init();
            let mut command = strace(&QUICK, &books.command(&[]), &books.ledger(), Some(&injection));
            let mut process = Process::start("hashicoin-api", &mut command);
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

/// Lets go of a program that strace holds: what it made fail works again.
fn let_go(process: &Process) {
    let tracers = || -> BTreeSet<i32> {
        let threads = fs::read_dir(format!("/proc/{}/task", process.id())).unwrap();
        // A thread may end meanwhile.
        let statuses = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("status")).ok());
        let tracer = |status: String| {
            status
                .lines()
                .find_map(|line| line.strip_prefix("TracerPid:")?.trim().parse().ok())
        };
        statuses.filter_map(tracer).filter(|tracer| *tracer != 0).collect()
    };
    for tracer in tracers() {
        kill(Pid::from_raw(tracer), Signal::SIGTERM).unwrap();
    }
    wait_for("strace to let go", || match tracers() {
        none if none.is_empty() => Ok(()),
        some => Err(format!("{some:?}")),
    });
}

/// Of each thread the fiftieth write and all after it find no room: those of the one that counts, when it has counted some votes.
const FULL: &str = "write,pwrite64,ftruncate:error=ENOSPC:when=50+";

#[test]
fn an_api_whose_disk_is_full_takes_no_votes_and_counts_on_by_itself_when_there_is_room() {
    let coins = Mint::new().coins("coins", 30);
    let books = Books::init();
    let mut command = strace(&LETS_GO, &books.command(&[]), &books.ledger(), Some(FULL));
    let mut process = Process::start("hashicoin-api", &mut command);
    let ready = process.first_line();
    let mut answers = cast(&ready, &coins);
    let statuses: Vec<u16> = answers.iter().flatten().map(|answer| answer.status).collect();
    assert_eq!(
        (statuses[0], statuses.len(), statuses.last()),
        (201, coins.len(), Some(&503))
    );
    assert!(
        statuses.is_sorted(),
        "votes are taken again after one was not: {statuses:?}"
    );
    // That of the first is not known, since it may have been written; of the others nothing was begun.
    let problems: BTreeSet<String> = answers
        .iter()
        .flatten()
        .skip_while(|answer| answer.status == 201)
        .skip(1)
        .map(Response::problem)
        .collect();
    assert_eq!(problems, BTreeSet::from(["unavailable".to_owned()]));
    let address = serde_json::from_str::<Value>(&ready).unwrap()["listening"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let health = http::get(address, "/healthz");
    assert_eq!(health.status, 503, "{health:?}");
    let_go(&process);
    wait_for("the ledger to be open", || match http::get(address, "/healthz") {
        health if health.status == 200 => Ok(()),
        health => Err(health.text()),
    });
    let taken = statuses.partition_point(|status| *status == 201);
    answers.splice(taken.., cast(&ready, &coins[taken..]));
    assert!(
        answers.iter().flatten().all(|answer| answer.status == 201),
        "{answers:?}"
    );
    process.terminate();
    let ended = process.ended();
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(ended.stderr.contains("database or disk is full"), "{ended:?}");
    has_every_answered_vote(books, &coins, &answers, "a full disk");
}

#[test]
fn a_ledger_whose_disk_is_full_counts_on_by_itself_when_there_is_room() {
    let coins = Mint::new().coins("coins", 60);
    let mut world = World::start(Store::sqlite());
    world.ledger.kill();
    let Store::Sqlite(directory) = &world.store else {
        unreachable!("this test is on SQLite");
    };
    let file = directory.path().join("ledger.sqlite");
    let mut command = strace(&LETS_GO, &world.serve_ledger(), &file, Some(FULL));
    let (ledger, address) = start("hashicoin-ledger", &mut command);
    drop(std::mem::replace(&mut world.ledger, ledger));
    world.ledger_address = address;
    world.is_well();
    let refused = coins
        .iter()
        .position(|coin| world.vote(coin, &json!({"clean-water": 1}), "wait=1").status != 201);
    assert!(refused.is_some_and(|place| place > 0), "{refused:?}");
    wait_for("the ledger to say so", || match http::get(address, "/healthz").json() {
        health if health["dependencies"]["store"] == "failing" => Ok(()),
        health => Err(health.to_string()),
    });
    // What waits in the queue is counted when there is room.
    for coin in &coins[refused.unwrap()..] {
        let queued = world.vote(coin, &json!({"clean-water": 1}), "respond-async");
        assert_eq!(queued.status, 202, "{queued:?}");
    }
    let_go(&world.ledger);
    world.settle(&coins);
}
