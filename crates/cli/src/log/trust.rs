//! Whose signatures are believed: keys that the user gives, or else those that the log publishes itself, which is then said.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use coin::Keyring;
use service::Failure;
use tlog::{Policy, PolicyFile, VerifierKey};
use vote::LogInfo;

use crate::input;

/// The log's keys that somebody trusts from elsewhere.
#[derive(clap::Args)]
pub struct LogPins {
    /// A key of the log that you trust, as `NAME+ID+BASE64`; give one for each version that signed [default: those that the log publishes]
    #[arg(long = "verifier-key", value_name = "VKEY", value_parser = VerifierKey::parse)]
    verifier_keys: Vec<VerifierKey>,
    /// Which witnesses have to have signed besides (c2sp.org/tlog-policy) [default: nobody has to]
    #[arg(long, value_name = "FILE")]
    witness_policy: Option<PathBuf>,
}

/// All keys that somebody trusts from elsewhere.
#[derive(clap::Args)]
pub struct Pins {
    #[command(flatten)]
    log: LogPins,
    /// The public keys of the coins that you trust, as `vault read -format=json transit/keys/NAME` prints them [default: those that the log publishes]
    #[arg(long, value_name = "FILE")]
    coin_keys: Option<PathBuf>,
}

/// Who vouches for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The user.
    Given,
    /// Nobody but the publisher of the log, who could have made it up.
    Published,
}

impl fmt::Display for Whose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Whose::Given => "given",
            Whose::Published => "published",
        })
    }
}

/// Whose signatures under checkpoints are believed.
pub struct LogTrust {
    keys: Vec<VerifierKey>,
    /// Who has to sign besides, if the user wants somebody to: what the log publishes of it is its own word.
    witnesses: Option<PolicyFile>,
    /// Who vouches for them.
    pub keys_are: Whose,
}

/// Whose signatures are believed.
pub struct Trust {
    /// Under the checkpoints.
    pub log: LogTrust,
    /// Under the coins.
    pub coin_keys: Keyring,
    /// Who vouches for them.
    pub coin_keys_are: Whose,
}

impl LogPins {
    /// The keys that were given.
    pub fn verifier_keys(&self) -> &[VerifierKey] {
        &self.verifier_keys
    }

    /// The keys that were given, or else those that the log publishes.
    ///
    /// # Errors
    ///
    /// [`Failure::Refused`] when what is published instead are no keys, or the key that was given is of another log.
    pub fn trust(&self, info: &LogInfo) -> Result<LogTrust, Failure> {
        let (keys, keys_are) = if self.verifier_keys.is_empty() {
            let parse = |text: &String| {
                VerifierKey::parse(text)
                    .map_err(|error| Failure::Refused(format!("log.json: verifier_keys: {text:?}: {error}")))
            };
            let keys: Result<Vec<VerifierKey>, Failure> = info.verifier_keys.iter().map(parse).collect();
            (keys?, Whose::Published)
        } else {
            (self.verifier_keys.clone(), Whose::Given)
        };
        if let Some(other) = keys.iter().find(|key| key.name() != info.origin()) {
            return Err(Failure::Refused(format!(
                "the log calls itself {:?}, and a key for it is that of {:?}: this is not the log that the key is for",
                info.origin(),
                other.name()
            )));
        }
        Ok(LogTrust {
            keys,
            witnesses: self.witness_policy()?,
            keys_are,
        })
    }

    /// The witnesses that were given.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or is no policy.
    pub fn witness_policy(&self) -> Result<Option<PolicyFile>, Failure> {
        let Some(path) = &self.witness_policy else {
            return Ok(None);
        };
        let text = fs::read_to_string(path).map_err(|error| Failure::io("read", path, &error))?;
        let policy = PolicyFile::parse(&text);
        policy
            .map(Some)
            .map_err(|what| Failure::CouldNot(format!("could not use {}: {what}", path.display())))
    }
}

impl Pins {
    /// The keys of the log that were given.
    pub fn verifier_keys(&self) -> &[VerifierKey] {
        self.log.verifier_keys()
    }

    /// The witnesses that were given.
    ///
    /// # Errors
    ///
    /// As [`LogPins::witness_policy`].
    pub fn witness_policy(&self) -> Result<Option<PolicyFile>, Failure> {
        self.log.witness_policy()
    }

    /// The keys of the coins, if they were given.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or is no keyring.
    pub fn coin_keys(&self) -> Result<Option<Keyring>, Failure> {
        let Some(path) = &self.coin_keys else { return Ok(None) };
        let keys = input::keys(path, 1)?;
        let keys = keys.map_err(|error| Failure::CouldNot(format!("could not use {}: {error}", path.display())))?;
        Ok(Some(keys.keyring))
    }

    /// What was given, and for the rest what the log publishes.
    ///
    /// # Errors
    ///
    /// As [`LogPins::trust`] and [`Pins::coin_keys`]; [`Failure::Refused`] when what is published instead are no keys of coins.
    pub fn trust(&self, info: &LogInfo) -> Result<Trust, Failure> {
        let (coin_keys, coin_keys_are) = match self.coin_keys()? {
            Some(keyring) => (keyring, Whose::Given),
            None => {
                let keyring = Keyring::from_vault_value(&info.coin_keys)
                    .map_err(|error| Failure::Refused(format!("log.json: coin_keys: {error}")))?;
                (keyring, Whose::Published)
            }
        };
        Ok(Trust {
            log: self.log.trust(info)?,
            coin_keys,
            coin_keys_are,
        })
    }
}

impl LogTrust {
    /// Which checkpoints of a log with this name are believed: the names of one ledger's logs differ, and its keys are the same.
    ///
    /// # Errors
    ///
    /// When the origin cannot be a key's name.
    pub fn policy(&self, origin: &str) -> Result<Policy, Failure> {
        let named = |key: &VerifierKey| VerifierKey::new(origin, key.algorithm(), key.public_key().clone());
        let keys: Result<Vec<VerifierKey>, _> = self.keys.iter().map(named).collect();
        let keys = keys.map_err(|error| Failure::Refused(format!("{origin:?} cannot be a log's name: {error}")))?;
        Ok(Policy::new(origin, keys))
    }

    /// The same, and the witnesses that the user wants have to have signed. The latest checkpoint covers all that came before it, so it is enough to ask this of that one.
    ///
    /// # Errors
    ///
    /// As [`LogTrust::policy`], and when the policy is out of reach.
    pub fn witnessed_policy(&self, origin: &str) -> Result<Policy, Failure> {
        let policy = self.policy(origin)?;
        let Some(file) = &self.witnesses else { return Ok(policy) };
        let keys = file.witnesses.iter().map(|witness| witness.key.clone()).collect();
        let policy = policy.with_witnesses(keys, file.quorum);
        policy.map_err(|error| Failure::Refused(format!("the witnesses' policy: {error}")))
    }

    /// How many witnesses the user wants to have signed.
    pub fn quorum(&self) -> Option<usize> {
        self.witnesses.as_ref().map(|file| file.quorum)
    }
}
