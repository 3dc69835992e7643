//! Requests to Vault: patient with what passes, plain about what does not, and silent about the token.
//!
//! A request that is not answered is sent again, after a pause that doubles and is never the same for two callers. That is safe here: signing changes
//! nothing in Vault, and the same message gets the same signature.

use std::fmt::Write;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use service::Failure;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, http};

use crate::settings::{Settings, Token};
use crate::trouble::{self, Trouble};

/// How long one attempt may take: Vault's own limit for a request.
const ATTEMPT_MAX: Duration = Duration::from_secs(90);
/// How long a connection may take to come up.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Above every answer to the largest batch.
const ANSWER_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// The first pause, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Who asks Vault: what messages and requests say of it.
#[derive(Clone, Copy)]
pub struct Caller {
    /// The program, for Vault's log.
    pub program: &'static str,
    /// The role in Vault whose tokens it uses.
    pub role: &'static str,
    /// What to do when Vault stayed away for too long.
    pub advice: &'static str,
    /// Where it goes, as one line, that Vault is waited for.
    pub say: fn(&str),
}

/// One Vault, and the connections to it.
pub struct Client {
    agent: Agent,
    caller: Caller,
    settings: Settings,
    /// How long something that passes may last.
    patience: Duration,
    /// When the token is to be renewed, if ever.
    renewal: Mutex<Option<Instant>>,
    /// What was said last about Vault's state, so that it is said once.
    said: Mutex<String>,
    /// Somebody's patience is over, or was of no use: the others' is too, until Vault answers again.
    gave_up: AtomicBool,
}

#[derive(Deserialize)]
struct LookUp {
    data: TokenData,
}

#[derive(Deserialize)]
struct TokenData {
    ttl: u64,
    #[serde(default)]
    renewable: bool,
}

#[derive(Deserialize)]
struct Renewed {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    lease_duration: u64,
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<String>,
}

impl Client {
    /// Prepares, and looks how long the token lasts. A Vault that is sealed or away is waited for.
    ///
    /// # Errors
    ///
    /// When the CA's certificate cannot be read, Vault stays away for longer than `patience`, or the token is refused.
    pub fn connect(
        caller: Caller,
        settings: Settings,
        patience: Duration,
        connections: usize,
    ) -> Result<Client, Failure> {
        let config = Agent::config_builder()
            // Each status is judged, and the token goes nowhere but to the address that was given.
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .tls_config(tls_config(&settings)?)
            .timeout_connect(Some(CONNECT_MAX))
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            .user_agent(format!("{}/{}", caller.program, env!("CARGO_PKG_VERSION")))
            .build();
        let client = Client {
            agent: config.into(),
            caller,
            settings,
            patience,
            renewal: Mutex::new(None),
            said: Mutex::default(),
            gave_up: AtomicBool::new(false),
        };
        if client.settings.token.is_some() {
            let path = "auth/token/lookup-self";
            let token: LookUp = client.read(path, &client.get(path)?)?;
            if token.data.renewable && token.data.ttl > 0 {
                *client.renewal() = Some(renew_at(token.data.ttl));
            }
        }
        Ok(client)
    }

    /// GET of a path below `/v1/`.
    ///
    /// # Errors
    ///
    /// When Vault refuses, or stays away for longer than is waited for.
    pub fn get(&self, path: &str) -> Result<Vec<u8>, Failure> {
        self.request(path, None, || self.renew_token_if_due())
    }

    /// POST of a JSON body.
    ///
    /// # Errors
    ///
    /// As [`Client::get`].
    pub fn post(&self, path: &str, body: &str) -> Result<Vec<u8>, Failure> {
        self.request(path, Some(body), || self.renew_token_if_due())
    }

    /// Makes the token last when two thirds of its time are over.
    pub(crate) fn renew_token_if_due(&self) -> Result<(), Failure> {
        // Whoever else comes waits for the renewal: with a token that has run out there is nothing else to do.
        let mut renewal = self.renewal();
        if renewal.is_some_and(|at| at <= Instant::now()) {
            let path = "auth/token/renew-self";
            let renewed: Renewed = self.read(path, &self.request(path, Some("{}"), || Ok(()))?)?;
            *renewal = Some(renew_at(renewed.auth.lease_duration));
        }
        Ok(())
    }

    /// A failure over an answer that Vault should not have given.
    pub(crate) fn strange(&self, path: &str, what: &str) -> Failure {
        Failure::CouldNot(format!(
            "what {} answered to {path} {what}: nothing of it was used; is that a Vault, and of a version that is supported?",
            self.settings.address
        ))
    }

