//! Ctrl-C, SIGTERM and SIGHUP as something to wait for.

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use service::Failure;

/// Whether the process was asked to end. While it exists, a signal does not end the process by itself, so everything that was started can be stopped.
pub struct Stop(Receiver<()>);

impl Stop {
    /// Listens from now on; once per process.
    ///
    /// # Errors
    ///
    /// When the system does not let it.
    pub fn on_signals() -> Result<Stop, Failure> {
        let (ask, asked) = mpsc::channel();
        ctrlc::set_handler(move || {
            // The other end is gone when the process ends anyway.
            let _ = ask.send(());
        })
        .map_err(|error| Failure::CouldNot(format!("could not listen for signals: {error}")))?;
        Ok(Stop(asked))
    }

    /// Waits this long at most; true as soon as the process was asked to end. Says so once per signal.
    pub fn asked_within(&self, time: Duration) -> bool {
        self.0.recv_timeout(time).is_ok()
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
