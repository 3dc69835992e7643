//! Prometheus, which reads everybody's figures. Nothing depends on it: a mesh without the program goes without.

use std::process::Command;

use serde_json::json;
use service::Failure;

use super::ports::Port;
use super::supervisor::Supervisor;
use super::{Site, files, write};
use crate::dev::stop::Stop;
use crate::dev::wait::wait_for;
use crate::http::{Base, Client};
use crate::shipped::fill;

/// How often figures are read and rules looked at. Nobody wants to wait for a quarter of a minute in front of a demonstration.
const EVERY: &str = "1s";

/// Starts it, if the program is there. Where Nomad runs the parts, it is a job.
///
/// # Errors
///
/// When it does not come up.
pub fn start(
    site: &Site<'_>,
    supervisor: &Supervisor,
    stop: &Stop,
    say: &(dyn Fn(&str) + Sync),
) -> Result<(), Failure> {
    let Some(program) = &site.tools.prometheus else {
        return Ok(());
    };
    for (path, shipped) in files::PROMETHEUS {
        let text = if path == "monitoring/prometheus.yml" {
            fill(path, shipped, &changes(site))?
        } else {
            shipped.to_owned()
        };
        write(&site.data.join(path), &text)?;
    }
    let address = format!("127.0.0.1:{}", site.ports.get(Port::Prometheus));
    let directory = site.data.join("monitoring");
    let mut command = Command::new(program);
    command.arg("--config.file").arg(directory.join("prometheus.yml"));
    command.arg("--storage.tsdb.path").arg(directory.join("data"));
    command.args(["--web.listen-address", &address]);
    let mut server = supervisor.start("prometheus", command, json!({ "http": address }))?;
    let http = Client::new(Base::local(site.ports.get(Port::Prometheus)));
    wait_for("Prometheus to be ready", &mut server, stop, || {
        let answer = http.get("/-/ready").map_err(|failure| failure.to_string())?;
        if answer.status == 200 { Ok(()) } else { Err(answer.body) }
    })?;
    say(&format!("metrics  http://{address}/"));
    Ok(())
}

/// What this site has elsewhere than one that uses the files as they are.
fn changes(site: &Site<'_>) -> Vec<(&'static str, String)> {
    let local = |port| format!("127.0.0.1:{}", site.ports.get(port));
    let at_gateway = format!("{}:{}", site.network.server(), site.ports.get(Port::GatewayMetrics));
    let at_pci = format!(
        "{}:{}",
        site.network.pci_public(),
        site.ports.get(Port::PciGatewayMetrics)
    );
    vec![
        ("scrape_interval: 15s", format!("scrape_interval: {EVERY}")),
        ("evaluation_interval: 15s", format!("evaluation_interval: {EVERY}")),
        (
            "/etc/hashicoin/tokens/prometheus",
            site.tokens().join("prometheus").display().to_string(),
        ),
        ("127.0.0.1:8080", local(Port::Api)),
        ("127.0.0.1:8081", local(Port::Ledger)),
        ("127.0.0.1:9102", local(Port::ApiMetrics)),
        ("127.0.0.1:9103", local(Port::RedisMetrics)),
        ("127.0.0.1:9104", local(Port::LedgerMetrics)),
        ("127.0.0.1:9105", local(Port::MintMetrics)),
        ("127.0.0.1:9106", at_gateway),
        ("127.0.0.1:9107", at_pci),
        ("127.0.0.1:8500", local(Port::ConsulHttp)),
        ("127.0.0.1:8200", local(Port::Vault)),
    ]
}
