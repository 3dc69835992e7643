//! Coins that the gate must turn away, and the reason that it must give.

use coin::{Refusal, SignedCoin, Timestamp};

use super::mint::Minted;

/// A key version that nobody has.
const NO_SUCH_VERSION: u32 = 1000;

/// One attempt.
pub struct Forgery {
    /// What was done.
    pub what: &'static str,
    /// Where it is sent.
    pub target: String,
    /// The token in the coin header; `None` for no such header.
    pub token: Option<String>,
    /// Why it must be refused.
    pub refusal: Refusal,
}

/// Every attempt; `good` is a coin that is worth a vote as it is.
pub fn forgeries(good: &SignedCoin, minted: &Minted) -> Vec<Forgery> {
    let with = |what, signed: &SignedCoin, refusal| Forgery {
        what,
        target: "/v1/votes".to_owned(),
        token: Some(signed.to_token()),
        refusal,
    };
    let changed = |change: &dyn Fn(&mut SignedCoin)| {
        let mut signed = good.clone();
        change(&mut signed);
        signed
    };
    vec![
        Forgery {
            what: "no coin at all",
            target: "/v1/votes".to_owned(),
            token: None,
            refusal: Refusal::Missing,
        },
        Forgery {
            what: "a good coin in the address instead of the header",
            target: format!("/v1/votes?coin={}", good.to_token()),
            token: None,
            refusal: Refusal::SecondCarrier,
        },
        with(
            "one bit of the signature flipped",
            &changed(&|signed| signed.signature[0] ^= 1),
            Refusal::BadSignature,
        ),
        with(
            "a later expiry written in",
            &changed(&|signed| signed.coin.expires = Timestamp::MAX),
            Refusal::BadSignature,
        ),
        with(
            "signed by somebody else's mint",
            &minted.odd.other_key,
            Refusal::BadSignature,
        ),
        with(
            "a key version that nobody has",
            &changed(&|signed| signed.key_version = NO_SUCH_VERSION),
            Refusal::KeyUnknown,
        ),
        with(
            "a coin of another campaign",
            &minted.odd.other_campaign,
            Refusal::WrongCampaign,
        ),
        with("a coin that has expired", &minted.odd.expiring, Refusal::Expired),
    ]
}
