//! A key in Vault: `transit/sign/NAME`, and its public halves from `transit/export/public-key/NAME`.
//!
//! The signatures are as Vault gave them: whoever asked checks them with [`Key::keyring`] before he believes them.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coin::{Keyring, SIGNATURE_BYTES};
use serde::Deserialize;
use service::Failure;

use crate::Client;

/// What stands around each input in a batch's body.
const ITEM: (&str, &str) = (r#"{"input":""#, r#""},"#);

/// An Ed25519 key in Vault. Several threads may use it at once.
pub struct Key {
    client: Client,
    /// `transit/sign/NAME`
    sign: String,
    /// `transit/export/public-key/NAME`: the public halves of every version that is not retired, however the key is set.
    public_keys: String,
    keyring: RwLock<Arc<Keyring>>,
}

/// One signature, and the version of the key that made it.
pub struct Signed {
    /// The key's version, from 1: the newest at the moment of signing.
    pub key_version: u32,
    /// Pure Ed25519 (RFC 8032) over the message as it is.
    pub signature: [u8; SIGNATURE_BYTES],
}

/// What one request for many signatures gave.
pub struct Batch {
    /// As many as messages, in their order.
    pub signatures: Vec<Signed>,
    /// The name under which Vault's audit log has the request, as Vault wrote it.
    pub request_id: String,
}

/// Vault's answer to one input.
#[derive(Deserialize)]
struct One<'a> {
    #[serde(borrow)]
    data: OneSignature<'a>,
}

#[derive(Deserialize)]
struct OneSignature<'a> {
    signature: &'a str,
}

/// Vault's answer to a batch, as far as it matters here.
#[derive(Deserialize)]
struct Many<'a> {
    request_id: &'a str,
    #[serde(borrow)]
    data: ManySignatures<'a>,
}

#[derive(Deserialize)]
struct ManySignatures<'a> {
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

impl Key {
    /// Reads the key's public halves, by which Vault, the token and the key are there.
    ///
    /// # Errors
    ///
    /// When Vault does not answer or refuses, or the key is not Ed25519.
    pub fn open(client: Client, mount: &str, name: &str) -> Result<Key, Failure> {
        let mount = mount.trim_matches('/');
        let public_keys = format!("{mount}/export/public-key/{name}");
        let keyring = read_keyring(&client, &public_keys)?;
        Ok(Key {
            client,
            sign: format!("{mount}/sign/{name}"),
            public_keys,
            keyring: RwLock::new(Arc::new(keyring)),
        })
    }

    /// The public keys of every version that has signed here.
    pub fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Signs one message.
    ///
    /// # Errors
    ///
    /// When Vault does not answer or refuses, or the answer is none.
    pub fn sign(&self, message: &[u8]) -> Result<Signed, Failure> {
        // Base64 needs no escaping.
        let answer = self
            .client
            .post(&self.sign, &format!(r#"{{"input":"{}"}}"#, STANDARD.encode(message)))?;
        let answer: One<'_> = self.read(&answer)?;
        let signed =
            Signed::parse(answer.data.signature).ok_or_else(|| self.client.strange(&self.sign, "has no signature"))?;
        self.learn([&signed])?;
        Ok(signed)
    }

    /// Signs each message, in one request.
    ///
    /// # Errors
    ///
    /// As [`Key::sign`]; when any message could not be signed, none counts as signed.
    pub fn sign_batch(&self, messages: &[Vec<u8>]) -> Result<Batch, Failure> {
        let answer = self.client.post(&self.sign, &body(messages))?;
        let answer: Many<'_> = self.read(&answer)?;
        let request_id = answer.request_id.escape_debug().to_string();
        let signatures = answer
            .data
            .batch_results
            .iter()
            .enumerate()
            .map(|(index, item)| match (&item.error, Signed::parse(item.signature)) {
                (None, Some(signed)) => Ok(signed),
                (Some(error), _) => Err(self.client.strange(
                    &self.sign,
                    &format!("has an error for item {index} of request {request_id}: {error}"),
                )),
                (None, None) => Err(self.client.strange(
                    &self.sign,
                    &format!("has no signature for item {index} of request {request_id}"),
                )),
            })
            .collect::<Result<Vec<_>, _>>()?;
        self.learn(&signatures)?;
        Ok(Batch { signatures, request_id })
    }

    /// Makes the token last, if it is time. Every request does it too: this is for whoever makes none for hours.
    ///
    /// # Errors
    ///
    /// When Vault does not answer or refuses.
    pub fn keep(&self) -> Result<(), Failure> {
        self.client.renew_token_if_due()
    }

    fn read<'a, T: Deserialize<'a>>(&self, answer: &'a [u8]) -> Result<T, Failure> {
        serde_json::from_slice(answer).map_err(|error| {
            self.client
                .strange(&self.sign, &format!("is not what Vault Transit answers ({error})"))
        })
    }

    /// Makes sure that the keyring has what the signatures name: after a rotation it is read again.
    fn learn<'a>(&self, signatures: impl IntoIterator<Item = &'a Signed>) -> Result<(), Failure> {
        let known = self.keyring();
        let is_new = |signed: &Signed| known.public_key(signed.key_version).is_none();
        if signatures.into_iter().any(is_new) {
            let keyring = Arc::new(read_keyring(&self.client, &self.public_keys)?);
            *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = keyring;
        }
        Ok(())
    }
}

impl Signed {
    fn parse(text: &str) -> Option<Signed> {
        coin::parse_vault_signature(text).map(|(key_version, signature)| Signed { key_version, signature })
    }
}

/// A batch's body. Base64 needs no escaping, so it is written as text at once.
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
        .map_err(|error| Failure::Refused(format!("the key at {path} in Vault cannot be used: {error}")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::body;

    #[test]
    fn a_batch_is_json() {
        let body: Value = serde_json::from_str(&body(&[b"a".to_vec(), b"".to_vec(), b"abc\n".to_vec()])).unwrap();
        assert_eq!(
            body,
            json!({"batch_input": [{"input": "YQ=="}, {"input": ""}, {"input": "YWJjCg=="}]})
        );
    }
}
