//! A key file as the signer, for development.

use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coin::Keyring;
use ed25519_compact::KeyPair;
use serde_json::{Value, json};
use service::Failure;

use crate::signer::{Signed, SignedBatch, Signer};

/// The public halves as `vault read -format=json transit/keys/hashicoin` prints them, as far as a file can know: version N is the N-th key.
/// What Vault alone knows (creation times, deletion rules) is left out rather than invented.
pub fn public_keys_json<'a>(keys: impl IntoIterator<Item = (u32, &'a KeyPair)>) -> Value {
    let entries: serde_json::Map<String, Value> = keys
        .into_iter()
        .map(|(version, key)| {
            let public_key = STANDARD.encode(*key.pk);
            (
                version.to_string(),
                json!({"name": "ed25519", "public_key": public_key}),
            )
        })
        .collect();
    json!({
        "data": {
            "name": "hashicoin",
            "type": "ed25519",
            "derived": false,
            "supports_signing": true,
            "min_decryption_version": 1,
            "latest_version": entries.keys().filter_map(|version| version.parse::<u32>().ok()).max(),
            "keys": entries,
        }
    })
}

/// A key file as a signer: one key, one version.
pub struct KeyFile {
    key: KeyPair,
    version: u32,
    keyring: Arc<Keyring>,
}

impl KeyFile {
    /// Opens a key file; its signatures say `version`.
    ///
    /// # Errors
    ///
    /// As [`key_file::read`], and when the key's public half is none that a verifier would accept.
    pub fn open(path: &Path, version: u32) -> Result<KeyFile, Failure> {
        let key = key_file::read(path)?;
        // The keyring is read back from the JSON that verifiers get, so that what is checked here is what is checked there.
        let keyring = Keyring::from_vault_value(&public_keys_json([(version, &key)]))
            .map_err(|error| Failure::Refused(format!("the key in {} cannot be used: {error}", path.display())))?;
        let keyring = Arc::new(keyring);
        Ok(KeyFile { key, version, keyring })
    }
}

impl Signer for KeyFile {
    fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring)
    }

    fn sign(&self, messages: &[Vec<u8>]) -> Result<SignedBatch, Failure> {
        // No noise: with it two runs would give one coin two signatures.
        let sign = |message: &Vec<u8>| Signed {
            key_version: self.version,
            signature: *self.key.sk.sign(message, None),
        };
        Ok(SignedBatch {
            signatures: messages.iter().map(sign).collect(),
            request_id: None,
        })
    }
}
