//! The figures at the end of the story, each read from the part that knows it, none from what was sent.

use std::fmt;

use serde_json::{Map, Value, json};
use service::Failure;

use super::readings::ApiMetrics;
use super::stage::Stage;

/// What the running parts say.
#[derive(Debug)]
pub struct Figures {
    /// Coins in the API's pool, those that it handed out included.
    pub minted: u64,
    /// Votes that the API counted.
    pub accepted: u64,
    /// Requests that the gate turned away.
    pub refused_at_gate: u64,
    /// Votes that the ledger refused because the coin had voted otherwise.
    pub refused_double: u64,
    /// Votes that reached the API at all, whatever became of them.
    pub reached_api: u64,
    /// Votes that were the same as before.
    pub repeated: u64,
    /// Votes in the log, by a stranger's audit that found nothing wrong; 0 if it found something.
    pub audited: u64,
    /// The tally's own count of votes.
    pub tally_votes: u64,
    /// Each charity's units.
    pub tally_units: Map<String, Value>,
    /// Each charity's percentage, as the page shows it.
    pub tally: Map<String, Value>,
}

impl Figures {
    /// Reads all but the audit's, which is given.
    ///
    /// # Errors
    ///
    /// When a part does not answer.
    pub fn read(stage: &Stage, audited: u64) -> Result<Figures, Failure> {
        let metrics = ApiMetrics::read(&stage.api)?;
        let votes = |outcome: &str| metrics.sum("hashicoin_votes_total", &[&format!("outcome=\"{outcome}\"")]);
        let answer = stage.front.get("/v1/tally")?;
        let tally = answer.json();
        let by_charity = |field: &str| -> Map<String, Value> {
            let charities = tally["charities"].as_array().into_iter().flatten();
            charities
                .filter_map(|charity| Some((charity["id"].as_str()?.to_owned(), charity[field].clone())))
                .collect()
        };
        Ok(Figures {
            minted: metrics.sum("hashicoin_pool_coins", &[]),
            accepted: votes("counted"),
            refused_at_gate: stage.gate.refused()?,
            refused_double: votes("spent"),
            reached_api: metrics.sum(
                "hashicoin_api_requests_total",
                &["method=\"POST\"", "route=\"/v1/votes\""],
            ),
            repeated: votes("repeated"),
            audited,
            tally_votes: tally["votes"]
                .as_u64()
                .ok_or_else(|| Failure::CouldNot(format!("no tally: status {}", answer.status)))?,
            tally_units: by_charity("units"),
            tally: by_charity("percent"),
        })
    }

    /// The object for machines.
    pub fn to_json(&self, ok: bool) -> Value {
        json!({
            "minted": self.minted,
            "accepted": self.accepted,
            "refused_at_gate": self.refused_at_gate,
            "refused_double": self.refused_double,
            "reached_api": self.reached_api,
            "audited": self.audited,
            "tally": self.tally,
            "ok": ok,
        })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "figures  {} minted, {} accepted, {} refused at the gate, {} refused as double, {} reached the API, {} audited",
            self.minted, self.accepted, self.refused_at_gate, self.refused_double, self.reached_api, self.audited
        )?;
        let shares: Vec<String> = self
            .tally
            .iter()
            .map(|(charity, percent)| format!("{charity} {} %", percent.as_str().unwrap_or("?")))
            .collect();
        write!(formatter, "tally    {}", shares.join(", "))
    }
}
