//! What holds for every request, whatever bytes it is made of.

use coin::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use crate::config::Config;
use crate::gate::{Verdict, decide, names_to_strip};
use crate::header_map::{decode, encode};
use crate::path::canonical_path;

fn config() -> Config {
    let config = json!({
        "mode": "enforce",
        "campaign": "hashiconf-2020",
        "keys": { "keys": { "1": "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=" } },
        "routes": [{ "methods": ["GET"], "prefix": "/", "coin": "none" }],
    });
    Config::parse(config.to_string().as_bytes()).unwrap()
}

/// Names and values that come near what the gate looks for, and any bytes.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let near = prop::sample::select(vec![
        ":method",
        ":path",
        "GET",
        "POST",
        "/",
        "/v1/votes",
        "authorization",
        "Coin ",
        "Coin a.1.b",
        "x-coin-serial",
        "x_coin_a",
    ]);
    prop_oneof![
        near.prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..40)
    ]
}

proptest! {
    #[test]
    fn no_request_without_a_coin_of_ours_is_accepted(headers in prop::collection::vec((text(), text()), 0..12)) {
        let pairs: Vec<_> = headers.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        match decide(&config(), &pairs, || Timestamp::from_unix_s(0)) {
            Verdict::Free => prop_assert!(pairs.contains(&(b":method", b"GET"))),
            Verdict::Accepted(_) => prop_assert!(false, "accepted"),
            Verdict::Refused(_) => {}
        }
        for name in names_to_strip(&pairs) {
            prop_assert!(name.starts_with(b"x"));
        }
    }

    #[test]
    fn any_bytes_are_a_header_map_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Some(pairs) = decode(&bytes) {
            let text: Option<Vec<_>> = pairs
                .iter()
                .map(|(name, value)| Some((std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?)))
                .collect();
            if let Some(pairs) = text.filter(|pairs| !pairs.is_empty()) {
                prop_assert_eq!(encode(&pairs), bytes);
            }
        }
    }

    #[test]
    fn a_path_of_plain_segments_is_canonical_and_no_second_spelling_of_it_is(
        segments in prop::collection::vec("[a-z0-9_~-]{1,8}", 1..5),
        at in any::<prop::sample::Index>(),
    ) {
        let path = format!("/{}", segments.join("/"));
        prop_assert_eq!(canonical_path(path.as_bytes()), Some(path.as_bytes()));
        let at = at.index(path.len());
        let octet = path.as_bytes()[at];
        for spelling in [
            format!("{}%{octet:02X}{}", &path[..at], &path[at + 1..]),
            format!("{}%{octet:02x}{}", &path[..at], &path[at + 1..]),
            format!("{}%25{octet:02X}{}", &path[..at], &path[at + 1..]),
            format!("/.{path}"),
            format!("/{path}"),
            format!("/x/..{path}"),
            format!("{path}/."),
            format!("{path};x"),
        ] {
            prop_assert_eq!(canonical_path(spelling.as_bytes()), None, "{}", spelling);
        }
    }
}
