//! `POST /v1/votes` casts a vote, `GET /v1/votes/{id}` shows one.
//!
//! The coin is checked by the ledger, whatever stood in front: nothing that a proxy may have written into the request is believed.

use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{AUTHORIZATION, HeaderName, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use coin::{Refusal, token_from_header};
use ledger::{Counted, Nullifier, Outcome, SubmitError, Vote};
use serde::Serialize;
use serde_json::json;

use crate::answer::{self, InOrder};
use crate::app::{App, blocking};
use crate::measure;
use crate::problem::{Kind, Problem};
use crate::{limits, prefer, vote_body};

/// How long the outcome is waited for when the client says nothing about it, in seconds.
const WAIT_DEFAULT_S: u64 = 10;

/// `Preference-Applied` (RFC 7240).
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// `POST /v1/votes`. Whatever it says of a vote is durable when it is said.
pub async fn cast(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let token = the_token(&head.headers)?.to_vec();
    let body = limits::json_body(&head.headers, body).await?;
    let vote = vote_body::read(&body, app.ledger.campaign_file().charities())?;
    let wait_s = prefer::wait_s(&head.headers);
    let outcome = outcome(&app, token, vote, wait_s.unwrap_or(WAIT_DEFAULT_S)).await?;
    measure::outcome(&outcome);
    match outcome {
        Outcome::Counted(counted) | Outcome::Repeated(counted) => accepted(&counted, wait_s),
        Outcome::Spent { first } => Err(spent(&first)),
        Outcome::Refused(refusal) => Err(refusal.into()),
    }
}

/// `GET /v1/votes/{id}`
pub async fn show(State(app): State<App>, id: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let id = id.ok().and_then(|Path(id)| Nullifier::parse(&id));
    let id = id.ok_or(Kind::VoteUnknown)?;
    let found = blocking(move || app.ledger.vote(&id)).await?.map_err(|error| {
        tracing::error!(%error, "a vote could not be looked up");
        Problem::from(Kind::InternalError)
    })?;
    answer::json(StatusCode::OK, &VoteAnswer::new(&found.ok_or(Kind::VoteUnknown)?))
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

/// Submits a vote and waits for what comes of it.
async fn outcome(app: &App, token: Vec<u8>, vote: Vote, wait_s: u64) -> Result<Outcome, Problem> {
    let submission = app.ledger.submit(token, vote);
    // A vote that was taken is counted whether or not anybody waits for it.
    let result = tokio::time::timeout(Duration::from_secs(wait_s), submission)
        .await
        .unwrap_or(Err(SubmitError::Unknown));
    result.map_err(|error| match error {
        SubmitError::Busy | SubmitError::Closed => Kind::Busy.into(),
        SubmitError::Unknown => Kind::OutcomeUnknown.into(),
        SubmitError::OtherCharities => {
            tracing::error!("a vote was read for the charities of another campaign");
            Kind::InternalError.into()
        }
    })
}

/// 201 to a client that asked to wait, 202 to one that did not; the body is the same.
fn accepted(counted: &Counted, wait_s: Option<u64>) -> Result<Response, Problem> {
    let status = if wait_s.is_some() {
        StatusCode::CREATED
    } else {
        StatusCode::ACCEPTED
    };
    let mut response = answer::json(status, &VoteAnswer::new(counted))?;
    let headers = response.headers_mut();
    headers.insert(LOCATION, header_value(location(counted))?);
    if let Some(seconds) = wait_s {
        headers.insert(PREFERENCE_APPLIED, header_value(format!("wait={seconds}"))?);
    }
    Ok(response)
}

/// The refusal of a coin that voted otherwise, with the vote that stands.
fn spent(first: &Counted) -> Problem {
    Problem::from(Refusal::Spent).with(
        "first",
        json!({
            "id": first.nullifier.to_string(),
            "index": first.index,
            "counted_at": first.counted_at.to_string(),
            "location": location(first),
        }),
    )
}

/// A vote's address.
fn location(counted: &Counted) -> String {
    format!("/v1/votes/{}", counted.nullifier)
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
            key_version: counted.key_version,
            counted_at: counted.counted_at.to_string(),
        }
    }
}
