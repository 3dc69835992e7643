//! Why the pool could not do what it was asked. No coin and no password is in any of these.

use redis::RedisError;

/// Why the pool could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// Redis does not answer, or answers with an error.
    #[error(
        "the Redis at {0} failed: {1}: check that it runs and can be reached, then start again; what went in stays in, once"
    )]
    Redis(String, RedisError),
    /// Redis could forget or drop coins.
    #[error("coins are not safe with Redis at {place}: {}", .mistakes.join("; "))]
    Unsafe {
        /// Which Redis.
        place: String,
        /// Every setting that is wrong.
        mistakes: Vec<String>,
    },
    /// Something else wrote under the pool's names.
    #[error(
        "the pool holds a record that is no coin: somebody else wrote under its names in Redis; bring it back from a backup"
    )]
    NoCoin,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(getrandom::Error),
}
