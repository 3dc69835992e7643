//! The same runs beside a ledger in a file: one writer, since its lock keeps others out.

use std::sync::PoisonError;

use ledger::SqliteStore;

use crate::simulation::{ALONE, store_answers_as_the_model};

/// Each takes some hundredths of a second.
const SEEDS: u64 = 30;

#[test]
fn a_ledger_in_a_file_answers_as_the_model() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    store_answers_as_the_model(
        SEEDS,
        |_| 1,
        |campaign| {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("ledger.sqlite");
            SqliteStore::init(&path, campaign).expect("a ledger");
            Box::new(move || {
                // Moved in here: it goes when nobody opens the ledger any more.
                let _directory = &directory;
                Ok(Box::new(SqliteStore::open(&path, campaign)?))
            })
        },
    );
}
