//! The contract on SQLite, and what is SQLite's own.

use std::fs;

use ledger::{SqliteStore, Store, StoreError};
use serde_json::json;

use crate::common::{Place, campaign};
use crate::contract::{Kind, ballot, batch};

impl Kind for Place {
    fn open_store(&self) -> Box<dyn Store> {
        Box::new(SqliteStore::open(&self.path(), &campaign()).unwrap())
    }
}

contract!(Place::with_ledger());

#[test]
fn totals_out_of_step_with_the_votes_are_not_recovered() {
    for tampering in [
        "UPDATE head SET votes = 1",
        "UPDATE totals SET units = 5 WHERE position = 0",
    ] {
        let place = Place::with_ledger();
        let mut store = place.open_store();
        place.sql().execute_batch(tampering).unwrap();
        assert!(matches!(store.recover(), Err(StoreError::Damaged(_))), "{tampering}");
    }
}

#[test]
fn what_is_recovered_is_in_the_file_itself() {
    let place = Place::with_ledger();
    let mut store = place.open_store();
    let appended = store.append(&batch([ballot(1, json!({"a": 1}))])).unwrap();
    assert_eq!(store.recover().unwrap(), appended.state);
    let copy = Place::empty();
    fs::copy(place.path(), copy.path()).unwrap();
    assert_eq!(copy.open_store().recover().unwrap(), appended.state);
}
