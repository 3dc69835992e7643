//! `GET /healthz` and `GET /metrics`, for the people and programs that run the ledger. Voters never come here.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ledger::Keys;
use service::Metrics;

use crate::measure::Status;

/// What the two answers are made from.
#[derive(Clone)]
pub struct App {
    /// Which parts work.
    pub status: Arc<Status>,
    /// What was counted.
    pub metrics: Metrics,
    /// The keys in force.
    pub keys: Keys,
}

/// Both addresses.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .with_state(app)
}

async fn health(State(app): State<App>) -> Response {
    let health = app.status.health();
    let status = if health.is_ok() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        [(CONTENT_TYPE, "application/json")],
        health.to_json().to_string(),
    )
        .into_response()
}

async fn metrics(State(app): State<App>) -> Response {
    app.status.measure(&app.keys);
    ([(CONTENT_TYPE, Metrics::CONTENT_TYPE)], app.metrics.render()).into_response()
}
