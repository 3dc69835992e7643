//! The decision about one request, from one snapshot of its headers.
//!
//! The order: path ([`Refusal::PathNotCanonical`]); tunnels ([`Refusal::UpgradeRefused`]); route table, which may exempt the request; and where a coin is
//! required: names that could be taken for the coin's ([`Refusal::UnderscoreTwin`]), a second coin header ([`Refusal::Duplicate`]), a coin elsewhere ([`Refusal::SecondCarrier`]), none at all ([`Refusal::Missing`]); then the coin itself, as [`coin::verify`]
//! says. All that is ambiguous is refused before any cryptography.

use coin::{Accepted, Refusal, TOKEN_MARKER, Timestamp, token_from_header, verify};

use crate::config::Config;
use crate::header_map::Pair;
use crate::path::canonical_path;
use crate::route::coin_required;

/// Verdict headers: set by the gate after success, never taken from outside.
const VERDICT_PREFIX: &str = "x-coin-";

/// Headers by which some frameworks replace the method or the path, after a gate that decides by them has looked.
const TARGET_OVERRIDES: [&str; 5] = [
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];

/// What the gate found.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No coin is required.
    Free,
    /// A good coin.
    Accepted(Accepted),
    /// The reason against the request.
    Refused(Refusal),
}

/// Decides about a request. `now` is asked at most once, and only if there is a coin to check; `None` from it refuses the request.
pub fn decide(config: &Config, headers: &[Pair<'_>], now: impl FnOnce() -> Option<Timestamp>) -> Verdict {
    let Some(path) = value_of(headers, b":path").and_then(canonical_path) else {
        return Verdict::Refused(Refusal::PathNotCanonical);
    };
    let method = value_of(headers, b":method").unwrap_or_default();
    // Also where no coin is needed: once a service agrees to it, whatever follows passes unseen.
    if asks_for_another_protocol(method, headers) {
        return Verdict::Refused(Refusal::UpgradeRefused);
    }
    if !coin_required(&config.routes, method, path) {
        return Verdict::Free;
    }
    match check_coin(config, headers, now) {
        Ok(accepted) => Verdict::Accepted(accepted),
        Err(refusal) => Verdict::Refused(refusal),
    }
}

/// The names of the request's headers that must not reach the service: verdicts that are not the gate's, and overrides of
/// the method or the path.
pub fn names_to_strip<'a>(headers: &[Pair<'a>]) -> Vec<&'a [u8]> {
    let mut names: Vec<&[u8]> = headers
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| must_not_pass(name))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The verdict headers of an accepted coin.
pub fn verdict_headers(accepted: &Accepted) -> [(&'static str, String); 4] {
    [
        ("x-coin-campaign", accepted.coin.campaign.to_string()),
        ("x-coin-serial", accepted.coin.serial.to_string()),
        ("x-coin-expires", accepted.coin.expires.to_string()),
        ("x-coin-key-version", accepted.key_version.to_string()),
    ]
}

fn check_coin(
    config: &Config,
    headers: &[Pair<'_>],
    now: impl FnOnce() -> Option<Timestamp>,
) -> Result<Accepted, Refusal> {
    if headers.iter().any(|(name, _)| is_underscore_twin(name, &config.header)) {
        return Err(Refusal::UnderscoreTwin);
    }
    let mut carriers = headers.iter().filter(|(name, _)| *name == config.header.as_bytes());
    let carrier = carriers.next();
    if carriers.next().is_some() {
        return Err(Refusal::Duplicate);
    }
    if headers
        .iter()
        .any(|(name, value)| *name != config.header.as_bytes() && holds_a_token(value))
    {
        return Err(Refusal::SecondCarrier);
    }
    let (_, value) = carrier.ok_or(Refusal::Missing)?;
    let token = token_from_header(value)?;
    let now = now().ok_or(Refusal::GateUnavailable)?;
    verify(token, &config.keyring, &config.campaign, now)
}

/// Whether the connection is to become another one: CONNECT, also in its extended form (RFC 8441), or an upgrade.
fn asks_for_another_protocol(method: &[u8], headers: &[Pair<'_>]) -> bool {
    let asks = |name: &[u8]| matches!(name, b"upgrade" | b":protocol");
    method == b"CONNECT" || headers.iter().any(|(name, _)| asks(name))
}

/// The first value of a header. Only for pseudo-headers, of which the proxy lets one through.
fn value_of<'a>(headers: &[Pair<'a>], name: &[u8]) -> Option<&'a [u8]> {
    headers
        .iter()
        .find(|(candidate, _)| *candidate == name)
        .map(|(_, value)| *value)
}

/// Whether the coin's text stands in a value, as far as its unchanging beginning shows.
fn holds_a_token(value: &[u8]) -> bool {
    value.windows(TOKEN_MARKER.len()).any(|window| window == TOKEN_MARKER)
}

/// Whether a service that reads `_` as `-` (CGI and its descendants do) would take this name for the coin's header or a verdict's.
fn is_underscore_twin(name: &[u8], coin_header: &str) -> bool {
    if !name.contains(&b'_') {
        return false;
    }
    let folded = folded(name);
    folded == coin_header || folded.starts_with(VERDICT_PREFIX)
}

fn must_not_pass(name: &[u8]) -> bool {
    // Every such name begins with an x; most headers do not.
    if name.first() != Some(&b'x') {
        return false;
    }
    let folded = folded(name);
    folded.starts_with(VERDICT_PREFIX) || TARGET_OVERRIDES.contains(&folded.as_str())
}

/// A name as a service that reads `_` as `-` sees it. The proxy has put it into lower case.
fn folded(name: &[u8]) -> String {
    String::from_utf8_lossy(name).replace('_', "-")
}
