//! `hashicoin dev`, the whole story with a real Envoy and the compiled gate: that it holds, that it can fail, and that it leaves nothing behind.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::artifacts::{envoy, gate, program};
use crate::harness::http;
use crate::harness::process::{Ended, Process, run};
use crate::harness::wait::wait_for;

/// A gate that says it is well and lets everything through: what a real one would be after a mistake.
const OPEN_GATE: &str = r#"
(module
  (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_record_metric" (func $record (param i32 i64) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "coin_gate_config_ok")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024)
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $define (i32.const 1) (i32.const 64) (i32.const 19) (i32.const 128)))
    (drop (call $record (i32.load (i32.const 128)) (i64.const 1)))
    i32.const 1)
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) i32.const 0))
"#;

fn dev(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("dev").arg("--envoy").arg(envoy()).arg("--gate").arg(gate());
    command
}

/// The one object on standard output.
fn figures(ended: &Ended) -> Value {
    assert_eq!(ended.stdout.lines().count(), 1, "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// What is written after a word at the beginning of a line, such as `envoy    http://127.0.0.1:1234 (pid 5678)`.
fn line<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(word)).map(str::trim)
}

fn pid(stderr: &str, word: &str) -> Pid {
    let (_, pid) = line(stderr, word).unwrap().split_once("(pid ").unwrap();
    Pid::from_raw(pid.trim_end_matches(')').parse().unwrap())
}

fn address(stderr: &str, word: &str) -> SocketAddr {
    let (address, _) = line(stderr, word).unwrap().split_once(' ').unwrap();
    address.strip_prefix("http://").unwrap().parse().unwrap()
}

/// Its parts have ended, and were waited for.
fn assert_nothing_left(stderr: &str) {
    for part in ["envoy ", "api "] {
        assert_eq!(kill(pid(stderr, part), None), Err(Errno::ESRCH), "{part}: {stderr}");
    }
    let data = line(stderr, "data ").unwrap();
    assert!(!Path::new(data).exists(), "{data}");
}

/// A directory that has these programs and no others. Linked, not copied: what was written a moment ago may not be startable yet.
fn directory_with(programs: &[&str]) -> TempDir {
    let directory = TempDir::new_in(program("hashicoin").parent().unwrap()).unwrap();
    for name in programs {
        fs::hard_link(program(name), directory.path().join(name)).unwrap();
    }
    directory
}

