//! The entries of the votes' log: each in its one spelling, of a good coin of this campaign, for charities that there are.

use std::collections::BTreeMap;

use batch::bad_signatures;
use coin::Keyring;
use vote::{CampaignFile, LogEntry, Nullifier, Totals};

use crate::findings::Findings;
use crate::log::Entries;

/// What votes have to be.
pub struct VoteRules<'a> {
    /// Campaign and charities.
    pub campaign: &'a CampaignFile,
    /// The coins' keys, retired ones too: what a key signed while it counted stays good.
    pub keys: &'a Keyring,
    /// How many votes the tally has that is compared: their sums are kept apart.
    pub tallied: u64,
}

/// What the entries of a stretch say.
pub struct Votes {
    /// The votes in order, with the places of their entries.
    pub spent: Vec<(u64, Nullifier)>,
    /// The sums of those that are in the tally that is compared, and of all.
    pub in_tally: Totals,
    /// The sums of all.
    pub all: Totals,
}

/// Signatures by one version of the key: the entry's place, the message, the signature.
type Signed = Vec<(u64, Vec<u8>, [u8; coin::SIGNATURE_BYTES])>;

impl VoteRules<'_> {
    /// Reads the entries of a stretch.
    pub fn read(&self, entries: &Entries<'_>, findings: &mut Findings) -> Votes {
        let zero = Totals::zero(self.campaign.charities());
        let mut votes = Votes {
            spent: Vec::with_capacity(entries.len()),
            in_tally: zero.clone(),
            all: zero,
        };
        let mut signed: BTreeMap<u32, Signed> = BTreeMap::new();
        for (index, bytes) in entries {
            let Some(entry) = LogEntry::parse(bytes, self.campaign.charities()) else {
                findings.add(
                    at(*index),
                    "it is not a vote for this campaign's charities in its one spelling",
                );
                continue;
            };
            votes.spent.push((*index, entry.nullifier()));
            let units = entry.vote.units();
            // A stretch of a few thousand votes does not overflow.
            let _ = votes.all.add(&units);
            if *index < self.tallied {
                let _ = votes.in_tally.add(&units);
            }
            if entry.coin.coin.campaign != *self.campaign.campaign() {
                findings.add(
                    at(*index),
                    format!("its coin is of campaign {}", entry.coin.coin.campaign),
                );
            }
            if entry.counted_at >= entry.coin.coin.expires {
                let (counted_at, expires) = (entry.counted_at, entry.coin.coin.expires);
                findings.add(
                    at(*index),
                    format!("its coin expired at {expires}, and was counted at {counted_at}"),
                );
            }
            let message = entry.coin.coin.to_signed_bytes();
            let of_version = signed.entry(entry.coin.key_version);
            // Nearly always one version signed all of a stretch.
            let of_version = of_version.or_insert_with(|| Vec::with_capacity(entries.len()));
            of_version.push((*index, message, entry.coin.signature));
        }
        for (version, signed) in &signed {
            self.check_signatures(*version, signed, findings);
        }
        votes
    }

    fn check_signatures(&self, version: u32, signed: &Signed, findings: &mut Findings) {
        let Some(key) = self.keys.public_key(version) else {
            for (index, ..) in signed {
                findings.add(
                    at(*index),
                    format!("its coin is signed by version {version} of the key, which is not among the coins' keys"),
                );
            }
            return;
        };
        let items: Vec<batch::Item<'_>> = signed
            .iter()
            .map(|(_, message, signature)| (message.as_slice(), signature))
            .collect();
        for (index, ..) in bad_signatures(key, &items)
            .into_iter()
            .filter_map(|place| signed.get(place))
        {
            findings.add(
                at(*index),
                format!("the signature of its coin is not that of version {version} of the key: it is forged"),
            );
        }
    }
}

/// How an entry is named.
pub fn at(index: u64) -> String {
    format!("entry {index}")
}
