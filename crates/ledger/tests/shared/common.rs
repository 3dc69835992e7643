//! A mint, a campaign and a place on disk for the tests: fixed keys, a clock that stands still until it is set.

use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coin::{Campaign, Coin, Keyring, Serial, SignedCoin, Timestamp};
use ed25519_compact::{KeyPair, Seed};
use ledger::{Ledger, Options, Outcome, SubmitError};
use serde_json::{Value, json};
use tempfile::TempDir;
use tlog::Hash;
use tokio::task::JoinHandle;
use vote::{CampaignFile, Nullifier, Vote};

/// When the tests take place.
pub const NOW: &str = "2026-01-01T00:00:00Z";
/// When the tests' coins expire.
pub const EXPIRES: &str = "2030-01-01T00:00:00Z";

fn key_pair(version: u8) -> KeyPair {
    KeyPair::from_seed(Seed::new([version; 32]))
}

/// Versions 1 and 2 of the key.
pub fn keyring() -> Keyring {
    let entry = |version| json!({ "public_key": STANDARD.encode(*key_pair(version).pk) });
    Keyring::from_vault_value(&json!({ "keys": { "1": entry(1), "2": entry(2) } })).unwrap()
}

/// The campaign as JSON: three charities, a donation that three do not divide.
pub fn campaign_json() -> Value {
    json!({
        "campaign": "hashiconf-2020",
        "donation": { "currency": "USD", "minor_units": 1000 },
        "charities": [
            { "id": "a", "name": "A", "about": "The first." },
            { "id": "b", "name": "B", "about": "The second." },
            { "id": "c", "name": "C", "about": "The third." },
        ],
    })
}

/// A campaign file from its JSON.
pub fn campaign_of(value: &Value) -> CampaignFile {
    CampaignFile::parse(value.to_string().as_bytes()).unwrap()
}

/// The campaign, parsed.
pub fn campaign() -> CampaignFile {
    campaign_of(&campaign_json())
}

/// A vote of the campaign.
pub fn vote(weights: Value) -> Vote {
    Vote::parse(&weights, campaign().charities()).unwrap()
}

/// The serial that the tests call by this number.
pub fn serial(number: u64) -> Serial {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    Serial::from_bytes(bytes)
}

/// The nullifier of a coin by its serial's number.
pub fn nullifier(number: u64) -> Nullifier {
    Nullifier::of(&serial(number))
}

/// A coin by its serial's number, with a signature that nobody has made: for those who do not look at it.
pub fn unsigned_coin(number: u64) -> SignedCoin {
    SignedCoin {
        coin: Coin {
            campaign: campaign().campaign().clone(),
            serial: serial(number),
            expires: Timestamp::parse(EXPIRES).unwrap(),
        },
        key_version: 1,
        signature: [number.to_le_bytes()[0]; 64],
    }
}

/// A good coin's token by its serial's number, signed with version 1.
pub fn token(number: u64) -> Vec<u8> {
    token_with("hashiconf-2020", number, EXPIRES, 1)
}

/// A token with everything chosen.
pub fn token_with(campaign: &str, number: u64, expires: &str, key_version: u8) -> Vec<u8> {
    let coin = Coin {
        campaign: Campaign::parse(campaign).unwrap(),
        serial: serial(number),
        expires: Timestamp::parse(expires).unwrap(),
    };
    let signature = *key_pair(key_version).sk.sign(coin.to_signed_bytes(), None);
    let signed = SignedCoin {
        coin,
        key_version: u32::from(key_version),
        signature,
    };
    signed.to_token().into_bytes()
}

/// The root over these leaves, as RFC 6962, section 2.1, defines it: slowly, and in no way that the ledger knows.
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of_nothing(),
        [leaf] => *leaf,
        leaves => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            Hash::of_node(&root(left), &root(right))
        }
    }
}

/// Submits and returns when the submission was taken or turned away; the answer comes through the handle. Submissions that begin one after the other stand
/// in the queue in that order.
pub async fn begin(ledger: &Ledger, token: Vec<u8>, vote: Vote) -> JoinHandle<Result<Outcome, SubmitError>> {
    let ledger = ledger.clone();
    let mut submission = Box::pin(async move { ledger.submit(token, vote).await });
    let first = poll_fn(|context| Poll::Ready(submission.as_mut().poll(context))).await;
    tokio::spawn(async move {
        match first {
            Poll::Ready(answer) => answer,
            Poll::Pending => submission.await,
        }
    })
}

/// A clock that stands still until it is set.
#[derive(Clone)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    /// Stands at [`NOW`].
    pub fn at_now() -> Clock {
        let clock = Clock(Arc::default());
        clock.set(NOW);
        clock
    }

    /// Sets the clock.
    pub fn set(&self, time: &str) {
        self.0.store(Timestamp::parse(time).unwrap().unix_s(), Ordering::SeqCst);
    }

    /// Options with this clock.
    pub fn options(&self) -> Options {
        let clock = self.clone();
        Options::new(move || Timestamp::from_unix_s(clock.0.load(Ordering::SeqCst)).unwrap())
    }
}

/// A ledger's file in a directory of its own, with the campaign of the tests.
pub struct Place {
    directory: TempDir,
    pub clock: Clock,
}

impl Place {
    /// A directory without a ledger.
    pub fn empty() -> Place {
        Place {
            directory: tempfile::tempdir().unwrap(),
            clock: Clock::at_now(),
        }
    }

    /// A directory with a new ledger.
    pub fn with_ledger() -> Place {
        let place = Place::empty();
        Ledger::init(&place.path(), &campaign()).unwrap();
        place
    }

    /// Where the ledger is, or would be.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("ledger.sqlite")
    }

    /// Opens the ledger.
    pub fn open(&self) -> Ledger {
        Ledger::open(&self.path(), &campaign(), keyring(), self.clock.options()).unwrap()
    }

    /// A connection past the ledger, as an operator or an attacker at the disk would have it.
    pub fn sql(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }
}
