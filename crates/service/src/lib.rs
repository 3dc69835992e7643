//! What the mains share, and nothing else: arguments, exit codes, logs, the shutdown signal, health, metrics and where Redis is.
//!
//! Not a home for utilities: what only one program needs lives in that program.

mod exit;
mod health;
mod logs;
mod metrics;
mod redis_url;
mod shutdown;

pub use exit::{Failure, parse_arguments};
pub use health::Health;
pub use logs::{LogFormat, start_logs};
pub use metrics::Metrics;
pub use redis_url::RedisUrl;
pub use shutdown::Shutdown;
