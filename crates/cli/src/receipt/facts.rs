//! What a receipt says, taken apart.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use tlog::{Checkpoint, TlogProof};
use vote::{CampaignFile, Charities, LogEntry};

/// What a receipt says. That it is true is not said here.
pub struct Facts {
    /// The vote, as it stands in the log.
    pub entry: LogEntry,
    /// The entry's place in the log, from 0.
    pub index: u64,
    /// The tree that the proof leads to, and of which log it is.
    pub checkpoint: Checkpoint,
    /// Whose signatures stand under the checkpoint, by their own account.
    pub signers: Vec<String>,
}

impl Facts {
    /// Takes a receipt apart. With charities given, the entry has to be about them, in their order; without, about those that it names itself.
    ///
    /// # Errors
    ///
    /// A sentence, when the entry is no vote.
    pub fn of(receipt: &TlogProof, charities: Option<&Charities>) -> Result<Facts, String> {
        let entry = match charities {
            Some(charities) => LogEntry::parse(&receipt.extra, charities),
            None => named_charities(&receipt.extra).and_then(|charities| LogEntry::parse(&receipt.extra, &charities)),
        };
        let entry = entry.ok_or("its entry is not a vote for the campaign's charities in its one spelling")?;
        let note = &receipt.checkpoint;
        Ok(Facts {
            entry,
            index: receipt.index,
            checkpoint: Checkpoint::parse(note.text()).map_err(|error| error.to_string())?,
            signers: note
                .signatures()
                .iter()
                .map(|signature| signature.name().to_owned())
                .collect(),
        })
    }

    /// The facts as JSON.
    pub fn to_json(&self) -> Map<String, Value> {
        let head = self.checkpoint.head();
        let facts = json!({
            "origin": self.checkpoint.origin(),
            "index": self.index,
            "id": self.entry.nullifier().to_string(),
            "counted": self.entry.counted_at.to_string(),
            "vote": self.shares().map(|(id, weight)| (id.to_owned(), weight.into())).collect::<Map<_, Value>>(),
            "campaign": self.entry.coin.coin.campaign.as_str(),
            "key_version": self.entry.coin.key_version,
            "size": head.size,
            "root": head.root.to_string(),
            "signers": self.signers,
        });
        match facts {
            Value::Object(facts) => facts,
            _ => Map::new(),
        }
    }

    /// The facts for people, a line each.
    pub fn to_lines(&self) -> Vec<String> {
        let head = self.checkpoint.head();
        let shares: Vec<String> = self.shares().map(|(id, weight)| format!("{id}={weight}")).collect();
        let coin = &self.entry.coin;
        vec![
            format!("log      {}", self.checkpoint.origin()),
            format!("vote     {}", shares.join(" ")),
            format!("counted  {} as entry {}", self.entry.counted_at, self.index),
            format!("id       {}", self.entry.nullifier()),
            format!(
                "coin     campaign {}, serial {}, expires {}, key version {}",
                coin.coin.campaign, coin.coin.serial, coin.coin.expires, coin.key_version
            ),
            format!("tree     {} entries, root {}", head.size, head.root),
            format!(
                "signers  {}",
                self.signers
                    .iter()
                    .map(|name| format!("{name:?}"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        ]
    }

    /// The charities with a share, and their weights.
    pub fn shares(&self) -> impl Iterator<Item = (&str, u32)> {
        let vote = &self.entry.vote;
        let shares = vote.charities().iter().zip(vote.weights());
        shares
            .filter(|(_, weight)| **weight > 0)
            .map(|(charity, weight)| (charity.id.as_str(), *weight))
    }
}

/// The charities that an entry names, in its order: all that somebody without the campaign file has.
fn named_charities(entry: &[u8]) -> Option<Charities> {
    let vote = str::from_utf8(entry)
        .ok()?
        .lines()
        .find_map(|line| line.strip_prefix("vote: "))?;
    let ids = vote.split(' ').filter_map(|share| Some(share.split_once('=')?.0));
    let mut seen = BTreeSet::new();
    let charities: Vec<Value> = ids
        .filter(|id| seen.insert(*id))
        .map(|id| json!({"id": id, "name": id, "about": id}))
        .collect();
    let file = json!({"campaign": "c", "donation": {"currency": "USD", "minor_units": 1}, "charities": charities});
    let file = CampaignFile::parse(file.to_string().as_bytes()).ok()?;
    Some(file.charities().clone())
}
