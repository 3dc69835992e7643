//! The ledger's connection to Redis. It belongs to the one thread that counts.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::{Client, Connection};
use service::{Failure, REDIS_SETTINGS, RedisUrl, broken_redis_promises};

use crate::trouble::Trouble;

/// How long Redis may take to take a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long Redis may take to answer; longer than the longest time that it is asked to wait for votes.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Connects, and makes sure that the server keeps what it is given.
///
/// # Errors
///
/// When Redis is away; [`Trouble::End`] when votes would not be safe with it.
pub fn connect(url: &RedisUrl) -> Result<Connection, Trouble> {
    let client = Client::open(url.secret())
        .map_err(|error| Trouble::End(Failure::Refused(format!("{url} is no address of a Redis: {error}"))))?;
    let mut connection = client.get_connection_with_timeout(CONNECT_MAX)?;
    connection.set_read_timeout(Some(ANSWER_MAX))?;
    connection.set_write_timeout(Some(ANSWER_MAX))?;
    let mut ask = redis::cmd("CONFIG");
    let settings: BTreeMap<String, String> = ask.arg("GET").arg(&REDIS_SETTINGS).query(&mut connection)?;
    let mistakes = broken_redis_promises(&settings);
    if mistakes.is_empty() {
        return Ok(connection);
    }
    let mistakes = mistakes.join("; ");
    Err(Trouble::End(Failure::Refused(format!(
        "votes are not safe with Redis at {url}: {mistakes}"
    ))))
}
