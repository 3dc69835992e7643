//! What voters and strangers see: figures, votes, refusals, percentages, the donation, and the audit.

use coin::SignedCoin;
use serde_json::Value;
use service::Failure;

use super::Walk;
use super::jobs::wait_for_what;
use crate::dev::job;

impl Walk<'_> {
    /// Takes a coin of the pool, as the page does.
    pub fn take_coin(&self, what_for: &str) -> Result<SignedCoin, Failure> {
        let answer = self.stage.front.take_coin(&format!("hashicoin-keynote-{what_for}"))?;
        let json = answer.json();
        let signed = json["coin_txt"].as_str().map(SignedCoin::from_coin_txt);
        signed
            .and_then(Result::ok)
            .ok_or_else(|| Failure::CouldNot(format!("no coin from the pool: {}", answer.body)))
    }

    /// The charities' ids.
    pub fn charities(&self) -> Result<Vec<String>, Failure> {
        let answer = self.stage.front.get("/v1/charities")?.json();
        let charities = answer["charities"].as_array().into_iter().flatten();
        let ids: Vec<String> = charities
            .filter_map(|one| Some(one["id"].as_str()?.to_owned()))
            .collect();
        if ids.len() < 2 {
            return Err(Failure::CouldNot(format!("no charities to vote for: {answer}")));
        }
        Ok(ids)
    }
}

/// The sidecar's figures, without a word from the API; and those of everybody, which Prometheus reads.
pub fn metrics(walk: &mut Walk<'_>) -> Result<(), Failure> {
    let (ok, refused) = (walk.stage.gate.get("coin_gate_config_ok")?, walk.stage.gate.refused()?);
    walk.assert(ok == 1, "the sidecar shows that the gate has its configuration")?;
    walk.assert(refused > 0, "and how many requests it has refused, and why")?;
    let votes = walk.votes_counted()?;
    for (query, expected, what) in [
        (
            "sum(coin_gate_refused)",
            refused,
            "Prometheus has read each request that the gate refused",
        ),
        (
            "max(hashicoin_ledger_votes{job=\"ledger\"})",
            votes,
            "and each vote that the ledger counted",
        ),
        ("count(up == 0) or vector(0)", 0, "everybody whom it reads answers"),
    ] {
        let mut ask = walk.prometheus(query)?;
        walk.tell(&ask);
        // It reads once a second, so what has just happened is known a moment later.
        wait_for_what(&format!("Prometheus to answer {query}"), walk.stop, || {
            let said = job::run("promtool", &mut ask).map_err(|failure| failure.to_string())?;
            let values = values(&said);
            if values == [expected.to_string()] {
                Ok(())
            } else {
                Err(format!("{values:?}, not {expected}"))
            }
        })?;
        walk.assert(true, what)?;
    }
    Ok(())
}

/// The values in what `promtool` says of a query: `[{"metric":{…},"value":[TIME,"VALUE"]},…]`.
fn values(said: &[u8]) -> Vec<String> {
    let said: Value = serde_json::from_slice(said).unwrap_or_default();
    let series = said.as_array().into_iter().flatten();
    series
        .filter_map(|one| Some(one["value"][1].as_str()?.to_owned()))
        .collect()
}

/// Votes as a voter casts them; the forged one stops at the gate, the double one at the ledger.
pub fn votes(walk: &mut Walk<'_>) -> Result<(), Failure> {
    let charities = walk.charities()?;
    let url = walk.stage.front.base().to_string();
    let mut spent = None;
    for (name, choices, what) in [
        ("one", vec![charities[0].clone()], "a vote for one is counted"),
        ("all", charities.clone(), "a vote for all is counted"),
        (
            "some",
            vec![format!("{}=3", charities[0]), charities[1].clone()],
            "a vote for some is counted",
        ),
    ] {
        let file = walk
            .data
            .write(&format!("{name}.coin.txt"), &walk.take_coin(name)?.to_coin_txt())?;
        let mut vote = Walk::hashicoin()?;
        let voted = walk.run(vote.args(["vote", "--url", &url, "--coin"]).arg(&file).args(&choices))?;
        walk.assert(voted.status.success(), what)?;
        spent = Some(file);
    }
    let refused = walk.stage.gate.refused()?;
    for (file, code, what) in [
        (
            Some(walk.data.join("forged.coin.txt")),
            "coin-bad-signature",
            "a forged coin is refused",
        ),
        (
            Some(walk.data.join("coin.txt")),
            "coin-not-issued",
            "the coin that was signed by hand is good, and does not count: no mint announced it",
        ),
        (spent, "coin-spent", "a coin that voted cannot vote otherwise"),
    ] {
        let mut vote = Walk::hashicoin()?;
        vote.args(["vote", "--json", "--url", &url, "--coin"])
            .args(file)
            .arg(&charities[1]);
        let voted = walk.run(&mut vote)?;
        let says = String::from_utf8_lossy(&voted.stdout).contains(code);
        walk.assert(voted.status.code() == Some(1) && says, what)?;
    }
    walk.assert(
        walk.stage.gate.refused()? == refused + 1,
        "the forged one at the gate, the others at the ledger",
    )
}

/// It all adds up, also for a stranger.
pub fn outcome(walk: &mut Walk<'_>) -> Result<(), Failure> {
    let tally = walk.stage.front.get("/v1/tally")?.json();
    let each = |field: &'static str| {
        let all = tally["charities"].as_array().into_iter().flatten();
        all.map(move |one| &one[field])
    };
    let sum = |field| -> u64 { each(field).filter_map(Value::as_u64).sum() };
    // With four decimals each, so that without the point they are whole.
    let percents = each("percent").filter_map(|one| one.as_str()?.replace('.', "").parse::<u64>().ok());
    walk.assert(percents.sum::<u64>() == 1_000_000, "the percentages make a hundred")?;
    let promised = walk.stage.front.get("/v1/charities")?.json()["donation"]["minor_units"].as_u64();
    walk.assert(
        Some(sum("donation_minor_units")) == promised,
        "the donation is split to the last cent",
    )?;
    walk.assert(
        tally["units"].as_u64() == Some(sum("units")),
        "every unit of every coin is somebody's",
    )?;

    let url = walk.stage.front.base().to_string();
    let mut audit = Walk::hashicoin()?;
    let audit = walk.json(audit.args(["audit", "--json", &url]))?;
    walk.assert(
        audit["clean"] == true,
        "a stranger's audit ends with 0: nothing is wrong",
    )?;
    walk.assert(audit["size"] == tally["votes"], "it has read every vote")?;
    walk.assert(
        audit["recounted"] == tally,
        "and what it has counted itself is the tally",
    )?;
    (walk.tally, walk.audit) = (tally, audit);
    Ok(())
}
