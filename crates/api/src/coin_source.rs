//! Where coins are handed out from: the pool in a file beside the ledger, or the campaign's pool in Redis. Handlers do not know which.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ::pool::{PoolError, Taken, Worth};
use coin::{Campaign, SignedCoin, Timestamp};
use ledger::Keys;
use service::RedisUrl;

use crate::idempotency_key::IdempotencyKey;
use crate::pool::{Counts, HandOutError, Pool};

/// Hands coins out; cheap to clone. Its calls block.
#[derive(Clone)]
pub enum CoinSource {
    /// A file of this process alone.
    File(Pool),
    /// Redis, which all servers of the campaign share, and their quota with it.
    Redis(RedisPool),
}

/// The campaign's pool in Redis, connected to when it is first needed.
#[derive(Clone)]
pub struct RedisPool {
    pool: Arc<Mutex<Option<::pool::Pool>>>,
    url: RedisUrl,
    campaign: Campaign,
    keys: Keys,
    per_minute: u32,
}

impl CoinSource {
    /// The key's coin: the one that it got before, or the next.
    ///
    /// # Errors
    ///
    /// [`HandOutError`]; asking again with the same key gets the coin that may have left.
    pub fn hand_out(&self, key: &IdempotencyKey, now: Timestamp, at: Instant) -> Result<SignedCoin, HandOutError> {
        match self {
            CoinSource::File(pool) => pool.hand_out(key, now, at),
            CoinSource::Redis(pool) => {
                match pool.run(|open, worth| open.take(&key.hash(), worth, pool.per_minute), now)? {
                    Taken::Coin(signed) => Ok(signed),
                    Taken::Empty => Err(HandOutError::Empty),
                    Taken::Quota { retry_after_s } => Err(HandOutError::Quota { retry_after_s }),
                }
            }
        }
    }

    /// How many coins are in and how many are out.
    ///
    /// # Errors
    ///
    /// When the pool cannot be reached or read.
    pub fn counts(&self, now: Timestamp) -> Result<Counts, HandOutError> {
        match self {
            CoinSource::File(pool) => Ok(pool.counts(now)?),
            CoinSource::Redis(pool) => {
                let counts = pool.run(::pool::Pool::counts, now)?;
                let most = |count| u32::try_from(count).unwrap_or(u32::MAX);
                Ok(Counts {
                    available: most(counts.waiting),
                    handed_out: most(counts.taken),
                })
            }
        }
    }
}

impl RedisPool {
    /// The pool of this campaign; connects to nothing yet.
    pub fn new(url: &RedisUrl, campaign: &Campaign, keys: Keys, per_minute: u32) -> RedisPool {
        RedisPool {
            pool: Arc::default(),
            url: url.clone(),
            campaign: campaign.clone(),
            keys,
            per_minute,
        }
    }

    fn run<T>(
        &self,
        work: impl FnOnce(&mut ::pool::Pool, Worth) -> Result<T, PoolError>,
        now: Timestamp,
    ) -> Result<T, HandOutError> {
        let worth = Worth {
            now,
            min_key_version: self.keys.current().min_version(),
        };
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match &mut *pool {
            Some(open) => open,
            None => pool.insert(::pool::Pool::open(&self.url, &self.campaign)?),
        };
        Ok(work(open, worth)?)
    }
}
