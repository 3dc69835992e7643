//! What a writer may not do, and who may be one.

use ledger::{LedgerError, PostgresStore, PostgresUrl, Store};
use serde_json::json;
use servers::postgres::{LEDGER, OWNER};

use crate::common::{campaign, nullifier};
use crate::contract::{at, ballot, queued};
use crate::database::Database;

#[test]
fn a_writer_adds_and_changes_nothing_else() {
    let database = Database::with_ledger();
    let mut store = database.open().unwrap();
    let batch = queued([ballot(1, json!({"a": 1}))], at(5, 2), &[at(5, 1)]);
    let counted = store.append(&batch).unwrap();
    for statement in [
        "UPDATE ledger.votes SET weights = '{0,1,0}'",
        "DELETE FROM ledger.votes",
        "TRUNCATE ledger.votes",
        "DROP TABLE ledger.votes",
        "ALTER TABLE ledger.votes DROP CONSTRAINT votes_nullifier_key",
        "UPDATE ledger.tile_hashes SET place = 1",
        "DELETE FROM ledger.tile_hashes",
        "TRUNCATE ledger.tile_hashes",
        "UPDATE ledger.issued SET issued_at = 0",
        "DELETE FROM ledger.issued",
        "TRUNCATE ledger.issued",
        "UPDATE ledger.issued_checkpoints SET note = ''",
        "UPDATE ledger.dead_letters SET code = 'a'",
        "DELETE FROM ledger.dead_letters",
        "TRUNCATE ledger.dead_letters",
        "DELETE FROM ledger.head",
        "INSERT INTO ledger.head (only_row, units) VALUES (0, '{}')",
        "TRUNCATE ledger.head",
        "UPDATE ledger.campaign SET name = 'a'",
        "DELETE FROM ledger.campaign",
        "UPDATE ledger.charities SET name = 'a'",
        "INSERT INTO ledger.charities VALUES (3, 'd', 'D')",
        "INSERT INTO ledger.migrations VALUES (2)",
        "UPDATE ledger.migrations SET version = 2",
        "CREATE TABLE ledger.more (a integer)",
        "CREATE TABLE public.more (a integer)",
        "CREATE SCHEMA more",
        "CREATE TRIGGER t BEFORE UPDATE ON ledger.votes FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    ] {
        // Fails unless the statement is refused for this reason: an owner's right, or one that was not given.
        database.sql(&format!(
            "SET ROLE {LEDGER};
             DO $do$ BEGIN
                 BEGIN EXECUTE $statement${statement}$statement$; EXCEPTION WHEN insufficient_privilege THEN RETURN; END;
                 RAISE 'the writer may do this';
             END $do$"
        ));
    }
    drop(store);
    let mut store = database.open().unwrap();
    assert_eq!(store.recover().unwrap(), counted.state);
    assert!(store.reader().unwrap().find(&nullifier(1)).unwrap().is_some());
}

#[test]
fn a_writer_without_rights_is_refused() {
    let database = Database::empty();
    PostgresStore::init(&database.url(OWNER), &campaign(), None).unwrap();
    let error = database.open().err().unwrap().to_string();
    assert!(error.contains("permission denied for schema ledger"), "{error}");
    // The rights can come later.
    database.init().unwrap();
    database.open().unwrap();
}

#[test]
fn a_role_that_is_missing_or_could_do_more_is_no_writer() {
    let database = Database::empty();
    for (role, said) in [
        ("nobody", "it does not exist; have it made"),
        ("no\"body", "it does not exist"),
        ("postgres", "it is a superuser or has the owner's rights"),
        (OWNER, "it is a superuser or has the owner's rights"),
    ] {
        let error = PostgresStore::init(&database.url(OWNER), &campaign(), Some(role)).unwrap_err();
        assert!(matches!(error, LedgerError::Role { .. }), "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
    // Nothing was made on the way.
    assert!(matches!(database.open(), Err(LedgerError::Missing(_))));
}

#[test]
fn a_role_that_could_change_votes_opens_nothing() {
    let database = Database::with_ledger();
    let refused = |role: &str| {
        let error = PostgresStore::open(&database.url(role), &campaign()).err().unwrap();
        assert!(
            matches!(&error, LedgerError::Role { role: named, .. } if named == role),
            "{error}"
        );
    };
    refused(OWNER);
    for right in ["UPDATE", "UPDATE (weights)", "DELETE", "TRUNCATE", "TRIGGER"] {
        for (table, column) in [("votes", "weights"), ("tile_hashes", "hash"), ("dead_letters", "code")] {
            let right = right.replace("weights", column);
            database.sql(&format!("GRANT {right} ON ledger.{table} TO {LEDGER}"));
            refused(LEDGER);
            // Whoever writes it, writes on: nothing was taken over.
            assert_eq!(database.sql("SELECT epoch FROM ledger.head"), "0");
            database.sql(&format!("REVOKE {right} ON ledger.{table} FROM {LEDGER}"));
        }
    }
    database.open().unwrap();
}

#[test]
fn a_role_may_have_any_name() {
    let database = Database::empty();
    database.sql("CREATE ROLE \"it's \"\"quoted\"\"\" LOGIN");
    PostgresStore::init(&database.url(OWNER), &campaign(), Some("it's \"quoted\"")).unwrap();
    assert_eq!(
        database.sql("SELECT has_table_privilege('it''s \"quoted\"', 'ledger.votes', 'INSERT')"),
        "t"
    );
    database.sql("DROP OWNED BY \"it's \"\"quoted\"\"\"; DROP ROLE \"it's \"\"quoted\"\"\"");
}

#[test]
fn a_password_is_asked_for_and_never_shown() {
    let database = Database::with_ledger();
    let url = database.url(LEDGER);
    let without = PostgresUrl::parse(&url.to_string()).unwrap();
    let open = |url: PostgresUrl| PostgresStore::open(&url, &campaign());
    let password = database.server.password();
    open(
        without
            .clone()
            .with_password_file(&database.server.password_file())
            .unwrap(),
    )
    .unwrap();
    for url in [without.clone(), without.with_password(&format!("{password}-wrong"))] {
        let error = open(url).err().unwrap();
        let text = format!("{error} {error:?}");
        assert!(text.contains("password") && !text.contains(password), "{text}");
    }
}
