//! The log of the coins that were issued: whoever holds the coins' key adds no votes unseen.

use std::path::Path;

use vote::{IssuedEntry, LogEntry, Nullifier};

use crate::draft::{Draft, coin};
use crate::{VOTES, audit_directory, findings, published};

/// A fraud: its name, what changes, and everything that is found.
type Fraud = (&'static str, fn(&mut Draft), &'static [&'static str]);

const FRAUDS: &[Fraud] = &[
    (
        "a good coin that was never said to be issued is spent",
        |draft| draft.entries[450] = draft.entry(2, coin(5000, 2, |_| {})),
        &["entry 450: its coin is not in the log of issued coins"],
    ),
    (
        "coins are taken out of the log",
        |draft| issued(draft).truncate(598),
        &[
            "entry 598: its coin is not in the log of issued coins",
            "entry 599: its coin is not in the log of issued coins",
        ],
    ),
    (
        "a coin is in it twice",
        |draft| {
            let first = issued(draft)[3].clone();
            issued(draft).push(first);
        },
        &["issued: entry 610: its coin is in the log before, as entry 3"],
    ),
    (
        "an entry has another spelling",
        |draft| issued(draft)[607] = b"hashicoin/issued/v1\n".to_vec(),
        &["issued: entry 607: it is not an issued coin in its one spelling"],
    ),
    (
        "there is none, and it is said that there is",
        |draft| issued(draft).clear(),
        &[],
    ),
];

fn issued(draft: &mut Draft) -> &mut Vec<Vec<u8>> {
    draft.issued.as_mut().unwrap()
}

#[test]
fn each_fraud_is_named() {
    let good = Draft::with_issued(VOTES);
    for (name, change, expected) in FRAUDS {
        let mut draft = good.clone();
        change(&mut draft);
        let directory = published(&draft);
        let (code, json) = audit_directory(directory.path());
        let found = findings(&json);
        assert_eq!(code, 1, "{name}: {json}");
        match expected {
            // Every vote is of a coin that was not issued.
            [] => assert_eq!(found.len(), VOTES, "{name}"),
            expected => assert_eq!(found, *expected, "{name}"),
        }
    }
}

#[test]
fn a_tile_of_it_is_checked_as_those_of_the_votes() {
    let draft = Draft::with_issued(VOTES);
    let directory = published(&draft);
    let tile: &Path = &directory.path().join("v1/issued/tile/0/001");
    let mut bytes = std::fs::read(tile).unwrap();
    bytes[32] ^= 1;
    std::fs::write(tile, bytes).unwrap();
    let (code, json) = audit_directory(directory.path());
    assert_eq!(code, 1);
    assert_eq!(
        findings(&json),
        ["issued: entry 257: it is not the one whose hash is in the tile"]
    );
}

#[test]
fn the_name_of_an_issued_coin_is_that_of_its_vote() {
    let draft = Draft::with_issued(1);
    let issued = IssuedEntry::parse(&draft.issued.as_ref().unwrap()[0]).unwrap();
    let vote = LogEntry::parse(&draft.entries[0], draft.campaign.charities()).unwrap();
    assert_eq!(issued.nullifier, vote.nullifier());
    assert_eq!(issued.nullifier, Nullifier::of(&vote.coin.coin.serial));
}
