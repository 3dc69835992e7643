//! Signers for the tests, and verifier keys in their one spelling.

use ed25519_compact::{KeyPair, Seed};
use proptest::prelude::*;
use tlog::{Algorithm, VerifierKey, VerifierKeyError};

/// A name and the two halves of its key. Which one follows from the number.
pub struct Signer {
    pair: KeyPair,
    pub key: VerifierKey,
}

impl Signer {
    pub fn new(name: &str, algorithm: Algorithm, number: u8) -> Signer {
        let mut seed = [1; 32];
        seed[0] = number;
        let pair = KeyPair::from_seed(Seed::new(seed));
        let public_key = coin::PublicKey::from_bytes(*pair.pk).unwrap();
        let key = VerifierKey::new(name, algorithm, public_key).unwrap();
        Signer { pair, key }
    }

    pub fn sign(&self, message: &str) -> [u8; 64] {
        *self.pair.sk.sign(message, None)
    }
}

pub fn log(number: u8) -> Signer {
    Signer::new("log.example/coins", Algorithm::Ed25519, number)
}

pub fn witness(number: u8) -> Signer {
    Signer::new(&format!("witness{number}.example"), Algorithm::CosignatureV1, number)
}

#[test]
fn the_specifications_key_reads_and_is_written_the_same() {
    let text = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let key = VerifierKey::parse(text).unwrap();
    assert_eq!(
        (key.name(), key.id(), key.algorithm()),
        ("example.com/foo", 0x530d_903a, Algorithm::Ed25519)
    );
    assert_eq!(key.to_string(), text);
}

#[test]
fn another_key_under_the_same_name_has_another_id() {
    let [a, b] =
        [Algorithm::Ed25519, Algorithm::CosignatureV1].map(|algorithm| Signer::new("n", algorithm, 1).key.id());
    assert_ne!(a, b);
    assert_ne!(log(1).key.id(), log(2).key.id());
}

#[test]
fn whatever_else_is_no_key() {
    let good = log(1).key.to_string();
    let (head, base64) = good.rsplit_once('+').unwrap();
    for (bad, error) in [
        (String::new(), VerifierKeyError::Form),
        (head.to_owned(), VerifierKeyError::Form),
        (good.replace("log.example", "log example"), VerifierKeyError::Name),
        (
            good.replace("log.example", "log\u{2003}example"),
            VerifierKeyError::Name,
        ),
        (good.replace("log.example", "log\u{1}example"), VerifierKeyError::Name),
        (format!("+{good}"), VerifierKeyError::Form),
        (good.replacen("log.example/coins", "", 1), VerifierKeyError::Name),
        (good.replace("log.example", "log.exampla"), VerifierKeyError::Id),
        (head.to_uppercase() + "+" + base64, VerifierKeyError::Id),
        (format!("{good}\n"), VerifierKeyError::Form),
        (format!("{good}AAAA"), VerifierKeyError::PublicKey),
        (format!("{head}+AQ=="), VerifierKeyError::PublicKey),
        (format!("{head}+"), VerifierKeyError::Form),
        (good.replacen("+A", "+B", 1), VerifierKeyError::Algorithm(0x05)),
        // The point of order 1: its signatures are anybody's.
        (
            format!("{head}+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            VerifierKeyError::PublicKey,
        ),
    ] {
        assert_eq!(VerifierKey::parse(&bad), Err(error), "{bad}");
    }
}

proptest! {
    #[test]
    fn what_is_accepted_is_spelled_so(number: u8, at: usize, byte in 0x20_u8..0x7f) {
        let text = witness(number).key.to_string();
        prop_assert_eq!(VerifierKey::parse(&text).unwrap().to_string(), text.as_str());
        let mut bytes = text.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assert!(changed == text || VerifierKey::parse(&changed).is_err());
    }
}
