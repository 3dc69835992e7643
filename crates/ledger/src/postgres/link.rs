//! One connection to Postgres, with a deadline for everything that is asked of it.
//!
//! TCP notices a peer that is gone, but not a proxy that is there and whose other side is gone. So each piece of work ends in time whatever the other side does,
//! and a connection on which anything failed is not used again: what is in flight on it is unknown.

use std::error::Error;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::{Client, Config, IsolationLevel, NoTls, Transaction};

use crate::StoreError;

/// How long the server lets a statement run.
const STATEMENT_TIMEOUT_S: u64 = 5;
/// How long the server lets a transaction wait for its client's next statement, who may be gone and still hold the head's lock. Shorter than a statement's time, so that
/// a writer that takes over outlasts it.
pub(super) const IDLE_TRANSACTION_TIMEOUT_S: u64 = 3;
/// How long one piece of work may take: a connection, a batch, a lookup.
pub(super) const WORK: Duration = Duration::from_secs(10);
/// How long the check of a whole ledger, or a migration, may take.
pub(super) const WHOLE_LEDGER: Duration = Duration::from_secs(600);

/// A connection, with what drives it. Dropping it closes it at once, with whatever is in flight.
pub(super) struct Link {
    client: Client,
    // Drives the connection while something is asked, and no longer: between two pieces of work nothing runs.
    runtime: Runtime,
}

impl Link {
    /// Connects, in time, and makes sure that what is committed here is durable.
    pub(super) fn connect(config: &Config) -> Result<Link, StoreError> {
        Link::connect_within(WORK, config)
    }

    fn connect_within(time: Duration, config: &Config) -> Result<Link, StoreError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StoreError::Backend(error.into()))?;
        let client = runtime.block_on(async {
            let connecting = timeout(time, config.connect(NoTls)).await;
            let (client, connection) = connecting.map_err(|_| late(time))??;
            // Its end is seen by whoever asks next.
            tokio::spawn(async { drop(connection.await) });
            Ok::<_, StoreError>(client)
        })?;
        let mut link = Link { client, runtime };
        link.work(time, set_up)?;
        Ok(link)
    }

    /// Does a piece of work, in time.
    pub(super) fn work<T, E: From<StoreError>>(
        &mut self,
        time: Duration,
        work: impl AsyncFnOnce(&mut Client) -> Result<T, E>,
    ) -> Result<T, E> {
        let client = &mut self.client;
        self.runtime
            .block_on(async { timeout(time, work(client)).await })
            .map_err(|_| late(time))?
    }
}

async fn set_up(client: &mut Client) -> Result<(), StoreError> {
    let settings = format!(
        "SET synchronous_commit = on;
         SET statement_timeout = '{STATEMENT_TIMEOUT_S}s';
         SET idle_in_transaction_session_timeout = '{IDLE_TRANSACTION_TIMEOUT_S}s'"
    );
    client.batch_execute(&settings).await?;
    let off = "SELECT name FROM pg_settings WHERE name IN ('synchronous_commit', 'fsync', 'full_page_writes') AND setting <> 'on'";
    let Some(row) = client.query(off, &[]).await?.into_iter().next() else {
        return Ok(());
    };
    let name: String = row.try_get(0)?;
    let why = format!(
        "the server's {name} is off, so that a power cut can take back votes that were said to be counted; turn it on"
    );
    Err(StoreError::Backend(why.into()))
}

/// Begins a transaction that changes something: read committed whatever the server's default is, so that each statement sees what was committed before a lock
/// was had.
pub(super) async fn begin(client: &mut Client) -> Result<Transaction<'_>, StoreError> {
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::ReadCommitted);
    Ok(transaction.start().await?)
}

fn late(time: Duration) -> StoreError {
    StoreError::Backend(format!("Postgres did not answer within {} s", time.as_secs_f32()).into())
}

impl From<tokio_postgres::Error> for StoreError {
    /// In one line. The details that Postgres gives are left out: they repeat what was sent.
    fn from(error: tokio_postgres::Error) -> StoreError {
        let text = match (error.as_db_error(), error.source()) {
            (Some(said), _) => format!("Postgres says: {} ({})", said.message(), said.code().code()),
            (None, Some(source)) => format!("{error}: {source}"),
            (None, None) => error.to_string(),
        };
        StoreError::Backend(text.into())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    use super::Link;
    use crate::postgres::url::PostgresUrl;

    #[test]
    fn a_server_that_says_nothing_is_given_up() {
        // Connects by itself, out of the listener's backlog.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("postgres://a@{}/a", silent.local_addr().unwrap());
        let url = PostgresUrl::parse(&url).unwrap().with_password("hush");
        let begin = Instant::now();
        let error = Link::connect_within(Duration::from_millis(50), url.config())
            .err()
            .unwrap();
        assert_eq!(
            error.to_string(),
            "the ledger's store failed: Postgres did not answer within 0.05 s"
        );
        assert!(begin.elapsed() < Duration::from_secs(5));
    }
}
