//! What keeps the ledger from counting: a part that is away, for which it waits, or something that a person must decide.

use ledger::{LedgerError, SigningError, StoreError};
use redis::RedisError;
use service::Failure;

/// Why counting stopped.
#[derive(Debug)]
pub enum Trouble {
    /// Redis is away or did not take part; what it waits for stays in its stream.
    Redis(String),
    /// The store is away, or what it did is unknown; it is asked what it holds before anything else.
    Store(String),
    /// The program ends.
    End(Failure),
}

impl From<RedisError> for Trouble {
    fn from(error: RedisError) -> Trouble {
        Trouble::Redis(error.to_string())
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        match error {
            StoreError::Backend(_) | StoreError::Passed { .. } => Trouble::Store(error.to_string()),
            StoreError::Fenced => Trouble::End(Failure::CouldNot(error.to_string())),
            error => Trouble::End(Failure::Refused(format!(
                "{error}; keep the store as it is and restore a backup"
            ))),
        }
    }
}

impl From<LedgerError> for Trouble {
    fn from(error: LedgerError) -> Trouble {
        match error {
            LedgerError::Store(error) | LedgerError::Signing(SigningError::Store(error)) => error.into(),
            LedgerError::Io { .. } | LedgerError::Stopped(_) | LedgerError::Signing(SigningError::Io { .. }) => {
                Trouble::End(Failure::CouldNot(error.to_string()))
            }
            error => Trouble::End(Failure::Refused(error.to_string())),
        }
    }
}
