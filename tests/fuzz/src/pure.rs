//! The parts that know no host: configuration, headers, paths, tokens, coins as text, keyrings.

use std::sync::LazyLock;

use coin::{Keyring, SignedCoin, TOKEN_MARKER, Timestamp, token_from_header, verify};

use crate::config::Config;
use crate::gate::{Verdict, decide, names_to_strip};
use crate::header_map::{self, Pair, decode};
use crate::path::canonical_path;

/// The first second of 2026: after the coins of the test data were made, before they expire.
pub const NOW_UNIX_S: u64 = 1_767_225_600;

/// A configuration with the keys of the coin's test data.
pub fn good_configuration() -> String {
    let keys = include_str!("../../../crates/coin/testdata/keys.json");
    format!(
        r#"{{"mode":"enforce","campaign":"hashiconf-2020","keys":{keys},"routes":[{{"methods":["GET"],"prefix":"/","coin":"none"}}]}}"#
    )
}

/// The same, read.
pub fn config() -> &'static Config {
    static CONFIG: LazyLock<Config> = LazyLock::new(|| Config::parse(good_configuration().as_bytes()).unwrap());
    &CONFIG
}

pub fn configuration(data: &[u8]) {
    let read = Config::parse(data);
    assert_eq!(read, Config::parse(data));
    match read {
        Ok(config) => assert!(config.log_every >= 1 && config.keyring.versions().next().is_some()),
        Err(mistakes) => assert!(!mistakes.is_empty()),
    }
}

/// Header lines as text, `name: value` each; any byte but a line end may stand in them.
pub fn lines(data: &[u8]) -> Vec<Pair<'_>> {
    let line = |line: &'_ [u8]| {
        // The name of a pseudo-header begins with a colon.
        let colon = line.iter().skip(1).position(|byte| *byte == b':').map(|at| at + 1);
        colon.map_or(line.len(), |at| at)
    };
    data.split(|byte| *byte == b'\n')
        .map(|text| {
            let (name, value) = text.split_at(line(text));
            let value = value.strip_prefix(b":").unwrap_or(value);
            (name, value.strip_prefix(b" ").unwrap_or(value))
        })
        .collect()
}

/// What the gate decides about these lines, natively.
pub fn decision(pairs: &[Pair<'_>]) -> Verdict {
    decide(config(), pairs, || Timestamp::from_unix_s(NOW_UNIX_S))
}

pub fn headers(data: &[u8]) {
    let pairs = lines(data);
    let all = |name: &[u8]| {
        pairs
            .iter()
            .filter(|pair| pair.0 == name)
            .map(|pair| pair.1)
            .collect::<Vec<_>>()
    };
    match decision(&pairs) {
        Verdict::Refused(_) => {}
        Verdict::Free => assert_eq!(all(b":method").first(), Some(&&b"GET"[..])),
        Verdict::Accepted(accepted) => {
            let carried = all(b"authorization");
            let [value] = carried[..] else {
                panic!("accepted with {} carriers", carried.len())
            };
            let signed = SignedCoin::from_token(token_from_header(value).unwrap()).unwrap();
            assert_eq!(signed, accepted.into_signed_coin());
            let elsewhere =
                |pair: &Pair<'_>| pair.0 != b"authorization" && pair.1.windows(24).any(|window| window == TOKEN_MARKER);
            assert!(!pairs.iter().any(elsewhere));
        }
    }
    if !matches!(decision(&pairs), Verdict::Refused(_)) {
        assert!(!pairs.iter().any(|pair| matches!(pair.0, b"upgrade" | b":protocol")));
    }
    let stripped = names_to_strip(&pairs);
    assert!(
        pairs
            .iter()
            .all(|pair| !pair.0.starts_with(b"x-coin-") || stripped.contains(&pair.0))
    );
}

pub fn header_map(data: &[u8]) {
    let Some(pairs) = decode(data) else { return };
    let text: Option<Vec<_>> = pairs
        .iter()
        .map(|(name, value)| Some((std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?)))
        .collect();
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        // The byte behind each text is the sender's; what was read is read again all the same.
        assert_eq!(decode(&header_map::encode(&text)).unwrap(), pairs);
    }
    decision(&pairs);
}

pub fn path(data: &[u8]) {
    let Some(path) = canonical_path(data) else { return };
    assert!(data.starts_with(path) && path.starts_with(b"/"));
    assert_eq!(canonical_path(path), Some(path));
    assert!(path.is_ascii() && !path.windows(2).any(|pair| pair == b"//"));
    assert!(
        !path
            .split(|byte| *byte == b'/')
            .any(|segment| matches!(segment, b"." | b".."))
    );
    assert!(
        !path
            .iter()
            .any(|byte| b"\\;?#".contains(byte) || byte.is_ascii_control() || *byte == b' ')
    );
}

pub fn token(data: &[u8]) {
    let now = Timestamp::from_unix_s(NOW_UNIX_S).unwrap();
    let verdict = verify(data, &config().keyring, &config().campaign, now);
    let Ok(signed) = SignedCoin::from_token(data) else {
        assert!(verdict.is_err());
        return;
    };
    assert_eq!(signed.to_token().as_bytes(), data, "a second spelling");
    assert_eq!(SignedCoin::from_coin_txt(&signed.to_coin_txt()).unwrap(), signed);
    if verdict.is_ok() {
        let key = config().keyring.public_key(signed.key_version).unwrap();
        let key = ed25519_compact::PublicKey::from_slice(key.as_bytes()).unwrap();
        let signature = ed25519_compact::Signature::from_slice(&signed.signature).unwrap();
        key.verify(signed.coin.to_signed_bytes(), &signature).unwrap();
    }
}

pub fn coin_txt(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(signed) = SignedCoin::from_coin_txt(text) {
        assert_eq!(SignedCoin::from_token(signed.to_token().as_bytes()).unwrap(), signed);
    }
}

pub fn keyring(data: &[u8]) {
    match Keyring::from_vault_json(data) {
        Ok(keyring) => {
            assert!(
                keyring
                    .versions()
                    .all(|version| (1..=keyring.max_version()).contains(&version))
            );
            assert!(keyring.versions().count() <= coin::KEYS_MAX);
        }
        Err(error) => assert!(!error.mistakes().is_empty()),
    }
}

/// Fails at `coin`, which is no seed but one change away from one.
pub fn canary(data: &[u8]) {
    assert_ne!(data, b"coin", "the canary sings");
}
