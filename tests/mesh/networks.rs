//! Two networks: Postgres is out of reach for the public side, and within reach through the gateway. The proof of the keynote, `psql -h localhost`, is here.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::world::Mesh;
use crate::harness::artifacts::tools;
use crate::harness::process::{Ended, run};
use crate::harness::wait::wait_for;

/// Longer than a connection on one machine takes to come about.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// `psql` as the database's owner, with the password where only this user reads it.
fn psql(mut psql: Command, postgres: &Value, host: &str, port: u16) -> Ended {
    let password = fs::read_to_string(postgres["owner"]["password_file"].as_str().unwrap()).unwrap();
    psql.env("PGPASSWORD", password.trim());
    psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "-h", host]);
    psql.args([
        "-p",
        &port.to_string(),
        "-U",
        postgres["owner"]["user"].as_str().unwrap(),
    ]);
    run(psql.args(["-c", "SELECT 6 * 7", postgres["database"].as_str().unwrap()]))
}

fn port(address: &Value) -> u16 {
    let address: SocketAddr = address.as_str().unwrap().parse().unwrap();
    address.port()
}

#[test]
fn psql_gets_to_postgres_through_the_mesh_and_in_no_other_way() {
    let mesh = Mesh::start();
    let facts = mesh.facts();
    let postgres = &facts["postgres"];
    let through = wait_for("Postgres, through the mesh", || {
        let ended = psql(
            Command::new(tools().join("psql")),
            postgres,
            "localhost",
            port(&postgres["through_the_mesh"]),
        );
        if ended.code() == 0 {
            Ok(ended)
        } else {
            Err(ended.stderr)
        }
    });
    assert_eq!(through.stdout.trim(), "42", "{through:?}");

    let (Some(pci), Some(data)) = (
        facts["namespaces"]["pci"].as_str(),
        facts["namespaces"]["data"].as_str(),
    ) else {
        // Without root there is one network, and the mesh says so.
        assert!(mesh.said().contains("only root can keep the data network apart"));
        return;
    };
    let address: SocketAddr = postgres["address"].as_str().unwrap().parse().unwrap();
    let connects = || TcpStream::connect_timeout(&address, CONNECT_WITHIN).is_ok();
    assert!(!connects(), "{address} answers on the public side");

    // It is there: the gateway's machine reaches it.
    let mut beside = Command::new("ip");
    beside.args(["netns", "exec", pci]).arg(tools().join("psql"));
    let beside = psql(beside, postgres, &address.ip().to_string(), address.port());
    assert_eq!((beside.code(), beside.stdout.trim()), (0, "42"), "{beside:?}");

    // Nor does it help to send packets to the gateway's machine: it passes none on, and the data network knows no way back.
    let gateway: SocketAddr = facts["pci_gateway"].as_str().unwrap().parse().unwrap();
    let gateway = gateway.ip().to_string();
    let network = network_of(address);
    Mesh::runs(Command::new("ip").args(["route", "replace", &network, "via", &gateway]));
    let connected = connects();
    Mesh::runs(Command::new("ip").args(["route", "replace", "unreachable", &network]));
    assert!(!connected, "{address} answers through {gateway}");
    let routes = Mesh::runs(Command::new("ip").args(["-n", data, "route"])).stdout;
    assert_eq!(routes.lines().count(), 1, "{routes}");
}

/// The data network: the four addresses around Postgres'.
fn network_of(address: SocketAddr) -> String {
    let SocketAddr::V4(address) = address else {
        panic!("{address}");
    };
    let [a, b, c, d] = address.ip().octets();
    format!("{a}.{b}.{c}.{}/30", d & !3)
}
