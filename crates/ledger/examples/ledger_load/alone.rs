//! The store alone: the ledger's own transactions into the same Postgres, with no queue, no signature and nobody who is told. What is left is what COPY is to be held
//! against: each vote once, by the constraint, with its number, its leaf, the tree, the sums and the head's lock, durable.

use std::time::Instant;

use coin::Timestamp;
use ledger::{Ballot, Batch, PostgresStore, Store};
use servers::Postgres;
use servers::postgres::{DATABASE, LEDGER, OWNER};
use vote::CampaignFile;

use crate::rig::url;

/// As many as the ledger counts in one transaction at most.
const BATCH: usize = 2048;

/// Its database.
const ALONE: &str = "alone";

/// Makes it a database on this server, with all that the ledger's has. Nobody may be connected to that one meanwhile.
pub fn make(postgres: &Postgres) {
    let copy = format!("CREATE DATABASE {ALONE} TEMPLATE {DATABASE} OWNER {OWNER}");
    postgres.sql_in("postgres", &copy);
}

/// A ledger of its own.
pub struct Alone(PostgresStore);

impl Alone {
    /// In the database that [`make`] made.
    pub fn open(postgres: &Postgres, campaign: &CampaignFile) -> Alone {
        Alone(PostgresStore::open(&url(postgres, ALONE, LEDGER), campaign).unwrap())
    }

    /// Appends these.
    pub fn rows_per_s(&mut self, rows: &[Ballot]) -> f64 {
        let batches: Vec<Batch> = rows
            .chunks(BATCH)
            .map(|ballots| Batch {
                ballots: ballots.to_vec(),
                counted_at: Timestamp::parse("2026-01-01T00:00:00Z").unwrap(),
                progress: None,
            })
            .collect();
        let began = Instant::now();
        for batch in &batches {
            self.0.append(batch).unwrap();
        }
        rows.len() as f64 / began.elapsed().as_secs_f64()
    }
}
