//! `POST /v1/votes` casts a vote, `GET /v1/votes/{id}` shows one.
//!
//! The coin is verified again, whatever stood in front: nothing that a proxy may have written into the request is believed.

use std::time::{Duration, Instant};

use vote::Nullifier;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use coin::{Refusal, token_from_header};
use ledger::{Counted, Outcome};
use serde::Serialize;
use serde_json::json;

use crate::answer::{self, InOrder};
use crate::app::App;
use crate::ballot_box::Cast;
use crate::measure;
use crate::problem::{Kind, Problem};
use crate::{limits, log, prefer, vote_body};

/// `Preference-Applied` (RFC 7240).
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// `POST /v1/votes`. Whatever it says of a vote is durable when it is said.
pub async fn cast(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let token = the_token(&head.headers)?.to_vec();
    let body = limits::json_body(&head.headers, body).await?;
    let vote = vote_body::read(&body, app.ballot_box.campaign_file().charities())?;
    let wait_s = prefer::wait_s(&head.headers);
    let deadline = wait_s.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let cast = app
        .ballot_box
        .cast(token, vote, wait_s.map(Duration::from_secs))
        .await?;
    measure::cast(&cast);
    match cast {
        Cast::Decided(Outcome::Counted(counted) | Outcome::Repeated(counted)) => {
            let receipt = match deadline {
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    app.ballot_box.receipt_within(&counted, left).await?
                }
                None => None,
            };
            accepted(&counted, receipt, wait_s)
        }
        Cast::Decided(Outcome::Spent { first }) => {
            let receipt = app.ballot_box.receipt(&first).await?;
            Err(spent(&first, receipt))
        }
        Cast::Decided(Outcome::Refused(refusal)) => Err(refusal.into()),
        Cast::Queued(id) => queued(&id),
    }
}

/// `GET /v1/votes/{id}`
pub async fn show(State(app): State<App>, id: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let id = id.ok().and_then(|Path(id)| Nullifier::parse(&id));
    let id = id.ok_or(Kind::VoteUnknown)?;
    let found = app.ballot_box.vote(id).await?;
    answer::json(StatusCode::OK, &VoteAnswer::new(&found.ok_or(Kind::VoteUnknown)?))
}

/// `GET /v1/votes/{id}/receipt`: the proof that the vote is in the log, the same bytes whenever it is asked for.
pub async fn receipt(State(app): State<App>, id: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let id = id.ok().and_then(|Path(id)| Nullifier::parse(&id));
    let found = app.ballot_box.vote(id.ok_or(Kind::VoteUnknown)?).await?;
    let receipt = app.ballot_box.receipt(&found.ok_or(Kind::VoteUnknown)?).await?;
    let receipt = receipt.ok_or(Kind::ReceiptPending)?;
    Ok(([(CONTENT_TYPE, log::TEXT), (CACHE_CONTROL, log::FOR_EVER)], receipt).into_response())
}

/// The token in the one coin header.
fn the_token(headers: &HeaderMap) -> Result<&[u8], Refusal> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Err(Refusal::Missing),
        (Some(line), None) => token_from_header(line.as_bytes()),
        (Some(_), Some(_)) => Err(Refusal::Duplicate),
    }
}

/// 201 to a client that asked to wait, 202 to one that did not; the body is the same.
fn accepted(counted: &Counted, receipt: Option<String>, wait_s: Option<u64>) -> Result<Response, Problem> {
    let status = if wait_s.is_some() {
        StatusCode::CREATED
    } else {
        StatusCode::ACCEPTED
    };
    let body = VoteAnswer {
        receipt,
        ..VoteAnswer::new(counted)
    };
    let mut response = answer::json(status, &body)?;
    let headers = response.headers_mut();
    headers.insert(LOCATION, header_value(location(&counted.nullifier))?);
    if let Some(seconds) = wait_s {
        headers.insert(PREFERENCE_APPLIED, header_value(format!("wait={seconds}"))?);
    }
    Ok(response)
}

/// 202 for a vote that waits to be counted. Its address shows it once it is.
fn queued(id: &Nullifier) -> Result<Response, Problem> {
    let body = json!({"id": id.to_string(), "state": "queued"});
    let mut response = answer::json(StatusCode::ACCEPTED, &body)?;
    response.headers_mut().insert(LOCATION, header_value(location(id))?);
    Ok(response)
}

/// The refusal of a coin that voted otherwise, with the vote that stands and the log's signed word that it does.
fn spent(first: &Counted, receipt: Option<String>) -> Problem {
    let location = location(&first.nullifier);
    let mut standing = json!({
        "id": first.nullifier.to_string(),
        "index": first.index,
        "counted_at": first.counted_at.to_string(),
        "location": location,
        "receipt_location": format!("{location}/receipt"),
    });
    if let Some(receipt) = receipt {
        standing["receipt"] = receipt.into();
    }
    Problem::from(Refusal::Spent).with("first", standing)
}

/// A vote's address.
fn location(id: &Nullifier) -> String {
    format!("/v1/votes/{id}")
}

fn header_value(text: String) -> Result<HeaderValue, Problem> {
    HeaderValue::try_from(text).map_err(|error| {
        tracing::error!(%error, "an answer's header could not be written");
        Problem::from(Kind::InternalError)
    })
}

/// A counted vote as everybody sees it: only the charities that it names, in the campaign's order.
#[derive(Serialize)]
struct VoteAnswer<'a> {
    id: String,
    index: u64,
    state: &'static str,
    weights: InOrder<'a, u32>,
    units: InOrder<'a, u64>,
    key_version: u32,
    counted_at: String,
    /// The proof that it is in the log, where that was waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
    receipt_location: String,
}

impl<'a> VoteAnswer<'a> {
    fn new(counted: &'a Counted) -> VoteAnswer<'a> {
        let vote = &counted.vote;
        let named = || {
            let charities = vote.charities().iter().map(|charity| charity.id.as_str());
            charities
                .zip(vote.weights().iter().zip(&counted.units))
                .filter(|(_, (weight, _))| **weight > 0)
        };
        VoteAnswer {
            id: counted.nullifier.to_string(),
            index: counted.index,
            state: "counted",
            weights: InOrder(named().map(|(id, (weight, _))| (id, *weight)).collect()),
            units: InOrder(named().map(|(id, (_, units))| (id, *units)).collect()),
            key_version: counted.coin.key_version,
            counted_at: counted.counted_at.to_string(),
            receipt: None,
            receipt_location: format!("{}/receipt", location(&counted.nullifier)),
        }
    }
}
