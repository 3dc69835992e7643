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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{CONFIG_BYTES_MAX, Config, Mode};

    fn good() -> Value {
        json!({
            "mode": "enforce",
            "campaign": "hashiconf-2020",
            "keys": { "data": { "keys": { "1": { "public_key": "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=" } } } },
        })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut config = good();
        config[name] = value;
        config
    }

    fn mistakes(config: &Value) -> Vec<String> {
        Config::parse(config.to_string().as_bytes()).expect_err("a mistake")
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let config = Config::parse(good().to_string().as_bytes()).unwrap();
        assert_eq!(
            (config.mode, config.header.as_str(), config.log_every),
            (Mode::Enforce, "authorization", 100)
        );
        assert_eq!(config.keyring.min_version(), 1);
        assert!(config.routes.is_empty());
    }

    #[test]
    fn each_mistake_names_its_key() {
        let route = |route: Value| with("routes", json!([{ "prefix": "/", "coin": "none" }, route]));
        for (config, key) in [
            (with("mode", json!("on")), "mode: "),
            (with("mode", Value::Null), "mode: "),
            (with("campaign", json!("Hashi Conf")), "campaign: "),
            (with("campaign", json!(1)), "campaign: "),
            (with("header", json!("Authorization")), "header: "),
            (with("header", json!("x_coin")), "header: "),
            (with("header", json!("x-coin-serial")), "header: "),
            (with("header", json!("cookie")), "header: "),
            (with("header", json!(":path")), "header: "),
            (with("header", json!("")), "header: "),
            (with("keys", json!({})), "keys: "),
            (with("keys", json!({ "keys": {} })), "keys: "),
            (with("keys", json!("vault")), "keys: "),
            (with("min_key_version", json!(0)), "min_key_version: "),
            (with("min_key_version", json!(1.5)), "min_key_version: "),
            (with("min_key_version", json!("1")), "min_key_version: "),
            (with("min_key_version", json!(2)), "keys: "),
            (with("min_key_version", json!(u64::MAX)), "keys: "),
            (with("log_every", json!(0)), "log_every: "),
            (with("log_every", json!(-1)), "log_every: "),
            (with("min_key_verison", json!(2)), "min_key_verison: unknown key"),
            (with("routes", json!({})), "routes: "),
            (with("routes", json!(vec![json!({}); 65])), "routes: 65 rows"),
            (route(json!("/")), "routes[1]: "),
            (route(json!({ "prefix": "/", "coin": "no" })), "routes[1].coin: "),
            (route(json!({ "prefix": "/" })), "routes[1].coin: "),
            (route(json!({ "coin": "none" })), "routes[1]: "),
            (
                route(json!({ "path": "/a", "prefix": "/", "coin": "none" })),
                "routes[1]: ",
            ),
            (route(json!({ "prefix": "/a", "coin": "none" })), "routes[1].prefix: "),
            (route(json!({ "prefix": "//", "coin": "none" })), "routes[1].prefix: "),
            (route(json!({ "path": "/a?b", "coin": "none" })), "routes[1].path: "),
            (route(json!({ "path": "/%61", "coin": "none" })), "routes[1].path: "),
            (route(json!({ "path": 1, "coin": "none" })), "routes[1].path: "),
            (
                route(json!({ "path": "/a", "coin": "none", "method": "GET" })),
                "routes[1].method: unknown key",
            ),
            (
                route(json!({ "path": "/a", "coin": "none", "methods": [] })),
                "routes[1].methods: ",
            ),
            (
                route(json!({ "path": "/a", "coin": "none", "methods": ["get"] })),
                "routes[1].methods: ",
            ),
            (
                route(json!({ "path": "/a", "coin": "none", "methods": "GET" })),
                "routes[1].methods: ",
            ),
        ] {
            let mistakes = mistakes(&config);
            assert!(
                mistakes.len() == 1 && mistakes[0].starts_with(key),
                "{config}: {mistakes:?}"
            );
        }
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        let config = json!({ "campaign": "", "log_every": 0, "routes": [{ "path": "a", "coin": 1, "x": 2 }], "y": 3 });
        let mut names: Vec<_> = mistakes(&config)
            .iter()
            .map(|line| line.split(':').next().unwrap().to_owned())
            .collect();
        names.sort();
        let expected = [
            "campaign",
            "keys",
            "log_every",
            "mode",
            "routes[0].coin",
            "routes[0].path",
            "routes[0].x",
            "y",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        let huge = vec![b' '; CONFIG_BYTES_MAX + 1];
        let deep = "[".repeat(10_000);
        for text in [
            &b""[..],
            b"{",
            b"[]",
            b"null",
            b"\xff",
            b"{} {}",
            &huge,
            deep.as_bytes(),
        ] {
            assert!(
                Config::parse(text).is_err(),
                "{:?}",
                String::from_utf8_lossy(&text[..text.len().min(20)])
            );
        }
    }
}
