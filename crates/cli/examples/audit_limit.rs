//! What `cargo xtask bench audit` measures with: makes a log that is worth auditing, and finds the most signatures that this machine checks by the batch at all.
//!
//! `audit_limit make DIR VOTES` publishes a log. `audit_limit limit DIR` reads all of its coins first, checks their signatures on all processors in
//! batches of several sizes, and prints the least seconds that it took: what remains of an audit when nothing else is done.

#[path = "../tests/log/draft.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod draft;

use std::num::NonZero;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs, thread};

use batch::{Item, bad_signatures, in_order};
use coin::{Keyring, PublicKey};
use draft::Draft;
use tlog::{bundle, bundles};
use vote::{CampaignFile, LogEntry};

/// Signatures that are checked together. The fastest counts.
const BATCHES: [usize; 4] = [256, 1024, 4096, 16_384];
/// Votes between two checkpoints: a tenth of a second of a busy ledger.
const CHECKPOINT_EVERY: usize = 2000;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["make", directory, votes] => make(Path::new(directory), votes.parse().unwrap_or(0)),
        ["limit", directory] => println!("{}", limit(Path::new(directory))),
        _ => {
            eprintln!("usage: audit_limit make DIR VOTES | audit_limit limit DIR");
            return ExitCode::from(64);
        }
    }
    ExitCode::SUCCESS
}

fn make(directory: &Path, votes: usize) {
    let mut draft = Draft::new(votes);
    draft.checkpoints = (CHECKPOINT_EVERY..votes)
        .step_by(CHECKPOINT_EVERY)
        .chain([votes])
        .collect();
    draft.publish(directory);
}

/// A signature with its message, and the version of the key.
type Signed = (u32, Vec<u8>, [u8; coin::SIGNATURE_BYTES]);

fn limit(directory: &Path) -> f64 {
    let signed = read(directory);
    let keyring = Keyring::from_vault_value(&draft::coin_keys()).expect("the draft's keys are keys");
    let lanes = thread::available_parallelism().map_or(1, NonZero::get);
    let seconds = BATCHES.map(|size| {
        let batches: Vec<(&PublicKey, Vec<Item<'_>>)> = signed
            .chunk_by(|one, next| one.0 == next.0)
            .flat_map(|of_version| of_version.chunks(size))
            .map(|batch| {
                let key = keyring
                    .public_key(batch[0].0)
                    .expect("the draft's coins are signed by its keys");
                let items = batch
                    .iter()
                    .map(|(_, message, signature)| (message.as_slice(), signature));
                (key, items.collect())
            })
            .collect();
        let started = Instant::now();
        let check = |(key, items): &(&PublicKey, Vec<Item<'_>>)| Ok::<_, ()>(bad_signatures(key, items));
        let take = |_: &_, bad: Vec<usize>| if bad.is_empty() { Ok(()) } else { Err(()) };
        in_order(batches.iter(), lanes, check, take).expect("the draft's coins are good");
        started.elapsed().as_secs_f64()
    });
    seconds.into_iter().fold(f64::INFINITY, f64::min)
}

/// The coins of all entries.
fn read(directory: &Path) -> Vec<Signed> {
    let file = |path: &str| fs::read(directory.join("v1").join(path)).expect("the log was made before");
    let info = vote::LogInfo::parse(&file("log/log.json")).expect("the draft is a log");
    let campaign: CampaignFile = info.campaign;
    let tally: serde_json::Value = serde_json::from_slice(&file("tally")).expect("the draft has a tally");
    let size = tally["votes"].as_u64().expect("the draft has votes");
    let mut signed = Vec::new();
    for id in bundles(0, size) {
        for entry in bundle::entries(&file(&format!("log/{id}"))).expect("the draft has bundles") {
            let entry = LogEntry::parse(entry, campaign.charities()).expect("the draft has votes");
            let message = entry.coin.coin.to_signed_bytes();
            signed.push((entry.coin.key_version, message, entry.coin.signature));
        }
    }
    signed
}
