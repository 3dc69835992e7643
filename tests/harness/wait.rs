//! The only place that waits.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take that takes a moment. Generous, since a slow machine is no failure; nothing that works waits for it.
pub const SOON: Duration = Duration::from_secs(60);

/// Looks until there is something, and gives it; fails after [`SOON`] with what was last seen instead.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) if Instant::now() >= deadline => panic!("waited {SOON:?} for {what}; last seen: {seen}"),
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}
