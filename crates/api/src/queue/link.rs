//! The connection to Redis that all requests share: made when it is needed, made again when it broke, and never used before the server has shown that it
//! keeps what it is given.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, Client, RedisError};
use service::{REDIS_SETTINGS, RedisUrl, broken_redis_promises};
use tokio::sync::Mutex;

/// How long Redis may take to take a connection.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// How long Redis may take to answer; it waits for the disk.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// How long nobody tries again after a connection failed, so that requests do not line up for it.
const PAUSE: Duration = Duration::from_millis(250);

/// The way to one Redis.
pub struct Link {
    client: Client,
    /// For messages.
    place: String,
    state: Mutex<State>,
}

enum State {
    Up(MultiplexedConnection),
    /// Since when; `None` before the first try.
    Down(Option<Instant>),
}

/// Why there is no connection. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The address is none.
    #[error("{0} is no address of a Redis: {1}")]
    Address(String, RedisError),
    /// It cannot be reached.
    #[error("Redis at {0} does not answer: {1}; it is tried again")]
    Away(String, RedisError),
    /// It failed a moment ago.
    #[error("Redis at {0} did not answer a moment ago; it is tried again")]
    Paused(String),
    /// Votes would not be safe with it.
    #[error("votes are not safe with Redis at {place}: {}", .mistakes.join("; "))]
    Unsafe {
        /// Its address.
        place: String,
        /// Every setting that is wrong.
        mistakes: Vec<String>,
    },
}

impl Link {
    /// Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`LinkError::Address`].
    pub fn new(url: &RedisUrl) -> Result<Link, LinkError> {
        let client = Client::open(url.secret()).map_err(|error| LinkError::Address(url.to_string(), error))?;
        Ok(Link {
            client,
            place: url.to_string(),
            state: Mutex::new(State::Down(None)),
        })
    }

    /// A handle to the connection, which is made if there is none.
    ///
    /// # Errors
    ///
    /// [`LinkError`].
    pub async fn connection(&self) -> Result<MultiplexedConnection, LinkError> {
        let mut state = self.state.lock().await;
        match &*state {
            State::Up(connection) => return Ok(connection.clone()),
            State::Down(Some(since)) if since.elapsed() < PAUSE => return Err(LinkError::Paused(self.place.clone())),
            State::Down(_) => {}
        }
        match self.connect().await {
            Ok(connection) => {
                tracing::info!(redis = self.place, "connected");
                *state = State::Up(connection.clone());
                Ok(connection)
            }
            Err(error) => {
                *state = State::Down(Some(Instant::now()));
                Err(error)
            }
        }
    }

    /// Forgets the connection after it failed; the next request makes a new one.
    pub async fn broke(&self) {
        *self.state.lock().await = State::Down(None);
    }

    /// A connection of its own that listens to these channels.
    ///
    /// # Errors
    ///
    /// [`LinkError::Away`].
    pub async fn listen(&self, channels: &[&str]) -> Result<PubSub, LinkError> {
        let subscribe = async {
            let mut listener = self.client.get_async_pubsub().await?;
            listener.subscribe(channels).await?;
            Ok(listener)
        };
        match tokio::time::timeout(CONNECT_MAX, subscribe).await {
            Ok(listener) => listener.map_err(|error| self.away(error)),
            Err(_) => Err(self.away(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)))),
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, LinkError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_MAX))
            .set_response_timeout(Some(ANSWER_MAX));
        let connect = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connect.await.map_err(|error| self.away(error))?;
        let mut ask = redis::cmd("CONFIG");
        ask.arg("GET").arg(&REDIS_SETTINGS);
        let settings: BTreeMap<String, String> = ask
            .query_async(&mut connection)
            .await
            .map_err(|error| self.away(error))?;
        let mistakes = broken_redis_promises(&settings);
        if mistakes.is_empty() {
            Ok(connection)
        } else {
            Err(LinkError::Unsafe {
                place: self.place.clone(),
                mistakes,
            })
        }
    }

    fn away(&self, error: RedisError) -> LinkError {
        LinkError::Away(self.place.clone(), error)
    }
}
