//! Who may speak to whom: intentions, and the terminating gateway, the only way to Postgres. Each is taken away and brought back.

use serde_json::{Map, Value};
use service::Failure;

use super::Walk;
use super::jobs::wait_for_what;

/// Nobody speaks to anybody without an intention, and the ledger to Postgres only through the gateway.
pub fn ways(walk: &mut Walk<'_>) -> Result<(), Failure> {
    intentions(walk)?;
    gateway(walk)
}

/// What is not allowed is denied, also to whoever has spoken until now.
fn intentions(walk: &mut Walk<'_>) -> Result<(), Failure> {
    for (from, to, code, what) in [
        ("ledger", "postgres", 0, "the ledger may speak to Postgres"),
        ("api", "postgres", 1, "the API may not"),
        ("mint", "postgres", 1, "and the mint may not"),
    ] {
        let mut check = walk.consul()?;
        let checked = walk.run(check.args(["intention", "check", from, to]))?;
        walk.assert(checked.status.code() == Some(code), what)?;
    }
    let mut delete = walk.consul()?;
    walk.succeed(delete.args(["config", "delete", "-kind", "service-intentions", "-name", "api"]))?;
    answers(walk, 403)?;
    walk.assert(true, "without its intention the gateway for browsers is denied the API")?;
    let mut write = walk.consul()?;
    let intention = walk.data.join("consul/config/intentions-api.hcl");
    walk.succeed(write.args(["config", "write"]).arg(intention))?;
    answers(walk, 200)?;
    walk.assert(true, "with it the API answers again")
}

/// Waits until the front answers so: what is allowed reaches a proxy a moment later, and connections that are open have one answer more.
fn answers(walk: &Walk<'_>, status: u16) -> Result<(), Failure> {
    wait_for_what(&format!("the front to answer {status}"), walk.stop, || {
        let answer = walk
            .stage
            .front
            .get("/v1/tally")
            .map_err(|failure| failure.to_string())?;
        if answer.status == status {
            Ok(())
        } else {
            Err(format!("{}: {}", answer.status, answer.body))
        }
    })
}

/// Votes are taken while the way to Postgres is gone, and counted when it is back.
fn gateway(walk: &mut Walk<'_>) -> Result<(), Failure> {
    let votes =
        |walk: &Walk<'_>| -> Result<Value, Failure> { Ok(walk.stage.front.get("/v1/tally")?.json()["votes"].clone()) };
    let before = votes(walk)?;
    let mut stop = walk.nomad()?;
    walk.succeed(stop.args(["job", "stop", "-detach", "pci-gateway"]))?;
    walk.wait_for_allocations("pci-gateway", "running", 0)?;

    let signed = walk.take_coin("without-a-gateway")?;
    let mut weights = Map::new();
    weights.insert(walk.charities()?[0].clone(), Value::from(1));
    let answer = walk
        .stage
        .front
        .vote("/v1/votes", Some(&signed.to_token()), &weights, None)?;
    walk.assert(answer.status == 202, "without the gateway a vote is queued")?;
    let id = answer.json()["id"].as_str().unwrap_or_default().to_owned();
    walk.assert(votes(walk)? == before, "and not counted")?;

    // As it was run first. `nomad job start` would want to read the file again, and knows nothing of the variables that it was given.
    let mut start = walk.nomad()?;
    walk.succeed(start.args(["job", "revert", "-detach", "pci-gateway", "0"]))?;
    wait_for_what("the vote to be counted", walk.stop, || {
        let answer = walk.stage.front.get(&format!("/v1/votes/{id}"));
        let answer = answer.map_err(|failure| failure.to_string())?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(format!("{}: {}", answer.status, answer.body))
        }
    })?;
    walk.assert(true, "with the gateway it is counted")
}
