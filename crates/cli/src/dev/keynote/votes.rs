//! What voters and strangers see: votes, refusals, percentages, the donation, and the audit.

use coin::SignedCoin;
use serde_json::Value;
use service::Failure;

use super::Walk;

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

/// The sidecar's figures, without a word from the API.
pub fn metrics(walk: &mut Walk<'_>) -> Result<(), Failure> {
    let (ok, refused) = (walk.stage.gate.get("coin_gate_config_ok")?, walk.stage.gate.refused()?);
    walk.assert(ok == 1, "the sidecar shows that the gate has its configuration")?;
    walk.assert(refused > 0, "and how many requests it has refused, and why")
}

/// Votes as a voter casts them; the forged one stops at the gate, the double one at the ledger; and it all adds up, also for a stranger.
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
    )?;

    let tally = walk.stage.front.get("/v1/tally")?.json();
    let sum = |field: &str| -> u64 {
        let each = tally["charities"].as_array().into_iter().flatten();
        each.filter_map(|one| one[field].as_u64()).sum()
    };
    let promised = walk.stage.front.get("/v1/charities")?.json()["donation"]["minor_units"].as_u64();
    walk.assert(
        Some(sum("donation_minor_units")) == promised,
        "the donation is split to the last cent",
    )?;
    walk.assert(
        tally["units"].as_u64() == Some(sum("units")),
        "every unit of every coin is somebody's",
    )?;

    let mut audit = Walk::hashicoin()?;
    let audit = walk.json(audit.args(["audit", "--json", &url]))?;
    let all_votes: &Value = &tally["votes"];
    walk.assert(
        audit["size"] == *all_votes,
        "a stranger's audit finds every vote and nothing wrong",
    )?;
    (walk.tally, walk.audit) = (tally, audit);
    Ok(())
}
