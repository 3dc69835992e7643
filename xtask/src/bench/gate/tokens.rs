//! What is sent: coins from the real mint, JWTs with as much in them, and coins that are bad in one way each. A file of `Authorization` values for each.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::{KeyPair, Seed};
use serde_json::{Value, json};

use super::super::coins;
use crate::step;

pub const CAMPAIGN: &str = "hashiconf-2020";
pub const ISSUER: &str = "hashicoin-mint";

/// How many distinct coins, and JWTs. More than Envoy could remember by accident, few enough for a processor's cache to hold the requests.
const COUNT: usize = 4000;

/// All that is sent, and the keys.
pub struct Tokens {
    /// The coins' public keys, as Vault prints them.
    pub keys: Value,
    /// The JWTs' public key (RFC 8037).
    pub jwks: Value,
    pub coins: PathBuf,
    pub jwts: PathBuf,
    /// The kinds of bad coin.
    pub bad: Vec<(&'static str, PathBuf)>,
}

impl Tokens {
    /// Makes them.
    ///
    /// # Errors
    ///
    /// When the mint fails or something cannot be written.
    pub fn make(mint: &Path, directory: &Path) -> Result<Tokens, String> {
        let key = directory.join("key.pem");
        step::read(Command::new(mint).arg("keygen").arg("--out").arg(&key))?;
        let keys = step::read(Command::new(mint).arg("keys").arg("--key").arg(&key))?;
        let keys = serde_json::from_str(&keys).map_err(|error| format!("the mint's keys are no JSON: {error}"))?;
        let minted = |campaign: &str| {
            let out = directory.join(campaign);
            let mut command = Command::new(mint);
            command.args([
                "mint",
                "--expires",
                "2030-01-01T00:00:00Z",
                "--campaign",
                campaign,
                "--count",
            ]);
            command
                .arg(COUNT.to_string())
                .arg("--key")
                .arg(&key)
                .arg("--out")
                .arg(&out);
            step::read(&mut command)?;
            coins::tokens(&out)
        };
        let (coins, others) = (minted(CAMPAIGN)?, minted("another-campaign")?);
        let write = |name: &str, lines: &mut dyn Iterator<Item = String>| {
            let path = directory.join(name);
            let text: String = lines.map(|line| line + "\n").collect();
            fs::write(&path, text).map_err(|error| format!("could not write {}: {error}", path.display()))?;
            Ok::<_, String>(path)
        };
        let pair = KeyPair::from_seed(Seed::new([7; 32]));
        let x = URL_SAFE_NO_PAD.encode(*pair.pk);
        let of_coins = |name, change: &dyn Fn(usize, &str) -> String| {
            let mut changed = coins.iter().enumerate().map(|(place, coin)| change(place, coin));
            Ok::<_, String>((name, write(name, &mut changed)?))
        };
        let forged = |place: usize, coin: &str| {
            let (payload, _) = coin.rsplit_once('.').unwrap_or((coin, ""));
            let (_, signature) = coins[(place + 1) % coins.len()].rsplit_once('.').unwrap_or(("", ""));
            format!("Coin {payload}.{signature}")
        };
        Ok(Tokens {
            keys,
            jwks: json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "1", "x": x }] }),
            jwts: write(
                "jwts",
                &mut (0..COUNT).map(|number| format!("Bearer {}", jwt(&pair, number))),
            )?,
            bad: vec![
                of_coins("forged", &forged)?,
                of_coins("unknown key", &|_, coin| format!("Coin {}", coin.replace(".1.", ".9.")))?,
                (
                    "another campaign",
                    write(
                        "another campaign",
                        &mut others.iter().map(|coin| format!("Coin {coin}")),
                    )?,
                ),
                of_coins("malformed", &|_, coin| format!("Coin {}", coin.replace('.', "!")))?,
                of_coins("too long", &|_, coin| format!("Coin {}", coin.repeat(4)))?,
                of_coins("none at all", &|_, _| String::new())?,
            ],
            coins: write("coins", &mut coins.iter().map(|coin| format!("Coin {coin}")))?,
        })
    }
}

/// A JWT with what a coin has in it: who made it, which one it is, when it expires.
fn jwt(pair: &KeyPair, number: usize) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({ "alg": "EdDSA", "typ": "JWT", "kid": "1" }));
    let id = format!("0198c0de-0000-8000-8000-{number:012}");
    let claims = part(json!({ "iss": ISSUER, "campaign": CAMPAIGN, "jti": id, "exp": 1_893_456_000 }));
    let signature = pair.sk.sign(format!("{header}.{claims}"), None);
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(*signature))
}