/// A program that stands in for a part.
fn script(directory: &TempDir, name: &str, lines: &str) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, format!("#!/bin/sh\n{lines}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}

#[test]
fn the_story_holds_and_every_figure_is_told() {
    let ended = run(dev(&program("hashicoin")).args(["--once", "--json", "--count", "20"]));
    assert_eq!(ended.code(), 0, "{ended:?}");
    let figures = figures(&ended);
    let tally = figures["tally"].as_object().unwrap();
    assert_eq!(
        figures,
        json!({
            "minted": 20,
            "accepted": 9,
            "refused_at_gate": 8,
            "refused_double": 1,
            "reached_api": 11,
            "audited": 9,
            "tally": tally,
            "ok": true,
        })
    );
    let percents = tally
        .values()
        .map(|percent| percent.as_str().unwrap().replace('.', "").parse::<u64>().unwrap());
    assert_eq!(percents.sum::<u64>(), 100_0000, "{tally:?}");
    assert!(ended.stderr.contains("WARNING: for development only."), "{ended:?}");
    assert_nothing_left(&ended.stderr);
}

#[test]
fn a_gate_that_lets_forged_coins_through_is_found_out() {
    let directory = TempDir::new().unwrap();
    let open = directory.path().join("open gate.wasm");
    fs::write(&open, wat::parse_str(OPEN_GATE).unwrap()).unwrap();
    let mut command = Command::new(program("hashicoin"));
    command.args(["dev", "--once", "--json", "--envoy"]).arg(envoy());
    let ended = run(command.arg("--gate").arg(&open));
    assert_eq!(ended.code(), 1, "{ended:?}");
    // The ledger checks too, so no forged coin is counted; but each of them reached the API.
    let figures = figures(&ended);
    assert_eq!(
        (
            &figures["ok"],
            &figures["refused_at_gate"],
            &figures["reached_api"],
            &figures["accepted"]
        ),
        (&json!(false), &json!(0), &json!(19), &json!(9)),
        "{ended:?}"
    );
    assert!(
        ended
            .stderr
            .contains("requests that the gate refused: 8 expected, 0 seen"),
        "{ended:?}"
    );
    assert_nothing_left(&ended.stderr);
}

#[test]
fn a_module_that_is_no_gate_is_a_failure() {
    let directory = TempDir::new().unwrap();
    let no_gate = directory.path().join("no-gate.wasm");
    fs::write(&no_gate, wat::parse_str("(module)").unwrap()).unwrap();
    let mut command = Command::new(program("hashicoin"));
    command.args(["dev", "--once", "--json", "--envoy"]).arg(envoy());
    let ended = run(command.arg("--gate").arg(&no_gate));
    assert_eq!((ended.code(), ended.stdout.as_str()), (2, ""), "{ended:?}");
    assert!(ended.stderr.contains("envoy ended"), "{ended:?}");
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let directory = directory_with(&["hashicoin"]);
    let mut command = Command::new(directory.path().join("hashicoin"));
    command.args([
        "dev",
        "--once",
        "--json",
        "--envoy",
        "/no/envoy",
        "--gate",
        "/no/gate.wasm",
    ]);
    let ended = run(&mut command);
    assert_eq!((ended.code(), ended.stdout.as_str()), (2, ""), "{ended:?}");
    for name in ["hashicoin-mint: ", "hashicoin-api: ", "envoy: ", "coin_gate.wasm: "] {
        assert!(ended.stderr.contains(name), "{name}: {ended:?}");
    }
}

#[test]
fn an_api_that_ends_is_a_failure_with_its_last_words() {
    let directory = directory_with(&["hashicoin", "hashicoin-mint"]);
    script(
        &directory,
        "hashicoin-api",
        "[ \"$1\" = init ] && exit 0\necho no ledger today >&2\nexit 3\n",
    );
    let ended = run(dev(&directory.path().join("hashicoin")).args(["--once", "--json"]));
    assert_eq!((ended.code(), ended.stdout.as_str()), (2, ""), "{ended:?}");
    assert!(ended.stderr.contains("api ended: exit status: 3"), "{ended:?}");
    assert!(ended.stderr.contains("no ledger today"), "{ended:?}");
    let data = line(&ended.stderr, "data ").unwrap();
    assert!(!Path::new(data).exists(), "{data}");
}

#[test]
fn it_stays_up_with_the_page_until_a_signal_and_then_stops_its_parts() {
    let mut process = Process::start("hashicoin dev", dev(&program("hashicoin")).arg("--json"));
    let figures: Value = serde_json::from_str(&process.first_line()).unwrap();
    assert_eq!(figures["ok"], true, "{figures}");
    let stderr = wait_for("the page's address", || {
        let stderr = process.stderr();
        if stderr.contains("Ctrl-C stops everything.") {
            Ok(stderr)
        } else {
            Err(stderr)
        }
    });
    let page = http::get(address(&stderr, "envoy "), "/");
    assert_eq!(page.status, 200, "{page:?}");
    assert!(
        page.header("content-type").unwrap().starts_with("text/html"),
        "{page:?}"
    );
    // Arguments can be read by everybody on the machine.
    for part in ["envoy ", "api "] {
        let arguments = fs::read_to_string(format!("/proc/{}/cmdline", pid(&stderr, part))).unwrap();
        assert!(!arguments.contains("PRIVATE KEY"), "{arguments}");
    }
    process.terminate();
    let ended = process.ended();
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert_nothing_left(&ended.stderr);
}

#[test]
fn a_signal_before_the_story_is_over_stops_what_was_started() {
    let directory = TempDir::new().unwrap();
    let never_ready = script(&directory, "envoy", "echo $$ > \"$0.pid\"\nexec sleep 600\n");
    let pid_file = directory.path().join("envoy.pid");
    let mut command = Command::new(program("hashicoin"));
    command.args(["dev", "--once", "--json", "--envoy"]).arg(never_ready);
    let process = Process::start("hashicoin dev", command.arg("--gate").arg(gate()));
    let never_ready = wait_for("the proxy to start", || {
        let text = fs::read_to_string(&pid_file).map_err(|error| format!("{error}; {}", process.stderr()))?;
        text.trim_end().parse().map_err(|error| format!("{text:?}: {error}"))
    });
    process.terminate();
    let ended = process.ended();
    assert_eq!((ended.code(), ended.stdout.as_str()), (2, ""), "{ended:?}");
    assert!(
        ended.stderr.contains("stopped by a signal before the story was over"),
        "{ended:?}"
    );
    assert_eq!(kill(Pid::from_raw(never_ready), None), Err(Errno::ESRCH));
}

#[test]
fn it_ends_when_a_part_ends_and_takes_the_other_with_it() {
    let mut process = Process::start("hashicoin dev", dev(&program("hashicoin")).arg("--json"));
    process.first_line();
    kill(pid(&process.stderr(), "envoy "), Signal::SIGKILL).unwrap();
    let ended = process.ended();
    assert_eq!(ended.code(), 2, "{ended:?}");
    assert!(ended.stderr.contains("envoy ended: signal: 9"), "{ended:?}");
    assert_nothing_left(&ended.stderr);
}

#[test]
fn a_directory_that_was_named_is_kept_and_not_used_twice() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    let once = || run(dev(&program("hashicoin")).arg("--once").arg("--data").arg(&data));
    let ended = once();
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(ended.stdout.contains("The story held."), "{ended:?}");
    assert!(data.join("ledger.sqlite").is_file() && data.join("coins/000000.coin.txt").is_file());
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    let again = once();
    assert_eq!(again.code(), 1, "{again:?}");
    assert!(again.stderr.contains("is not empty"), "{again:?}");
}

#[test]
fn its_usage_is_checked() {
    for arguments in [&["--count", "8"][..], &["--port", "x"], &["--no-such"]] {
        let ended = run(Command::new(program("hashicoin")).arg("dev").args(arguments));
        assert_eq!(ended.code(), 64, "{arguments:?}: {ended:?}");
    }
}
