//! The one signal to stop, from the operating system to every part that waits for it.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Tells its holders when the process was asked to stop. Clones share the news.
#[derive(Clone, Debug)]
pub struct Shutdown {
    stop: watch::Receiver<bool>,
}

impl Shutdown {
    /// Listens for SIGTERM and SIGINT from now on. Call it inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the operating system does not let the process listen.
    pub fn on_signals() -> io::Result<Shutdown> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (asked, stop) = watch::channel(false);
        tokio::spawn(async move {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            tracing::info!(signal = name, "stopping");
            asked.send_replace(true);
        });
        Ok(Shutdown { stop })
    }

    /// Returns once the process was asked to stop; at once if it already was.
    pub async fn begun(&mut self) {
        // The channel closes only after it has said so, or with the runtime; either way it is time to stop.
        let _ = self.stop.wait_for(|stop| *stop).await;
    }
}
