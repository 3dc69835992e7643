//! What is refused at the door: a ledger is made once, never by accident, written by one, and opened only if it adds up.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use vote::CampaignFile;

use ledger::{Ledger, LedgerError};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::common::{Place, campaign, campaign_json, campaign_of, keyring, nullifier, token, vote};

fn open(place: &Place) -> Result<Ledger, LedgerError> {
    open_at(place, &place.path(), &campaign())
}

fn open_at(place: &Place, path: &Path, file: &CampaignFile) -> Result<Ledger, LedgerError> {
    Ledger::open(path, file, keyring(), place.clock.options())
}

/// A closed ledger with three votes.
async fn place_with_votes() -> Place {
    let place = Place::with_ledger();
    let ledger = place.open();
    for (number, weights) in [(1, json!({"a": 1})), (2, json!({"a": 1, "b": 1})), (3, json!({"c": 1}))] {
        ledger.submit(token(number), vote(weights)).await.unwrap();
    }
    ledger.drain().unwrap();
    place
}

#[test]
fn a_missing_ledger_is_refused_and_not_made() {
    let place = Place::empty();
    let error = open(&place).err().unwrap();
    assert!(
        matches!(&error, LedgerError::Missing(ledger) if *ledger == place.path().display().to_string()),
        "{error}"
    );
    let directory = place.path().parent().unwrap().to_owned();
    assert_eq!(
        fs::read_dir(directory).unwrap().count(),
        0,
        "opening left something behind"
    );
}

#[test]
fn init_refuses_whatever_is_there_and_leaves_it_alone() {
    let place = Place::with_ledger();
    assert!(matches!(
        Ledger::init(&place.path(), &campaign()),
        Err(LedgerError::Exists(_))
    ));
    place.open();

    let place = Place::empty();
    for content in ["", "somebody's notes"] {
        fs::write(place.path(), content).unwrap();
        assert!(matches!(
            Ledger::init(&place.path(), &campaign()),
            Err(LedgerError::Exists(_))
        ));
        assert_eq!(fs::read_to_string(place.path()).unwrap(), content);
    }
}

#[test]
fn init_says_when_it_cannot_make_the_file() {
    let place = Place::empty();
    let path = place.path().join("no-such-directory").join("ledger.sqlite");
    assert!(matches!(Ledger::init(&path, &campaign()), Err(LedgerError::Io { .. })));
}

