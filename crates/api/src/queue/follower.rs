//! Follows what the ledger says, in the background: the tally, up to where the stream is decided, and the logs' last checkpoints.
//!
//! The ledger sends every change as a message. A message can be lost with its connection, so what was said is also read at each start and every second: who
//! waits hears of it late then, but hears of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use vote::{CampaignFile, Tally};

use futures_util::StreamExt;
use ledger::redis::Decided;
use ledger::{KeptCheckpoint, LogKind, Position};
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
    /// Of each log that the campaign has; `None` before the first word of a ledger.
    pub published: HashMap<LogKind, watch::Sender<Option<Arc<KeptCheckpoint>>>>,
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

impl Known {
    /// Takes in a checkpoint of a log. One that is older than what is known changes nothing.
    fn learn_checkpoint(&self, log: LogKind, note: String) {
        let Some(checkpoint) = KeptCheckpoint::from_note(note) else {
            tracing::error!("a checkpoint in Redis does not read; is it of another version?");
            return;
        };
        if let Some(published) = self.published.get(&log) {
            published.send_if_modified(|known| {
                let is_newer = known.as_ref().is_none_or(|known| known.size < checkpoint.size);
                if is_newer {
                    *known = Some(Arc::new(checkpoint));
                }
                is_newer
            });
        }
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
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let logs = LogKind::of(&shared.file);
    let committed = shared.names.committed();
    let published: Vec<String> = logs.iter().map(|log| shared.names.published(*log)).collect();
    let mut channels: Vec<&str> = published.iter().map(String::as_str).collect();
    channels.push(&committed);
    let listener = shared.link.listen(&channels).await;
    let mut messages = listener.map_err(|error| text(&error))?.into_on_message();
    let mut read = interval(READ_INTERVAL);
    loop {
        tokio::select! {
            message = messages.next() => {
                let message = message.ok_or("the connection to Redis ended")?;
                let payload: String = message.get_payload().map_err(|error| text(&error))?;
                let channel = message.get_channel_name();
                match logs.iter().zip(&published).find(|(_, name)| *name == channel) {
                    Some((log, _)) => known.learn_checkpoint(*log, payload),
                    None => known.learn(&shared.file, &payload),
                }
            }
            _ = read.tick() => {
                let tally: Option<String> = shared.get(&shared.names.tally()).await.map_err(|error| text(&error))?;
                if let Some(tally) = tally {
                    known.learn(&shared.file, &tally);
                }
                for log in logs {
                    let mut ask = redis::cmd("ZREVRANGE");
                    ask.arg(shared.names.checkpoints(*log)).arg(0).arg(0);
                    let last = shared.run(async |mut redis| ask.query_async(&mut redis).await).await;
                    let last: Vec<String> = last.map_err(|error| text(&error))?;
                    last.into_iter().for_each(|note| known.learn_checkpoint(*log, note));
                }
            }
        }
    }
}
