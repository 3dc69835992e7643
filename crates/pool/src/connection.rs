//! One connection to Redis, made again when it breaks.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::{Client, ErrorKind, RedisError, RedisResult};
use service::{REDIS_SETTINGS, RedisUrl, broken_redis_promises};

use crate::PoolError;

/// How long Redis may take to take a connection, and to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

pub struct Connection {
    client: Client,
    /// For messages.
    place: String,
    open: Option<redis::Connection>,
}

impl Connection {
    /// Nothing is sent yet.
    pub fn to(url: &RedisUrl) -> Result<Connection, PoolError> {
        let place = url.to_string();
        match Client::open(url.secret()) {
            Ok(client) => Ok(Connection {
                client,
                place,
                open: None,
            }),
            Err(error) => Err(PoolError::Redis(place, error)),
        }
    }

    /// Runs something that may be run twice without harm: on a connection that turns out to be gone, and then on a new one.
    pub fn run<T>(&mut self, work: impl Fn(&mut redis::Connection) -> RedisResult<T>) -> Result<T, PoolError> {
        let was_open = self.open.is_some();
        let mut result = self.try_run(&work);
        if was_open && result.as_ref().is_err_and(RedisError::is_connection_dropped) {
            result = self.try_run(&work);
        }
        result.map_err(|error| PoolError::Redis(self.place.clone(), error))
    }

    fn try_run<T>(&mut self, work: impl Fn(&mut redis::Connection) -> RedisResult<T>) -> RedisResult<T> {
        let mut connection = match self.open.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let result = work(&mut connection);
        // A connection on which an answer was not read to its end would give it to the next question.
        let broken = |error: &RedisError| matches!(error.kind(), ErrorKind::Io | ErrorKind::Parse);
        if !result.as_ref().is_err_and(broken) {
            self.open = Some(connection);
        }
        result
    }

    fn connect(&self) -> RedisResult<redis::Connection> {
        let connection = self.client.get_connection_with_timeout(ANSWER_MAX)?;
        connection.set_read_timeout(Some(ANSWER_MAX))?;
        connection.set_write_timeout(Some(ANSWER_MAX))?;
        Ok(connection)
    }

    /// Refuses a Redis that could lose what it has answered for.
    pub fn require_durability(&mut self) -> Result<(), PoolError> {
        let mut ask = redis::cmd("CONFIG");
        ask.arg("GET").arg(&REDIS_SETTINGS);
        let settings: BTreeMap<String, String> = self.run(|connection| ask.query(connection))?;
        let mistakes = broken_redis_promises(&settings);
        if mistakes.is_empty() {
            return Ok(());
        }
        Err(PoolError::Unsafe {
            place: self.place.clone(),
            mistakes,
        })
    }
}
