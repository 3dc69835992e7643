//! The pool: coins that were minted and wait to be handed out.
//!
//! It promises three things. A coin is handed out once, also across a power failure: the answer leaves after the commit. The same
//! idempotency key gets the same coin again. Nothing says who got which coin: coins leave in an order that the operating system's
//! randomness shuffled, and of the key only a hash is kept.
//!
//! It lives in a SQLite file of its own beside the ledger, `<ledger>.pool.sqlite`. Whoever can read the file can spend the coins in it; whoever
//! loses it cannot tell any more which coins are out, so a missing one is never created silently.

mod import;
mod store;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use coin::{CoinTxtError, Serial, SignedCoin, Timestamp};
use ledger::Keys;

pub use import::{Import, ImportError, Imported};
pub use store::{Counts, OpenError};

use crate::idempotency_key::IdempotencyKey;
use crate::quota::Quota;
use store::Store;

/// Where the pool of a ledger lives: `<ledger>.pool.sqlite`.
pub fn path_beside(ledger: &Path) -> PathBuf {
    let mut path = ledger.as_os_str().to_owned();
    path.push(".pool.sqlite");
    path.into()
}

/// Makes an empty pool.
///
/// # Errors
///
/// When the file exists already or cannot be written.
pub fn create(path: &Path) -> Result<(), OpenError> {
    Store::create(path).map(drop)
}

/// A handle on the pool. Its calls block on the disk; clones share one connection.
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    store: Store,
    quota: Quota,
    /// Coins of retired keys are worth nothing any more and stay where they are.
    keys: Keys,
}

/// Why no coin was handed out.
#[derive(Debug, thiserror::Error)]
pub enum HandOutError {
    /// None is left that is worth anything now.
    #[error("no coin is left")]
    Empty,
    /// The quota is used up.
    #[error("the quota is used up for {retry_after_s} s")]
    Quota {
        /// When the next coin may be asked for: whole seconds from now, at least 1.
        retry_after_s: u64,
    },
    /// The file failed.
    #[error("the pool's file failed: {0}")]
    Store(#[from] rusqlite::Error),
    /// The pool in Redis failed.
    #[error(transparent)]
    Redis(#[from] ::pool::PoolError),
    /// The file holds something that is no coin.
    #[error("the pool's file holds a coin that does not read: {0}")]
    Coin(CoinTxtError),
}

impl Pool {
    /// Opens an existing pool.
    ///
    /// # Errors
    ///
    /// When there is none at this path, or the file is no pool.
    pub fn open(path: &Path, quota: Quota, keys: Keys) -> Result<Pool, OpenError> {
        let store = Store::open(path)?;
        let inner = Inner { store, quota, keys };
        Ok(Pool {
            inner: Arc::new(Mutex::new(inner)),
        })
    }

    /// Takes in the coins of a directory; those that are in already are left alone.
    ///
    /// # Errors
    ///
    /// As [`Import::run`]; then nothing was taken in.
    pub fn import(&self, import: &Import<'_>) -> Result<Imported, ImportError> {
        import.run(&mut self.lock().store)
    }

    /// The serials of all coins that ever came in.
    ///
    /// # Errors
    ///
    /// When the file fails.
    pub fn serials(&self) -> Result<Vec<Serial>, rusqlite::Error> {
        self.lock().store.serials()
    }

    /// The key's coin: the one that it got before, or the next.
    ///
    /// # Errors
    ///
    /// [`HandOutError`]; then no coin left the pool. A key that has a coin gets it whatever the quota says.
    pub fn hand_out(&self, key: &IdempotencyKey, now: Timestamp, at: Instant) -> Result<SignedCoin, HandOutError> {
        let mut inner = self.lock();
        let min_key_version = inner.keys.current().min_version();
        let key_hash = key.hash();
        let coin_txt = if let Some(coin_txt) = inner.store.coin_of(&key_hash)? {
            coin_txt
        } else {
            let next = inner.store.next(now, min_key_version)?.ok_or(HandOutError::Empty)?;
            inner
                .quota
                .take(at)
                .map_err(|retry_after_s| HandOutError::Quota { retry_after_s })?;
            inner.store.hand_out(&next.serial, &key_hash)?;
            next.coin_txt
        };
        SignedCoin::from_coin_txt(&coin_txt).map_err(HandOutError::Coin)
    }

    /// How many coins are in and how many are out.
    ///
    /// # Errors
    ///
    /// When the file fails.
    pub fn counts(&self, now: Timestamp) -> Result<Counts, rusqlite::Error> {
        let inner = self.lock();
        inner.store.counts(now, inner.keys.current().min_version())
    }

    /// A panic while the lock was held left no half-done work: each change is one statement, and SQLite keeps those whole.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
