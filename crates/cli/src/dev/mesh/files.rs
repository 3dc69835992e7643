//! The files in `consul/` and `vault/` that people start from, with this mesh's ports, addresses and paths put in.

use service::Failure;

use super::network::Network;
use super::ports::{Port, Ports};
use crate::shipped::fill;

macro_rules! shipped {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("../../../../../", $path)))),*]
    };
}

/// What is used as it is: agents, policies, scripts, and the entries that no site changes.
pub const AS_THEY_ARE: [(&str, &str); 18] = shipped![
    "consul/agent/client.hcl",
    "consul/agent/server.hcl",
    "consul/config/intentions-api.hcl",
    "consul/config/intentions-postgres.hcl",
    "consul/config/intentions-redis.hcl",
    "consul/config/mesh.hcl",
    "consul/config/pci-gateway.hcl",
    "consul/config/proxy-defaults.hcl",
    "consul/config/votes.hcl",
    "consul/keys.ctmpl",
    "consul/keys.sh",
    "consul/policies/keys.hcl",
    "consul/policies/nomad-apps.hcl",
    "consul/policies/nomad-pci.hcl",
    "consul/policies/nomad-server.hcl",
    "consul/policies/pci-gateway.hcl",
    "consul/policies/prometheus.hcl",
    "consul/setup.sh",
];

/// How Vault is set up.
pub const VAULT: [(&str, &str); 5] = shipped![
    "vault/policies/key-reader.hcl",
    "vault/policies/log-signer.hcl",
    "vault/policies/mint.hcl",
    "vault/policies/verifier.hcl",
    "vault/setup.sh",
];

/// What Nomad runs, and how Vault and Consul get to know it.
pub const NOMAD: [(&str, &str); 15] = shipped![
    "monitoring/rules/alerts.yml",
    "monitoring/rules/jobs.yml",
    "monitoring/rules/recording.yml",
    "nomad/agent/client.hcl",
    "nomad/agent/server.hcl",
    "nomad/jobs/api.nomad.hcl",
    "nomad/jobs/autoscaler.nomad.hcl",
    "nomad/jobs/ledger-init.nomad.hcl",
    "nomad/jobs/ledger.nomad.hcl",
    "nomad/jobs/miner.nomad.hcl",
    "nomad/jobs/pci-gateway.nomad.hcl",
    "nomad/jobs/prometheus.nomad.hcl",
    "nomad/jobs/redis.nomad.hcl",
    "nomad/jobs/refill.nomad.hcl",
    "nomad/setup.sh",
];

/// What Prometheus reads, and what it makes of it.
pub const PROMETHEUS: [(&str, &str); 3] = shipped![
    "monitoring/prometheus.yml",
    "monitoring/rules/alerts.yml",
    "monitoring/rules/recording.yml",
];

const CHANGED: [(&str, &str); 8] = shipped![
    "consul/config/gateway.hcl",
    "consul/services/api.hcl",
    "consul/services/gateway.hcl",
    "consul/services/ledger.hcl",
    "consul/services/mint.hcl",
    "consul/services/pci-gateway.hcl",
    "consul/services/postgres.hcl",
    "consul/services/redis.hcl",
];

/// The files that a site changes, by path.
///
/// # Errors
///
/// When a built-in file has not each thing to change exactly once.
pub fn changed(ports: &Ports, network: &Network, front: u16) -> Result<Vec<(&'static str, String)>, Failure> {
    CHANGED
        .iter()
        .map(|(path, shipped)| Ok((*path, fill(path, shipped, &changes(path, ports, network, front))?)))
        .collect()
}

fn changes(path: &str, ports: &Ports, network: &Network, front: u16) -> Vec<(String, String)> {
    let port = |shipped: u16, port: Port| (format!(" = {shipped}"), format!(" = {}", ports.get(port)));
    let check = |shipped: u16, port: Port| (format!(":{shipped}\""), format!(":{}\"", ports.get(port)));
    match path {
        "consul/config/gateway.hcl" => vec![(" = 8088".to_owned(), format!(" = {front}"))],
        "consul/services/api.hcl" => vec![
            port(8080, Port::Api),
            check(8080, Port::Api),
            port(21001, Port::ApiSidecar),
            check(21001, Port::ApiSidecar),
            port(6381, Port::ApiToRedis),
            check(9102, Port::ApiMetrics),
        ],
        // Prometheus may be on another machine.
        "consul/services/gateway.hcl" => {
            let figures = format!("{}:{}", network.server(), ports.get(Port::GatewayMetrics));
            vec![
                (
                    "envoy_metrics = \"127.0.0.1:9106\"".to_owned(),
                    format!("envoy_metrics = \"{figures}\""),
                ),
                (
                    "envoy_prometheus_bind_addr = \"127.0.0.1:9106\"".to_owned(),
                    format!("envoy_prometheus_bind_addr = \"{figures}\""),
                ),
            ]
        }
        "consul/services/redis.hcl" => vec![
            port(6379, Port::Redis),
            check(6379, Port::Redis),
            port(21002, Port::RedisSidecar),
            check(21002, Port::RedisSidecar),
            check(9103, Port::RedisMetrics),
        ],
        "consul/services/ledger.hcl" => vec![
            port(21003, Port::LedgerSidecar),
            check(21003, Port::LedgerSidecar),
            port(6382, Port::LedgerToRedis),
            port(5433, Port::LedgerToPostgres),
            check(9104, Port::LedgerMetrics),
        ],
        "consul/services/mint.hcl" => vec![
            port(21004, Port::MintSidecar),
            check(21004, Port::MintSidecar),
            port(6383, Port::MintToRedis),
            check(9105, Port::MintMetrics),
        ],
        "consul/services/pci-gateway.hcl" => vec![
            port(8443, Port::PciGateway),
            (
                "127.0.0.1:8443".to_owned(),
                format!("{}:{}", network.pci_public(), ports.get(Port::PciGateway)),
            ),
            (
                "127.0.0.1:9107".to_owned(),
                format!("{}:{}", network.pci_public(), ports.get(Port::PciGatewayMetrics)),
            ),
            (
                "address = \"127.0.0.1\"".to_owned(),
                format!("address = \"{}\"", network.pci_public()),
            ),
        ],
        "consul/services/postgres.hcl" => vec![
            port(5432, Port::Postgres),
            (
                "127.0.0.2:5432".to_owned(),
                format!("{}:{}", network.postgres(), ports.get(Port::Postgres)),
            ),
            (
                "address = \"127.0.0.2\"".to_owned(),
                format!("address = \"{}\"", network.postgres()),
            ),
        ],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::changed;
    use crate::dev::mesh::network::Network;
    use crate::dev::mesh::ports::Ports;

    /// Numbers that are left as they were would be ports of another mesh, or of nobody.
    #[test]
    fn no_port_of_a_shipped_file_is_left() {
        let ports = Ports::claim().unwrap();
        for (path, text) in changed(&ports, &Network::for_tests(), 1).unwrap() {
            let numbers = text.split(|letter: char| !letter.is_ascii_digit());
            let left: Vec<&str> = numbers.filter(|number| number.len() >= 4).collect();
            let ours = |number: &&str| number.parse().is_ok_and(|number| ports.has(number));
            assert!(left.iter().all(ours), "{path}: {left:?}");
        }
    }
}
