//! The recount: each coin once, and the sums, percentages and parts of the donation that follow from the entries, against those that are published.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_json::Value;
use service::Failure;
use vote::{CampaignFile, Nullifier, Tally, Totals};

use super::votes::{Votes, at};
use crate::findings::Findings;
use crate::log::Present;

/// What was counted so far.
pub struct Recount {
    /// Every vote's name, with the place of its entry: the one thing that grows with the log.
    spent: HashMap<Nullifier, u64>,
    in_tally: Totals,
    all: Totals,
}

impl Recount {
    /// Nothing yet.
    pub fn new(campaign: &CampaignFile) -> Recount {
        let zero = Totals::zero(campaign.charities());
        Recount {
            spent: HashMap::new(),
            in_tally: zero.clone(),
            all: zero,
        }
    }

    /// Counts what a stretch says.
    ///
    /// # Errors
    ///
    /// When the sums do not fit into 64 bits.
    pub fn add(&mut self, votes: &Votes, findings: &mut Findings) -> Result<(), Failure> {
        for (index, nullifier) in &votes.spent {
            match self.spent.entry(*nullifier) {
                Entry::Vacant(vacant) => drop(vacant.insert(*index)),
                Entry::Occupied(first) => {
                    findings.add(
                        at(*index),
                        format!("its coin was spent before, in entry {}", first.get()),
                    );
                }
            }
        }
        sum(&mut self.in_tally, &votes.in_tally)?;
        sum(&mut self.all, &votes.all)
    }

    /// The votes that there are, with the places of their entries.
    pub fn spent(&self) -> &HashMap<Nullifier, u64> {
        &self.spent
    }

    /// The sums over all entries that can be read.
    pub fn tally(&self, campaign: &CampaignFile) -> Tally {
        Tally::new(campaign, &self.all)
    }

    /// Compares the tally that was published with the sums over as many entries as it has votes, if so many were read.
    pub fn compare(&self, campaign: &CampaignFile, present: &Present, entries: u64, findings: &mut Findings) {
        let Some((votes, published)) = &present.tally else {
            return findings.add("tally", "it is missing, or says no number of votes");
        };
        let (before, latest) = (present.signed_before, present.head.size);
        if *votes < before {
            let what = format!("it is {votes}, and a checkpoint of {before} was signed before it");
            findings.add("tally.votes", what);
        } else if *votes > latest {
            let what = format!("it is {votes}, and the latest checkpoint covers {latest}");
            findings.add("tally.votes", what);
        } else if *votes <= entries {
            let recounted = Tally::new(campaign, &self.in_tally).to_json(campaign);
            differences("tally", &recounted, published, findings);
        }
    }
}

fn sum(sums: &mut Totals, more: &Totals) -> Result<(), Failure> {
    let overflow = || Failure::CouldNot("the sums do not fit into 64 bits: no campaign has so many votes".to_owned());
    sums.votes = sums.votes.checked_add(more.votes).ok_or_else(overflow)?;
    for (sum, more) in sums.units.iter_mut().zip(&more.units) {
        *sum = sum.checked_add(*more).ok_or_else(overflow)?;
    }
    Ok(())
}

/// Names each value that is another than it should be. What is published besides does not matter.
fn differences(at: &str, wanted: &Value, found: &Value, findings: &mut Findings) {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            for (key, wanted) in wanted {
                let found = found.get(key).unwrap_or(&Value::Null);
                differences(&format!("{at}.{key}"), wanted, found, findings);
            }
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            for (place, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                // A charity's name says more than its place.
                let name = wanted["id"].as_str().map_or(place.to_string(), str::to_owned);
                differences(&format!("{at}.{name}"), wanted, found, findings);
            }
        }
        _ if wanted == found => {}
        _ => findings.add(at, format!("it is {found}, and the entries give {wanted}")),
    }
}

#[cfg(test)]
mod tests {
    use super::differences;
    use crate::findings::Findings;
    use serde_json::json;

    #[test]
    fn each_difference_is_named() {
        let wanted = json!({"votes": 2, "charities": [{"id": "a", "units": 1}, {"id": "b", "units": 3}]});
        let mut findings = Findings::default();
        let found = json!({"charities": [{"id": "a", "units": 1, "more": 7}, {"id": "b", "units": 4}]});
        differences("tally", &wanted, &found, &mut findings);
        differences("tally", &wanted, &wanted, &mut findings);
        differences("tally", &wanted, &json!({"votes": 2, "charities": []}), &mut findings);
        let said: Vec<String> = findings.kept().iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "tally.charities.b.units: it is 4, and the entries give 3",
                "tally.votes: it is null, and the entries give 2",
                r#"tally.charities: it is [], and the entries give [{"id":"a","units":1},{"id":"b","units":3}]"#,
            ]
        );
    }
}
