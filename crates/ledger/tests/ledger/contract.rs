//! What every store must do, written against the trait. Another kind of store adds one `mod` at the end and changes nothing above it.

use coin::Timestamp;
use ledger::{Ballot, Store, Totals};
use serde_json::{Value, json};

use crate::common::{NOW, campaign, nullifier, vote};

/// Makes empty stores of one kind and opens them again.
pub trait Kind {
    /// The same store, opened (again). The one that was opened before is gone by then.
    fn open_store(&self) -> Box<dyn Store>;
}

fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap()
}

fn ballot(number: u64, weights: Value) -> Ballot {
    Ballot {
        nullifier: nullifier(number),
        vote: vote(weights),
        key_version: 1,
    }
}

fn zero() -> Totals {
    Totals::zero(campaign().charities())
}

pub fn begins_empty(kind: &impl Kind) {
    let mut store = kind.open_store();
    assert_eq!(store.recover().unwrap(), zero());
    assert_eq!(store.reader().unwrap().find(&nullifier(1)).unwrap(), None);
}

pub fn numbers_votes_without_a_gap_over_batches_and_repeats(kind: &impl Kind) {
    let mut store = kind.open_store();
    let first = store
        .append(&[ballot(1, json!({"a": 1})), ballot(2, json!({"b": 1}))], now())
        .unwrap();
    let second = store
        .append(&[ballot(2, json!({"b": 1})), ballot(3, json!({"c": 1}))], now())
        .unwrap();
    let summary = |appended: &ledger::Appended| -> Vec<(u64, bool)> {
        appended
            .entries
            .iter()
            .map(|entry| (entry.counted.index, entry.is_new))
            .collect()
    };
    assert_eq!(summary(&first), [(0, true), (1, true)]);
    assert_eq!(summary(&second), [(1, false), (2, true)]);
    assert_eq!(
        second.totals,
        Totals {
            votes: 3,
            units: vec![1_000_000; 3]
        }
    );
}

pub fn keeps_the_first_vote_of_a_nullifier(kind: &impl Kind) {
    let mut store = kind.open_store();
    let first = store.append(&[ballot(1, json!({"a": 1}))], now()).unwrap();
    let later = Timestamp::parse("2027-01-01T00:00:00Z").unwrap();
    let again = store
        .append(&[ballot(1, json!({"b": 1})), ballot(1, json!({"a": 1}))], later)
        .unwrap();
    for entry in &again.entries {
        assert_eq!(entry.counted, first.entries[0].counted);
        assert!(!entry.is_new);
    }
    assert_eq!(again.totals, first.totals);
}

pub fn keeps_the_first_vote_within_one_batch(kind: &impl Kind) {
    let mut store = kind.open_store();
    let batch = [
        ballot(1, json!({"a": 1})),
        ballot(1, json!({"b": 1})),
        ballot(1, json!({"a": 1})),
    ];
    let appended = store.append(&batch, now()).unwrap();
    let new: Vec<bool> = appended.entries.iter().map(|entry| entry.is_new).collect();
    assert_eq!(new, [true, false, false]);
    assert!(
        appended
            .entries
            .iter()
            .all(|entry| entry.counted == appended.entries[0].counted)
    );
    assert_eq!(
        appended.totals,
        Totals {
            votes: 1,
            units: vec![1_000_000, 0, 0]
        }
    );
}

pub fn an_empty_batch_changes_nothing(kind: &impl Kind) {
    let mut store = kind.open_store();
    let appended = store.append(&[], now()).unwrap();
    assert!(appended.entries.is_empty());
    assert_eq!(appended.totals, zero());
}

pub fn a_reader_finds_what_was_counted_exactly(kind: &impl Kind) {
    let mut store = kind.open_store();
    let mut reader = store.reader().unwrap();
    let split = Ballot {
        key_version: u32::MAX,
        ..ballot(7, json!({"a": 1, "c": 2}))
    };
    let counted = store.append(&[split], now()).unwrap().entries.remove(0).counted;
    assert_eq!(counted.units, [333_333, 0, 666_667]);
    assert_eq!((counted.key_version, counted.counted_at), (u32::MAX, now()));
    assert_eq!(reader.find(&nullifier(7)).unwrap(), Some(counted));
    assert_eq!(reader.find(&nullifier(8)).unwrap(), None);
}

pub fn what_was_counted_is_there_after_a_recovery_and_a_new_opening(kind: &impl Kind) {
    let mut store = kind.open_store();
    let appended = store
        .append(&[ballot(1, json!({"a": 1, "b": 1})), ballot(2, json!({"b": 1}))], now())
        .unwrap();
    assert_eq!(store.recover().unwrap(), appended.totals);
    drop(store);
    let mut store = kind.open_store();
    assert_eq!(store.recover().unwrap(), appended.totals);
    let again = store
        .append(&[ballot(2, json!({"b": 1})), ballot(3, json!({"c": 1}))], now())
        .unwrap();
    assert_eq!(again.entries[0].counted, appended.entries[1].counted);
    assert_eq!(again.entries[1].counted.index, 2);
}

/// One test per clause, against one kind of store. The list is here, so that no kind can leave a clause out.
macro_rules! contract {
    ($kind:expr) => {
        contract! { $kind;
            begins_empty
            numbers_votes_without_a_gap_over_batches_and_repeats
            keeps_the_first_vote_of_a_nullifier
            keeps_the_first_vote_within_one_batch
            an_empty_batch_changes_nothing
            a_reader_finds_what_was_counted_exactly
            what_was_counted_is_there_after_a_recovery_and_a_new_opening
        }
    };
    ($kind:expr; $($clause:ident)+) => {
        $(
            #[test]
            fn $clause() {
                super::$clause(&$kind);
            }
        )+
    };
}

mod sqlite {
    use std::fs;

    use super::Kind;
    use ledger::{SqliteStore, Store, StoreError};
    use serde_json::json;

    use crate::common::{Place, campaign};

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
        let appended = store
            .append(&[super::ballot(1, json!({"a": 1}))], super::now())
            .unwrap();
        assert_eq!(store.recover().unwrap(), appended.totals);
        let copy = Place::empty();
        fs::copy(place.path(), copy.path()).unwrap();
        assert_eq!(copy.open_store().recover().unwrap(), appended.totals);
    }
}
