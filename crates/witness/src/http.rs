//! A witness's HTTP interface: `POST /add-checkpoint` for logs, `GET /<origin hash>/checkpoint` for monitors, and what operators look at.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use metrics::{counter, describe_counter};
use service::{Health, Metrics, clock};
use tokio::time::{Duration, timeout};

use crate::submission::BYTES_MAX;
use crate::{Refusal, Witness};

const SUBMISSIONS: &str = "hashicoin_witness_submissions_total";

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// Of the size in a 409 (c2sp.org/tlog-witness).
const SIZE: HeaderValue = HeaderValue::from_static("text/x.tlog.size");

/// How long a request may take to arrive.
const ARRIVE_MAX: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct App {
    witness: Arc<Witness>,
    metrics: Metrics,
}

/// Every address of a witness.
pub fn router(witness: Arc<Witness>, metrics: Metrics) -> Router {
    describe_counter!(
        SUBMISSIONS,
        "Checkpoints that were submitted, by the status of the answer."
    );
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/{origin_hash}/checkpoint", get(checkpoint))
        .route("/healthz", get(health))
        .route("/metrics", get(measured))
        .with_state(App { witness, metrics })
}

async fn add_checkpoint(State(app): State<App>, body: Body) -> Response {
    let answer = match timeout(ARRIVE_MAX, Limited::new(body, BYTES_MAX).collect()).await {
        Err(_) => say(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
        Ok(Err(error)) if error.is::<LengthLimitError>() => say(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long"),
        Ok(Err(_)) => say(StatusCode::BAD_REQUEST, "the body did not arrive"),
        Ok(Ok(body)) => {
            let (witness, body) = (Arc::clone(&app.witness), body.to_bytes());
            let now = clock::now().unix_s();
            let answered = tokio::task::spawn_blocking(move || witness.add_checkpoint(&body, now)).await;
            match answered {
                Ok(Ok(line)) => (StatusCode::OK, [(CONTENT_TYPE, TEXT)], line).into_response(),
                Ok(Err(refusal)) => refused(&refusal),
                Err(_) => say(StatusCode::INTERNAL_SERVER_ERROR, "the witness failed"),
            }
        }
    };
    counter!(SUBMISSIONS, "status" => answer.status().as_u16().to_string()).increment(1);
    answer
}

fn refused(refusal: &Refusal) -> Response {
    let status = match refusal {
        Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
        Refusal::UnknownLog => StatusCode::NOT_FOUND,
        Refusal::NotSigned => StatusCode::FORBIDDEN,
        Refusal::OtherSize(size) => {
            let body = format!("{size}\n");
            return (StatusCode::CONFLICT, [(CONTENT_TYPE, SIZE)], body).into_response();
        }
        Refusal::Inconsistent => {
            tracing::error!(%refusal, "a log showed a tree that does not grow out of what it showed before");
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Refusal::Memory(error) => {
            tracing::error!(%error, "nothing is signed");
            return say(StatusCode::SERVICE_UNAVAILABLE, "the witness cannot remember now");
        }
    };
    say(status, &refusal.to_string())
}

async fn checkpoint(State(app): State<App>, Path(origin_hash): Path<String>) -> Response {
    let witness = Arc::clone(&app.witness);
    let found = tokio::task::spawn_blocking(move || witness.checkpoint(&origin_hash)).await;
    match found {
        Ok(Ok(Some(note))) => (StatusCode::OK, [(CONTENT_TYPE, TEXT)], note).into_response(),
        Ok(Ok(None)) => say(StatusCode::NOT_FOUND, "no checkpoint of such a log was signed"),
        _ => say(StatusCode::SERVICE_UNAVAILABLE, "the witness cannot remember now"),
    }
}

async fn health(State(app): State<App>) -> Response {
    let works = tokio::task::spawn_blocking(move || app.witness.works()).await;
    let health = Health::default().with("memory", works.unwrap_or(false));
    let status = if health.is_ok() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let json = health.to_json().to_string();
    (status, [(CONTENT_TYPE, "application/json")], json).into_response()
}

async fn measured(State(app): State<App>) -> Response {
    ([(CONTENT_TYPE, Metrics::CONTENT_TYPE)], app.metrics.render()).into_response()
}

fn say(status: StatusCode, what: &str) -> Response {
    (status, [(CONTENT_TYPE, TEXT)], format!("{what}\n")).into_response()
}
