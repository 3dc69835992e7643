//! The plugin's configuration: JSON as written, then checked.
//!
//! ```json
//! {
//!   "mode": "enforce",
//!   "campaign": "hashiconf-2020",
//!   "header": "authorization",
//!   "keys": { "data": { "keys": { "1": { "public_key": "…" } } } },
//!   "min_key_version": 1,
//!   "log_every": 100,
//!   "routes": [ { "methods": ["GET", "HEAD"], "prefix": "/", "coin": "none" } ]
//! }
//! ```
//!
//! - `mode` — `enforce` refuses; `shadow` decides and counts but changes no request; `off` does nothing. Required, so that nobody is protected by a default.
//! - `campaign` — the only campaign whose coins count. Required.
//! - `keys` — Vault's answer to `transit/keys/NAME` or `transit/export/public-key/NAME`, as it is. Required.
//! - `header` — the coin's header, lower case. Default `authorization`.
//! - `min_key_version` — retires older key versions. Default: what Vault's answer says, else 1; the higher one counts.
//! - `log_every` — one log line per this many refusals, from 1; the first is always logged. Default 100.
//! - `routes` — see [`crate::route`]. Default: none, and every request needs a coin.
//!
//! Unknown keys are refused, since a misspelt limit must not mean "no limit", and every mistake is reported at once, since one
//! restart should mend all of them. A configuration takes effect whole or not at all.

use coin::{Campaign, Keyring};
use serde_json::{Map, Value};

use crate::route::{ROUTES_MAX, Route};

/// The longest configuration that is read, in bytes.
pub const CONFIG_BYTES_MAX: usize = 256 * 1024;

const KEYS_OF_CONFIG: [&str; 7] = [
    "mode",
    "campaign",
    "header",
    "keys",
    "min_key_version",
    "log_every",
    "routes",
];

/// What happens to a request once it is decided about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is looked at.
    Off,
    /// Decided and counted; no request is changed or refused.
    Shadow,
    /// Refusals are answered.
    Enforce,
}

/// A configuration without a mistake.
#[derive(Debug, PartialEq, Eq)]
pub struct Config {
    /// What happens to a request once it is decided about.
    pub mode: Mode,
    /// The only campaign whose coins count.
    pub campaign: Campaign,
    /// The coin's header, lower case.
    pub header: String,
    /// The public keys, with the minimum version applied.
    pub keyring: Keyring,
    /// One log line per this many refusals; at least 1.
    pub log_every: u64,
    /// Which requests need no coin.
    pub routes: Vec<Route>,
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// Every mistake, one sentence each.
    pub fn parse(text: &[u8]) -> Result<Config, Vec<String>> {
        if text.len() > CONFIG_BYTES_MAX {
            return Err(vec![format!(
                "the configuration has {} bytes; at most {CONFIG_BYTES_MAX} are read",
                text.len()
            )]);
        }
        let value: Value =
            serde_json::from_slice(text).map_err(|error| vec![format!("the configuration is not JSON: {error}")])?;
        let Some(fields) = value.as_object() else {
            return Err(vec!["the configuration is not a JSON object".to_owned()]);
        };
        let mut mistakes = Vec::new();
        for name in fields.keys().filter(|name| !KEYS_OF_CONFIG.contains(&name.as_str())) {
            mistakes.push(format!("{name}: unknown key; there are {}", KEYS_OF_CONFIG.join(", ")));
        }
        let mode = read_mode(fields, &mut mistakes);
        let campaign = read_campaign(fields, &mut mistakes);
        let header = read_header(fields, &mut mistakes);
        let keyring = read_keyring(fields, &mut mistakes);
        let log_every = read_from_1(fields, "log_every", 100, &mut mistakes);
        let routes = read_routes(fields, &mut mistakes);
        match (mode, campaign, header, keyring) {
            (Some(mode), Some(campaign), Some(header), Some(keyring)) if mistakes.is_empty() => Ok(Config {
                mode,
                campaign,
                header,
                keyring,
                log_every,
                routes,
            }),
            _ => Err(mistakes),
        }
    }
}

fn read_mode(fields: &Map<String, Value>, mistakes: &mut Vec<String>) -> Option<Mode> {
    match fields.get("mode").and_then(Value::as_str) {
        Some("off") => Some(Mode::Off),
        Some("shadow") => Some(Mode::Shadow),
        Some("enforce") => Some(Mode::Enforce),
        _ => {
            mistakes.push("mode: must be \"enforce\", \"shadow\" or \"off\"".to_owned());
            None
        }
    }
}

fn read_campaign(fields: &Map<String, Value>, mistakes: &mut Vec<String>) -> Option<Campaign> {
    let campaign = fields.get("campaign").and_then(Value::as_str).and_then(Campaign::parse);
    if campaign.is_none() {
        mistakes.push("campaign: must be 1 to 32 of a-z, 0-9 and \"-\"".to_owned());
    }
    campaign
}

fn read_header(fields: &Map<String, Value>, mistakes: &mut Vec<String>) -> Option<String> {
    let Some(value) = fields.get("header") else {
        return Some("authorization".to_owned());
    };
    let name = value.as_str().filter(|name| {
        let lower_case = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        // The proxy reads these itself, and verdict headers are stripped on the way in.
        lower_case
            && ![
                "host",
                "connection",
                "cookie",
                "content-length",
                "transfer-encoding",
                "te",
                "upgrade",
            ]
            .contains(name)
            && !name.starts_with("x-coin-")
    });
    if name.is_none() {
        mistakes.push(
            "header: must be 1 to 64 of a-z, 0-9 and \"-\", not a header that HTTP uses itself and not x-coin-*"
                .to_owned(),
        );
    }
    name.map(str::to_owned)
}

fn read_keyring(fields: &Map<String, Value>, mistakes: &mut Vec<String>) -> Option<Keyring> {
    let min_version = read_from_1(fields, "min_key_version", 1, mistakes);
    let Some(value) = fields.get("keys") else {
        mistakes.push("keys: missing; give what `vault read -format=json transit/keys/NAME` prints".to_owned());
        return None;
    };
    let min_version = u32::try_from(min_version).unwrap_or(u32::MAX);
    match Keyring::from_vault_value(value).and_then(|keyring| keyring.with_min_version(min_version)) {
        Ok(keyring) => Some(keyring),
        Err(error) => {
            mistakes.extend(error.mistakes().iter().map(|mistake| format!("keys: {mistake}")));
            None
        }
    }
}

fn read_from_1(fields: &Map<String, Value>, name: &str, default: u64, mistakes: &mut Vec<String>) -> u64 {
    let Some(value) = fields.get(name) else { return default };
    value.as_u64().filter(|number| *number >= 1).unwrap_or_else(|| {
        mistakes.push(format!("{name}: must be a whole number from 1"));
        default
    })
}

fn read_routes(fields: &Map<String, Value>, mistakes: &mut Vec<String>) -> Vec<Route> {
    let Some(value) = fields.get("routes") else {
        return Vec::new();
    };
    match value.as_array() {
        None => mistakes.push("routes: must be a list".to_owned()),
        Some(rows) if rows.len() > ROUTES_MAX => mistakes.push(format!(
            "routes: {} rows, and at most {ROUTES_MAX} are read",
            rows.len()
        )),
        Some(rows) => {
            let read = |(index, row)| Route::read(&format!("routes[{index}]"), row, mistakes);
            return rows.iter().enumerate().filter_map(read).collect();
        }
    }
    Vec::new()
}
