//! The vectors in `testdata/tokens/`: one file per token, a header that says what it must come to, a blank line, the token.
//!
//! Other implementations can run them, and so does the gate's decision table. The files are made here (`BLESS=1 cargo test -p coin --test
//! vectors the_files`) from fixed keys; without BLESS the test fails if a file and its maker differ, or if a file has no maker.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use coin::{Campaign, Coin, Keyring, Timestamp, verify};
use common::{CAMPAIGN, NOW, base64url, campaign, coin, key_pair, sign, token_over, vault_keys};

struct Vector {
    about: &'static str,
    expect: &'static str,
    token: String,
}

fn vectors() -> BTreeMap<&'static str, Vector> {
    let mut all = BTreeMap::new();
    let mut add = |name, expect, about, token| {
        assert!(
            all.insert(name, Vector { about, expect, token }).is_none(),
            "two vectors are called {name}"
        );
    };

    let good = sign(coin(1), 2).to_token();
    let (payload, signature) = (coin(1).to_signed_bytes(), sign(coin(1), 2).signature);
    let flip = |bytes: &[u8], index: usize| {
        let mut flipped = bytes.to_vec();
        flipped[index] ^= 1;
        base64url(&flipped)
    };
    let with = |payload: &str, version: &str, signature: &str| format!("{payload}.{version}.{signature}");
    let (payload64, signature64) = (base64url(&payload), base64url(&signature));
    let other_campaign = Coin {
        campaign: Campaign::parse("another-year").unwrap(),
        ..coin(3)
    };
    let expired = Coin {
        expires: Timestamp::parse(NOW).unwrap(),
        ..coin(4)
    };
    let last_second = Coin {
        expires: Timestamp::from_unix_s(common::now().unix_s() + 1).unwrap(),
        ..coin(5)
    };
    let text =
        |coin: &Coin, from: &str, to: &str| String::from_utf8(coin.to_signed_bytes()).unwrap().replacen(from, to, 1);

    add("good", "accepted", "A coin of key version 2.", good.clone());
    add(
        "good-newest-key",
        "accepted",
        "A coin of the newest key version.",
        sign(coin(2), 3).to_token(),
    );
    add(
        "last-second",
        "accepted",
        "A coin in its last second.",
        sign(last_second, 2).to_token(),
    );

    add(
        "too-long",
        "coin-too-long",
        "513 bytes; nothing else about it is looked at.",
        format!("{good}{}", "A".repeat(513 - good.len())),
    );
    add("empty", "coin-malformed", "Nothing.", String::new());
    add("two-parts", "coin-malformed", "No signature.", format!("{payload64}.2"));
    add("four-parts", "coin-malformed", "A part too many.", format!("{good}.x"));
    add("padded", "coin-malformed", "A padded signature.", format!("{good}=="));
    add(
        "standard-alphabet",
        "coin-malformed",
        "Standard base64 in place of base64url.",
        with(&payload64, "2", &"+/".repeat(43)),
    );
    add(
        "spare-bits",
        "coin-malformed",
        "The last character of the signature has spare bits set.",
        {
            let last = signature64.chars().last().unwrap();
            let twin = char::from(last as u8 + 1);
            with(
                &payload64,
                "2",
                &format!("{}{twin}", &signature64[..signature64.len() - 1]),
            )
        },
    );
    add(
        "short-signature",
        "coin-malformed",
        "63 bytes of signature.",
        with(&payload64, "2", &base64url(&signature[..63])),
    );
    add(
        "version-zero",
        "coin-malformed",
        "Key versions count from 1.",
        with(&payload64, "0", &signature64),
    );
    add(
        "version-leading-zero",
        "coin-malformed",
        "A second spelling of the version.",
        with(&payload64, "02", &signature64),
    );
    add(
        "version-signed",
        "coin-malformed",
        "A second spelling of the version.",
        with(&payload64, "+2", &signature64),
    );
    add(
        "version-huge",
        "coin-malformed",
        "A version beyond 32 bits.",
        with(&payload64, "4294967298", &signature64),
    );

    add(
        "crlf",
        "coin-payload-malformed",
        "CR LF line ends, signed all the same.",
        token_over(text(&coin(1), "\n", "\r\n").as_bytes(), 2),
    );
    add(
        "no-last-line-end",
        "coin-payload-malformed",
        "No line end at the end.",
        token_over(payload.strip_suffix(b"\n").unwrap(), 2),
    );
    add(
        "field-added",
        "coin-payload-malformed",
        "A field that a coin does not have.",
        token_over(&[&payload[..], b"value: 2\n"].concat(), 2),
    );
    add(
        "upper-case-serial",
        "coin-payload-malformed",
        "A second spelling of the serial.",
        {
            let coin = coin(0xab);
            token_over(
                text(&coin, &coin.serial.to_string(), &coin.serial.to_string().to_uppercase()).as_bytes(),
                2,
            )
        },
    );
    add(
        "offset-time",
        "coin-payload-malformed",
        "A second spelling of the time.",
        token_over(text(&coin(1), "00Z", "00+00:00").as_bytes(), 2),
    );
    add(
        "other-domain",
        "coin-payload-malformed",
        "Signed for another purpose.",
        token_over(text(&coin(1), "coin/v1", "coin/v2").as_bytes(), 2),
    );
    add(
        "campaign-upper-case",
        "coin-payload-malformed",
        "A campaign that is no slug.",
        token_over(text(&coin(1), "hashi", "Hashi").as_bytes(), 2),
    );
    add(
        "payload-bit-flipped",
        "coin-payload-malformed",
        "One bit of the domain line flipped.",
        with(&flip(&payload, 3), "2", &signature64),
    );

    add(
        "key-unknown",
        "coin-key-unknown",
        "A version that the keyring does not have.",
        with(&payload64, "4", &signature64),
    );
    add(
        "key-retired",
        "coin-key-retired",
        "A good signature by a retired version.",
        sign(coin(6), 1).to_token(),
    );
    add(
        "wrong-campaign",
        "coin-wrong-campaign",
        "A good coin of another campaign.",
        sign(other_campaign, 2).to_token(),
    );
    add(
        "expired",
        "coin-expired",
        "At the second that it names, a coin is over.",
        sign(expired, 2).to_token(),
    );

    add(
        "serial-bit-flipped",
        "coin-bad-signature",
        "One digit of the serial changed.",
        with(&base64url(text(&coin(1), "0101", "0100").as_bytes()), "2", &signature64),
    );
    add(
        "expiry-changed",
        "coin-bad-signature",
        "A longer life than was signed.",
        with(&base64url(text(&coin(1), "2030", "2031").as_bytes()), "2", &signature64),
    );
    add(
        "r-bit-flipped",
        "coin-bad-signature",
        "One bit of R flipped.",
        with(&payload64, "2", &flip(&signature, 0)),
    );
    add(
        "s-bit-flipped",
        "coin-bad-signature",
        "One bit of S flipped.",
        with(&payload64, "2", &flip(&signature, 32)),
    );
    add(
        "s-not-canonical",
        "coin-bad-signature",
        "S plus the group order: the same number, spelt otherwise.",
        with(&payload64, "2", &base64url(&s_plus_order(signature))),
    );
    add(
        "zero-signature",
        "coin-bad-signature",
        "64 zero bytes.",
        with(&payload64, "2", &base64url(&[0; 64])),
    );
    add(
        "other-version-s-key",
        "coin-bad-signature",
        "Signed by version 2, claims version 3: no key but the named one is tried.",
        with(&payload64, "3", &signature64),
    );
    add(
        "stranger",
        "coin-bad-signature",
        "Signed by a key that Vault never had.",
        {
            let stranger = key_pair(9).sk.sign(&payload, None);
            with(&payload64, "2", &base64url(&*stranger))
        },
    );
    all
}

