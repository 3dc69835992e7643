//! The log of the coins that were issued: each once, and every coin that was spent is in it. With it, whoever holds the coins' key cannot add votes unseen.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use service::Failure;
use vote::{IssuedEntry, Nullifier};

use super::recount::Recount;
use super::votes::at;
use crate::findings::Findings;
use crate::log::{self, Entries, ISSUED, LogTrust, Seen, Source, Walk};

/// How its places are told from those of the votes' log.
const UNDER: &str = "issued: ";

/// Checks it, and that the coins that were spent are in it.
///
/// # Errors
///
/// When there is no answer, or no checkpoint that can be read.
pub fn audit(
    source: &Source,
    origin: &str,
    trust: &LogTrust,
    recount: &Recount,
    findings: &mut Findings,
) -> Result<Seen, Failure> {
    let mut of_issued = Findings::default();
    let policy = trust.policy(origin)?;
    let (latest, note) = log::latest(source, ISSUED)?;
    log::check(&note, &policy, "checkpoint", &mut of_issued);
    let walk = Walk {
        source,
        prefix: ISSUED,
        policy: &policy,
        latest,
        known: vec![],
        of: "coins",
    };
    let mut issued: HashMap<Nullifier, u64> = HashMap::new();
    let take = |coins: Vec<(u64, Nullifier)>, findings: &mut Findings| {
        for (index, nullifier) in coins {
            match issued.entry(nullifier) {
                Entry::Vacant(vacant) => drop(vacant.insert(index)),
                Entry::Occupied(first) => {
                    findings.add(
                        at(index),
                        format!("its coin is in the log before, as entry {}", first.get()),
                    );
                }
            }
        }
        Ok(())
    };
    let seen = walk.walk(&mut of_issued, read, take)?;
    findings.append(UNDER, of_issued);
    let mut strangers: Vec<u64> = recount
        .spent()
        .iter()
        .filter(|(nullifier, _)| !issued.contains_key(nullifier))
        .map(|(_, index)| *index)
        .collect();
    strangers.sort_unstable();
    for index in strangers {
        findings.add(at(index), "its coin is not in the log of issued coins");
    }
    Ok(seen)
}

fn read(entries: Entries, findings: &mut Findings) -> Vec<(u64, Nullifier)> {
    let mut coins = Vec::with_capacity(entries.count());
    for (index, bytes) in entries.iter() {
        match IssuedEntry::parse(bytes) {
            Some(entry) => coins.push((index, entry.nullifier)),
            None => findings.add(at(index), "it is not an issued coin in its one spelling"),
        }
    }
    coins
}
