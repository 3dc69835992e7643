//! Consul's configuration entry for the API, with the gate in it.

use std::path::Path;

use serde_json::{Value, json};
use service::Failure;

use crate::shipped;

/// The file that people start from, as it is.
const SHIPPED: &str = include_str!("../../../consul/config/api.hcl");

/// The entry (HCL) that mounts the module at `module`, a path on the sidecar's machine, with this configuration.
///
/// # Errors
///
/// When the built-in file has not both places exactly once.
pub fn config_entry(module: &Path, gate_config: &Value) -> Result<String, Failure> {
    // JSON's strings are HCL's too. A `${` would be a variable there, and stands in no key and in no campaign's name.
    let module = json!(module.to_string_lossy()).to_string();
    let configuration = json!(gate_config.to_string()).to_string();
    shipped::fill(
        "consul/config/api.hcl",
        SHIPPED,
        &[
            ("\"/etc/hashicoin/coin_gate.wasm\"", module),
            ("Configuration = \"{}\"", format!("Configuration = {configuration}")),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::{SHIPPED, config_entry};
    use serde_json::json;
    use std::path::Path;

    #[test]
    fn only_path_and_configuration_differ_from_the_shipped_file() {
        let text = config_entry(Path::new("/a \"b\".wasm"), &json!({"k": "v"})).unwrap();
        let changed: Vec<&str> = text
            .lines()
            .zip(SHIPPED.lines())
            .filter(|(ours, shipped)| ours != shipped)
            .map(|(ours, _)| ours.trim())
            .collect();
        assert_eq!(text.lines().count(), SHIPPED.lines().count());
        assert_eq!(changed.len(), 2, "{changed:#?}");
        assert!(changed[0].contains(r#"Filename = "/a \"b\".wasm""#), "{changed:#?}");
        assert_eq!(changed[1], r#"Configuration = "{\"k\":\"v\"}""#);
    }

    /// The line without which Consul lets everything through once the filter fails, in the only place where Consul reads it.
    #[test]
    fn the_filter_is_required() {
        let before_arguments = SHIPPED.split_once("Arguments = {").unwrap().0;
        assert!(before_arguments.contains("\n    Required = true\n"));
    }
}
