//! What the mains share, and nothing else: arguments, exit codes, logs, the shutdown signal, health and metrics.
//!
//! Not a home for utilities: what only one program needs lives in that program.

mod exit;
mod health;
mod logs;
mod metrics;
mod shutdown;

pub use exit::{Failure, parse_arguments};
pub use health::Health;
pub use logs::{LogFormat, start_logs};
pub use metrics::Metrics;
pub use shutdown::Shutdown;
