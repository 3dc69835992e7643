//! The names of the gate's metrics: a fixed set, defined once per configuration.
//!
//! Envoy adds no prefix of the plugin's, so every name begins with `coin_gate_`. No name is made from anything that a client sends.

use coin::Refusal;

use crate::config::Mode;

/// Configurations that were refused (a counter).
pub const CONFIG_REJECTED: &str = "coin_gate_config_rejected";
/// 1 while the newest configuration is in force, 0 after one was refused (a gauge). A worker that is late with the one before sets it to 1 once more; the counter does not err.
pub const CONFIG_OK: &str = "coin_gate_config_ok";
/// Key versions that count (a gauge).
pub const KEYS: &str = "coin_gate_keys";
/// The lowest key version that counts (a gauge).
pub const KEY_VERSION_MIN: &str = "coin_gate_key_version_min";
/// The newest key version (a gauge).
pub const KEY_VERSION_MAX: &str = "coin_gate_key_version_max";

/// The names of one mode's counters.
pub struct CounterNames {
    /// Requests that needed no coin.
    pub free: String,
    /// Requests with a good coin.
    pub accepted: String,
    /// Requests that were refused, by reason, in the order of [`reasons`].
    pub refused: Vec<(Refusal, String)>,
}

/// The reasons that the gate itself can give: all but the ledger's.
pub fn reasons() -> impl Iterator<Item = Refusal> {
    Refusal::ALL.into_iter().filter(|reason| !reason.takes_the_ledger())
}

/// The counters of a mode. A shadow's have names of their own, so that a dashboard never takes a would-be refusal for one that happened.
pub fn counter_names(mode: Mode) -> CounterNames {
    let root = if mode == Mode::Shadow {
        "coin_gate_shadow"
    } else {
        "coin_gate"
    };
    let refused = reasons()
        .map(|reason| (reason, format!("{root}_refused_{}", reason.code().replace('-', "_"))))
        .collect();
    CounterNames {
        free: format!("{root}_free"),
        accepted: format!("{root}_accepted"),
        refused,
    }
}
