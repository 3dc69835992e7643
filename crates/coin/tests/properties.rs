//! Properties of every coin: it reads back, and nothing near it is a coin.

mod common;

use coin::{Campaign, Coin, Serial, SignedCoin, Timestamp, verify};
use common::{base64url, keyring, now, sign};
use proptest::prelude::*;

prop_compose! {
    fn any_coin()(campaign in "[a-z0-9-]{1,32}", serial: [u8; 16], expires in 0_u64..=253_402_300_799) -> Coin {
        Coin {
            campaign: Campaign::parse(&campaign).unwrap(),
            serial: Serial::from_bytes(serial),
            expires: Timestamp::from_unix_s(expires).unwrap(),
        }
    }
}

prop_compose! {
    fn any_signed_coin()(coin in any_coin(), key_version in 1_u32.., signature: [[u8; 32]; 2]) -> SignedCoin {
        SignedCoin { coin, key_version, signature: signature.concat().try_into().unwrap() }
    }
}

proptest! {
    #[test]
    fn both_forms_read_back(signed in any_signed_coin()) {
        let token = signed.to_token();
        prop_assert!(token.len() <= coin::TOKEN_BYTES_MAX);
        prop_assert_eq!(SignedCoin::from_token(token.as_bytes()), Ok(signed.clone()));
        prop_assert_eq!(SignedCoin::from_coin_txt(&signed.to_coin_txt()), Ok(signed));
    }

    #[test]
    fn what_reads_as_a_token_is_written_the_same(token in "[A-Za-z0-9_-]{0,300}\\.[0-9]{1,11}\\.[A-Za-z0-9_-]{84,88}") {
        if let Ok(signed) = SignedCoin::from_token(token.as_bytes()) {
            prop_assert_eq!(signed.to_token(), token);
        }
    }

    #[test]
    fn any_bytes_are_decided_about_without_a_panic(token: Vec<u8>, text: String) {
        prop_assert!(verify(&token, &keyring(), &common::campaign(), now()).is_err());
        prop_assert!(SignedCoin::from_coin_txt(&text).is_err());
    }

    #[test]
    fn one_changed_byte_of_coin_txt_is_no_coin_or_another(signed in any_signed_coin(), position: prop::sample::Index, byte in 0_u8..128) {
        let mut text = signed.to_coin_txt().into_bytes();
        let position = position.index(text.len());
        prop_assume!(text[position] != byte);
        text[position] = byte;
        if let Ok(other) = SignedCoin::from_coin_txt(std::str::from_utf8(&text).unwrap()) {
            prop_assert_ne!(other, signed);
        }
    }
}

#[test]
fn every_flipped_bit_of_payload_and_signature_is_refused() {
    let signed = sign(common::coin(7), 2);
    let payload = signed.coin.to_signed_bytes();
    let keyring = keyring();
    let refused = |payload: &[u8], signature: &[u8]| {
        let token = format!("{}.2.{}", base64url(payload), base64url(signature));
        verify(token.as_bytes(), &keyring, &common::campaign(), now()).is_err()
    };
    assert!(!refused(&payload, &signed.signature), "the coin itself is good");
    for bit in 0..payload.len() * 8 {
        let mut flipped = payload.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(refused(&flipped, &signed.signature), "payload bit {bit}");
    }
    for bit in 0..signed.signature.len() * 8 {
        let mut flipped = signed.signature;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(refused(&payload, &flipped), "signature bit {bit}");
    }
}

#[test]
fn every_changed_character_of_the_token_is_refused() {
    let keyring = keyring();
    let token = sign(common::coin(8), 2).to_token().into_bytes();
    for position in 0..token.len() {
        for byte in 0..=u8::MAX {
            if token[position] != byte {
                let mut changed = token.clone();
                changed[position] = byte;
                let outcome = verify(&changed, &keyring, &common::campaign(), now());
                assert!(outcome.is_err(), "byte {position} as {byte:#04x} is accepted");
            }
        }
    }
}
