//! What of a mesh a person would open: the page, and the servers' own addresses, out of `mesh.json`.

use std::fs;

use serde_json::{Value, json};
use service::Failure;

use super::data::Data;
use crate::http::Base;

/// The servers that people look at, by their parts' names, if they run.
const SERVERS: [(&str, &str); 4] = [
    ("Vault", "vault"),
    ("Consul", "consul"),
    ("Nomad", "nomad-server"),
    ("Prometheus", "prometheus"),
];

/// The HTTP address of a part, or of a job that is noted like one.
///
/// # Errors
///
/// When there is none.
pub fn of_part(data: &Data, part: &str) -> Result<String, Failure> {
    let file = data.join("mesh.json");
    let text = fs::read_to_string(&file).map_err(|error| Failure::io("read", &file, &error))?;
    let mesh: Value = serde_json::from_str(&text).unwrap_or_default();
    let mut parts = mesh["parts"].as_array().into_iter().flatten();
    let found = parts.find(|candidate| candidate["name"] == part);
    // What Nomad runs is no part, and is noted beside them.
    let addresses = found.map_or(&mesh[part], |part| &part["addresses"]);
    let address = addresses["http"].as_str();
    address
        .map(|address| format!("http://{address}"))
        .ok_or_else(|| Failure::CouldNot(format!("mesh.json has no address of {part}")))
}

/// The addresses of the servers that run, by their names.
pub fn of_servers(data: &Data) -> Vec<(&'static str, String)> {
    let address = |(name, part)| Some((name, of_part(data, part).ok()?));
    SERVERS.into_iter().filter_map(address).collect()
}

/// The same and the page's, for machines.
pub fn to_json(data: &Data, front: &Base) -> Value {
    [("Page", front.to_string())]
        .into_iter()
        .chain(of_servers(data))
        .map(|(name, address)| json!({ "name": name, "address": address }))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{of_part, of_servers, to_json};
    use crate::dev::data::Data;
    use crate::http::Base;

    #[test]
    fn those_that_run_are_told_and_others_are_not_made_up() {
        let data = Data::create(None).unwrap();
        assert!(of_part(&data, "vault").unwrap_err().to_string().contains("mesh.json"));
        let mesh = r#"{"parts":[{"name":"vault","addresses":{"http":"127.0.0.1:1"}},{"name":"redis","addresses":{}}],
            "prometheus":{"http":"10.0.0.1:3"}}"#;
        data.write("mesh.json", mesh).unwrap();
        assert_eq!(of_part(&data, "vault").unwrap(), "http://127.0.0.1:1");
        assert!(of_part(&data, "redis").is_err());
        let vault = ("Vault", "http://127.0.0.1:1".to_owned());
        let prometheus = ("Prometheus", "http://10.0.0.1:3".to_owned());
        assert_eq!(of_servers(&data), [vault, prometheus]);
        assert_eq!(
            to_json(&data, &Base::local(2)),
            json!([
                {"name": "Page", "address": "http://127.0.0.1:2"},
                {"name": "Vault", "address": "http://127.0.0.1:1"},
                {"name": "Prometheus", "address": "http://10.0.0.1:3"},
            ])
        );
    }
}
