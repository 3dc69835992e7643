//! A bit that turned in the file: the opening says which vote, or which hash of the log's tree, it is in.

use rusqlite::types::Value;
use serde_json::json;

use crate::common::{Place, campaign};
use crate::contract::{Kind, ballot, batch};

/// Enough for two full tiles and a bit.
const VOTES: u64 = 520;

/// The same with a bit that is another.
fn turned(value: Value) -> Value {
    match value {
        Value::Integer(number) => Value::Integer(number ^ 2),
        Value::Text(text) => Value::Text(text.replacen('1', "0", 1)),
        Value::Blob(mut bytes) => {
            bytes[7] ^= 4;
            Value::Blob(bytes)
        }
        other => panic!("{other:?} has no bits"),
    }
}

/// Turns a bit in one field, opens the ledger, and turns it back; what the opening said.
fn refusal(place: &Place, table: &str, column: &str, row: &str) -> String {
    let sql = place.sql();
    let select = format!("SELECT {column} FROM {table} WHERE {row}");
    let value: Value = sql.query_row(&select, [], |row| row.get(0)).unwrap();
    let update = format!("UPDATE {table} SET {column} = ?1 WHERE {row}");
    assert_eq!(sql.execute(&update, [turned(value.clone())]).unwrap(), 1);
    let opened = ledger::SqliteStore::open(&place.path(), &campaign());
    let error = opened
        .err()
        .unwrap_or_else(|| panic!("opened with another {column} where {row}"));
    assert_eq!(sql.execute(&update, [value]).unwrap(), 1);
    error.to_string()
}

#[test]
fn a_turned_bit_is_named_by_its_row() {
    let place = Place::with_ledger();
    let mut store = place.open_store();
    let votes = ledger::Batch {
        ballots: (0..VOTES).map(|number| ballot(number, json!({"a": 1}))).collect(),
        ..batch([])
    };
    store.append(&votes).unwrap();
    drop(store);
    for index in [0, 255, 256, VOTES - 1] {
        for column in [
            "nullifier",
            "serial",
            "expires",
            "key_version",
            "signature",
            "weights",
            "counted_at",
            "leaf_hash",
        ] {
            let said = refusal(&place, "votes", column, &format!("vote_index = {index}"));
            assert!(said.contains(&format!("vote {index}: ")), "{column}: {said}");
        }
    }
    for tile in [0, 1] {
        let said = refusal(&place, "tile_hashes", "hash", &format!("level = 1 AND place = {tile}"));
        assert!(
            said.contains(&format!("the hash of level 1 in place {tile} ")),
            "{said}"
        );
    }
    place.open_store();
}
