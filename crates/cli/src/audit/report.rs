//! What an audit says at its end: to people, or as one JSON object.

use serde_json::{Value, json};
use service::Failure;
use tlog::TreeHead;
use vote::{LogInfo, Tally};

use crate::findings::Findings;
use crate::log::{Seen, Trust, Whose};
use crate::output;

/// How many findings people are shown; JSON has more.
const SHOWN_MAX: usize = 20;

/// What was checked, and what was found.
pub struct Report {
    /// Where the log is.
    pub place: String,
    /// What it says about itself.
    pub info: LogInfo,
    /// Whose signatures were believed.
    pub trust: Trust,
    /// The tree that its latest checkpoint is of.
    pub latest: TreeHead,
    /// How many trees the user knew of before.
    pub known: usize,
    /// What was read of the votes' log.
    pub seen: Seen,
    /// How many votes the tally has that was compared.
    pub tallied: u64,
    /// What follows from the entries.
    pub recounted: Tally,
    /// What was read of the log of the coins that were minted, if there is one.
    pub issued: Option<Seen>,
    /// What is wrong.
    pub findings: Findings,
}

impl Report {
    /// Prints it on standard output.
    ///
    /// # Errors
    ///
    /// When standard output is gone.
    pub fn print(&self, as_json: bool) -> Result<(), Failure> {
        if as_json {
            return output::print(self.to_json());
        }
        output::print(format_args!(
            "log          {} of {}: {} entries, root {}",
            self.info.origin(),
            self.place,
            self.latest.size,
            self.latest.root
        ))?;
        output::print(format_args!(
            "log's keys   {}",
            whose(self.trust.log.keys_are, "--verifier-key")
        ))?;
        output::print(format_args!(
            "coins' keys  {}",
            whose(self.trust.coin_keys_are, "--coin-keys")
        ))?;
        output::print(match self.trust.log.quorum() {
            Some(quorum) => format!("witnesses    {quorum} have to have signed the latest checkpoint"),
            None => "witnesses    none was asked for; those that you trust with --witness-policy".to_owned(),
        })?;
        output::print(format_args!(
            "checkpoints  {}, and {} that you had",
            self.seen.checkpoints, self.known
        ))?;
        if let Some(issued) = &self.issued {
            output::print(format_args!(
                "minted       {} coins, {} checkpoints",
                issued.entries, issued.checkpoints
            ))?;
        }
        output::print(format_args!(
            "votes        {}; the tally is of {}",
            self.recounted.votes, self.tallied
        ))?;
        let currency = &self.info.campaign.donation().currency;
        for charity in &self.recounted.charities {
            output::print(format_args!(
                "  {:<32} {:>16} units {:>9} % {:>16} minor units of {currency}",
                charity.id,
                charity.units,
                charity.percent.to_string(),
                charity.donation_minor_units
            ))?;
        }
        if self.findings.count() == 0 {
            return output::print("Nothing is wrong.");
        }
        for finding in self.findings.kept().iter().take(SHOWN_MAX) {
            output::print(format_args!("WRONG  {finding}"))?;
        }
        Ok(())
    }

    /// Whether it is clean.
    ///
    /// # Errors
    ///
    /// [`Failure::Refused`] when something is wrong.
    pub fn verdict(&self) -> Result<(), Failure> {
        match self.findings.count() {
            0 => Ok(()),
            1 => Err(Failure::Refused(
                "one thing is wrong with the log: see above".to_owned(),
            )),
            count if count > SHOWN_MAX as u64 => Err(Failure::Refused(format!(
                "{count} things are wrong with the log: the first {SHOWN_MAX} stand above, --json has more"
            ))),
            count => Err(Failure::Refused(format!(
                "{count} things are wrong with the log: see above"
            ))),
        }
    }

    fn to_json(&self) -> Value {
        let issued = |seen: &Seen| json!({"entries": seen.entries, "checkpoints": seen.checkpoints});
        json!({
            "clean": self.findings.count() == 0,
            "place": self.place,
            "origin": self.info.origin(),
            "size": self.latest.size,
            "root": self.latest.root.to_string(),
            "log_keys": self.trust.log.keys_are.to_string(),
            "coin_keys": self.trust.coin_keys_are.to_string(),
            "witnesses": self.trust.log.quorum(),
            "entries": self.seen.entries,
            "checkpoints": self.seen.checkpoints,
            "known": self.known,
            "tallied": self.tallied,
            "recounted": self.recounted.to_json(&self.info.campaign),
            "issued": self.issued.as_ref().map(issued),
            "findings_count": self.findings.count(),
            "findings": self.findings.to_json(),
        })
    }
}

fn whose(keys: Whose, flag: &str) -> String {
    match keys {
        Whose::Given => "as given".to_owned(),
        Whose::Published => format!(
            "as the log publishes them: whoever publishes a false log publishes false keys with it; give those that you trust with {flag}"
        ),
    }
}
