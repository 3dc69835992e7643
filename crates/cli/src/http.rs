//! HTTP as this program speaks it: plain, to the address that it was given, straight there.
//!
//! No redirects and no proxies: a coin is money to whoever reads it, and goes to nobody but whom the user named. No TLS either: in the mesh that is the
//! sidecar's, which listens on loopback.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value, json};
use service::Failure;
use ureq::Agent;
use ureq::http::{Response, Uri};

/// Longer than the longest `Prefer: wait`, and than the proxy lets a vote take.
const REQUEST_MAX: Duration = Duration::from_secs(40);

/// Far above anything that the API or Envoy's admin interface answers here.
const BODY_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// More than an auditor has under way at once: each connection is used again.
const CONNECTIONS_MAX: usize = 1024;

/// A service's address, such as `http://127.0.0.1:10000`.
#[derive(Clone, Debug)]
pub struct Base(String);

impl Base {
    /// Reads `http://HOST[:PORT]`.
    ///
    /// # Errors
    ///
    /// A sentence that says what is expected.
    pub fn parse(text: &str) -> Result<Base, String> {
        let uri: Uri = text.parse().map_err(|_| "not a URL".to_owned())?;
        let bare = uri.path() == "/" && uri.query().is_none() && !text.contains(['@', '#']);
        match (uri.scheme_str(), uri.authority()) {
            (Some("http"), Some(authority)) if bare => Ok(Base(format!("http://{authority}"))),
            (Some("https"), _) => {
                Err("TLS belongs to the sidecar: give its plain address, such as http://127.0.0.1:10000".to_owned())
            }
            _ => Err("give a service's address and nothing after it, such as http://127.0.0.1:10000".to_owned()),
        }
    }

    /// A port on this machine.
    pub fn local(port: u16) -> Base {
        Base(format!("http://127.0.0.1:{port}"))
    }
}

impl fmt::Display for Base {
    /// The address, without a slash at its end.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One service, and the connections to it.
pub struct Client {
    agent: Agent,
    base: Base,
}

/// What a service answered, whatever its status.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: String,
}

/// What there is under a path.
pub enum Fetched {
    /// The whole file.
    Bytes(Vec<u8>),
    /// Nothing.
    Missing,
    /// More than was asked for.
    TooLong,
}

impl Answer {
    /// The body as JSON, null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

impl Client {
    /// A client of the service at this address.
    pub fn new(base: Base) -> Client {
        Client::with_patience(base, REQUEST_MAX)
    }

    /// A client that waits at most so long for a whole answer.
    pub fn with_patience(base: Base, patience: Duration) -> Client {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(patience))
            .max_idle_connections(CONNECTIONS_MAX)
            .max_idle_connections_per_host(CONNECTIONS_MAX)
            .user_agent(concat!("hashicoin/", env!("CARGO_PKG_VERSION")))
            .build();
        Client {
            agent: config.into(),
            base,
        }
    }

    /// The service's address.
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// GET.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn get(&self, target: &str) -> Result<Answer, Failure> {
        self.answer(self.agent.get(self.url(target)).call())
    }

    /// GET of a file of at most so many bytes.
    ///
    /// # Errors
    ///
    /// When there is no answer in time, or one with another status than 200 and 404.
    pub fn file(&self, target: &str, bytes_max: u64) -> Result<Fetched, Failure> {
        let mut response = self
            .agent
            .get(self.url(target))
            .call()
            .map_err(|error| self.no_answer(&error))?;
        match response.status().as_u16() {
            200 => match response.body_mut().with_config().limit(bytes_max).read_to_vec() {
                Ok(bytes) => Ok(Fetched::Bytes(bytes)),
                Err(ureq::Error::BodyExceedsLimit(_)) => Ok(Fetched::TooLong),
                Err(error) => Err(self.no_answer(&error)),
            },
            404 => Ok(Fetched::Missing),
            status => Err(Failure::CouldNot(format!(
                "{} answered {status} to GET {target}: neither the file, nor that there is none",
                self.base.0
            ))),
        }
    }

    /// PUT of a JSON body.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn put(&self, target: &str, body: &Value) -> Result<Answer, Failure> {
        let request = self.agent.put(self.url(target)).content_type("application/json");
        self.answer(request.send(body.to_string()))
    }

    /// Takes a coin of the pool; the same key gets the same coin.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn take_coin(&self, idempotency_key: &str) -> Result<Answer, Failure> {
        let request = self.agent.post(self.url("/v1/coins"));
        self.answer(request.header("idempotency-key", idempotency_key).send_empty())
    }

    /// Casts a vote with the token of a coin, or with none. `target` is `/v1/votes` and whatever else is to be tried there.
    ///
    /// # Errors
    ///
    /// When there is no answer. The vote may be counted all the same.
    pub fn vote(
        &self,
        target: &str,
        token: Option<&str>,
        weights: &Map<String, Value>,
        wait_s: Option<u8>,
    ) -> Result<Answer, Failure> {
        let mut request = self.agent.post(self.url(target)).content_type("application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("{} {token}", coin::SCHEME));
        }
        if let Some(seconds) = wait_s {
            request = request.header("prefer", format!("wait={seconds}"));
        }
        self.answer(request.send(json!({"weights": weights}).to_string()))
    }

    fn url(&self, target: &str) -> String {
        format!("{}{target}", self.base.0)
    }

    fn answer(&self, result: Result<Response<ureq::Body>, ureq::Error>) -> Result<Answer, Failure> {
        let read = |mut response: Response<ureq::Body>| {
            let body = response
                .body_mut()
                .with_config()
                .limit(BODY_BYTES_MAX)
                .read_to_string()?;
            Ok(Answer {
                status: response.status().as_u16(),
                body,
            })
        };
        result.and_then(read).map_err(|error| self.no_answer(&error))
    }

    fn no_answer(&self, error: &ureq::Error) -> Failure {
        Failure::CouldNot(format!(
            "no answer from {}: {error}: check the address, and whether it runs",
            self.base.0
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::Base;

    #[test]
    fn an_address_is_plain_http_and_nothing_after_it() {
        for good in [
            "http://127.0.0.1:10000",
            "http://127.0.0.1:10000/",
            "http://api.example",
            "http://[::1]:80",
        ] {
            let base = Base::parse(good).unwrap();
            assert_eq!(base.to_string(), good.trim_end_matches('/'));
        }
        for bad in [
            "",
            "127.0.0.1:10000",
            "https://api.example",
            "ftp://api.example",
            "http://api.example/v1",
            "http://api.example/?a",
            "http://api.example#a",
            "http://user:password@api.example",
        ] {
            assert!(Base::parse(bad).is_err(), "{bad:?}");
        }
    }
}
