//! The locks on the row `ledger.head`: a batch's, and that of whoever takes the ledger over. [`super::log`] has a checkpoint's.

use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Row, Transaction};

use super::link::IDLE_TRANSACTION_TIMEOUT_S;
use crate::StoreError;

/// How long a takeover waits for those who have the head: longer than the server leaves it to a client that asks for nothing, so that whoever has it after that is busy or stuck.
const LOCK_TIMEOUT_S: u64 = IDLE_TRANSACTION_TIMEOUT_S + 1;

/// Ends the connections that have the head and wait for their client in the middle of a statement: for the rest of a COPY, or until it takes a result. No timeout of the
/// server's ends such a wait, not even the statement's. A role may end connections of its own.
const END_THE_STUCK: &str = "
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity JOIN pg_locks USING (pid)
    WHERE datname = current_database() AND state = 'active' AND wait_event_type = 'Client'
    AND relation = 'ledger.head'::regclass AND mode = 'RowShareLock'";

/// What the head must say for this store to write.
#[derive(Clone, Copy)]
pub(super) struct Fence {
    /// Which writer: one higher with each that takes over.
    pub(super) epoch: i64,
    /// Which of its connections: one higher with each.
    pub(super) session: i64,
}

impl Fence {
    /// Reads these columns of the head and keeps every other writer from changing it until this transaction ends; [`StoreError::Fenced`] if another one writes now. A
    /// checkpoint may be kept meanwhile.
    pub(super) async fn hold(self, transaction: &Transaction<'_>, columns: &str) -> Result<Row, StoreError> {
        let statement =
            format!("SELECT {columns} FROM ledger.head WHERE epoch = $1 AND session = $2 FOR NO KEY UPDATE");
        let arguments: [(&(dyn ToSql + Sync), Type); 2] = [(&self.epoch, Type::INT8), (&self.session, Type::INT8)];
        let row = transaction.query_typed_opt(&statement, &arguments).await?;
        row.ok_or(StoreError::Fenced)
    }
}

/// Waits for all who have the head, also for a checkpoint that is being kept, and shuts them out until this transaction ends. Those whose client
/// is frozen are ended.
pub(super) async fn lock_out_all(transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
    // To change the epoch alone would not wait for a checkpoint.
    let lock = "SELECT FROM ledger.head FOR UPDATE";
    let patiently = transaction.transaction().await?;
    let in_time = format!("SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'; {lock}");
    match patiently.batch_execute(&in_time).await {
        Ok(()) => return Ok(patiently.commit().await?),
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => patiently.rollback().await?,
        Err(error) => return Err(error.into()),
    }
    transaction.batch_execute(END_THE_STUCK).await?;
    Ok(transaction.batch_execute(lock).await?)
}
