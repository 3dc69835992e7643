//! Every metric of the API: its name, what it means, where it is set.

use vote::Tally;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use ledger::{Keys, Outcome};
use metrics::{counter, describe_counter, describe_gauge, gauge};

use crate::ballot_box::Cast;
use crate::pool::Counts;

const REQUESTS: &str = "hashicoin_api_requests_total";
const REQUESTS_IN_PROGRESS: &str = "hashicoin_api_requests_in_progress";
const REQUESTS_MAX: &str = "hashicoin_api_requests_max";
const VOTES: &str = "hashicoin_votes_total";
const POOL_COINS: &str = "hashicoin_pool_coins";
const KEYS_STALE: &str = "hashicoin_keys_stale";
const KEY_VERSION: &str = "hashicoin_key_version";
const LEDGER_OPEN: &str = "hashicoin_ledger_open";
const LEDGER_VOTES: &str = "hashicoin_ledger_votes";
const LEDGER_UNITS: &str = "hashicoin_ledger_units";
const LOG_SIZE: &str = "hashicoin_log_size";
const QUEUE_BACKLOG: &str = "hashicoin_queue_backlog";

const OUTCOMES: [&str; 5] = ["counted", "repeated", "spent", "refused", "queued"];

/// Says what each metric means, and starts the outcomes at 0 so that a rate can be taken from the first vote on.
pub fn describe() {
    describe_counter!(REQUESTS, "Requests that reached the API, /healthz and /metrics aside.");
    describe_gauge!(
        REQUESTS_IN_PROGRESS,
        "Requests that are worked on now; at --max-requests more are turned away."
    );
    describe_gauge!(REQUESTS_MAX, "--max-requests.");
    describe_counter!(VOTES, "Votes by what came of them.");
    describe_gauge!(
        POOL_COINS,
        "Coins in the pool that are worth something now, and coins handed out."
    );
    describe_gauge!(
        KEYS_STALE,
        "1 while the file of keys cannot be used and those read before stay in force."
    );
    describe_gauge!(KEY_VERSION, "The lowest and the highest key version whose coins count.");
    describe_gauge!(
        QUEUE_BACKLOG,
        "Votes in the queue that are not decided yet; at --max-backlog more are turned away. NaN while Redis is away."
    );
    describe_gauge!(LEDGER_OPEN, "1 while the ledger takes votes, 0 otherwise.");
    describe_gauge!(LEDGER_VOTES, "Votes in the ledger.");
    describe_gauge!(LOG_SIZE, "Votes that the newest published checkpoint covers.");
    describe_gauge!(LEDGER_UNITS, "Units in the ledger by charity; a coin is 1000000.");
    for outcome in OUTCOMES {
        counter!(VOTES, "outcome" => outcome).increment(0);
    }
}

/// Counts a request, once it is answered.
pub async fn request(request: Request, next: Next) -> Response {
    let method = known_method(request.method());
    let matched = request.extensions().get::<MatchedPath>();
    // The route, never the path: a path is chosen by whoever asks, and would make as many series as they like.
    let route = matched.map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    tracing::debug!(method, route, status, "answered");
    counter!(REQUESTS, "method" => method, "route" => route, "status" => status.to_string()).increment(1);
    response
}

/// Counts what came of a vote, as far as its client was told.
pub fn cast(cast: &Cast) {
    let label = match cast {
        Cast::Decided(Outcome::Counted(_)) => "counted",
        Cast::Decided(Outcome::Repeated(_)) => "repeated",
        Cast::Decided(Outcome::Spent { .. }) => "spent",
        Cast::Decided(Outcome::Refused(_)) => "refused",
        Cast::Queued(_) => "queued",
    };
    counter!(VOTES, "outcome" => label).increment(1);
}

/// Shows how many requests are worked on, and how many can be.
#[expect(clippy::cast_precision_loss, reason = "--max-requests is far below 2^53")]
pub fn requests_in_progress(count: usize, max: usize) {
    gauge!(REQUESTS_IN_PROGRESS).set(count as f64);
    gauge!(REQUESTS_MAX).set(max as f64);
}

/// Shows how many coins are where.
pub fn pool(counts: Counts) {
    gauge!(POOL_COINS, "state" => "available").set(f64::from(counts.available));
    gauge!(POOL_COINS, "state" => "handed_out").set(f64::from(counts.handed_out));
}

/// Shows which keys are in force.
pub fn keys(keys: &Keys) {
    let keyring = keys.current();
    gauge!(KEYS_STALE).set(if keys.is_stale() { 1.0 } else { 0.0 });
    gauge!(KEY_VERSION, "bound" => "lowest").set(f64::from(keyring.min_version()));
    gauge!(KEY_VERSION, "bound" => "highest").set(f64::from(keyring.max_version()));
}

/// Shows how many votes wait; nothing of it while that is not known.
#[expect(clippy::cast_precision_loss, reason = "the backlog is bounded far below 2^53")]
pub fn queue(backlog: Option<u64>) {
    gauge!(QUEUE_BACKLOG).set(backlog.map_or(f64::NAN, |backlog| backlog as f64));
}

/// Shows what the ledger holds.
#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float, exact up to 2^53 units, or nine billion coins"
)]
pub fn ledger(is_open: bool, tally: &Tally) {
    gauge!(LEDGER_OPEN).set(if is_open { 1.0 } else { 0.0 });
    gauge!(LEDGER_VOTES).set(tally.votes as f64);
    for charity in &tally.charities {
        gauge!(LEDGER_UNITS, "charity" => charity.id.clone()).set(charity.units as f64);
    }
}

/// Shows up to where the log is signed and published.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float, exact up to 2^53")]
pub fn log(size: u64) {
    gauge!(LOG_SIZE).set(size as f64);
}

/// A method as a label: those that HTTP defines, and one word for whatever else somebody sends.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::TRACE => "TRACE",
        Method::CONNECT => "CONNECT",
        _ => "other",
    }
}
