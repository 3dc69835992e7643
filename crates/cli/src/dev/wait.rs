//! The only place that waits: for a condition, with an end, and with a report of what was last seen.

use std::time::{Duration, Instant};

use service::Failure;

use super::stop::Stop;

/// How long a part may take to come up. Generous, since a slow machine is no failure; nothing that works waits for it.
const UP_WITHIN: Duration = Duration::from_secs(60);

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A part that is looked after while it is waited for.
pub trait Watched {
    /// # Errors
    ///
    /// When it has ended, and does not come back.
    fn still_runs(&mut self) -> Result<(), Failure>;

    /// The last lines of its log.
    fn last_words(&self) -> String;
}

/// Looks until there is something; the text that `look` gives is what it saw instead.
///
/// # Errors
///
/// When the part has ended, a signal came, or the time is up.
pub fn wait_for<T>(
    what: &str,
    part: &mut dyn Watched,
    stop: &Stop,
    mut look: impl FnMut() -> Result<T, String>,
) -> Result<T, Failure> {
    let deadline = Instant::now() + UP_WITHIN;
    loop {
        let seen = match look() {
            Ok(found) => return Ok(found),
            Err(seen) => seen,
        };
        part.still_runs()?;
        if Instant::now() >= deadline {
            return Err(Failure::CouldNot(format!(
                "waited {} s for {what}; last seen: {seen}\n{}",
                UP_WITHIN.as_secs(),
                part.last_words()
            )));
        }
        stop.not_asked_within(LOOK_EVERY)?;
    }
}
