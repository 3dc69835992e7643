//! A proxy that a test adds to the mesh: of any service, with a way to any other, so that only intentions stand between the two.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::world::Mesh;
use crate::harness::artifacts::envoy;
use crate::harness::http::{self, request};
use crate::harness::process::Process;
use crate::harness::wait::wait_for;

/// A running sidecar.
pub struct Sidecar {
    _process: Process,
    _directory: TempDir,
    upstreams: Vec<(String, SocketAddr)>,
}

impl Sidecar {
    /// One that says it is `service`'s, and has the certificate to show for it.
    pub fn of(mesh: &Mesh, service: &str, upstreams: &[&str]) -> Sidecar {
        let directory = TempDir::new().unwrap();
        let id = format!("{service}-trial");
        let upstreams: Vec<(String, SocketAddr)> = upstreams
            .iter()
            .map(|name| {
                (
                    (*name).to_owned(),
                    SocketAddr::from((Ipv4Addr::LOCALHOST, mesh.spare_port())),
                )
            })
            .collect();
        let ways = upstreams
            .iter()
            .map(|(name, address)| json!({ "destination_name": name, "local_bind_port": address.port() }));
        let definition = json!({ "service": {
            "kind": "connect-proxy",
            "id": id,
            "name": format!("{service}-sidecar-proxy"),
            "address": "127.0.0.1",
            "port": mesh.spare_port(),
            "proxy": { "destination_service_name": service, "upstreams": ways.collect::<Vec<_>>() },
        }});
        let file = directory.path().join("service.json");
        fs::write(&file, definition.to_string()).unwrap();
        Mesh::runs(mesh.consul().args(["services", "register"]).arg(file));
        let admin = SocketAddr::from((Ipv4Addr::LOCALHOST, mesh.spare_port()));
        let process = start(mesh, directory.path(), &id, admin);
        wait_for("the sidecar's listeners", || {
            let listeners = http::try_exchange(admin, &request("GET", "/listeners", &[], ""))?.text();
            let missing = upstreams
                .iter()
                .find(|(_, address)| !listeners.contains(&address.to_string()));
            missing.map_or(Ok(()), |_| Err(listeners.clone()))
        });
        Sidecar {
            _process: process,
            _directory: directory,
            upstreams,
        }
    }

    /// Where it takes what is for another service.
    pub fn to(&self, service: &str) -> SocketAddr {
        self.upstreams.iter().find(|(name, _)| name == service).unwrap().1
    }
}

fn start(mesh: &Mesh, directory: &Path, id: &str, admin: SocketAddr) -> Process {
    let mut command: Command = mesh.consul();
    command.env("TMPDIR", directory);
    command.args(["connect", "envoy", "-proxy-id", id, "-admin-bind", &admin.to_string()]);
    command
        .args(["-ignore-envoy-compatibility", "-envoy-binary"])
        .arg(envoy());
    Process::start(id, command.args(["--", "--concurrency", "1"]))
}
