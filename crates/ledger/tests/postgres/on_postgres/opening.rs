//! What is refused at the door.

use std::sync::Arc;
use std::thread;

use ledger::{LedgerError, PostgresStore, PostgresUrl, Store};
use serde_json::json;
use servers::Postgres;
use servers::postgres::{LEDGER, OWNER};

use crate::common::{campaign, campaign_json, campaign_of, vote};
use crate::contract::{at, ballot, queued};
use crate::database::Database;

/// A ledger with three votes and a dead letter.
fn database_with_votes() -> Database {
    let database = Database::empty();
    begin_with_votes(&database);
    database
}

/// Makes the ledger anew.
fn begin_with_votes(database: &Database) {
    database.sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS ledger CASCADE");
    database.init().unwrap();
    let mut store = database.open().unwrap();
    let ballots = [
        ballot(1, json!({"a": 1})),
        ballot(2, json!({"a": 1, "b": 1})),
        ballot(3, json!({"c": 1})),
    ];
    store.append(&queued(ballots, at(9, 0), &[at(8, 0)])).unwrap();
}

#[test]
fn an_empty_database_is_refused_and_stays_empty() {
    let database = Database::empty();
    let error = database.open().err().unwrap();
    let named = database.url(LEDGER).to_string();
    assert!(
        matches!(&error, LedgerError::Missing(ledger) if *ledger == named),
        "{error}"
    );
    assert_eq!(
        database.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'ledger'"),
        "0"
    );
}

#[test]
fn init_again_changes_nothing() {
    let database = database_with_votes();
    let before = database.open().unwrap().recover().unwrap();
    database.init().unwrap();
    assert_eq!(database.open().unwrap().recover().unwrap(), before);
    assert_eq!(database.sql("SELECT version FROM ledger.migrations"), "1");
}

#[test]
fn two_that_make_a_ledger_at_once_make_one() {
    let database = Database::empty();
    thread::scope(|scope| {
        let inits = [0, 1, 2].map(|_| scope.spawn(|| database.init()));
        inits.into_iter().for_each(|init| init.join().unwrap().unwrap());
    });
    assert_eq!(database.open().unwrap().recover().unwrap().totals.votes, 0);
}

#[test]
fn another_campaign_is_refused_by_opening_and_by_init() {
    let database = database_with_votes();
    let mut other = campaign_json();
    other["campaign"] = json!("another");
    other["charities"][2]["name"] = json!("D");
    let other = campaign_of(&other);
    for result in [
        PostgresStore::open(&database.url(LEDGER), &other).map(drop),
        PostgresStore::init(&database.url(OWNER), &other, None),
    ] {
        let Err(LedgerError::OtherCampaign { differences, .. }) = result else {
            panic!("{result:?}");
        };
        assert_eq!(
            differences,
            [
                "the campaign is hashiconf-2020 in the ledger and another in the file",
                "the list of charities is a (A), b (B), c (C) in the ledger and a (A), b (B), c (D) in the file",
            ]
        );
    }
}

