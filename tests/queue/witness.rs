//! Witnesses beside a running ledger: without as many signatures as the policy wants nothing is published, and votes are counted all the same.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use servers::process::{Process, run};
use servers::tools::tool;
use servers::wait::wait_for;
use tempfile::TempDir;

use super::world::{Settings, Store, World, start};
use crate::harness::artifacts::program;
use crate::harness::http;
use crate::harness::mint::Mint;

/// A witness in a directory of its own.
struct Witness {
    directory: TempDir,
    name: String,
    key: String,
}

impl Witness {
    fn new(number: usize) -> Witness {
        let directory = TempDir::new().unwrap();
        let name = format!("witness.example/{number}");
        let mut witness = Witness {
            directory,
            name,
            key: String::new(),
        };
        let ended = run(&mut witness.command("init"));
        assert_eq!(ended.code(), 0, "{ended:?}");
        witness.key = ended.stdout.trim().to_owned();
        assert!(witness.key.starts_with(&witness.name), "{}", witness.key);
        let again = run(&mut witness.command("init"));
        assert!(
            again.code() == 1 && again.stderr.contains("never overwritten"),
            "{again:?}"
        );
        witness
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program("hashicoin-ledger"));
        command.args(["witness", name, "--name", &self.name]);
        command
            .arg("--key")
            .arg(self.file("key"))
            .arg("--memory")
            .arg(self.file("memory"));
        command
    }

    fn serving(&self, log: &str, listen: &str) -> Command {
        let mut command = self.command("serve");
        command.args(["--log-verifier-key", log, "--listen", listen]);
        command
    }

    fn serve(&self, log: &str, listen: &str) -> (Process, SocketAddr) {
        start("hashicoin-ledger witness", &mut self.serving(log, listen))
    }
}

/// Of a log: the key that its checkpoints are checked with, as the API publishes it.
fn log_key(world: &World) -> String {
    wait_for("the log's key", || {
        let info = world.get("/v1/log/log.json").json();
        let key = info["verifier_keys"][0].as_str();
        key.map(str::to_owned).ok_or_else(|| info.to_string())
    })
}

fn size(world: &World) -> Value {
    let note = world.get("/v1/log/checkpoint").text();
    note.lines()
        .nth(1)
        .unwrap_or_default()
        .parse()
        .map_or(Value::Null, |size: u64| json!(size))
}

#[test]
fn two_of_three_have_to_sign_and_one_may_be_away() {
    let mut world = World::start(Store::sqlite());
    let log = log_key(&world);
    let witnesses = [0, 1, 2].map(Witness::new);
    // The third never runs; its place is one where nobody listens.
    let (first, first_at) = witnesses[0].serve(&log, "127.0.0.1:0");
    let (second, second_at) = witnesses[1].serve(&log, "127.0.0.1:0");
    let policy = world.settings.log.path().join("policy");
    let lines: String = witnesses
        .iter()
        .zip([first_at.to_string(), second_at.to_string(), "127.0.0.1:9".to_owned()])
        .zip(["a", "b", "c"])
        .map(|((witness, at), name)| format!("witness {name} {} http://{at}/\n", witness.key))
        .collect();
    fs::write(&policy, format!("{lines}group g 2 a b c\nquorum g\n")).unwrap();
    world.settings.witness_policy = Some(policy.clone());
    world.kill_ledger();
    world.is_well();

    let coins = Mint::new().coins("coins", 4);
    let vote =
        |world: &World, coin: usize, wait: &str| world.vote(&coins[coin], &json!({"clean-water": 1}), wait).json();
    let counted = vote(&world, 0, "wait=30");
    let receipt = counted["receipt"].as_str().unwrap();
    for witness in &witnesses[..2] {
        assert!(receipt.contains(&format!("\n— {} ", witness.name)), "{receipt}");
    }
    let info = world.get("/v1/log/log.json").json();
    assert!(info["witness_policy"].as_str().unwrap().contains("quorum g"), "{info}");
    // A stranger with the policy is content, and so is one with a receipt.
    let file = world.settings.log.path().join("receipt.txt");
    fs::write(&file, receipt).unwrap();
    let check = |arguments: &[&str]| {
        let mut command = Command::new(program("hashicoin"));
        run(command.args(arguments).arg("--witness-policy").arg(&policy)).code()
    };
    let url = format!("http://{}", world.api_address);
    assert_eq!(check(&["audit", &url]), 0);
    assert_eq!(
        check(&["receipt", "verify", file.to_str().unwrap(), "--verifier-key", &log]),
        0
    );

    second.terminate();
    second.ended();
    let counted = vote(&world, 1, "wait=2");
    assert_eq!(
        (&counted["state"], &counted["receipt"]),
        (&json!("counted"), &Value::Null)
    );
    assert_eq!(size(&world), json!(1), "published without its quorum");
    vote(&world, 2, "respond-async");
    let (second, _) = witnesses[1].serve(&log, &second_at.to_string());
    wait_for("the log to be witnessed again", || match size(&world) {
        size if size == json!(3) => Ok(()),
        other => Err(other.to_string()),
    });
    // What a witness shows to monitors has the log's signature and its own.
    let metrics = http::get(second_at, "/metrics").text();
    assert!(metrics.contains("hashicoin_witness_submissions_total"), "{metrics}");
    assert_eq!(http::get(second_at, "/healthz").status, 200);

    // A ledger that was set back would need the witnesses to forget, too: its own memory is not the only one.
    drop((first, second));
}

