//! JSON answers.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::problem::{Kind, Problem};

/// The media type of every JSON answer that is no problem.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer with this status and body.
pub fn json(status: StatusCode, body: &impl Serialize) -> Result<Response, Problem> {
    let mut response = (status, to_text(body)?).into_response();
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    Ok(response)
}

/// A body as JSON text.
pub fn to_text(body: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(body).map_err(|error| {
        tracing::error!(%error, "an answer could not be written as JSON");
        Problem::from(Kind::InternalError)
    })
}

/// An object whose keys stand in the order given: charities are always listed in the campaign's order.
pub struct InOrder<'a, V>(pub Vec<(&'a str, V)>);

impl<V: Serialize> Serialize for InOrder<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            object.serialize_entry(key, value)?;
        }
        object.end()
    }
}
