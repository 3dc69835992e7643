//! Coins and votes, made before a clock starts, each of a new serial.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coin::{Coin, Serial, SignedCoin, Timestamp};
use ed25519_compact::{KeyPair, Seed};
use ledger::Ballot;
use ledger::redis::vote_text;
use serde_json::{Value, json};
use vote::{CampaignFile, Vote};

/// When the coins expire.
const EXPIRES: &str = "2100-01-01T00:00:00Z";

/// Makes coins with a key of its own.
pub struct Maker {
    pub campaign: CampaignFile,
    key: KeyPair,
    next: u64,
}

impl Maker {
    pub fn new() -> Maker {
        Maker {
            campaign: CampaignFile::parse(campaign_json().to_string().as_bytes()).unwrap(),
            key: KeyPair::from_seed(Seed::new([7; 32])),
            next: 0,
        }
    }

    /// The public key, as Vault prints it.
    pub fn keys_json(&self) -> Value {
        json!({ "keys": { "1": { "public_key": STANDARD.encode(*self.key.pk) } } })
    }

    /// Tokens of good coins, each with what it votes for, as they stand in the stream.
    pub fn tokens(&mut self, count: u64) -> Vec<(String, String)> {
        let made = (0..count).map(|_| {
            let mut ballot = self.row();
            let signed_bytes = ballot.coin.coin.to_signed_bytes();
            ballot.coin.signature = *self.key.sk.sign(signed_bytes, None);
            (ballot.coin.to_token(), vote_text(&ballot.vote))
        });
        made.collect()
    }

    /// Ballots for those who do not look at signatures.
    pub fn rows(&mut self, count: u64) -> Vec<Ballot> {
        (0..count).map(|_| self.row()).collect()
    }

    fn row(&mut self) -> Ballot {
        let number = self.next;
        self.next += 1;
        // As random as a real one, so that neighbours in time are none in an index; and different every time.
        let mut signature = [0; 64];
        for (place, byte) in signature.chunks_mut(8).zip(1..) {
            place.copy_from_slice(
                &number
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(byte))
                    .to_be_bytes(),
            );
        }
        let mut serial = [0; 16];
        serial[..8].copy_from_slice(&number.to_be_bytes());
        let coin = SignedCoin {
            coin: Coin {
                campaign: self.campaign.campaign().clone(),
                serial: Serial::from_bytes(serial),
                expires: Timestamp::parse(EXPIRES).unwrap(),
            },
            key_version: 1,
            signature,
        };
        Ballot::new(coin, self.vote(number))
    }

    /// For one, two or three of the charities.
    fn vote(&self, number: u64) -> Vote {
        let ids = ["a", "b", "c", "d", "e"];
        let named = (0..=number % 3).map(|step| (ids[((number + step) % 5) as usize].to_owned(), json!(1 + step)));
        Vote::parse(&Value::Object(named.collect()), self.campaign.charities()).unwrap()
    }
}

/// The campaign as JSON: five charities.
pub fn campaign_json() -> Value {
    let charity = |id| json!({ "id": id, "name": id, "about": "One of five." });
    let charities: Vec<Value> = ["a", "b", "c", "d", "e"].map(charity).into();
    json!({
        "campaign": "hashiconf-2020",
        "donation": { "currency": "USD", "minor_units": 1_000_000 },
        "charities": charities,
    })
}
