//! The shipped Envoy configuration, with nothing but ports, the module's path and the keys replaced.

use std::path::Path;

use serde_json::{Value, json};
use service::Failure;

use crate::shipped;

/// The file that people start from, as it is.
const SHIPPED: &str = include_str!("../../../../envoy/bootstrap.yaml");

/// The configuration for an API at `api_port`. Port 0 takes a free one.
///
/// # Errors
///
/// When the built-in file has not each thing to replace exactly once.
pub fn render(public_port: u16, api_port: u16, gate: &Path, keys: &Value) -> Result<String, Failure> {
    let port = |number: u16| format!("port_value: {number}");
    // JSON's strings are YAML's too, so that a path may have any character in it.
    let gate = json!(gate.to_string_lossy()).to_string();
    shipped::fill(
        "envoy/bootstrap.yaml",
        SHIPPED,
        &[
            ("port_value: 10000", port(public_port)),
            ("port_value: 9901", port(0)),
            ("port_value: 8080", port(api_port)),
            ("/etc/hashicoin/coin_gate.wasm", gate),
            ("\"keys\": {}", format!("\"keys\": {keys}")),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::{SHIPPED, render};
    use serde_json::json;
    use std::path::Path;

    #[test]
    fn only_ports_path_and_keys_differ_from_the_shipped_file() {
        let text = render(1, 2, Path::new("/a \"b\".wasm"), &json!({"k": 1})).unwrap();
        let changed: Vec<&str> = text
            .lines()
            .zip(SHIPPED.lines())
            .filter(|(ours, shipped)| ours != shipped)
            .map(|(ours, _)| ours.trim())
            .collect();
        assert_eq!(text.lines().count(), SHIPPED.lines().count());
        assert_eq!(changed.len(), 5, "{changed:#?}");
        assert!(changed[0].contains("port_value: 0"), "{changed:#?}");
        assert!(changed[1].contains("port_value: 1"), "{changed:#?}");
        assert!(changed[2].contains(r#""/a \"b\".wasm""#), "{changed:#?}");
        assert_eq!(changed[3], r#""keys": {"k":1},"#);
        assert!(changed[4].contains("port_value: 2"), "{changed:#?}");
    }
}
