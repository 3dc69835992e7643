//! The least that writing these rows durably can be: a binary COPY into a table that is emptied at each commit, and from there into one that is made as the ledger's
//! (columns, checks, both unique indexes), with ON CONFLICT DO NOTHING. It checks no signature, hashes nothing, keeps no tree, no sums and no place in a queue, and
//! leaves gaps in the numbers of the rows where it meets a conflict.

use std::pin::pin;
use std::str::FromStr;
use std::time::Instant;

use ledger::Ballot;
use servers::postgres::OWNER;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, NoTls};

use crate::rig::Rig;

/// Rows in a transaction; the fastest counts.
const BATCHES: [usize; 3] = [2048, 8192, 32_768];

const COLUMNS: [Type; 9] = [
    Type::INT8,
    Type::BYTEA,
    Type::BYTEA,
    Type::INT8,
    Type::INT8,
    Type::BYTEA,
    Type::INT4_ARRAY,
    Type::INT8,
    Type::BYTEA,
];

/// Writes rows.
pub struct Copy {
    runtime: Runtime,
    client: Client,
    next: i64,
}

impl Copy {
    /// With as many rows as the ledger has.
    pub fn new(rig: &Rig) -> Copy {
        rig.postgres.sql(&format!(
            "CREATE SCHEMA rival AUTHORIZATION {OWNER};
             CREATE TABLE rival.votes (LIKE ledger.votes INCLUDING ALL);
             ALTER TABLE rival.votes OWNER TO {OWNER};
             INSERT INTO rival.votes SELECT * FROM ledger.votes;
             CHECKPOINT"
        ));
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(async {
            let mut config = Config::from_str(&rig.postgres.url(OWNER)).unwrap();
            let (client, connection) = config.password(rig.postgres.password()).connect(NoTls).await.unwrap();
            tokio::spawn(connection);
            let synced = "SELECT bool_and(setting = 'on') FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')";
            assert!(client.query_one(synced, &[]).await.unwrap().get::<_, bool>(0), "as durable as the ledger");
            let staged = "CREATE TEMP TABLE staged (LIKE rival.votes) ON COMMIT DELETE ROWS";
            client.batch_execute(staged).await.unwrap();
            client
        });
        let next = rig.watch.votes() as i64;
        Copy { runtime, client, next }
    }

    /// Writes these, and gives the speed of the fastest way.
    pub fn rows_per_s(&mut self, rows: &[Ballot]) -> f64 {
        let part = rows.len() / BATCHES.len();
        let mut fastest = 0.0_f64;
        for (rows, batch) in rows.chunks_exact(part).zip(BATCHES) {
            let began = Instant::now();
            for batch in rows.chunks(batch) {
                self.write(batch);
            }
            fastest = fastest.max(rows.len() as f64 / began.elapsed().as_secs_f64());
        }
        fastest
    }

    fn write(&mut self, rows: &[Ballot]) {
        let Copy { runtime, client, next } = self;
        runtime.block_on(async {
            let transaction = client.transaction().await.unwrap();
            let sink = transaction.copy_in("COPY staged FROM STDIN BINARY").await.unwrap();
            let mut writer = pin!(BinaryCopyInWriter::new(sink, &COLUMNS));
            for ballot in rows {
                let coin = &ballot.coin;
                let weights: Vec<i32> = ballot.vote.weights().iter().map(|weight| *weight as i32).collect();
                let (serial, signature) = (coin.coin.serial.as_bytes().as_slice(), coin.signature.as_slice());
                let expires = coin.coin.expires.unix_s() as i64;
                let nullifier = ballot.nullifier.as_bytes().as_slice();
                let row: [&(dyn ToSql + Sync); 9] = [
                    next, &nullifier, &serial, &expires, &1_i64, &signature, &weights, &expires,
                    // As long as a leaf's hash.
                    &nullifier,
                ];
                writer.as_mut().write(&row).await.unwrap();
                *next += 1;
            }
            writer.finish().await.unwrap();
            let insert = "INSERT INTO rival.votes SELECT * FROM staged ON CONFLICT DO NOTHING";
            let inserted = transaction.execute(insert, &[]).await.unwrap();
            assert_eq!(inserted, rows.len() as u64, "rows that are all new");
            transaction.commit().await.unwrap();
        });
    }
}
