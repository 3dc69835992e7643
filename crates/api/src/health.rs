//! `GET /healthz` and `GET /metrics`: for the people and programs that run the service. Neither is counted, and neither waits for room.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use ledger::Nullifier;
use service::{Health, Metrics};

use crate::app::{App, blocking};
use crate::problem::Problem;
use crate::{answer, clock, measure};

/// `GET /healthz`: 200 when every dependency works, 503 otherwise.
pub async fn health(State(app): State<App>) -> Result<Response, Problem> {
    let health = blocking(move || {
        // No coin has this name; looking for it reads the file.
        let readable = app.ledger.vote(&Nullifier::from_bytes([0; 32])).is_ok();
        let health = Health::default().with("ledger", app.ledger.is_open() && readable);
        match &app.pool {
            Some(pool) => health.with("pool", pool.counts(clock::now()).is_ok()),
            None => health,
        }
    })
    .await?;
    let status = if health.is_ok() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    answer::json(status, &health.to_json())
}

/// `GET /metrics`
pub async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let text = blocking(move || {
        measure::requests_in_progress(app.requests_in_progress());
        measure::keys(&app.keys);
        measure::ledger(&app.ledger);
        match app.pool.as_ref().map(|pool| pool.counts(clock::now())) {
            None => {}
            Some(Ok(counts)) => measure::pool(counts),
            Some(Err(error)) => tracing::error!(%error, "the pool's coins could not be counted"),
        }
        app.metrics.render()
    })
    .await?;
    Ok(([(CONTENT_TYPE, Metrics::CONTENT_TYPE)], text).into_response())
}
