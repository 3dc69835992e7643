//! Ctrl-C, SIGTERM and SIGHUP as something to wait for.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use service::Failure;

/// Whether the process was asked to end. While it exists, a signal does not end the process by itself, so everything that was started can be stopped.
#[derive(Clone)]
pub struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// Listens from now on; once per process.
    ///
    /// # Errors
    ///
    /// When the system does not let it.
    pub fn on_signals() -> Result<Stop, Failure> {
        let stop = Stop(Arc::default());
        let handler = stop.clone();
        ctrlc::set_handler(move || {
            let (asked, changed) = &*handler.0;
            *asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
            changed.notify_all();
        })
        .map_err(|error| Failure::CouldNot(format!("could not listen for signals: {error}")))?;
        Ok(stop)
    }

    /// One that is never asked, for tests: a process listens only once.
    #[cfg(test)]
    pub fn never() -> Stop {
        Stop(Arc::default())
    }

    /// Waits this long at most; true as soon as the process was asked to end, and from then on.
    pub fn asked_within(&self, time: Duration) -> bool {
        let (asked, changed) = &*self.0;
        let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, _) = changed
            .wait_timeout_while(asked, time, |asked| !*asked)
            .unwrap_or_else(PoisonError::into_inner);
        *asked
    }

    /// # Errors
    ///
    /// When the process was asked to end.
    pub fn not_asked_within(&self, time: Duration) -> Result<(), Failure> {
        if self.asked_within(time) {
            return Err(Failure::CouldNot(
                "stopped by a signal before the story was over".to_owned(),
            ));
        }
        Ok(())
    }
}
