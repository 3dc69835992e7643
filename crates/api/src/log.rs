//! The public logs: their checkpoints, tiles and entries as files (c2sp.org/tlog-tiles; the votes' under `/v1/log`, that of issued coins under `/v1/issued`), and what
//! an auditor has to know to read them.
//!
//! What is published never changes. Anybody in between may keep it for ever, but for the last checkpoint and what says who signs.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coin::Keyring;
use ledger::LogKind;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tlog::{BundleId, TileId};
use vote::LogInfo;

use crate::answer;
use crate::app::App;
use crate::problem::{Kind, Problem};

/// The media type of notes and receipts.
pub const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// Of tiles and bundles.
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// What never changes.
pub const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The most checkpoints in one answer.
const CHECKPOINTS_MAX: u32 = 1000;

/// The addresses that both logs have.
pub fn routes(log: LogKind) -> Router<App> {
    Router::new()
        .route("/checkpoint", get(checkpoint))
        .route("/checkpoints", get(checkpoints))
        .route("/tile/{*path}", get(tile))
        .layer(Extension(log))
}

/// `GET /v1/log/log.json`
pub async fn info(State(app): State<App>) -> Result<Response, Problem> {
    let info = LogInfo {
        campaign: app.ballot_box.campaign_file().clone(),
        verifier_keys: app.ballot_box.verifier_keys().await?,
        witness_policy: app.ballot_box.witness_policy().await?,
        coin_keys: public_keys(&app.keys.current()),
    };
    answer::json(StatusCode::OK, &info.to_json())
}

/// The keys as Vault writes them, retired ones too: votes that were cast with them are in the log.
fn public_keys(keyring: &Keyring) -> Value {
    let keys = keyring.versions().filter_map(|version| {
        let key = STANDARD.encode(keyring.public_key(version)?.as_bytes());
        Some((version.to_string(), json!({"public_key": key})))
    });
    json!({"keys": keys.collect::<Map<_, _>>()})
}

/// `GET …/checkpoint`
async fn checkpoint(State(app): State<App>, Extension(log): Extension<LogKind>) -> Result<Response, Problem> {
    let checkpoint = app.ballot_box.checkpoint(log)?;
    Ok(([(CONTENT_TYPE, TEXT)], checkpoint.note.clone()).into_response())
}

/// What [`checkpoints`] is asked for.
#[derive(Deserialize)]
struct From {
    #[serde(default)]
    from: u64,
}

/// `GET …/checkpoints?from=SIZE`: all of them from this size of tree on, in order, and where to go on if these are not all.
async fn checkpoints(
    State(app): State<App>,
    Extension(log): Extension<LogKind>,
    from: Result<Query<From>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(From { from }) = from.map_err(|_| Kind::NotFound)?;
    let mut checkpoints = app.ballot_box.checkpoints_from(log, from, CHECKPOINTS_MAX + 1).await?;
    let next = checkpoints.get(CHECKPOINTS_MAX as usize).map(|next| next.size);
    checkpoints.truncate(CHECKPOINTS_MAX as usize);
    let notes: Vec<String> = checkpoints.into_iter().map(|checkpoint| checkpoint.note).collect();
    answer::json(StatusCode::OK, &json!({"checkpoints": notes, "next": next}))
}

/// `GET …/tile/<level>/<index>[.p/<width>]` and `GET …/tile/entries/<index>[.p/<width>]`
async fn tile(
    State(app): State<App>,
    Extension(log): Extension<LogKind>,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    let path = format!("tile/{path}");
    let bytes = if let Some(id) = BundleId::parse(&path) {
        app.ballot_box.bundle(log, id).await?
    } else if let Some(id) = TileId::parse(&path) {
        app.ballot_box.tile(log, id).await?
    } else {
        None
    };
    let bytes = bytes.ok_or(Kind::NotFound)?;
    Ok(([(CONTENT_TYPE, BYTES), (CACHE_CONTROL, FOR_EVER)], bytes).into_response())
}
