//! `GET /v1/tally` shows the tally, `GET /v1/tally/stream` follows it (server-sent events).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use vote::Tally;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};

use crate::answer;
use crate::app::App;
use crate::problem::{Kind, Problem};

/// The least time between two events of a stream: at most 4 per second, however fast votes come in.
const EVENT_INTERVAL: Duration = Duration::from_millis(250);
/// How often a stream without news sends a comment, so that nobody on the way takes it for dead.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// `GET /v1/tally`
pub async fn show(State(app): State<App>) -> Result<Response, Problem> {
    let tally = app.ballot_box.tally()?;
    answer::json(StatusCode::OK, &tally.to_json(app.ballot_box.campaign_file()))
}

/// `GET /v1/tally/stream`: the tally at once, then whenever it has changed; ends when the server stops.
pub async fn follow(State(app): State<App>) -> Result<Response, Problem> {
    let permit = app.streams.clone().try_acquire_owned().map_err(|_| Kind::Busy)?;
    let follower = Follower {
        tally: app.ballot_box.subscribe()?,
        app,
        sent_at: None,
        _permit: permit,
    };
    let events = stream::unfold(follower, |mut follower| async {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    let heartbeat = KeepAlive::new().interval(HEARTBEAT_INTERVAL);
    Ok(Sse::new(events).keep_alive(heartbeat).into_response())
}

/// One open stream.
struct Follower {
    app: App,
    tally: watch::Receiver<Arc<Tally>>,
    /// When the last event was sent.
    sent_at: Option<Instant>,
    /// Makes room for another stream when this one ends.
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        tokio::select! {
            () = self.app.shutdown.begun() => return None,
            news = news(&mut self.tally, self.sent_at) => news?,
        }
        let tally = self.tally.borrow_and_update().clone();
        self.sent_at = Some(Instant::now());
        let json = tally.to_json(self.app.ballot_box.campaign_file()).to_string();
        Some(Event::default().event("tally").data(json))
    }
}

/// Waits until there is something to say: at once for the first event, then for a change, and for the interval to pass. `None` when the ledger is closed.
async fn news(tally: &mut watch::Receiver<Arc<Tally>>, sent_at: Option<Instant>) -> Option<()> {
    if let Some(sent_at) = sent_at {
        tally.changed().await.ok()?;
        sleep_until(sent_at + EVENT_INTERVAL).await;
    }
    Some(())
}
