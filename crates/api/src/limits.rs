//! What bounds a request: how many at once, how long a body, how much time.
//!
//! Connections have no deadline here. The proxy in front keeps idle ones open to use them again, and one that is closed under it at the wrong moment costs a
//! vote its answer. Bounding connections is the proxy's part.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::app::App;
use crate::problem::{Kind, Problem};

/// The longest body, in bytes. `body-too-large` says it in words.
pub const BODY_BYTES_MAX: usize = 16 * 1024;
/// How long a body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(10);
/// How long an answer may take that waits for nothing but this machine's disk.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

/// Lets a request in if there is room for one more and its body is not announced as too long.
pub async fn admit(State(app): State<App>, request: Request, next: Next) -> Result<Response, Problem> {
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > BODY_BYTES_MAX as u64) {
        return Err(Kind::BodyTooLarge.into());
    }
    let _room = app.requests.try_acquire().map_err(|_| Kind::Busy)?;
    Ok(next.run(request).await)
}

/// Gives up on an answer that takes too long. An answer that streams has begun in time.
pub async fn deadline(request: Request, next: Next) -> Result<Response, Problem> {
    tokio::time::timeout(ANSWER_DEADLINE, next.run(request))
        .await
        .map_err(|_| Problem::from(Kind::Busy))
}

/// Reads a JSON body: of that type, not encoded, not too long, in time.
///
/// # Errors
///
/// `unsupported-media-type`, `body-too-large`, `request-timeout`; `vote-malformed` when the client broke off.
pub async fn json_body(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(media_type), None) = (types.next(), types.next()) else {
        return Err(Kind::UnsupportedMediaType.into());
    };
    let is_json = media_type.as_bytes().eq_ignore_ascii_case(b"application/json");
    if !is_json || headers.contains_key(CONTENT_ENCODING) {
        return Err(Kind::UnsupportedMediaType.into());
    }
    let read = Limited::new(body, BODY_BYTES_MAX).collect();
    match tokio::time::timeout(BODY_DEADLINE, read).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Kind::BodyTooLarge.into()),
        Ok(Err(_)) => Err(Kind::VoteMalformed.into()),
        Err(_) => Err(Kind::RequestTimeout.into()),
    }
}
