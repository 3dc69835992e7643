//! Frauds of whoever publishes a log: each is found, and named. Everything that is found is in the table, so that one lie does not hide in the noise of another.

use std::fs;
use std::path::Path;

use coin::Timestamp;
use serde_json::{Value, json};
use tlog::{Hash, TreeHead};

use crate::draft::{Draft, coin, coin_key, key_pair, write};
use crate::{VOTES, audit_directory, findings, published};

/// A fraud: its name, what changes before the log is published, what afterwards, and how every line that is found begins.
type Fraud<'a> = (&'a str, fn(&mut Draft), fn(&Draft, &Path), &'a [&'a str]);

fn nothing(_: &mut Draft) {}

fn no_file(_: &Draft, _: &Path) {}

/// Changes a file under the log's directory.
fn change(root: &Path, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let path = root.join("v1/log").join(file);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(&path, bytes).unwrap();
}

/// Changes the list of checkpoints.
fn change_checkpoints(root: &Path, with: impl FnOnce(&mut Vec<Value>)) {
    change(root, "checkpoints", |bytes| {
        let mut page: Value = serde_json::from_slice(bytes).unwrap();
        with(page["checkpoints"].as_array_mut().unwrap());
        *bytes = page.to_string().into_bytes();
    });
}

/// Puts another note in the place of one, in the list and as the latest if it is the last.
fn replace_checkpoint(root: &Path, place: usize, note: &str) {
    change_checkpoints(root, |notes| {
        notes[place] = json!(note);
        if place + 1 == notes.len() {
            write(&root.join("v1/log/checkpoint"), note);
        }
    });
}

fn forked(size: usize) -> TreeHead {
    TreeHead {
        size: size.try_into().unwrap(),
        root: Hash([7; 32]),
    }
}

