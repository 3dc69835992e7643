//! What the mains share, and nothing else: the clock, arguments, exit codes, logs, the shutdown signal, health, metrics, where Redis is and what it must promise.
//!
//! Not a home for utilities: what only one program needs lives in that program.

pub mod clock;
mod exit;
mod health;
mod logs;
mod metrics;
mod redis_promises;
mod redis_url;
mod shutdown;

pub use exit::{Failure, parse_arguments};
pub use health::Health;
pub use logs::{LogFormat, start_logs};
pub use metrics::Metrics;
pub use redis_promises::{REDIS_SETTINGS, broken_redis_promises};
pub use redis_url::RedisUrl;
pub use shutdown::Shutdown;