#[test]
fn a_ledger_is_its_owners_alone() {
    let place = Place::with_ledger();
    let mode = fs::metadata(place.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_ledger_has_one_writer_whatever_path_leads_to_it() {
    let place = Place::with_ledger();
    let link = place.path().with_file_name("link");
    symlink(place.path(), &link).unwrap();
    let first = open_at(&place, &link, &campaign()).unwrap();
    for path in [place.path(), link] {
        let error = open_at(&place, &path, &campaign()).err().unwrap();
        assert!(matches!(error, LedgerError::Locked(_)), "{error}");
    }
    drop(first);
    place.open();
}

#[test]
fn every_difference_from_the_campaign_file_is_named() {
    let place = Place::with_ledger();
    let with = |pointer: &str, value: Value| {
        let mut json = campaign_json();
        *json.pointer_mut(pointer).unwrap() = value;
        campaign_of(&json)
    };
    let swapped = {
        let mut json = campaign_json();
        json["charities"].as_array_mut().unwrap().swap(0, 1);
        campaign_of(&json)
    };
    let shorter = {
        let mut json = campaign_json();
        json["charities"].as_array_mut().unwrap().pop();
        campaign_of(&json)
    };
    for (file, named) in [
        (
            with("/campaign", json!("another")),
            "the campaign is hashiconf-2020 in the ledger and another in the file",
        ),
        (
            with("/donation/minor_units", json!(999)),
            "the donation is 1000 USD in the ledger and 999 USD in the file",
        ),
        (
            with("/donation/currency", json!("EUR")),
            "the donation is 1000 USD in the ledger and 1000 EUR in the file",
        ),
        (
            with("/charities/2/id", json!("d")),
            "the list of charities is a (A), b (B), c (C) in the ledger and a (A), b (B), d (C)",
        ),
        (
            with("/charities/2/name", json!("D")),
            "and a (A), b (B), c (D) in the file",
        ),
        (swapped, "and b (B), a (A), c (C) in the file"),
        (shorter, "and a (A), b (B) in the file"),
    ] {
        match open_at(&place, &place.path(), &file) {
            Err(LedgerError::OtherCampaign { differences, .. }) => {
                assert_eq!(differences.len(), 1, "{differences:?}");
                assert!(differences[0].contains(named), "{differences:?} should say {named:?}");
            }
            other => panic!("{named}: {:?}", other.err()),
        }
    }
    let mut everything = campaign_json();
    everything["campaign"] = json!("another");
    everything["donation"]["minor_units"] = json!(1);
    everything["charities"][0]["name"] = json!("Z");
    let error = open_at(&place, &place.path(), &campaign_of(&everything)).err().unwrap();
    assert!(matches!(error, LedgerError::OtherCampaign { differences, .. } if differences.len() == 3));

    // A sentence about a charity may be corrected.
    open_at(&place, &place.path(), &with("/charities/0/about", json!("Corrected."))).unwrap();
}

#[tokio::test]
async fn a_ledger_that_does_not_add_up_is_refused() {
    for (tampering, named) in [
        ("UPDATE head SET votes = votes + 1", "its totals say 4 votes"),
        ("UPDATE head SET votes = votes - 1", "its totals say 2 votes"),
        (
            "UPDATE totals SET units = units + 1 WHERE position = 0",
            "its totals say 3 votes and units [1500001",
        ),
        (
            "UPDATE totals SET units = units + (position - 1) * 500",
            "[1499500, 500000, 1000500]",
        ),
        (
            "DELETE FROM totals WHERE position = 2",
            "not one total for each charity",
        ),
        ("DELETE FROM head", "there is no number of votes"),
        ("DELETE FROM votes WHERE vote_index = 0", "vote 0 is missing"),
        ("DELETE FROM votes WHERE vote_index = 1", "vote 1 is missing"),
        ("DELETE FROM votes WHERE vote_index = 2", "its votes sum to 2"),
        (
            "UPDATE votes SET vote_index = 7 WHERE vote_index = 2",
            "vote 2 is missing",
        ),
        (
            "UPDATE votes SET weights = '[0,1,0]' WHERE vote_index = 0",
            "vote 0: its leaf's hash is not that of what it says",
        ),
        (
            "UPDATE votes SET signature = zeroblob(64) WHERE vote_index = 1",
            "vote 1: its leaf's hash is not that of what it says",
        ),
        (
            "UPDATE votes SET expires = expires + 1 WHERE vote_index = 2",
            "vote 2: its leaf's hash is not that of what it says",
        ),
        (
            "UPDATE votes SET counted_at = counted_at + 1 WHERE vote_index = 1",
            "vote 1: its leaf's hash is not that of what it says",
        ),
        (
            "UPDATE votes SET key_version = 2 WHERE vote_index = 0",
            "vote 0: its leaf's hash is not that of what it says",
        ),
        (
            "UPDATE votes SET leaf_hash = zeroblob(32) WHERE vote_index = 0",
            "vote 0: its leaf's hash is not that of what it says",
        ),
        (
            "UPDATE votes SET serial = zeroblob(16) WHERE vote_index = 0",
            "vote 0: its nullifier is not that of its serial",
        ),
        (
            "UPDATE head SET root = zeroblob(32)",
            "its tree's root is not that of its votes",
        ),
        (
            "INSERT INTO tile_hashes VALUES (1, 0, zeroblob(32))",
            "the hash of level 1 in place 0 is not that of its leaves",
        ),
        (
            "UPDATE votes SET weights = '[2,2,0]' WHERE vote_index = 1",
            "vote 1: its weights are not in canonical form",
        ),
        (
            "UPDATE votes SET weights = 'a' WHERE vote_index = 1",
            "vote 1: its weights are not in canonical form",
        ),
        (
            "UPDATE votes SET counted_at = 300000000000 WHERE vote_index = 1",
            "vote 1: its time is out of range",
        ),
        (
            "UPDATE head SET issued = 1",
            "its tree's root is not that of its issued coins",
        ),
        (
            "UPDATE head SET issued_root = zeroblob(32)",
            "its tree's root is not that of its issued coins",
        ),
        (
            "INSERT INTO issued_tile_hashes VALUES (1, 0, zeroblob(32))",
            "the hash of level 1 in place 0 is not that of its leaves",
        ),
        (
            "INSERT INTO issued VALUES (1, zeroblob(32), 0, zeroblob(32))",
            "issued coin 0 is missing",
        ),
        (
            "INSERT INTO issued VALUES (0, zeroblob(32), 0, zeroblob(32))",
            "issued coin 0: its leaf's hash is not that of what it says",
        ),
        ("DELETE FROM queue", "there is no progress of the queue"),
        (
            "UPDATE queue SET accepted = 4",
            "its queue says 4 counted votes, and there are 3",
        ),
        (
            "UPDATE queue SET dead_lettered = 1",
            "its queue says 1 dead letters, and there are 0",
        ),
        (
            "INSERT INTO dead_letters VALUES (5, 1, 'coin-expired')",
            "its queue says 0 dead letters, and there are 1",
        ),
        (
            "UPDATE queue SET ms = 5, dead_lettered = 2; INSERT INTO dead_letters VALUES (5, 0, 'a'), (5, 1, 'b')",
            "1 of its dead letters are of entries after 5-0",
        ),
    ] {
        let place = place_with_votes().await;
        place.sql().execute_batch(tampering).unwrap();
        let error = open(&place)
            .err()
            .unwrap_or_else(|| panic!("opened after: {tampering}"))
            .to_string();
        assert!(error.contains(named), "{tampering}: {error}");
    }
}

#[tokio::test]
async fn a_flipped_bit_in_a_stored_nullifier_is_found() {
    let place = place_with_votes().await;
    let mut bytes = fs::read(place.path()).unwrap();
    let needle = nullifier(2);
    let places: Vec<usize> = (0..bytes.len() - 32)
        .filter(|at| bytes[*at..*at + 32] == needle.as_bytes()[..])
        .collect();
    assert_eq!(places.len(), 2, "once in the table, once in its index");
    for at in places {
        bytes[at] ^= 1;
        fs::write(place.path(), &bytes).unwrap();
        let error = open(&place).err().expect("opened with a flipped bit");
        assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
        bytes[at] ^= 1;
    }
    fs::write(place.path(), &bytes).unwrap();
    place.open();
}

#[test]
fn what_is_no_ledger_of_this_version_is_refused() {
    let tampered = |sql: &str| {
        let place = Place::with_ledger();
        place.sql().execute_batch(sql).unwrap();
        place
    };
    let written = |content: &[u8]| {
        let place = Place::empty();
        fs::write(place.path(), content).unwrap();
        place
    };
    let without_unique = "
        DROP TABLE votes;
        CREATE TABLE votes (
            vote_index INTEGER PRIMARY KEY, nullifier BLOB NOT NULL, serial BLOB NOT NULL, expires INTEGER NOT NULL,
            key_version INTEGER NOT NULL, signature BLOB NOT NULL, weights TEXT NOT NULL, counted_at INTEGER NOT NULL
        ) STRICT;";
    let other_database = {
        let place = Place::empty();
        Connection::open(place.path())
            .unwrap()
            .execute_batch("CREATE TABLE t (x)")
            .unwrap();
        place
    };
    for (place, named) in [
        (written(b""), "its application_id is 0x0"),
        (other_database, "its application_id is 0x0"),
        (tampered("PRAGMA application_id = 1"), "its application_id is 0x1"),
        (
            tampered("PRAGMA user_version = 1"),
            "its schema is version 1, and this program's is 5",
        ),
        (tampered(without_unique), "its tables are not as a ledger is made"),
        (
            tampered("CREATE TRIGGER t AFTER INSERT ON votes BEGIN DELETE FROM votes; END"),
            "its tables are not",
        ),
        (tampered("DROP TABLE head"), "its tables are not"),
        (
            tampered("PRAGMA journal_mode = DELETE"),
            "its journal mode is delete, not wal",
        ),
    ] {
        let error = open(&place).err().unwrap_or_else(|| panic!("opened, though {named}"));
        assert!(matches!(error, LedgerError::NotALedger { .. }), "{error}");
        assert!(error.to_string().contains(named), "{error} should say {named:?}");
    }
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let place = Place::empty();
    fs::write(place.path(), [b'x'; 10_000]).unwrap();
    let error = open(&place).err().unwrap();
    assert!(
        matches!(&error, LedgerError::Damaged { what, .. } if what == "file is not a database"),
        "{error}"
    );
}

#[tokio::test]
async fn a_ledger_opens_again_as_it_was_left() {
    let place = place_with_votes().await;
    let ledger = place.open();
    let (tally, first) = (ledger.tally(), ledger.vote(&nullifier(1)).unwrap());
    assert_eq!(tally.votes, 3);
    assert_eq!(first.unwrap().index, 0);
    let again = ledger.submit(token(3), vote(json!({"c": 1}))).await.unwrap();
    assert!(matches!(again, ledger::Outcome::Repeated(counted) if counted.index == 2));
    let next = ledger.submit(token(4), vote(json!({"c": 1}))).await.unwrap();
    assert!(matches!(next, ledger::Outcome::Counted(counted) if counted.index == 3));
}

#[tokio::test]
async fn after_an_orderly_stop_a_copy_of_the_file_alone_is_the_whole_ledger() {
    let place = place_with_votes().await;
    let copy = Place::empty();
    fs::copy(place.path(), copy.path()).unwrap();
    assert_eq!(*copy.open().tally(), *place.open().tally());
}