    fn renewal(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.renewal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<'a, T: Deserialize<'a>>(&self, path: &str, answer: &'a [u8]) -> Result<T, Failure> {
        // What serde says about an answer may repeat parts of it, and a token's answers hold secrets.
        serde_json::from_slice(answer).map_err(|_| self.strange(path, "does not read"))
    }

    /// Before each attempt, also a late one, `prepare` is done.
    fn request(
        &self,
        path: &str,
        body: Option<&str>,
        prepare: impl Fn() -> Result<(), Failure>,
    ) -> Result<Vec<u8>, Failure> {
        let deadline = Instant::now() + self.patience;
        let mut pause = PAUSE.0;
        loop {
            prepare()?;
            let (what, wait) = match self.attempt(path, body, deadline) {
                Ok(answer) => {
                    self.gave_up.store(false, Ordering::Relaxed);
                    self.say("");
                    return Ok(answer);
                }
                Err(Trouble::Final(failure)) => {
                    self.gave_up.store(true, Ordering::Relaxed);
                    return Err(failure);
                }
                Err(Trouble::Passing { what, wait }) => (what, wait),
            };
            let wait = wait.unwrap_or_default().max(jittered(pause));
            let left = deadline.saturating_duration_since(Instant::now());
            if wait > left || self.gave_up.load(Ordering::Relaxed) {
                self.gave_up.store(true, Ordering::Relaxed);
                return Err(Failure::CouldNot(format!(
                    "Vault at {} {what}, and did so for {} s: {}",
                    self.settings.address,
                    self.patience.as_secs(),
                    self.caller.advice
                )));
            }
            self.say(&what);
            sleep(wait);
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    fn attempt(&self, path: &str, body: Option<&str>, deadline: Instant) -> Result<Vec<u8>, Trouble> {
        let place = format!("{}/v1/{path}", self.settings.address);
        // Not less than a moment, so that the last attempt is one.
        let time = deadline
            .saturating_duration_since(Instant::now())
            .clamp(CONNECT_MAX, ATTEMPT_MAX);
        let result = match body {
            None => self.prepared(self.agent.get(&place), time).call(),
            Some(body) => self.prepared(self.agent.post(&place), time).send(body),
        };
        let mut response = result.map_err(|error| trouble::of_error(&error, &place))?;
        let answer = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let answer = answer.map_err(|error| trouble::of_error(&error, &place))?;
        match response.status().as_u16() {
            200 => Ok(answer),
            status => Err(trouble::of_status(
                status,
                &said(&answer),
                &place,
                self.caller.role,
                retry_after_s(&response),
            )),
        }
    }

    fn prepared<B>(&self, request: ureq::RequestBuilder<B>, time: Duration) -> ureq::RequestBuilder<B> {
        // A Vault Agent may be set to want this header, so that a page in a browser cannot ask it.
        let mut request = request.header("x-vault-request", "true");
        if let Some(token) = &self.settings.token {
            request = request.header("x-vault-token", Token::secret(token));
        }
        if let Some(namespace) = &self.settings.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        request.config().timeout_global(Some(time)).build()
    }

    /// Says what Vault's state is, when it is another than before; nothing for a good one.
    fn say(&self, what: &str) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if *said != what {
            what.clone_into(&mut said);
            if !what.is_empty() {
                let (address, patience) = (&self.settings.address, self.patience.as_secs());
                (self.caller.say)(&format!(
                    "Vault at {address} {what}: trying again, for {patience} s at most"
                ));
            }
        }
    }
}

/// Who may vouch for Vault: those in the file, and nobody whom the machine happens to trust.
fn tls_config(settings: &Settings) -> Result<TlsConfig, Failure> {
    let Some(path) = &settings.ca_file else {
        return Ok(TlsConfig::default());
    };
    let pem = fs::read(path).map_err(|error| Failure::io("read the CA's certificate (VAULT_CACERT)", path, &error))?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(Failure::Refused(format!(
            "there is no certificate in {}: name the PEM file of Vault's CA in VAULT_CACERT",
            path.display()
        )));
    }
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&certificates))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build())
}

/// Vault's errors, on one line.
fn said(answer: &[u8]) -> String {
    serde_json::from_slice(answer).map_or_else(
        |_| "and no reason".to_owned(),
        |errors: Errors| one_line(&errors.errors),
    )
}

fn retry_after_s(response: &http::Response<Body>) -> Option<u64> {
    response.headers().get("retry-after")?.to_str().ok()?.parse().ok()
}

fn renew_at(ttl_s: u64) -> Instant {
    Instant::now() + Duration::from_secs(ttl_s) * 2 / 3
}

/// Between half a pause and a whole one, so that callers that were turned away together do not come back together.
fn jittered(pause: Duration) -> Duration {
    let fraction = getrandom::u32().unwrap_or(u32::MAX);
    pause / 2 + (pause / 2).mul_f64(f64::from(fraction) / f64::from(u32::MAX))
}

#[expect(clippy::disallowed_methods, reason = "waiting for Vault is what is meant")]
fn sleep(time: Duration) {
    thread::sleep(time);
}

/// `parts`, each in its own line's place: Vault's lists of errors have line ends and bullets in them.
fn one_line(parts: &[String]) -> String {
    let mut line = String::new();
    for word in parts
        .iter()
        .flat_map(|part| part.split_whitespace())
        .filter(|word| *word != "*")
    {
        let space = if line.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = write!(line, "{space}{}", word.escape_debug());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn errors_are_one_line() {
        let errors = [
            "1 error occurred:\n\t* permission denied\n\n".to_owned(),
            "\u{1b}[1m".to_owned(),
        ];
        assert_eq!(one_line(&errors), "1 error occurred: permission denied \\u{1b}[1m");
    }
}