const FRAUDS: &[Fraud<'_>] = &[
    (
        "a coin is spent twice",
        |draft| draft.entries[599] = draft.entry(3, coin(10, 1, |_| {})),
        no_file,
        &["entry 599: its coin was spent before, in entry 10"],
    ),
    (
        "a coin is forged",
        |draft| {
            let mut forged = coin(300, 2, |_| {});
            forged.signature = *key_pair(9).sk.sign(forged.coin.to_signed_bytes(), None);
            draft.entries[300] = draft.entry(300, forged);
        },
        no_file,
        &["entry 300: the signature of its coin is not that of version 2 of the key: it is forged"],
    ),
    (
        "a signature is that of another version of the key",
        |draft| {
            let mut forged = coin(300, 2, |_| {});
            forged.signature = *coin_key(1).sk.sign(forged.coin.to_signed_bytes(), None);
            draft.entries[300] = draft.entry(300, forged);
        },
        no_file,
        &["entry 300: the signature of its coin is not that of version 2"],
    ),
    (
        "a key that nobody knows signed",
        |draft| draft.entries[5] = draft.entry(5, coin(5, 3, |_| {})),
        no_file,
        &["entry 5: its coin is signed by version 3 of the key, which is not among the coins' keys"],
    ),
    (
        "a coin had expired",
        |draft| {
            let expired = coin(7, 1, |coin| {
                coin.expires = Timestamp::parse("2026-11-23T20:00:00Z").unwrap()
            });
            draft.entries[7] = draft.entry(7, expired);
        },
        no_file,
        &["entry 7: its coin expired at 2026-11-23T20:00:00Z, and was counted at 2026-11-23T20:00:00Z"],
    ),
    (
        "a coin is of another campaign",
        |draft| {
            let other = coin(7, 1, |coin| coin.campaign = coin::Campaign::parse("other").unwrap());
            draft.entries[7] = draft.entry(7, other);
        },
        no_file,
        &["entry 7: its coin is of campaign other"],
    ),
    (
        "weights are not reduced",
        |draft| {
            let text = String::from_utf8(draft.entries[1].clone()).unwrap();
            draft.entries[1] = text.replace("a=2 b=1", "a=4 b=2").into_bytes();
        },
        no_file,
        &[
            "entry 1: it is not a vote for this campaign's charities in its one spelling",
            "tally.votes",
        ],
    ),
    (
        "a charity is unknown",
        |draft| {
            let text = String::from_utf8(draft.entries[1].clone()).unwrap();
            draft.entries[1] = text.replace("a=2 b=1", "x=2 y=1").into_bytes();
        },
        no_file,
        &["entry 1: it is not a vote", "tally.votes"],
    ),
    (
        "the tally has more units for one",
        |draft| {
            let mut tally = draft.tally_of(VOTES);
            tally["charities"][0]["units"] = json!(1);
            draft.tally = Some(tally);
        },
        no_file,
        &["tally.charities.a.units: it is 1, and the entries give "],
    ),
    (
        "the tally has another percentage",
        |draft| {
            let mut tally = draft.tally_of(VOTES);
            tally["charities"][1]["percent"] = json!("50.0000");
            draft.tally = Some(tally);
        },
        no_file,
        &["tally.charities.b.percent: it is \"50.0000\", and the entries give "],
    ),
    (
        "the tally splits the donation otherwise",
        |draft| {
            let mut tally = draft.tally_of(VOTES);
            let units = tally["charities"][2]["donation_minor_units"].as_u64().unwrap();
            tally["charities"][2]["donation_minor_units"] = json!(units + 1);
            draft.tally = Some(tally);
        },
        no_file,
        &["tally.charities.d.donation_minor_units: it is "],
    ),
    (
        "the tally leaves votes out",
        |draft| draft.tally = Some(draft.tally_of(VOTES - 1)),
        no_file,
        &["tally.votes: it is 599, and a checkpoint of 600 was signed before it"],
    ),
    (
        "the tally has votes that no checkpoint covers",
        |draft| {
            draft.tally = Some(draft.tally_of(VOTES));
            draft.checkpoints.pop();
        },
        no_file,
        &["tally.votes: it is 600, and the latest checkpoint covers 512"],
    ),
    (
        "there is no tally",
        nothing,
        |_, root| fs::remove_file(root.join("v1/tally")).unwrap(),
        &["tally: it is missing, or says no number of votes"],
    ),
    (
        "an older checkpoint is of another tree",
        nothing,
        |draft, root| replace_checkpoint(root, 2, &draft.sign("hashicoin/c", forked(256))),
        &[
            "checkpoint of 256: its root is not that of the entries: entry 100 to 255 are not, or not all, those that were signed",
        ],
    ),
    (
        "the head is forked",
        nothing,
        |draft, root| replace_checkpoint(root, 5, &draft.sign("hashicoin/c", forked(600))),
        &[
            "checkpoint of 600: its root is not that of the entries: entry 512 to 599",
            "checkpoint: its root is not that of the entries",
        ],
    ),
    (
        "two histories are signed",
        nothing,
        |draft, root| {
            let note = draft.sign("hashicoin/c", forked(512));
            change_checkpoints(root, |notes| notes.insert(5, json!(note)));
        },
        &["checkpoint of 512: there are two with different roots: the log shows two histories"],
    ),
    (
        "entries changed places after they were signed",
        |draft| {
            let before = draft.clone();
            draft.entries.swap(300, 301);
            draft.tally = Some(before.tally_of(VOTES));
        },
        |draft, root| {
            let mut before = draft.clone();
            before.entries.swap(300, 301);
            for (place, size) in before.checkpoints.iter().enumerate() {
                replace_checkpoint(root, place, &before.checkpoint(*size));
            }
        },
        &[
            "checkpoint of 512: its root is not that of the entries: entry 300 to 511",
            "checkpoint of 512: the roots of 1 checkpoints after it are not those of the entries either",
            "checkpoint: its root is not that of the entries",
        ],
    ),
    (
        "the log was cut, and its checkpoints were not",
        |draft| {
            draft.tally = Some(draft.tally_of(512));
            draft.entries.truncate(512);
            draft.checkpoints.pop();
        },
        |_, root| {
            let whole = Draft::new(VOTES);
            change_checkpoints(root, |notes| notes.push(json!(whole.checkpoint(VOTES))));
        },
        &["checkpoint: it is of 512, and one of 600 is kept: it is not the latest"],
    ),
    (
        "an old checkpoint is shown again",
        nothing,
        |draft, root| write(&root.join("v1/log/checkpoint"), draft.checkpoint(300)),
        &[
            // In a log of 300 these are narrower, and nothing has them.
            "tile/entries/001.p/44: it is missing",
            "tile/0/001.p/44: it is missing",
            "entry 256: neither it nor its hash is there, so that nothing behind it can be checked; the checkpoint covers 300",
            "tally.votes: it is 600, and the latest checkpoint covers 300",
        ],
    ),
    (
        "checkpoints were set back",
        nothing,
        |_, root| change_checkpoints(root, |notes| notes.swap(1, 2)),
        &["checkpoint of 100: it stands behind that of 256: the log was set back"],
    ),
    (
        "a checkpoint is there twice",
        nothing,
        |_, root| change_checkpoints(root, |notes| notes.insert(1, notes[1].clone())),
        &["checkpoint of 100: it stands there twice"],
    ),
    (
        "the latest checkpoint is not kept",
        nothing,
        |_, root| change_checkpoints(root, |notes| drop(notes.pop())),
        &["checkpoint: it is of 600, and none of that size is among those that are kept"],
    ),
    (
        "a checkpoint is of another log",
        nothing,
        |draft, root| {
            let mut other = draft.clone();
            other.origin = "hashicoin/other".to_owned();
            replace_checkpoint(root, 5, &other.checkpoint(VOTES));
        },
        &[
            "checkpoint: no key that is trusted here signed this",
            "checkpoint of 600: no key that is trusted here signed this",
        ],
    ),
    (
        "a checkpoint is signed by another key",
        nothing,
        |draft, root| {
            let mut other = draft.clone();
            other.log_key = key_pair(9);
            replace_checkpoint(root, 2, &other.checkpoint(256));
        },
        &["checkpoint of 256: no key that is trusted here signed this"],
    ),
    (
        "a checkpoint's signature is of another text",
        nothing,
        |draft, root| {
            let note = draft.checkpoint(256).replace("\n256\n", "\n255\n");
            replace_checkpoint(root, 2, &note);
        },
        &[
            "checkpoint of 255: the signature of \"hashicoin/c\" is not its own over this text",
            "checkpoint of 255: its root is not that of the entries",
        ],
    ),
    (
        "a checkpoint is none",
        nothing,
        |_, root| replace_checkpoint(root, 2, "hashicoin/c\n"),
        &["checkpoint number 3: a note is a text"],
    ),
    (
        "the checkpoints are no list",
        nothing,
        |_, root| write(&root.join("v1/log/checkpoints"), "[]"),
        &[
            "v1/log/checkpoints?from=0: invalid",
            "checkpoint: it is of 600, and none of that size",
        ],
    ),
    (
        "the checkpoints turn in a circle",
        nothing,
        |_, root| {
            change(root, "checkpoints", |bytes| {
                let mut page: Value = serde_json::from_slice(bytes).unwrap();
                page["next"] = json!(1);
                *bytes = page.to_string().into_bytes();
            });
        },
        &["v1/log/checkpoints?from=0: its next page is said to begin at 1, and it ends at 600"],
    ),
    (
        "a tile of leaves is missing",
        nothing,
        |_, root| fs::remove_file(root.join("v1/log/tile/0/001")).unwrap(),
        &["tile/0/001: it is missing"],
    ),
    (
        "a tile above is missing",
        nothing,
        |_, root| fs::remove_file(root.join("v1/log/tile/1/000.p/2")).unwrap(),
        &["tile/1/000.p/2: it is missing"],
    ),
    (
        "a tile is narrower than it says",
        nothing,
        |_, root| change(root, "tile/0/002.p/88", |bytes| bytes.truncate(87 * 32)),
        &["tile/0/002.p/88: it has 2784 bytes, and should have 88 hashes of 32"],
    ),
    (
        "a tile is longer than any",
        nothing,
        |_, root| change(root, "tile/0/001", |bytes| bytes.push(0)),
        &["tile/0/001: it is longer than 256 hashes"],
    ),
    (
        "a bundle is missing",
        nothing,
        |_, root| fs::remove_file(root.join("v1/log/tile/entries/001")).unwrap(),
        &["tile/entries/001: it is missing", "tally."],
    ),
    (
        "a bundle has an entry more",
        nothing,
        |_, root| change(root, "tile/entries/002.p/88", |bytes| bytes.extend([0, 1, 7])),
        &["tile/entries/002.p/88: it has 89 entries, and should have 88", "tally."],
    ),
    (
        "a bundle is longer than any",
        nothing,
        |_, root| change(root, "tile/entries/001", |bytes| bytes.resize(5_000_000, 0)),
        &["tile/entries/001: it is longer than 256 entries can be", "tally."],
    ),
    (
        "a bundle ends within an entry",
        nothing,
        |_, root| change(root, "tile/entries/001", |bytes| bytes.truncate(bytes.len() - 1)),
        &["tile/entries/001: it is not a whole number of entries", "tally."],
    ),
    (
        "entries and their hashes are gone",
        nothing,
        |_, root| {
            fs::remove_file(root.join("v1/log/tile/entries/001")).unwrap();
            fs::remove_file(root.join("v1/log/tile/0/001")).unwrap();
        },
        &[
            "tile/entries/001: it is missing",
            "tile/0/001: it is missing",
            "entry 256: neither it nor its hash is there, so that nothing behind it can be checked; the checkpoint covers 600",
        ],
    ),
    (
        "the size is far above what is there",
        nothing,
        |draft, root| replace_checkpoint(root, 5, &draft.sign("hashicoin/c", forked(1 << 62))),
        &[
            "tile/entries/002: it is missing",
            "tile/0/002: it is missing",
            "entry 512: neither it nor its hash is there",
            "tally.votes: it is 600, and a checkpoint of 4611686018427387904 was signed before it",
        ],
    ),
];

#[test]
fn each_fraud_is_named() {
    let mut wrong = String::new();
    let good = Draft::new(VOTES);
    for (name, before, after, expected) in FRAUDS {
        let mut draft = good.clone();
        before(&mut draft);
        let directory = published(&draft);
        after(&draft, directory.path());
        let (code, json) = audit_directory(directory.path());
        let found = findings(&json);
        // Sums of entries that cannot be read differ in each of their fields: the first says enough.
        let tail = expected
            .last()
            .is_some_and(|last| last.starts_with("tally.") && !last.contains(' '));
        let as_expected = (found.len() == expected.len() || tail && found.len() > expected.len())
            && found
                .iter()
                .zip(*expected)
                .all(|(found, expected)| found.starts_with(expected))
            && found
                .iter()
                .skip(expected.len())
                .all(|found| found.starts_with("tally."));
        if code != 1 || !as_expected || json["clean"] != json!(false) {
            wrong += &format!("{name}: exit code {code}, found\n  {}\n", found.join("\n  "));
        }
    }
    assert_eq!(wrong, "");
}