/// Calls to the system at which a witness is killed: the first of those that reach its memory. After `unlink` what it is about to sign is kept, and `writev` is the answer.
const KILLS: [&str; 4] = ["pwrite64", "fsync", "unlink", "writev"];

impl Witness {
    /// The same witness under strace, which kills it there.
    fn serve_killed(&self, log: &str, listen: &str, call: &str) -> Process {
        let mut command = Command::new(tool("strace"));
        command.args(["-D", "-f", "-qq", "--seccomp-bpf", "-e", "signal=none", "-o"]);
        command.arg(self.file("strace")).arg(format!("--trace={call}"));
        command.arg(format!("--inject={call}:signal=SIGKILL:when=1"));
        if call != "writev" {
            command.arg("-P").arg(self.directory.path());
            for name in ["memory", "memory-journal"] {
                command.arg("-P").arg(self.file(name));
            }
        }
        let witness = self.serving(log, listen);
        command.arg(witness.get_program()).args(witness.get_args());
        start("hashicoin-ledger witness", &mut command).0
    }
}

#[test]
fn a_witness_that_is_killed_while_it_signs_answers_the_retry_and_the_log_goes_on() {
    let mut world = World::start(Store::sqlite());
    let log = log_key(&world);
    let witness = Witness::new(0);
    let (process, at) = witness.serve(&log, "127.0.0.1:0");
    let at = at.to_string();
    let policy = world.settings.log.path().join("policy");
    fs::write(&policy, format!("witness w {} http://{at}\nquorum w\n", witness.key)).unwrap();
    world.settings.witness_policy = Some(policy.clone());
    world.kill_ledger();
    world.is_well();
    let coins = Mint::new().coins("coins", KILLS.len());
    process.terminate();
    process.ended();
    for (coin, kill) in coins.iter().zip(KILLS) {
        let mut killed = witness.serve_killed(&log, &at, kill);
        let counted = world.vote(coin, &json!({"clean-water": 1}), "respond-async");
        assert_eq!(counted.status, 202, "{counted:?}");
        wait_for("the witness to be killed", || match killed.runs() {
            true => Err(format!(
                "{kill:?}: {}",
                fs::read_to_string(witness.file("strace")).unwrap_or_default()
            )),
            false => Ok(()),
        });
        // The ledger shows the same tree again, and perhaps a larger one: the witness knows the one that it has signed, or the one before.
        let (process, _) = witness.serve(&log, &at);
        let counted = world.vote(coin, &json!({"clean-water": 1}), "wait=30");
        assert!(counted.json()["receipt"].is_string(), "{kill:?}: {counted:?}");
        process.terminate();
        process.ended();
    }
    let url = format!("http://{}", world.api_address);
    let mut audit = Command::new(program("hashicoin"));
    let ended = run(audit
        .args(["audit", &url, "--verifier-key", &log, "--witness-policy"])
        .arg(&policy));
    assert_eq!(ended.code(), 0, "{ended:?}");
}

#[test]
fn a_policy_that_cannot_be_asked_is_refused() {
    let mut world = World::start(Store::sqlite());
    let witness = Witness::new(0);
    let policy = world.settings.log.path().join("policy");
    for (text, said) in [
        ("quorum a\n".to_owned(), "line 1"),
        (
            format!("witness a {}\nquorum a\n", witness.key),
            "has no address http://",
        ),
        (
            format!("witness a {} https://w.example\nquorum a\n", witness.key),
            "has no address http://",
        ),
        (
            format!("witness a {} http://w.example\nquorum a\n", log_key(&world)),
            "is not a witness's",
        ),
    ] {
        fs::write(&policy, &text).unwrap();
        world.settings.witness_policy = Some(policy.clone());
        let ended = run(&mut world.serve_ledger());
        assert!(ended.code() == 1 && ended.stderr.contains(said), "{said}: {ended:?}");
    }
    world.settings = Settings::default();
}
