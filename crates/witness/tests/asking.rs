//! A log that asks witnesses: content with its quorum, whatever the others do.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use coin::PublicKey;
use ed25519_compact::{KeyPair, Seed};
use service::Metrics;
use tempfile::TempDir;
use tlog::{Algorithm, Checkpoint, Hash, Note, Policy, PolicyFile, ProofPlan, Tree, TreeHead, VerifierKey};
use witness::{Memory, NotWitnessed, Witness, Witnesses, router};

const ORIGIN: &str = "log.example/coins";

fn key_pair(number: u8) -> KeyPair {
    KeyPair::from_seed(Seed::new([number; 32]))
}

fn key(name: &str, algorithm: Algorithm, number: u8) -> VerifierKey {
    VerifierKey::new(name, algorithm, PublicKey::from_bytes(*key_pair(number).pk).unwrap()).unwrap()
}

fn log_key() -> VerifierKey {
    key(ORIGIN, Algorithm::Ed25519, 1)
}

fn name(number: u8) -> String {
    format!("witness.example/{number}")
}

/// A tree of so many leaves, and its signed checkpoint.
fn signed(size: u64) -> (TreeHead, Note) {
    let mut tree = Tree::new();
    tree.append(&leaves(size)).unwrap();
    let head = tree.head();
    let mut note = Note::new(Checkpoint::new(ORIGIN, head).unwrap().to_string()).unwrap();
    let signature = key_pair(1).sk.sign(note.text(), None);
    note.add_signature(&log_key(), &signature).unwrap();
    (head, note)
}

fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|index| Hash::of_leaf(&index.to_be_bytes())).collect()
}

fn prove(from: u64, to: u64) -> Result<Vec<Hash>, String> {
    let tiles = Tree::new().append(&leaves(to)).unwrap();
    let plan = ProofPlan::consistency(from, to).ok_or("no plan")?;
    plan.prove(&tiles).ok_or_else(|| "no proof".to_owned())
}

/// A real witness, for as long as the test runs.
fn honest(number: u8) -> SocketAddr {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    let metrics = METRICS.get_or_init(|| Metrics::install().unwrap()).clone();
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("memory");
    Memory::init(&path).unwrap();
    let memory = Memory::open(&path).unwrap();
    let witness = Witness::new(&name(number), key_pair(number), [log_key()], memory).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        let _directory = directory;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router(Arc::new(witness), metrics)).await
        })
    });
    address
}

/// Answers whatever comes with this, or with nothing at all.
fn other(answer: Option<&str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = answer.map(str::to_owned);
    thread::spawn(move || {
        let mut silent = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(answer) = &answer else {
                silent.push(stream);
                continue;
            };
            let mut request = [0; 8192];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

fn http(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// The witnesses 2, 3, … at these places, of whom so many have to sign.
fn witnesses(places: &[SocketAddr], quorum: usize) -> (Witnesses, Policy) {
    let mut text = String::new();
    let mut names = String::new();
    for (number, place) in (2_u8..).zip(places) {
        let key = key(&name(number), Algorithm::CosignatureV1, number);
        text += &format!("witness w{number} {key} http://{place}\n");
        names += &format!(" w{number}");
    }
    text += &format!("group g {quorum}{names}\nquorum g\n");
    let policy = PolicyFile::parse(&text)
        .unwrap()
        .policy(ORIGIN, vec![log_key()])
        .unwrap();
    (Witnesses::from_policy(&text, ORIGIN, vec![log_key()]).unwrap(), policy)
}

fn cosign(witnesses: &Witnesses, size: u64) -> Result<Note, NotWitnessed> {
    let (head, note) = signed(size);
    witnesses.cosign(&note, &head, |from| prove(from, size))
}

#[test]
fn what_each_has_signed_before_is_found_out_and_all_go_on_together() {
    let places = [honest(2), honest(3), honest(4)];
    let (all, policy) = witnesses(&places, 3);
    for size in [0, 3, 3, 300] {
        let note = cosign(&all, size).unwrap();
        assert_eq!(policy.open(&note).unwrap().head().size, size);
    }
    // A log that was started anew does not know what they know, and asks.
    let (again, policy) = witnesses(&places, 3);
    policy.open(&cosign(&again, 1000).unwrap()).unwrap();
    // And one that was set back gets no signature.
    let error = cosign(&again, 500).unwrap_err().to_string();
    assert!(error.contains("0 of the 3 witnesses"), "{error}");
    assert!(error.contains("w2 has signed a tree of 1000"), "{error}");
}

#[test]
fn a_witness_that_lies_or_is_silent_is_neither_believed_nor_waited_for() {
    let lie = "— witness.example/4 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    let huge = "x".repeat(100_000);
    for (what, answer) in [
        ("silent", None),
        ("lies", Some(http("200 OK", lie))),
        ("says nothing", Some(http("200 OK", ""))),
        ("says too much", Some(http("200 OK", &huge))),
        ("never agrees", Some(http("409 Conflict", "1\n"))),
        ("is ahead", Some(http("409 Conflict", "99999999\n"))),
        ("says no size", Some(http("409 Conflict", "-1\n"))),
        (
            "leads away",
            Some(
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n"
                    .to_owned(),
            ),
        ),
        ("is no server", Some("hello".to_owned())),
    ] {
        let place = other(answer.as_deref());
        let (quorum, policy) = witnesses(&[honest(2), honest(3), place], 2);
        let begun = Instant::now();
        let note = cosign(&quorum, 7).unwrap();
        policy.open(&note).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(4), "{what}: waited for");
        if answer.is_some() {
            let (all, _) = witnesses(&[honest(2), honest(3), place], 3);
            let error = cosign(&all, 7).unwrap_err().to_string();
            assert!(
                error.contains("2 of the 3 witnesses") && error.contains("w4"),
                "{what}: {error}"
            );
        }
    }
}
