//! Which refusal wins when several things are wrong: each row has the fault of its name and every fault of the rows below it.

mod common;

use coin::{Campaign, Coin, Refusal, Timestamp, verify};
use common::{base64url, campaign, coin, keyring, now, token_over};

#[test]
fn the_first_check_in_the_documented_order_wins() {
    // Another campaign's, expired, signed by a stranger: the last three faults, which every row keeps.
    let worst = Coin {
        campaign: Campaign::parse("another-year").unwrap(),
        expires: Timestamp::parse("2020-01-01T00:00:00Z").unwrap(),
        ..coin(1)
    };
    let bad_signature = base64url(&[0; 64]);
    let token =
        |payload: &[u8], version: &str, signature: &str| format!("{}.{version}.{signature}", base64url(payload));
    let (payload, broken) = (worst.to_signed_bytes(), b"hashicoin/coin/v2\n");
    let expired = Coin {
        campaign: campaign(),
        ..worst.clone()
    };

    let rows = [
        (token(broken, "0", &"=".repeat(513)), Refusal::TooLong),
        (token(broken, "0", &bad_signature), Refusal::Malformed),
        (token(broken, "9", &bad_signature), Refusal::PayloadMalformed),
        (token(&payload, "9", &bad_signature), Refusal::KeyUnknown),
        (token(&payload, "1", &bad_signature), Refusal::KeyRetired),
        (token(&payload, "2", &bad_signature), Refusal::WrongCampaign),
        (token(&expired.to_signed_bytes(), "2", &bad_signature), Refusal::Expired),
        (
            token(&coin(1).to_signed_bytes(), "2", &bad_signature),
            Refusal::BadSignature,
        ),
    ];
    for (token, refusal) in rows {
        assert_eq!(
            verify(token.as_bytes(), &keyring(), &campaign(), now()),
            Err(refusal),
            "{token}"
        );
    }
    let good = token_over(&coin(1).to_signed_bytes(), 2);
    assert_eq!(
        verify(good.as_bytes(), &keyring(), &campaign(), now()).unwrap().coin,
        coin(1)
    );
}

#[test]
fn codes_are_unique_and_never_change() {
    let codes: Vec<_> = Refusal::ALL
        .iter()
        .map(|refusal| (refusal.code(), refusal.status()))
        .collect();
    assert_eq!(
        codes,
        [
            ("gate-unavailable", 503),
            ("path-not-canonical", 400),
            ("upgrade-refused", 400),
            ("coin-underscore-twin", 400),
            ("coin-duplicate", 400),
            ("coin-second-carrier", 400),
            ("coin-missing", 401),
            ("coin-list", 400),
            ("coin-wrong-scheme", 401),
            ("coin-too-long", 400),
            ("coin-malformed", 400),
            ("coin-payload-malformed", 400),
            ("coin-key-unknown", 403),
            ("coin-key-retired", 403),
            ("coin-wrong-campaign", 403),
            ("coin-expired", 403),
            ("coin-bad-signature", 403),
            ("coin-not-issued", 403),
            ("coin-spent", 409),
        ]
    );
}
