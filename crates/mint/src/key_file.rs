//! A signing key in a file, for development: PKCS#8 PEM, readable by its owner alone.
//!
//! Nothing here prints a private key, and none is put into an error.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coin::Keyring;
use ed25519_compact::{KeyPair, Seed};
use serde_json::{Value, json};
use service::Failure;

use crate::signer::{Signed, SignedBatch, Signer};

/// Far above any PKCS#8 Ed25519 file, so that a wrong path does not pull a large file into memory.
const KEY_FILE_BYTES_MAX: u64 = 4096;

/// Whoever may do anything at all with the file besides its owner.
const MODE_GROUP_AND_OTHERS: u32 = 0o077;

/// Makes a new key and writes it, mode 0600, durable before this returns.
///
/// # Errors
///
/// When the file exists already, whatever it holds, or cannot be written.
pub fn create(path: &Path) -> Result<(), Failure> {
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Failure::CouldNot(format!("the system gave no random bytes: {error}")))?;
    let pem = KeyPair::from_seed(Seed::new(seed)).sk.to_pem();
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Failure::Refused(format!(
                "{} exists, and a key is never overwritten: choose another --out",
                path.display()
            )));
        }
        other => other.map_err(|error| Failure::io("create", path, &error))?,
    };
    file.write_all(pem.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| Failure::io("write", path, &error))
}

/// Reads a key file.
///
/// # Errors
///
/// When it cannot be read, when anybody but its owner may read or change it, or when it is no Ed25519 key.
pub fn read(path: &Path) -> Result<KeyPair, Failure> {
    let file = File::open(path).map_err(|error| Failure::io("open the key file", path, &error))?;
    // The opened file is asked, not the path: a path can be swapped between the two.
    let metadata = file.metadata().map_err(|error| Failure::io("inspect", path, &error))?;
    if metadata.mode() & MODE_GROUP_AND_OTHERS != 0 {
        return Err(Failure::Refused(format!(
            "{path} is open to others than its owner (mode {mode:04o}): run `chmod 600 {path}`, and make a new key if somebody may have read it",
            path = path.display(),
            mode = metadata.mode() & 0o7777,
        )));
    }
    let mut pem = String::new();
    file.take(KEY_FILE_BYTES_MAX)
        .read_to_string(&mut pem)
        .ok()
        .and_then(|_| KeyPair::from_pem(&pem).ok())
        .ok_or_else(|| {
            Failure::Refused(format!(
                "{} is not an Ed25519 private key in PKCS#8 PEM: make one with `hashicoin-mint keygen --out FILE`",
                path.display()
            ))
        })
}

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
    /// As [`read`], and when the key's public half is none that a verifier would accept.
    pub fn open(path: &Path, version: u32) -> Result<KeyFile, Failure> {
        let key = read(path)?;
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
