//! The decision about many coins at once: [`coin::verify`]'s about each, for a fraction of the time.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::num::NonZero;
use std::thread;

use coin::{Campaign, Claim, Keyring, Refusal, SignedCoin, Timestamp};

use crate::{Item, bad_signatures, in_order};

/// From how many signatures of one key on it is faster to check them together; fewer are checked one by one, with the tables of their key.
const TOGETHER_FROM: usize = 8;

/// How many coins are worth a thread: a millisecond of work.
const THREAD_FROM: usize = 128;

/// Decides about each token as [`coin::verify`] does, on all processors, and gives the decisions in the tokens' order: the coin, or the first reason against it.
pub fn verify_coins<Token: AsRef<[u8]> + Sync>(
    tokens: &[Token],
    keyring: &Keyring,
    campaign: &Campaign,
    now: Timestamp,
) -> Vec<Result<SignedCoin, Refusal>> {
    let lanes = thread::available_parallelism().map_or(1, NonZero::get);
    let part = tokens.len().div_ceil(lanes).max(THREAD_FROM);
    if tokens.len() <= part {
        return verify_together(tokens, keyring, campaign, now);
    }
    let mut verified = Vec::with_capacity(tokens.len());
    let work = |part| Ok(verify_together(part, keyring, campaign, now));
    let done: Result<(), Infallible> = in_order(tokens.chunks(part), lanes, work, |_, part| {
        verified.extend(part);
        Ok(())
    });
    match done {
        Ok(()) => verified,
    }
}

fn verify_together<Token: AsRef<[u8]>>(
    tokens: &[Token],
    keyring: &Keyring,
    campaign: &Campaign,
    now: Timestamp,
) -> Vec<Result<SignedCoin, Refusal>> {
    let read = |token: &Token| Claim::read(token.as_ref(), keyring, campaign, now);
    let mut claims: Vec<Result<Claim<'_>, Refusal>> = tokens.iter().map(read).collect();
    let mut by_key = BTreeMap::<u32, Vec<usize>>::new();
    for (place, claim) in claims.iter().enumerate() {
        if let Ok(claim) = claim {
            by_key.entry(claim.signed.key_version).or_default().push(place);
        }
    }
    for places in by_key.values() {
        for place in bad_places(&claims, places) {
            if let Some(claim) = claims.get_mut(place) {
                *claim = Err(Refusal::BadSignature);
            }
        }
    }
    claims
        .into_iter()
        .map(|claim| claim.map(|claim| claim.signed))
        .collect()
}

/// The places of those whose signatures are bad, among these, which are all of one key.
fn bad_places(claims: &[Result<Claim<'_>, Refusal>], places: &[usize]) -> Vec<usize> {
    let of_key = places
        .iter()
        .filter_map(|place| Some((*place, claims.get(*place)?.as_ref().ok()?)));
    let of_key: Vec<(usize, &Claim<'_>)> = of_key.collect();
    match of_key.first() {
        Some((_, first)) if of_key.len() >= TOGETHER_FROM => {
            let items = of_key.iter();
            let items: Vec<Item<'_>> = items
                .map(|(_, claim)| (claim.signed_bytes.as_slice(), &claim.signed.signature))
                .collect();
            let bad = bad_signatures(first.key, &items).into_iter();
            bad.filter_map(|place| of_key.get(place))
                .map(|(place, _)| *place)
                .collect()
        }
        _ => {
            let bad = of_key.iter().filter(|(_, claim)| claim.check_signature().is_err());
            bad.map(|(place, _)| *place).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use coin::{Campaign, Coin, Keyring, Refusal, Serial, SignedCoin, Timestamp, verify};
    use ed25519_compact::{KeyPair, Seed};
    use serde_json::json;

    use super::{TOGETHER_FROM, verify_coins};

    fn pair(version: u32) -> KeyPair {
        KeyPair::from_seed(Seed::new([version as u8; 32]))
    }

    fn token(number: u16, campaign: &str, expires: &str, key_version: u32) -> Vec<u8> {
        let coin = Coin {
            campaign: Campaign::parse(campaign).unwrap(),
            serial: Serial::from_bytes(std::array::from_fn(|place| number.to_be_bytes()[place % 2])),
            expires: Timestamp::parse(expires).unwrap(),
        };
        let signature = *pair(key_version).sk.sign(coin.to_signed_bytes(), None);
        let signed = SignedCoin {
            coin,
            key_version,
            signature,
        };
        signed.to_token().into_bytes()
    }

    /// Good coins of two keys among coins of every way to be bad, in batches from one coin to far more than are checked together.
    #[test]
    fn it_decides_about_each_coin_as_coin_does() {
        let entry = |version| json!({ "public_key": STANDARD.encode(*pair(version).pk) });
        let keys = json!({ "keys": { "1": entry(1), "2": entry(2), "3": entry(3) }, "min_decryption_version": 2 });
        let keyring = Keyring::from_vault_value(&keys).unwrap();
        let campaign = Campaign::parse("hashiconf-2020").unwrap();
        let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        let late = "2030-01-01T00:00:00Z";
        let tokens: Vec<Vec<u8>> = (0..900_u16)
            .map(|number| match number % 20 {
                3 => token(number, "another", late, 2),
                5 => token(number, "hashiconf-2020", "2026-01-01T00:00:00Z", 2),
                7 => token(number, "hashiconf-2020", late, 1),
                9 => token(number, "hashiconf-2020", late, 4),
                11 => b"no token".to_vec(),
                13 => vec![b'a'; 600],
                15 => {
                    // Signed by the other key.
                    let (mine, other) = (
                        token(number, "hashiconf-2020", late, 2),
                        token(number, "hashiconf-2020", late, 3),
                    );
                    let (mine, other) = (String::from_utf8(mine).unwrap(), String::from_utf8(other).unwrap());
                    let (payload, _) = mine.split_once('.').unwrap();
                    let (_, signature) = other.rsplit_once('.').unwrap();
                    format!("{payload}.2.{signature}").into_bytes()
                }
                even => token(number, "hashiconf-2020", late, 2 + u32::from(even % 2)),
            })
            .collect();
        let mut refusals = Vec::new();
        for size in [1, 2, TOGETHER_FROM - 1, TOGETHER_FROM, 20, 900] {
            for batch in tokens.chunks(size) {
                let one_by_one = batch.iter().map(|token| {
                    let accepted = verify(token, &keyring, &campaign, now)?;
                    Ok(accepted.into_signed_coin())
                });
                let one_by_one: Vec<Result<SignedCoin, Refusal>> = one_by_one.collect();
                assert_eq!(verify_coins(batch, &keyring, &campaign, now), one_by_one);
                refusals.extend(one_by_one.into_iter().filter_map(Result::err));
            }
        }
        for refusal in [
            Refusal::TooLong,
            Refusal::Malformed,
            Refusal::KeyUnknown,
            Refusal::KeyRetired,
            Refusal::WrongCampaign,
            Refusal::Expired,
            Refusal::BadSignature,
        ] {
            assert!(refusals.contains(&refusal), "no coin was refused as {refusal:?}");
        }
    }
}
