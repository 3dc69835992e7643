//! The gate's configuration, as the JSON that goes into the proxy's.

use coin::Campaign;
use serde_json::{Value, json};

/// What the gate does with a verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Refuse requests without a good coin.
    #[default]
    Enforce,
    /// Count what would be refused, and let everything through.
    Shadow,
    /// Do nothing.
    Off,
}

/// The configuration with the shipped routes: GET and HEAD are free, so is taking a coin; all else needs one.
///
/// `keys` is Vault's JSON, which the gate reads as it is; what the commands were told about versions below a minimum goes beside it.
pub fn gate_config(mode: Mode, campaign: &Campaign, keys: &Value, min_key_version: u32) -> Value {
    let mode = match mode {
        Mode::Enforce => "enforce",
        Mode::Shadow => "shadow",
        Mode::Off => "off",
    };
    json!({
        "mode": mode,
        "campaign": campaign.as_str(),
        "keys": keys,
        "min_key_version": min_key_version,
        "routes": [
            { "methods": ["GET", "HEAD"], "prefix": "/", "coin": "none" },
            { "methods": ["POST"], "path": "/v1/coins", "coin": "none" },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::{Mode, gate_config};
    use coin::Campaign;
    use serde_json::{Value, json};

    /// Two places that say which routes are free would drift apart.
    #[test]
    fn the_configuration_is_the_shipped_one() {
        let bootstrap = include_str!("../../../envoy/bootstrap.yaml");
        let (_, after) = bootstrap.split_once("value: |\n").unwrap();
        let (shipped, _) = after.split_once("          - name: envoy.filters.http.router").unwrap();
        let mut shipped: Value = serde_json::from_str(shipped).unwrap();
        shipped["min_key_version"] = json!(1);
        let campaign = Campaign::parse("hashiconf-2020").unwrap();
        assert_eq!(gate_config(Mode::Enforce, &campaign, &json!({}), 1), shipped);
    }
}
