//! Kills a process that is counting, in mid-flight, again and again on one ledger: what it said it counted is counted, once, under the same index.
//!
//! The killed process is this very binary with an argument, so this test has its own `main` instead of the test harness.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coin::{Campaign, Coin, Keyring, Serial, SignedCoin, Timestamp};
use ed25519_compact::{KeyPair, Seed};
use ledger::{Ledger, LedgerError, Options, Outcome};
use serde_json::json;
use vote::{CampaignFile, Nullifier, UNITS_PER_COIN, Vote};

/// The argument that makes this binary the one that counts and is killed.
const CHILD: &str = "count-until-killed";
/// How often it is killed.
const ROUNDS: u64 = 8;
/// How many votes it must have reported before it is killed; another number each round, so that it dies at different moments.
const REPORTS: u64 = 40;
/// Submissions in flight at once.
const IN_FLIGHT: u64 = 32;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.as_slice() {
        [_, mode, path, first] if mode == CHILD => count_until_killed(Path::new(path), first.parse().unwrap()),
        _ => what_was_said_to_be_counted_survives_the_kill(),
    }
}

fn what_was_said_to_be_counted_survives_the_kill() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.sqlite");
    Ledger::init(&path, &campaign()).unwrap();
    let mut reported: BTreeMap<u64, u64> = BTreeMap::new();
    for round in 0..ROUNDS {
        // Half of each round's coins were sent in the round before: the kill left some of them counted and some not.
        let mut child = Counting::start(&path, round * REPORTS / 2);
        let reports = child.read(REPORTS + round);
        let locked = Ledger::open(&path, &campaign(), keyring(), options());
        assert!(
            matches!(locked, Err(LedgerError::Locked(_))),
            "two processes write one ledger"
        );
        let reports = [reports, child.kill()].concat();
        for (number, index) in reports {
            let earlier = *reported.entry(number).or_insert(index);
            assert_eq!(earlier, index, "coin {number} was counted twice");
        }

        // Opening takes the lock that the killed process held, and checks that the totals are the sum of the votes.
        let ledger = Ledger::open(&path, &campaign(), keyring(), options()).unwrap();
        for (number, index) in &reported {
            let counted = ledger.vote(&Nullifier::of(&serial(*number))).unwrap();
            let counted = counted.unwrap_or_else(|| panic!("coin {number} was said to be counted, and is lost"));
            assert_eq!(counted.index, *index, "coin {number}");
        }
        let tally = ledger.tally();
        assert!(tally.votes >= reported.len() as u64);
        assert_eq!(tally.units, tally.votes * UNITS_PER_COIN);
        ledger.drain().unwrap();
    }
    println!(
        "killed {ROUNDS} times, {} votes reported, none lost, none twice",
        reported.len()
    );
}

/// A child process that counts; killed when dropped.
struct Counting {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Counting {
    fn start(path: &Path, first: u64) -> Counting {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([CHILD.as_ref(), path.as_os_str(), first.to_string().as_ref()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Counting { child, lines }
    }

    /// Reads this many reports of (coin, index).
    fn read(&mut self, count: u64) -> Vec<(u64, u64)> {
        (0..count)
            .map(|_| self.next().expect("the counting process ended by itself"))
            .collect()
    }

    /// Kills it, with no chance to tidy up, and reads what it had still said.
    fn kill(mut self) -> Vec<(u64, u64)> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::iter::from_fn(|| self.next()).collect()
    }

    /// The next whole report; a line that the kill cut off is none.
    fn next(&mut self) -> Option<(u64, u64)> {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        let (number, index) = line.strip_suffix('\n')?.split_once(' ')?;
        Some((number.parse().unwrap(), index.parse().unwrap()))
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn count_until_killed(path: &Path, first: u64) {
    let ledger = Ledger::open(path, &campaign(), keyring(), options()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut submissions = tokio::task::JoinSet::new();
        for number in first.. {
            let ledger = ledger.clone();
            submissions.spawn(async move {
                match ledger.submit(token(number), vote(number)).await {
                    Ok(Outcome::Counted(counted) | Outcome::Repeated(counted)) => (number, counted.index),
                    other => panic!("coin {number}: {other:?}"),
                }
            });
            if number >= first + IN_FLIGHT {
                let (number, index) = submissions.join_next().await.unwrap().unwrap();
                let mut stdout = std::io::stdout().lock();
                writeln!(stdout, "{number} {index}")
                    .and_then(|()| stdout.flush())
                    .unwrap();
            }
        }
    });
}

fn key_pair() -> KeyPair {
    KeyPair::from_seed(Seed::new([1; 32]))
}

fn keyring() -> Keyring {
    Keyring::from_vault_value(&json!({ "keys": { "1": STANDARD.encode(*key_pair().pk) } })).unwrap()
}

fn options() -> Options {
    Options::new(|| Timestamp::parse("2026-01-01T00:00:00Z").unwrap())
}

fn campaign() -> CampaignFile {
    let charities = ["a", "b", "c"].map(|id| json!({ "id": id, "name": id, "about": "One of three." }));
    let campaign = json!({
        "campaign": "hashiconf-2020",
        "donation": { "currency": "USD", "minor_units": 1000 },
        "charities": charities,
    });
    CampaignFile::parse(campaign.to_string().as_bytes()).unwrap()
}

/// The vote of a coin: always the same one for the same coin.
fn vote(number: u64) -> Vote {
    Vote::parse(&json!({"a": 1, "b": number + 1}), campaign().charities()).unwrap()
}

fn serial(number: u64) -> Serial {
    Serial::from_bytes(u128::from(number).to_be_bytes())
}

fn token(number: u64) -> Vec<u8> {
    let coin = Coin {
        campaign: Campaign::parse("hashiconf-2020").unwrap(),
        serial: serial(number),
        expires: Timestamp::parse("2030-01-01T00:00:00Z").unwrap(),
    };
    let signature = *key_pair().sk.sign(coin.to_signed_bytes(), None);
    SignedCoin {
        coin,
        key_version: 1,
        signature,
    }
    .to_token()
    .into_bytes()
}
