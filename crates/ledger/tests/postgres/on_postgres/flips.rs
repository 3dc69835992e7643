//! A bit that turned in the database: the opening says which vote, or which hash of the log's tree, it is in.

use ledger::Store;
use serde_json::json;

use crate::contract::{ballot, batch};
use crate::database::Database;

/// Enough for two full tiles and a bit.
const VOTES: u64 = 520;

/// Turns a bit in one field, opens the ledger, and turns it back; what the opening said.
fn refusal(database: &Database, table: &str, turn: &str, row: &str) -> String {
    let turn = format!("UPDATE ledger.{table} SET {turn} WHERE {row}");
    database.sql(&turn);
    let opened = database.open();
    let error = opened.err().unwrap_or_else(|| panic!("opened after {turn}"));
    database.sql(&turn);
    error.to_string()
}

#[test]
fn a_turned_bit_is_named_by_its_row() {
    let database = Database::with_ledger();
    let mut store = database.open().unwrap();
    let votes = ledger::Batch {
        ballots: (0..VOTES).map(|number| ballot(number, json!({"a": 1}))).collect(),
        ..batch([])
    };
    store.append(&votes).unwrap();
    drop(store);
    let bytes = |column| format!("{column} = set_byte({column}, 7, get_byte({column}, 7) # 4)");
    let number = |column| format!("{column} = {column} # 2");
    for index in [256, VOTES - 1] {
        for turn in [
            bytes("nullifier"),
            bytes("serial"),
            number("expires"),
            number("key_version"),
            bytes("signature"),
            "weights[1] = weights[1] # 1".to_owned(),
            number("counted_at"),
            bytes("leaf_hash"),
        ] {
            let said = refusal(&database, "votes", &turn, &format!("vote_index = {index}"));
            assert!(said.contains(&format!("vote {index}: ")), "{turn}: {said}");
        }
    }
    for tile in [0, 1] {
        let row = format!("level = 1 AND place = {tile}");
        let said = refusal(&database, "tile_hashes", &bytes("hash"), &row);
        assert!(
            said.contains(&format!("the hash of level 1 in place {tile} ")),
            "{said}"
        );
    }
    database.open().unwrap();
}
