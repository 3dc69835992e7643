//! `POST /v1/coins`: hands out one coin of the pool.

use std::time::Instant;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;
use service::clock;

use crate::answer;
use crate::app::{App, blocking};
use crate::idempotency_key::IdempotencyKey;
use crate::pool::HandOutError;
use crate::problem::{Kind, Problem};

/// `POST /v1/coins`. The same `Idempotency-Key` gets the same coin.
pub async fn hand_out(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let pool = app.pool.ok_or(Kind::CoinsSwitchedOff)?;
    let key = IdempotencyKey::from_headers(&headers).ok_or(Kind::IdempotencyKeyMissing)?;
    let signed = blocking(move || pool.hand_out(&key, clock::now(), Instant::now()))
        .await?
        .map_err(refused)?;
    let body = json!({"coin_txt": signed.to_coin_txt(), "token": signed.to_token()});
    answer::json(StatusCode::CREATED, &body)
}

fn refused(error: HandOutError) -> Problem {
    match error {
        HandOutError::Empty => Kind::PoolEmpty.into(),
        HandOutError::Quota { retry_after_s } => Problem::from(Kind::QuotaExceeded).retry_after_s(retry_after_s),
        HandOutError::Redis(_) => {
            tracing::warn!(%error, "the pool in Redis did not answer");
            Kind::Unavailable.into()
        }
        HandOutError::Store(_) | HandOutError::Coin(_) => {
            tracing::error!(%error, "a coin could not be handed out");
            Kind::InternalError.into()
        }
    }
}
