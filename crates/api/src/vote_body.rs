//! The body of a vote: `{"weights":{"<charity id>":<weight>,…}}`, read strictly.
//!
//! JSON lets a key stand twice, and readers differ over which one counts. A vote must mean one thing to everybody, so a repeated key is refused.

use std::fmt;

use vote::{Charities, Vote, VoteError};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::problem::{Kind, Problem};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    weights: UniqueKeys,
}

/// A JSON object in which no key stands twice.
struct UniqueKeys(Map<String, Value>);

/// Reads a vote.
///
/// # Errors
///
/// `vote-malformed` or `vote-unknown-charity`.
pub fn read(body: &[u8], charities: &Charities) -> Result<Vote, Problem> {
    let body: Body = serde_json::from_slice(body).map_err(|error| malformed(&error))?;
    Vote::parse(&Value::Object(body.weights.0), charities).map_err(|error| match error {
        VoteError::UnknownCharity => Kind::VoteUnknownCharity.into(),
        error => {
            Problem::from(Kind::VoteMalformed).with_detail(format!("Refused because {error}. The coin is not spent."))
        }
    })
}

/// Where the body stops being a vote. The library's own words would repeat what was sent.
fn malformed(error: &serde_json::Error) -> Problem {
    let what = if error.is_data() {
        "is JSON, but not {\"weights\": {\"<charity id>\": <weight>, …}} with each key once and nothing else"
    } else {
        "is not JSON"
    };
    let (line, column) = (error.line(), error.column());
    Problem::from(Kind::VoteMalformed).with_detail(format!(
        "The body {what}; look at line {line}, column {column}. The coin is not spent."
    ))
}

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<UniqueKeys, D::Error> {
        deserializer.deserialize_map(UniqueKeysVisitor)
    }
}

struct UniqueKeysVisitor;

impl<'de> Visitor<'de> for UniqueKeysVisitor {
    type Value = UniqueKeys;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<UniqueKeys, A::Error> {
        let mut object = Map::new();
        while let Some((key, value)) = access.next_entry::<String, Value>()? {
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        Ok(UniqueKeys(object))
    }
}
