//! The key that signs the log's checkpoints: in Vault Transit, or in a file.
//!
//! No signature is believed before it is checked, and a note is signed by the newest version of the key. The keys that check are published for every
//! version, so that what an older one signed stays good.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use coin::PublicKey;
use ed25519_compact::KeyPair;
use service::Failure;
use tlog::{Algorithm, Note, VerifierKey};
use transit::{Caller, Client, Key, Settings};

/// The ledger, as Vault's client knows it.
const CALLER: Caller = Caller {
    program: "hashicoin-ledger",
    role: "log-signer",
    advice: "see to it; votes are counted meanwhile, and the next checkpoint covers them",
    say: |line| tracing::warn!("{line}"),
};

/// Signs checkpoints under the log's name.
pub struct LogKey {
    origin: String,
    holder: Arc<Holder>,
}

/// Who has the private key.
enum Holder {
    Vault(Box<Key>),
    /// With its public half, whose tables are made once.
    File(KeyPair, PublicKey),
}

impl LogKey {
    /// The key `name` in Vault, for the log that calls itself `origin`. A Vault that is away is waited for, now and at each signature, for `patience`.
    ///
    /// # Errors
    ///
    /// When Vault does not answer or refuses, the key is not Ed25519, or the origin cannot be a key's name.
    pub fn in_vault(
        settings: Settings,
        patience: Duration,
        mount: &str,
        name: &str,
        origin: &str,
    ) -> Result<LogKey, Failure> {
        // One signer, one connection.
        let client = Client::connect(CALLER, settings, patience, 1)?;
        let key = Key::open(client, mount, name)?;
        LogKey::new(origin, Holder::Vault(Box::new(key)))
    }

    /// The key in a file: one version, the first.
    ///
    /// # Errors
    ///
    /// As [`key_file::read`], and when the key is none that a verifier accepts, or the origin cannot be a key's name.
    pub fn in_file(path: &Path, origin: &str) -> Result<LogKey, Failure> {
        let key = key_file::read(path)?;
        let public_key = PublicKey::from_bytes(*key.pk).ok_or_else(|| {
            Failure::Refused("the log's key file has a key that no verifier accepts: make a new one".to_owned())
        })?;
        LogKey::new(origin, Holder::File(key, public_key))
    }

    fn new(origin: &str, holder: Holder) -> Result<LogKey, Failure> {
        let key = LogKey {
            origin: origin.to_owned(),
            holder: Arc::new(holder),
        };
        key.verifier_keys()?;
        Ok(key)
    }

    /// The same key, for another log.
    ///
    /// # Errors
    ///
    /// When the origin cannot be a key's name.
    pub fn named(&self, origin: &str) -> Result<LogKey, Failure> {
        let key = LogKey {
            origin: origin.to_owned(),
            holder: Arc::clone(&self.holder),
        };
        key.verifier_keys()?;
        Ok(key)
    }

    /// The log's name, which is the keys' name too.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Adds the signature of the newest version, and says which one that is.
    ///
    /// # Errors
    ///
    /// When Vault does not answer or refuses, or what it answered is not the key's signature of this text; then nothing is added. It can be tried again.
    pub fn sign(&self, note: &mut Note) -> Result<u32, Failure> {
        let text = note.text().as_bytes();
        let (version, signature) = match &*self.holder {
            Holder::Vault(key) => {
                let signed = key.sign(text)?;
                (signed.key_version, signed.signature)
            }
            Holder::File(key, _) => (1, *key.sk.sign(text, None)),
        };
        let verifier_keys = self.verifier_keys()?;
        let key = verifier_keys.get(&version).ok_or_else(|| {
            Failure::CouldNot(format!(
                "a checkpoint was signed by version {version} of the log's key, whose public half there is not: nothing was published; look at the key in Vault"
            ))
        })?;
        note.add_signature(key, &signature).map_err(|error| {
            Failure::CouldNot(format!(
                "the signature of a checkpoint is not to be used: {error}: nothing was published; look at the key in Vault"
            ))
        })?;
        Ok(version)
    }

    /// The keys that check the log's notes, by version: those that there were at the opening, and those that have signed since.
    ///
    /// # Errors
    ///
    /// When the origin cannot be a key's name.
    pub fn verifier_keys(&self) -> Result<BTreeMap<u32, VerifierKey>, Failure> {
        match &*self.holder {
            Holder::Vault(key) => {
                let keyring = key.keyring();
                let keys = keyring
                    .versions()
                    .filter_map(|version| Some((version, keyring.public_key(version)?.clone())));
                keys.map(|(version, key)| Ok((version, self.verifier_key(key)?)))
                    .collect()
            }
            Holder::File(_, public_key) => Ok(BTreeMap::from([(1, self.verifier_key(public_key.clone())?)])),
        }
    }

    fn verifier_key(&self, public_key: PublicKey) -> Result<VerifierKey, Failure> {
        VerifierKey::new(&self.origin, Algorithm::Ed25519, public_key)
            .map_err(|error| Failure::Refused(format!("{:?} cannot be the log's name: {error}", self.origin)))
    }

    /// Makes Vault's token last. Signing does it too: this is for a log that has nothing to sign for hours.
    ///
    /// # Errors
    ///
    /// When Vault does not answer or refuses.
    pub fn keep(&self) -> Result<(), Failure> {
        match &*self.holder {
            Holder::Vault(key) => key.keep(),
            Holder::File(..) => Ok(()),
        }
    }
}
