//! Every address of the API, and what a request passes on its way there.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::routing::{get, post};

use ledger::LogKind;

use crate::app::App;
use crate::problem::{self, Kind, Problem};
use crate::{charities, coins, health, limits, log, measure, page, secure_headers, tally, votes};

/// The whole API.
pub fn router(app: App) -> Router {
    let quick = Router::new()
        .route("/", get(page::index))
        .route("/app.js", get(page::script))
        .route("/style.css", get(page::style))
        .route("/problems/{code}", get(problem::show_page))
        .route("/v1/charities", get(charities::show))
        .route("/v1/coins", post(coins::hand_out))
        .route("/v1/votes/{id}", get(votes::show))
        .route("/v1/votes/{id}/receipt", get(votes::receipt))
        .route("/v1/log/log.json", get(log::info))
        .nest("/v1/log", log::routes(LogKind::Votes))
        .nest("/v1/issued", log::routes(LogKind::Issued))
        .route("/v1/tally", get(tally::show))
        .route("/v1/tally/stream", get(tally::follow))
        .layer(from_fn(limits::deadline));
    // A vote bounds its own two waits, for its body and for its outcome.
    let public = quick
        .route("/v1/votes", post(votes::cast))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(app.clone(), limits::admit))
        .layer(from_fn(measure::request));
    let operations = Router::new()
        .route("/healthz", get(health::health))
        .route("/metrics", get(health::metrics))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(limits::deadline));
    public
        .merge(operations)
        .layer(map_response(secure_headers::add))
        .with_state(app)
}

async fn not_found() -> Problem {
    Kind::NotFound.into()
}

async fn method_not_allowed() -> Problem {
    Kind::MethodNotAllowed.into()
}
