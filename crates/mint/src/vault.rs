//! Vault Transit as the signer: one `transit/sign/NAME` request with `batch_input` for each batch.
//!
//! The private key never leaves Vault. What comes back is a signature for each input, in order, an error for a single input, and the request's id, under
//! which Vault's audit log has the batch.

mod client;
mod settings;
mod trouble;

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coin::{Keyring, Serial};
use serde::Deserialize;
use service::Failure;

pub use client::Client;
pub use settings::Settings;

use crate::signer::{Signed, SignedBatch, Signer};

/// What stands around each input in the request's body.
const ITEM: (&str, &str) = (r#"{"input":""#, r#""},"#);

/// A key in Vault.
pub struct Transit {
    client: Client,
    /// `transit/sign/NAME`
    sign: String,
    /// `transit/export/public-key/NAME`: the public halves of every version that is not retired, however the key is set.
    public_keys: String,
    keyring: RwLock<Arc<Keyring>>,
}

/// Vault's answer to a batch, as far as it matters here.
#[derive(Deserialize)]
struct Answer<'a> {
    request_id: &'a str,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    batch_results: Vec<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(default)]
    signature: &'a str,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
}

impl Transit {
    /// Reads the key's public halves, by which Vault, the token and the key are there.
    ///
    /// # Errors
    ///
    /// When Vault does not answer or refuses, or the key is none for coins.
    pub fn open(client: Client, mount: &str, key: &str) -> Result<Transit, Failure> {
        let mount = mount.trim_matches('/');
        let public_keys = format!("{mount}/export/public-key/{key}");
        let keyring = read_keyring(&client, &public_keys)?;
        Ok(Transit {
            client,
            sign: format!("{mount}/sign/{key}"),
            public_keys,
            keyring: RwLock::new(Arc::new(keyring)),
        })
    }

    /// Makes sure that the keyring has what the signatures name: after a rotation it is read again.
    fn learn(&self, signatures: &[Signed]) -> Result<(), Failure> {
        let known = self.keyring();
        let is_new = |signed: &Signed| known.public_key(signed.key_version).is_none();
        if signatures.iter().any(is_new) {
            let keyring = Arc::new(read_keyring(&self.client, &self.public_keys)?);
            *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = keyring;
        }
        Ok(())
    }
}

impl Signer for Transit {
    fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn sign(&self, messages: &[Vec<u8>]) -> Result<SignedBatch, Failure> {
        let answer = self.client.post(&self.sign, &body(messages))?;
        let answer: Answer<'_> = serde_json::from_slice(&answer).map_err(|error| {
            self.client
                .strange(&self.sign, &format!("is not what Vault Transit answers ({error})"))
        })?;
        // It becomes part of a file's name and of a record.
        let request_id = Serial::parse(answer.request_id)
            .ok_or_else(|| self.client.strange(&self.sign, "has no UUID as its request_id"))?
            .to_string();
        let signatures = answer
            .data
            .batch_results
            .iter()
            .enumerate()
            .map(
                |(index, item)| match (&item.error, coin::parse_vault_signature(item.signature)) {
                    (None, Some((key_version, signature))) => Ok(Signed { key_version, signature }),
                    (Some(error), _) => Err(self.client.strange(
                        &self.sign,
                        &format!("has an error for item {index} of request {request_id}: {error}"),
                    )),
                    (None, None) => Err(self.client.strange(
                        &self.sign,
                        &format!("has no signature for item {index} of request {request_id}"),
                    )),
                },
            )
            .collect::<Result<Vec<_>, _>>()?;
        self.learn(&signatures)?;
        Ok(SignedBatch {
            signatures,
            request_id: Some(request_id),
        })
    }
}

/// The request's body. Base64 needs no escaping, so it is written as text at once.
fn body(messages: &[Vec<u8>]) -> String {
    let bytes: usize = messages
        .iter()
        .map(|message| message.len().div_ceil(3) * 4 + ITEM.0.len() + ITEM.1.len())
        .sum();
    let mut body = String::with_capacity(bytes + 32);
    body.push_str(r#"{"batch_input":["#);
    for message in messages {
        body.push_str(ITEM.0);
        STANDARD.encode_string(message, &mut body);
        body.push_str(ITEM.1);
    }
    // The last comma.
    body.pop();
    body.push_str("]}");
    body
}

/// Vault leaves retired versions out, so the lowest that is there is the lowest that counts.
fn read_keyring(client: &Client, path: &str) -> Result<Keyring, Failure> {
    Keyring::from_vault_json(&client.get(path)?)
        .and_then(|keyring| {
            let lowest = keyring.versions().next().unwrap_or(1);
            keyring.with_min_version(lowest)
        })
        .map_err(|error| Failure::Refused(format!("the key at {path} in Vault is none for coins: {error}")))
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
    use serde_json::{Value, json};

    use super::{body, one_line};

    #[test]
    fn a_batch_is_json() {
        let body: Value = serde_json::from_str(&body(&[b"a".to_vec(), b"".to_vec(), b"abc\n".to_vec()])).unwrap();
        assert_eq!(
            body,
            json!({"batch_input": [{"input": "YQ=="}, {"input": ""}, {"input": "YWJjCg=="}]})
        );
    }

    #[test]
    fn errors_are_one_line() {
        let errors = [
            "1 error occurred:\n\t* permission denied\n\n".to_owned(),
            "\u{1b}[1m".to_owned(),
        ];
        assert_eq!(one_line(&errors), "1 error occurred: permission denied \\u{1b}[1m");
    }
}
