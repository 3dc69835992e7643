//! The same runs beside a ledger in a real Postgres, with writers that take it over from each other.

use std::sync::PoisonError;

use ledger::{PostgresStore, PostgresUrl};
use servers::Postgres;
use servers::postgres::{LEDGER, OWNER};

use crate::simulation::{ALONE, store_answers_as_the_model, writers};

/// Each takes about half a second.
const SEEDS: u64 = 8;

#[test]
fn a_ledger_in_postgres_answers_as_the_model() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let server = Postgres::start();
    let mut number = 0;
    store_answers_as_the_model(SEEDS, writers, |campaign| {
        number += 1;
        let database = format!("ledger_{number}");
        server.sql(&format!("CREATE DATABASE {database} OWNER {OWNER}"));
        let url = |role: &str| {
            let url = format!("postgres://{role}@{}/{database}", server.address());
            PostgresUrl::parse(&url)
                .expect("an address")
                .with_password(server.password())
        };
        PostgresStore::init(&url(OWNER), campaign, Some(LEDGER)).expect("a ledger");
        let url = url(LEDGER);
        Box::new(move || Ok(Box::new(PostgresStore::open(&url, campaign)?)))
    });
}