#[test]
fn another_version_of_the_schema_is_refused() {
    let database = Database::empty();
    for (tampering, named) in [
        (
            "INSERT INTO ledger.migrations VALUES (2)",
            "its schema is version 2, and this program's is 1",
        ),
        (
            "DELETE FROM ledger.migrations",
            "its schema is version 0, and this program's is 1; bring it up to date",
        ),
    ] {
        begin_with_votes(&database);
        database.sql(tampering);
        let error = database.open().err().unwrap();
        assert!(matches!(error, LedgerError::NotALedger { .. }), "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
    begin_with_votes(&database);
    database.sql("INSERT INTO ledger.migrations VALUES (2)");
    assert!(matches!(database.init(), Err(LedgerError::NotALedger { .. })));
}

#[test]
fn a_ledger_without_its_constraints_is_refused() {
    let database = Database::empty();
    for tampering in [
        "ALTER TABLE ledger.votes DROP CONSTRAINT votes_nullifier_key",
        "ALTER TABLE ledger.votes DROP CONSTRAINT votes_pkey",
        "ALTER TABLE ledger.votes DROP CONSTRAINT votes_nullifier_key;
         CREATE UNIQUE INDEX partial ON ledger.votes (nullifier) WHERE vote_index > 5",
        "CREATE TRIGGER t BEFORE UPDATE ON ledger.head EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE RULE r AS ON INSERT TO ledger.votes DO INSTEAD NOTHING",
    ] {
        begin_with_votes(&database);
        // A trigger of the kind that Postgres has built in is for rows.
        database.sql(&tampering.replace("EXECUTE", "FOR EACH ROW EXECUTE"));
        let error = database
            .open()
            .err()
            .unwrap_or_else(|| panic!("opened after: {tampering}"));
        assert!(matches!(error, LedgerError::NotALedger { .. }), "{error}");
    }
}

#[test]
fn a_ledger_that_does_not_add_up_is_refused() {
    let database = Database::empty();
    for (tampering, named) in [
        ("UPDATE ledger.head SET votes = votes + 1", "its totals say 4 votes"),
        (
            "UPDATE ledger.head SET units[1] = units[1] + 1",
            "its totals say 3 votes and units [1500001",
        ),
        (
            "UPDATE ledger.head SET units[1] = units[1] - 500, units[2] = units[2] + 500",
            "[1499500, 500500, 1000000]",
        ),
        (
            "UPDATE ledger.head SET units = units[1:2]",
            "not one total for each charity",
        ),
        ("DELETE FROM ledger.head", "there are no totals"),
        ("DELETE FROM ledger.votes WHERE vote_index = 0", "vote 0 is missing"),
        ("DELETE FROM ledger.votes WHERE vote_index = 1", "vote 1 is missing"),
        ("DELETE FROM ledger.votes WHERE vote_index = 2", "its votes sum to 2"),
        (
            "UPDATE ledger.votes SET vote_index = 7 WHERE vote_index = 2",
            "vote 2 is missing",
        ),
        (
            "UPDATE ledger.votes SET weights = '{0,1,0}' WHERE vote_index = 0",
            "vote 0: its leaf's hash is not that of what it says",
        ),
        (
            "UPDATE ledger.votes SET signature = set_byte(signature, 63, 99) WHERE vote_index = 1",
            "vote 1: its leaf's hash is not that of what it says",
        ),
        (
            "UPDATE ledger.votes SET leaf_hash = set_byte(leaf_hash, 0, 99) WHERE vote_index = 2",
            "vote 2: its leaf's hash is not that of what it says",
        ),
        (
            "UPDATE ledger.head SET root = set_byte(root, 31, 99)",
            "its tree's root is not that of its votes",
        ),
        (
            "INSERT INTO ledger.tile_hashes SELECT 1, 0, root FROM ledger.head",
            "the hash of level 1 in place 0 is not that of its leaves",
        ),
        (
            "UPDATE ledger.votes SET weights = '{2,2,0}' WHERE vote_index = 1",
            "vote 1: its weights are not in canonical form",
        ),
        (
            "UPDATE ledger.votes SET serial = set_byte(serial, 3, 9) WHERE vote_index = 1",
            "vote 1: its nullifier is not that of its serial",
        ),
        (
            "UPDATE ledger.votes SET nullifier = set_byte(nullifier, 31, 9) WHERE vote_index = 2",
            "vote 2: its nullifier is not that of its serial",
        ),
        (
            "UPDATE ledger.votes SET expires = 300000000000 WHERE vote_index = 1",
            "vote 1: its coin's expiry is out of range",
        ),
        (
            "UPDATE ledger.votes SET weights = '{-1,1,1}' WHERE vote_index = 1",
            "vote 1: its weights are not in canonical form",
        ),
        (
            "UPDATE ledger.votes SET counted_at = 300000000000 WHERE vote_index = 1",
            "vote 1: its time is out of range",
        ),
        (
            "UPDATE ledger.head SET issued = 1",
            "its tree's root is not that of its issued coins",
        ),
        (
            "INSERT INTO ledger.issued_tile_hashes SELECT 1, 0, root FROM ledger.head",
            "the hash of level 1 in place 0 is not that of its leaves",
        ),
        (
            "INSERT INTO ledger.issued SELECT 1, root, 0, root FROM ledger.head",
            "issued coin 0 is missing",
        ),
        (
            "INSERT INTO ledger.issued SELECT 0, root, 0, root FROM ledger.head",
            "issued coin 0: its leaf's hash is not that of what it says",
        ),
        (
            "UPDATE ledger.head SET accepted = 4",
            "its queue says 4 counted votes, and there are 3",
        ),
        (
            "DELETE FROM ledger.dead_letters",
            "its queue says 1 dead letters, and there are 0",
        ),
        (
            "UPDATE ledger.head SET ms = 7",
            "1 of its dead letters are of entries after 7-0",
        ),
    ] {
        begin_with_votes(&database);
        database.sql(tampering);
        let error = database
            .open()
            .err()
            .unwrap_or_else(|| panic!("opened after: {tampering}"));
        assert!(matches!(error, LedgerError::Damaged { .. }), "{tampering}: {error}");
        assert!(error.to_string().contains(named), "{tampering}: {error}");
    }
}

#[test]
fn a_server_that_can_lose_what_it_committed_is_refused() {
    for setting in ["fsync=off", "full_page_writes=off"] {
        let database = Database::on(Arc::new(Postgres::start_with(&[setting])));
        let error = database.init().unwrap_err().to_string();
        let name = setting.strip_suffix("=off").unwrap();
        assert!(error.contains(&format!("the server's {name} is off")), "{error}");
    }
}

#[test]
fn a_servers_laxer_default_does_not_reach_the_ledger() {
    let database = Database::empty();
    let name = &database.name;
    for setting in [
        "synchronous_commit = off",
        "default_transaction_isolation = serializable",
    ] {
        database.sql(&format!("ALTER DATABASE {name} SET {setting}"));
    }
    database.init().unwrap();
    let mut store = database.open().unwrap();
    store
        .append(&queued([ballot(1, json!({"a": 1}))], at(1, 0), &[]))
        .unwrap();
    let counted = store.reader().unwrap().votes_from(0, 1).unwrap();
    assert_eq!(counted[0].vote, vote(json!({"a": 1})));
}

#[test]
fn a_server_that_is_not_there_is_an_error_that_names_no_secret() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = PostgresUrl::parse(&format!("postgres://a@{nobody}/a")).unwrap();
    let error = PostgresStore::open(&url.with_password("hush"), &campaign())
        .err()
        .unwrap();
    let text = format!("{error} {error:?}");
    assert!(text.contains("refused") && !text.contains("hush"), "{text}");
}