/// Adds the group order L to S, which leaves the number mod L as it was.
fn s_plus_order(mut signature: [u8; 64]) -> [u8; 64] {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    signature
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

#[test]
fn the_files_are_what_their_makers_make() {
    let mut made = BTreeMap::new();
    made.insert("keys.json".to_owned(), format!("{:#}\n", vault_keys()));
    for (name, Vector { about, expect, token }) in vectors() {
        let text =
            format!("about: {about}\nexpect: {expect}\ncampaign: {CAMPAIGN}\nnow: {NOW}\nkeys: keys.json\n\n{token}\n");
        made.insert(format!("tokens/{name}.txt"), text);
    }
    made.insert("coin.txt".to_owned(), sign(coin(1), 2).to_coin_txt());
    if std::env::var_os("BLESS").is_some() {
        fs::remove_dir_all(folder()).ok();
        fs::create_dir_all(folder().join("tokens")).unwrap();
        for (name, text) in &made {
            fs::write(folder().join(name), text).unwrap();
        }
    }
    for (name, text) in &made {
        let on_disk =
            fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}; run with BLESS=1"));
        assert_eq!(
            &on_disk, text,
            "{name} is not what its maker makes; run with BLESS=1 and look at the difference"
        );
    }
    let without_maker: Vec<_> = token_files()
        .into_keys()
        .filter(|name| !made.contains_key(&format!("tokens/{name}.txt")))
        .collect();
    assert!(without_maker.is_empty(), "no maker for {without_maker:?}");
}

#[test]
fn every_file_comes_to_what_it_expects() {
    let files = token_files();
    assert!(
        files.len() >= 30,
        "only {} vectors found in {}",
        files.len(),
        folder().display()
    );
    for (name, text) in files {
        let (header, token) = text
            .split_once("\n\n")
            .unwrap_or_else(|| panic!("{name}: no blank line"));
        let field = |key: &str| {
            let prefix = format!("{key}: ");
            header
                .lines()
                .find_map(|line| line.strip_prefix(&prefix))
                .unwrap_or_else(|| panic!("{name}: no {key}"))
        };
        let keyring = Keyring::from_vault_json(&fs::read(folder().join(field("keys"))).unwrap()).unwrap();
        let campaign = Campaign::parse(field("campaign")).unwrap();
        let now = Timestamp::parse(field("now")).unwrap();
        let token = token.strip_suffix('\n').unwrap();
        let outcome = match verify(token.as_bytes(), &keyring, &campaign, now) {
            Ok(_) => "accepted",
            Err(refusal) => refusal.code(),
        };
        assert_eq!(outcome, field("expect"), "{name}");
    }
}

#[test]
fn the_coin_txt_on_disk_is_the_good_token() {
    let text = fs::read_to_string(folder().join("coin.txt")).unwrap();
    let signed = coin::SignedCoin::from_coin_txt(&text).unwrap();
    assert_eq!(signed.coin.campaign, campaign());
    assert_eq!(signed.to_token(), vectors()["good"].token);
}

/// Every file in `testdata/tokens`, by name without `.txt`.
fn token_files() -> BTreeMap<String, String> {
    let entries =
        fs::read_dir(folder().join("tokens")).unwrap_or_else(|error| panic!("{}: {error}", folder().display()));
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            (
                path.file_stem().unwrap().to_str().unwrap().to_owned(),
                fs::read_to_string(&path).unwrap(),
            )
        })
        .collect()
}
