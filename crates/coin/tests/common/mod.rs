//! A mint for tests: fixed keys, fixed campaign, fixed time, so that every test and every vector file comes out the same each time.

#![allow(dead_code, reason = "each test binary uses its part")]

use coin::{Campaign, Coin, Keyring, Serial, SignedCoin, Timestamp};
use ed25519_compact::{KeyPair, Seed};
use serde_json::{Value, json};

/// The campaign of the tests.
pub const CAMPAIGN: &str = "hashiconf-2020";
/// The time at which the tests look at coins.
pub const NOW: &str = "2026-01-01T00:00:00Z";

/// The key pair of a version; its seed is the version repeated.
pub fn key_pair(version: u8) -> KeyPair {
    KeyPair::from_seed(Seed::new([version; 32]))
}

/// What Vault would say of versions 1 to 3 of the key, with versions below 2 retired.
pub fn vault_keys() -> Value {
    let entry = |version| {
        use base64::Engine;
        let public_key = base64::engine::general_purpose::STANDARD.encode(*key_pair(version).pk);
        json!({ "name": "ed25519", "public_key": public_key, "creation_time": "2025-01-01T00:00:00Z" })
    };
    json!({
        "request_id": "5cb5c8b6-2a52-4f3c-9e0f-5a7f8d0f2b11",
        "data": {
            "type": "ed25519",
            "derived": false,
            "latest_version": 3,
            "min_decryption_version": 2,
            "keys": { "1": entry(1), "2": entry(2), "3": entry(3) }
        }
    })
}

/// The keyring of [`vault_keys`].
pub fn keyring() -> Keyring {
    Keyring::from_vault_value(&vault_keys()).unwrap()
}

/// The campaign, parsed.
pub fn campaign() -> Campaign {
    Campaign::parse(CAMPAIGN).unwrap()
}

/// The time, parsed.
pub fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap()
}

/// A coin of the campaign with a serial made of one byte.
pub fn coin(serial: u8) -> Coin {
    Coin {
        campaign: campaign(),
        serial: Serial::from_bytes([serial; 16]),
        expires: Timestamp::parse("2030-01-01T00:00:00Z").unwrap(),
    }
}

/// Signs a coin with a version's key.
pub fn sign(coin: Coin, version: u8) -> SignedCoin {
    let signature = *key_pair(version).sk.sign(coin.to_signed_bytes(), None);
    SignedCoin {
        coin,
        key_version: u32::from(version),
        signature,
    }
}

/// Signs any bytes as if they were a coin's and writes the token.
pub fn token_over(payload: &[u8], version: u8) -> String {
    let signature = key_pair(version).sk.sign(payload, None);
    format!("{}.{version}.{}", base64url(payload), base64url(&*signature))
}

/// base64url without padding.
pub fn base64url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
