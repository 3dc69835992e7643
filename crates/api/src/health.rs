//! `GET /healthz` and `GET /metrics`: for the people and programs that run the service. Neither is counted, and neither waits for room.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use service::{Health, Metrics, clock};

use crate::app::{App, blocking};
use crate::problem::Problem;
use crate::{answer, measure};

/// `GET /healthz`: 200 when every dependency works, 503 otherwise.
pub async fn health(State(app): State<App>) -> Result<Response, Problem> {
    let mut health = app.ballot_box.health(Health::default()).await?;
    if let Some(pool) = app.pool {
        let works = blocking(move || pool.counts(clock::now()).is_ok()).await?;
        health = health.with("pool", works);
    }
    let status = if health.is_ok() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    answer::json(status, &health.to_json())
}

/// `GET /metrics`
pub async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    app.ballot_box.measure().await;
    let text = blocking(move || {
        measure::requests_in_progress(app.requests_in_progress(), app.requests_max);
        measure::keys(&app.keys);
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
