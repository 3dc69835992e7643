//! The public keys, by version, read from Vault's own JSON.
//!
//! Two answers of Vault's Transit engine are understood, each as the whole response or as its `data` alone:
//!
//! - `transit/keys/NAME`: `keys."1".public_key`, with `type` and `min_decryption_version` beside `keys`;
//! - `transit/export/public-key/NAME`: `keys."1"` is the key itself.
//!
//! Both write a key as the standard base64 of its 32 bytes. Fields that this crate does not know are left alone: the file is Vault's, and Vault adds
//! to it. What is read must be right: one bad key refuses the whole keyring, because a keyring that silently lost a key turns good
//! coins away, and the mistake should be seen when it is made.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::token::parse_key_version;
use crate::{PublicKey, Refusal};

/// The most key versions that a keyring holds. Each that signatures are checked against takes 640 KiB, in every worker of a proxy.
pub const KEYS_MAX: usize = 64;

/// Public keys by version, and the lowest version that still counts. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyring {
    keys: BTreeMap<u32, PublicKey>,
    min_version: u32,
}

/// Everything that is wrong with a keyring, one sentence each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyringError(Vec<String>);

impl KeyringError {
    /// The mistakes, in the order in which they stand in the file.
    pub fn mistakes(&self) -> &[String] {
        &self.0
    }

    fn one(mistake: impl Into<String>) -> KeyringError {
        KeyringError(vec![mistake.into()])
    }
}

impl fmt::Display for KeyringError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for KeyringError {}

impl Keyring {
    /// Reads Vault's answer from its text.
    ///
    /// # Errors
    ///
    /// Every mistake at once: not JSON, no keys, a key of another type, a derived key, a version that is no number from 1, a key that is not 32 bytes of
    /// standard base64 or not a usable point, more than [`KEYS_MAX`] keys, a minimum version above every key.
    pub fn from_vault_json(text: &[u8]) -> Result<Keyring, KeyringError> {
        let value = serde_json::from_slice(text).map_err(|error| KeyringError::one(format!("not JSON: {error}")))?;
        Keyring::from_vault_value(&value)
    }

    /// Reads Vault's answer from JSON that is already parsed.
    ///
    /// # Errors
    ///
    /// As [`Keyring::from_vault_json`].
    pub fn from_vault_value(value: &Value) -> Result<Keyring, KeyringError> {
        let data = value.get("data").unwrap_or(value);
        let Some(entries) = data.get("keys").and_then(Value::as_object) else {
            return Err(KeyringError::one(
                "no \"keys\" object: give what `vault read -format=json transit/keys/NAME` prints",
            ));
        };
        let mut mistakes = Vec::new();
        if let Some(kind) = data.get("type").filter(|kind| *kind != "ed25519") {
            mistakes.push(format!("the key's type is {kind}; coins are signed with \"ed25519\""));
        }
        if data
            .get("derived")
            .is_some_and(|derived| *derived != Value::Bool(false))
        {
            mistakes
                .push("the key is derived: it has no public key of its own; make one without derived=true".to_owned());
        }
        let min_version = read_min_version(data, &mut mistakes);
        let keys = read_keys(entries, &mut mistakes);
        if !mistakes.is_empty() {
            return Err(KeyringError(mistakes));
        }
        Keyring { keys, min_version: 1 }.with_min_version(min_version)
    }

    /// Retires every version below `min_version`. Vault's own `min_decryption_version` stays in force: the higher of the two counts.
    ///
    /// # Errors
    ///
    /// When no key would be left.
    pub fn with_min_version(mut self, min_version: u32) -> Result<Keyring, KeyringError> {
        self.min_version = self.min_version.max(min_version);
        if self.max_version() < self.min_version {
            let (min, max) = (self.min_version, self.max_version());
            return Err(KeyringError::one(format!(
                "the minimum version is {min}, above every key (the newest is {max})"
            )));
        }
        Ok(self)
    }

    /// The versions that the keyring holds, retired ones included, ascending.
    pub fn versions(&self) -> impl Iterator<Item = u32> + '_ {
        self.keys.keys().copied()
    }

    /// The lowest version that still counts.
    pub fn min_version(&self) -> u32 {
        self.min_version
    }

    /// The newest version.
    pub fn max_version(&self) -> u32 {
        self.keys.keys().next_back().copied().unwrap_or(0)
    }

    /// A version's key, retired or not.
    pub fn public_key(&self, version: u32) -> Option<&PublicKey> {
        self.keys.get(&version)
    }

    /// The key that a coin of this version must verify against: that one or none, never another.
    ///
    /// # Errors
    ///
    /// [`Refusal::KeyRetired`] below the minimum, whether or not the key is still here, since Vault takes retired keys out of its
    /// answer; [`Refusal::KeyUnknown`] for a version that the keyring does not have.
    pub fn find(&self, version: u32) -> Result<&PublicKey, Refusal> {
        if version < self.min_version {
            return Err(Refusal::KeyRetired);
        }
        self.keys.get(&version).ok_or(Refusal::KeyUnknown)
    }
}

fn read_min_version(data: &Value, mistakes: &mut Vec<String>) -> u32 {
    let Some(value) = data.get("min_decryption_version") else {
        return 1;
    };
    value
        .as_u64()
        .and_then(|version| u32::try_from(version).ok())
        .unwrap_or_else(|| {
            mistakes.push(format!("min_decryption_version is {value}, not a version number"));
            1
        })
}

fn read_keys(entries: &Map<String, Value>, mistakes: &mut Vec<String>) -> BTreeMap<u32, PublicKey> {
    if entries.is_empty() {
        mistakes.push("\"keys\" is empty: give what `vault read -format=json transit/keys/NAME` prints".to_owned());
    }
    if entries.len() > KEYS_MAX {
        mistakes.push(format!(
            "{} keys, and at most {KEYS_MAX} are held: trim the old versions in Vault",
            entries.len()
        ));
        return BTreeMap::new();
    }
    let mut keys = BTreeMap::new();
    for (name, entry) in entries {
        match read_key(name, entry) {
            Ok((version, key)) => drop(keys.insert(version, key)),
            Err(mistake) => mistakes.push(format!("keys.{name:?}: {mistake}")),
        }
    }
    keys
}

fn read_key(name: &str, entry: &Value) -> Result<(u32, PublicKey), &'static str> {
    let version = parse_key_version(name.as_bytes()).ok_or("the name is not a key version (a number from 1)")?;
    let text = entry
        .get("public_key")
        .unwrap_or(entry)
        .as_str()
        .ok_or("no public key in it")?;
    let bytes = STANDARD
        .decode(text)
        .map_err(|_| "the public key is not standard base64")?;
    let bytes = bytes.try_into().map_err(|_| "the public key is not 32 bytes")?;
    let key = PublicKey::from_bytes(bytes).ok_or("the public key is not a usable Ed25519 point")?;
    Ok((version, key))
}
