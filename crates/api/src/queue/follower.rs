//! Follows what the ledger says, in the background: the tally, and up to where the stream is decided.
//!
//! The ledger sends every change as a message. A message can be lost with its connection, so the tally's key is also read at each start and every second:
//! who waits hears of it late then, but hears of it.

use std::sync::Arc;
use std::time::Duration;

use vote::{CampaignFile, Tally};

use futures_util::StreamExt;
use ledger::Position;
use ledger::redis::Decided;
use tokio::sync::watch;
use tokio::time::{interval, sleep};

use super::Shared;

/// How often the key is read, whatever messages say.
const READ_INTERVAL: Duration = Duration::from_secs(1);
/// How long to wait after Redis went away before it is tried again.
const PAUSE: Duration = Duration::from_millis(250);

/// What is known so far; the sending ends.
pub struct Known {
    /// `None` before the first word of a ledger.
    pub position: watch::Sender<Option<Position>>,
    /// Empty before the first word of a ledger.
    pub tally: watch::Sender<Arc<Tally>>,
}

impl Known {
    /// Takes in the tally's text. What is older than what is known changes nothing: a Redis that lost its last moments is written again by the ledger.
    fn learn(&self, file: &CampaignFile, text: &str) {
        let Some(decided) = Decided::read(text, file.charities()) else {
            tracing::error!("the tally in Redis does not read; is it another campaign's, or of another version?");
            return;
        };
        if Some(decided.position) < *self.position.borrow() {
            return;
        }
        let tally = Tally::new(file, &decided.totals);
        self.tally.send_if_modified(|known| {
            let changed = **known != tally;
            if changed {
                *known = Arc::new(tally);
            }
            changed
        });
        // After the tally, so that whoever is told of his vote finds it in there.
        self.position.send_replace(Some(decided.position));
    }
}

/// Follows for as long as the program runs.
pub async fn follow(shared: Arc<Shared>, known: Known) {
    loop {
        if let Err(error) = listen(&shared, &known).await {
            tracing::warn!(
                error,
                "the ledger's word is not heard; votes that wait for it wait longer"
            );
        }
        sleep(PAUSE).await;
    }
}

/// Listens until the connection ends.
async fn listen(shared: &Shared, known: &Known) -> Result<(), String> {
    let listener = shared.link.listen(&shared.names.committed()).await;
    let mut messages = listener.map_err(|error| error.to_string())?.into_on_message();
    let mut read = interval(READ_INTERVAL);
    loop {
        tokio::select! {
            message = messages.next() => {
                let message = message.ok_or("the connection to Redis ended")?;
                let text: String = message.get_payload().map_err(|error| error.to_string())?;
                known.learn(&shared.file, &text);
            }
            _ = read.tick() => {
                let text: Option<String> = shared.get(&shared.names.tally()).await.map_err(|error| error.to_string())?;
                if let Some(text) = text {
                    known.learn(&shared.file, &text);
                }
            }
        }
    }
}
