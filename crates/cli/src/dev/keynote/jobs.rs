//! What Nomad is told, and the job that mines.

use serde_json::Value;
use service::Failure;

use super::Walk;
use crate::dev::readings::ApiMetrics;
use crate::dev::stop::Stop;
use crate::dev::wait::wait_for;

/// How many coins the job mines.
const COINS: u64 = 25;

impl Walk<'_> {
    /// A job's allocations.
    pub fn allocations(&self, job: &str) -> Result<Vec<Value>, Failure> {
        let mut list = self.nomad()?;
        let said = crate::dev::job::run("`nomad job allocs`", list.args(["job", "allocs", "-json", job]))?;
        serde_json::from_slice(&said).map_err(|error| Failure::CouldNot(format!("`nomad job allocs`: {error}")))
    }

    /// Waits until so many of a job's allocations are in a state that Nomad calls so.
    pub fn wait_for_allocations(&mut self, job: &str, status: &str, count: usize) -> Result<Vec<Value>, Failure> {
        let stop = self.stop;
        let look = || {
            let all = self.allocations(job).map_err(|failure| failure.to_string())?;
            let found: Vec<Value> = all.into_iter().filter(|one| one["ClientStatus"] == status).collect();
            if found.len() == count {
                Ok(found)
            } else {
                Err(format!("{} of them", found.len()))
            }
        };
        wait_for(&format!("{count} {status} of {job}"), &mut Nobody, stop, look)
    }

    fn coins_in_the_pool(&self) -> Result<u64, Failure> {
        Ok(ApiMetrics::read(&self.stage.api)?.sum("hashicoin_pool_coins", &[]))
    }
}

/// Looks until there is something, with nobody to look after meanwhile.
pub fn wait_for_what<T>(what: &str, stop: &Stop, look: impl FnMut() -> Result<T, String>) -> Result<T, Failure> {
    wait_for(what, &mut Nobody, stop, look)
}

/// Nobody to look after: the commands themselves say what is wrong.
struct Nobody;

impl crate::dev::wait::Watched for Nobody {
    fn still_runs(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn last_words(&self) -> String {
        String::new()
    }
}

/// A dispatch is an order of coins, and the allocation's id is its name.
pub fn mine(walk: &mut Walk<'_>) -> Result<(), Failure> {
    let before = walk.coins_in_the_pool()?;
    let mut dispatch = walk.nomad()?;
    dispatch.args([
        "job",
        "dispatch",
        "-detach",
        "-meta",
        &format!("campaign={}", walk.campaign),
    ]);
    dispatch.args(["-meta", &format!("expires={}", crate::dev::mint::late()?)]);
    dispatch.args(["-meta", &format!("count={COINS}"), "miner"]);
    let said = walk.succeed(&mut dispatch)?;
    let mut words = said.split_whitespace();
    let order = words
        .find(|word| word.starts_with("miner/dispatch-"))
        .unwrap_or_default();
    let done = walk.wait_for_allocations(order, "complete", 1)?;
    let allocation = done[0]["ID"].as_str().unwrap_or_default();
    let mut logs = walk.nomad()?;
    let report = walk.json(logs.args(["alloc", "logs", "-task", "miner", allocation]))?;
    walk.assert(
        report["issuance_id"] == allocation,
        "the serials follow from the allocation's id",
    )?;
    let after = walk.coins_in_the_pool()?;
    walk.assert(after == before + COINS, &format!("{COINS} more coins wait in the pool"))
}
