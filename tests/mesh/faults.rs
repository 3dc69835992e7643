//! Parts are killed while votes are cast: in the end every vote that was cast is counted, once.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::thread;

use super::world::{Mesh, vote};
use crate::harness::artifacts::tools;
use crate::harness::http::{self, Response};
use crate::harness::wait::wait_for;

/// How many votes are cast while the parts die.
const VOTES: usize = 60;

/// Votes cast at once.
const VOTERS: usize = 4;

const CLEAN_WATER: &str = r#"{"weights":{"clean-water":1}}"#;

/// Casts a vote until there is an answer that says what became of it, as every client may: a coin counts once.
fn cast(mesh: &Mesh, coin: &str) -> Response {
    wait_for("an answer to a vote", || {
        let answer = http::try_exchange(mesh.front, &vote(coin, CLEAN_WATER))?;
        match answer.status {
            // Nobody there, too busy, too slow: send it again.
            202 | 502..=504 => Err(format!("{answer:?}")),
            _ => Ok(answer),
        }
    })
}

/// Casts every vote, and calls `fault` when a third of them is answered. Each is counted, under an id of its own, and the tally has as many more.
fn votes_survive(mesh: &Mesh, name: &str, fault: impl FnOnce() + Send) {
    let coins: Vec<String> = (0..VOTES).map(|index| mesh.coin(&format!("{name}-{index}"))).collect();
    let before = mesh.votes();
    let (first, rest) = coins.split_at(VOTES / 3);
    let cast_all = |coins: &[String]| -> Vec<Response> {
        thread::scope(|scope| {
            let voters: Vec<_> = coins
                .chunks(coins.len().div_ceil(VOTERS))
                .map(|coins| scope.spawn(move || coins.iter().map(|coin| cast(mesh, coin)).collect::<Vec<_>>()))
                .collect();
            voters.into_iter().flat_map(|voter| voter.join().unwrap()).collect()
        })
    };
    let mut answers = cast_all(first);
    answers.extend(thread::scope(|scope| {
        scope.spawn(fault);
        cast_all(rest)
    }));
    for answer in &answers {
        assert!(matches!(answer.status, 200 | 201), "{name}: {answer:?}");
    }
    let ids: BTreeSet<String> = answers.iter().map(|answer| answer.json()["id"].to_string()).collect();
    assert_eq!(ids.len(), VOTES, "{name}");
    // Every coin was good and used for one vote: all that was submitted is accepted, nothing is refused, and nothing counts twice.
    assert_eq!(mesh.votes() - before, VOTES as u64, "{name}");
    let again = cast(mesh, &coins[0]);
    assert!(matches!(again.status, 200 | 201), "{name}: {again:?}");
    assert_eq!(mesh.votes() - before, VOTES as u64, "{name}");
}

/// What Postgres says of the queue is what Redis says was ever put into it: accepted + refused + dead-lettered = submitted.
fn all_is_accounted_for(mesh: &Mesh) {
    let facts = mesh.facts();
    let postgres = &facts["postgres"];
    let through: SocketAddr = postgres["through_the_mesh"].as_str().unwrap().parse().unwrap();
    let password = fs::read_to_string(postgres["owner"]["password_file"].as_str().unwrap()).unwrap();
    let mut psql = Command::new(tools().join("psql"));
    psql.env("PGPASSWORD", password.trim());
    psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--host", "localhost"]);
    psql.args(["--port", &through.port().to_string()]);
    psql.args(["--username", postgres["owner"]["user"].as_str().unwrap()]);
    psql.args([
        "--command",
        "SELECT accepted + refused + dead_lettered FROM ledger.head",
    ]);
    let decided = Mesh::runs(psql.arg(postgres["database"].as_str().unwrap())).stdout;

    let mut redis = Command::new(tools().join("redis-cli"));
    redis.args(["-p", &mesh.address("redis", "tcp").port().to_string()]);
    let stream = Mesh::runs(redis.args(["XINFO", "STREAM", "hashicoin:{hashiconf-2020}:votes"])).stdout;
    let mut lines = stream.lines();
    let submitted = lines.find(|line| *line == "entries-added").and_then(|_| lines.next());
    assert_eq!(Some(decided.trim()), submitted, "{stream}");
}

#[test]
fn votes_survive_the_death_of_every_part_that_they_pass() {
    let mesh = Mesh::start();
    for part in [
        "envoy-gateway",
        "api",
        "redis",
        "ledger",
        "envoy-pci-gateway",
        "postgres",
    ] {
        votes_survive(&mesh, part, || mesh.kill(part));
        all_is_accounted_for(&mesh);
    }
}

#[test]
fn votes_go_on_without_consul_and_it_comes_back_with_what_it_knew() {
    let mesh = Mesh::start();
    let coins: Vec<String> = (0..8).map(|index| mesh.coin(&format!("without-{index}"))).collect();
    let before = mesh.votes();
    // Both agents: nobody is left to ask.
    mesh.kill("consul");
    mesh.kill("consul-pci");
    for coin in &coins {
        // The first time, not after a while: proxies go on with what they know.
        let answer = mesh.vote(coin, CLEAN_WATER);
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    assert_eq!(mesh.votes() - before, coins.len() as u64);
    for proxy in ["envoy-gateway", "envoy-api", "envoy-ledger"] {
        let admin = mesh.address(proxy, "admin");
        wait_for(&format!("{proxy} to find Consul again"), || {
            let state = http::get(admin, "/stats?filter=^control_plane.connected_state$").text();
            if state.trim().ends_with(": 1") {
                Ok(())
            } else {
                Err(state)
            }
        });
    }
    let entries = wait_for("Consul to answer", || {
        let ended = crate::harness::process::run(mesh.consul().args(["config", "list", "-kind", "service-intentions"]));
        if ended.code() == 0 {
            Ok(ended.stdout)
        } else {
            Err(ended.stderr)
        }
    });
    assert_eq!(
        entries.split_whitespace().collect::<Vec<_>>(),
        ["api", "postgres", "redis"]
    );
    votes_survive(&mesh, "consul", || mesh.kill("consul"));
}
