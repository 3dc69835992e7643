//! What each job may do, with the tokens that the jobs really got; and that a job cannot be another one by saying so.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::site::{bad_job, exec, json as said, running};
use crate::harness::http::{exchange, request};
use crate::harness::process::run;
use crate::harness::wait::wait_for;
use crate::mesh::world::Mesh;

/// "coin" in base64.
const INPUT: &str = "Y29pbg==";

/// A request to Vault; gives the status.
fn ask(vault: SocketAddr, token: &str, method: &str, path: &str, body: &Value) -> u16 {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let headers = [("x-vault-token", token)];
    exchange(vault, &request(method, &format!("/v1/{path}"), &headers, &body)).status
}

/// The token that Nomad gave a task: what the task itself finds in its environment.
fn token(mesh: &Mesh, allocation: &str, task: &str) -> String {
    wait_for(&format!("the token of {task}"), || {
        let ended = exec(mesh, allocation, task, &["printenv", "VAULT_TOKEN"]);
        if ended.code() == 0 {
            Ok(ended.stdout.trim().to_owned())
        } else {
            Err(format!("{ended:?}"))
        }
    })
}

/// The miner's: it lasts for as long as the miner works, so the miner is made to wait for Redis, which is stopped meanwhile.
fn token_of_a_miner(mesh: &Mesh) -> String {
    let redis = running(mesh, "redis");
    let info = exec(mesh, &redis, "redis", &["redis-cli", "-p", "6379", "info", "server"]);
    let mut lines = info.stdout.lines();
    let pid = lines
        .find_map(|line| line.strip_prefix("process_id:"))
        .unwrap()
        .trim()
        .to_owned();
    let signal = |signal| assert_eq!(exec(mesh, &redis, "redis", &["kill", signal, &pid]).code(), 0);
    signal("-STOP");
    let mut dispatch = mesh.nomad();
    dispatch.args(["job", "dispatch", "-detach", "-meta", "campaign=hashiconf-2020"]);
    dispatch.args(["-meta", "expires=2030-01-01T00:00:00Z", "-meta", "count=1", "miner"]);
    let dispatched = Mesh::runs(&mut dispatch).stdout;
    let mut words = dispatched.split_whitespace();
    let job = words
        .find(|word| word.starts_with("miner/dispatch-"))
        .unwrap()
        .to_owned();
    let allocation = running(mesh, &job);
    let token = token(mesh, &allocation, "miner");
    signal("-CONT");
    wait_for("the miner to be done", || {
        let allocations = said(mesh.nomad().args(["job", "allocs", "-json", &job]));
        if allocations[0]["ClientStatus"] == "complete" {
            Ok(())
        } else {
            Err(allocations.to_string())
        }
    });
    token
}

/// Each job may do its own, and nothing of another's.
pub fn tokens(mesh: &Mesh) {
    let vault = mesh.address("vault", "http");
    let miner = token_of_a_miner(mesh);
    let api = token(mesh, &running(mesh, "api"), "api");
    let ledger = token(mesh, &running(mesh, "ledger"), "ledger");
    // Who has no role has no token.
    let none = exec(mesh, &running(mesh, "redis"), "redis", &["printenv", "VAULT_TOKEN"]);
    assert_eq!((none.code(), &*none.stdout), (1, ""), "{none:?}");
    let sign = json!({ "input": INPUT });
    let verify = json!({ "input": INPUT, "signature": "vault:v1:AAAA" });
    let operations = [
        ("POST", "transit/sign/hashicoin", &sign),
        ("POST", "transit/sign/hashicoin/sha1", &sign),
        ("POST", "transit/verify/hashicoin", &verify),
        ("POST", "transit/sign/hashicoin-log", &sign),
        ("GET", "transit/keys/hashicoin", &Value::Null),
        ("GET", "transit/keys/hashicoin-log", &Value::Null),
        ("GET", "transit/export/signing-key/hashicoin", &Value::Null),
        ("POST", "transit/keys/hashicoin/rotate", &Value::Null),
        ("GET", "sys/mounts", &Value::Null),
        ("GET", "auth/token/lookup-self", &Value::Null),
    ];
    for (who, token, expected) in [
        ("miner", &miner, [200, 403, 403, 403, 403, 403, 403, 403, 403, 200]),
        ("api", &api, [403, 403, 403, 403, 200, 200, 403, 403, 403, 200]),
        ("ledger", &ledger, [403, 403, 403, 200, 200, 200, 403, 403, 403, 200]),
    ] {
        let seen = operations.map(|(method, path, body)| ask(vault, token, method, path, body));
        assert_eq!(seen, expected, "{who}");
    }
}

/// The autoscaler may look at what is scaled and say how many instances there are to be, and nothing else of Nomad.
pub fn autoscaler(mesh: &Mesh) {
    let nomad = mesh.address("nomad-server", "http");
    let ended = exec(
        mesh,
        &running(mesh, "autoscaler"),
        "autoscaler",
        &["printenv", "NOMAD_TOKEN"],
    );
    let token = ended.stdout.trim();
    let headers = [("x-nomad-token", token)];
    let task = json!({ "Name": "more", "Driver": "raw_exec", "Config": { "command": "/bin/true" } });
    let group = json!({ "Name": "more", "Count": 1, "Tasks": [task] });
    let job = json!({ "Job": { "ID": "more", "Name": "more", "Type": "batch", "Datacenters": ["*"], "TaskGroups": [group] } }).to_string();
    for (method, path, body, expected) in [
        ("GET", "scaling/policies", "", 200),
        ("GET", "job/api/scale", "", 200),
        ("GET", "jobs", "", 403),
        ("GET", "job/api", "", 200),
        ("POST", "jobs", job.as_str(), 403),
        ("DELETE", "job/api", "", 403),
        ("GET", "var/nomad/jobs/ledger", "", 403),
        ("GET", "nodes", "", 403),
        ("GET", "acl/tokens", "", 403),
    ] {
        let answer = exchange(nomad, &request(method, &format!("/v1/{path}"), &headers, body));
        assert_eq!(answer.status, expected, "{method} {path}: {}", answer.text());
    }
}

/// A job that asks for another one's role gets nothing from Vault, and one that calls itself the ledger gets no certificate of the ledger's from Consul.
pub fn thieves(mesh: &Mesh) {
    for (name, refusal) in [
        ("thief", "claim \\\"nomad_job_id\\\" does not match"),
        ("impostor", "Permission denied"),
    ] {
        let ended = bad_job(mesh, name);
        assert_eq!(ended.code(), 0, "{ended:?}");
        let allocation = wait_for(&format!("the job {name} to be refused"), || {
            let allocations = said(mesh.nomad().args(["job", "allocs", "-json", name]));
            let first = allocations[0].clone();
            if first.to_string().contains(refusal) {
                Ok(first)
            } else {
                Err(allocations.to_string())
            }
        });
        let states = allocation["TaskStates"].as_object().unwrap();
        assert!(
            states.values().all(|state| state["StartedAt"].is_null()),
            "{allocation}"
        );
        let ended = run(mesh.nomad().args(["job", "stop", "-purge", "-detach", name]));
        assert_eq!(ended.code(), 0, "{ended:?}");
    }
}
