//! Who may speak to whom: the five connections that are allowed, and the ones that would be worth most to an intruder.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use super::sidecar::Sidecar;
use super::world::Mesh;
use crate::harness::artifacts::tools;
use crate::harness::http::{exchange, get, request};
use crate::harness::process::run;
use crate::harness::wait::{SOON, wait_for};

/// What Redis says to PING; nothing when the connection is closed instead.
fn ping(redis: SocketAddr) -> String {
    let mut stream = TcpStream::connect(redis).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    // Whoever is refused may be so before all is written.
    let _ = stream.write_all(b"PING\r\n");
    let mut answer = [0; 7];
    match stream.read_exact(&mut answer) {
        Ok(()) => String::from_utf8_lossy(&answer).into_owned(),
        Err(_) => String::new(),
    }
}

/// Whether Postgres takes part in a conversation at all, before any password.
fn speaks_postgres(address: SocketAddr) -> bool {
    let mut ready = Command::new(tools().join("psql"));
    ready.args([
        "--no-psqlrc",
        "--host",
        "127.0.0.1",
        "--port",
        &address.port().to_string(),
    ]);
    let ended = run(ready.args([
        "--username",
        "nobody",
        "--no-password",
        "--command",
        "SELECT 1",
        "hashicoin",
    ]));
    assert_ne!(ended.code(), 0, "{ended:?}");
    ended.stderr.contains("FATAL:")
}

#[test]
fn only_who_has_an_intention_is_let_in() {
    let mesh = Mesh::start();
    assert_eq!(get(mesh.front, "/v1/tally").status, 200, "gateway -> api");

    let stranger = Sidecar::of(&mesh, "stranger", &["api", "redis", "postgres"]);
    let mint = Sidecar::of(&mesh, "mint", &["api", "redis", "postgres"]);
    let api = Sidecar::of(&mesh, "api", &["redis", "postgres"]);
    let ledger = Sidecar::of(&mesh, "ledger", &["api", "redis", "postgres"]);

    for (name, sidecar) in [("stranger", &stranger), ("mint", &mint), ("ledger", &ledger)] {
        let before = mesh.api_requests();
        let answer = exchange(sidecar.to("api"), &request("GET", "/v1/tally", &[], ""));
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (403, "RBAC: access denied"),
            "{name} -> api"
        );
        assert_eq!(mesh.api_requests(), before, "{name} -> api");
    }
    for (name, sidecar) in [("api", &api), ("ledger", &ledger), ("mint", &mint)] {
        wait_for(&format!("{name} -> redis"), || {
            match ping(sidecar.to("redis")).as_str() {
                "+PONG\r\n" => Ok(()),
                other => Err(other.to_owned()),
            }
        });
    }
    assert_eq!(ping(stranger.to("redis")), "", "stranger -> redis");

    wait_for("ledger -> postgres", || {
        if speaks_postgres(ledger.to("postgres")) {
            Ok(())
        } else {
            Err(String::new())
        }
    });
    for (name, sidecar) in [("stranger", &stranger), ("mint", &mint), ("api", &api)] {
        assert!(!speaks_postgres(sidecar.to("postgres")), "{name} -> postgres");
    }
}
