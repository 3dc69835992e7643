//! The entries of the votes' log: each in its one spelling, of a good coin of this campaign, for charities that there are.

use std::collections::BTreeMap;
use std::iter;

use batch::bad_signatures;
use coin::Keyring;
use vote::{CampaignFile, CountedCoin, LogEntryReader, Nullifier, Totals};

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

/// Signatures by one version of the key.
#[derive(Default)]
struct Signed {
    /// The entries' places, with the signatures and where the messages end.
    coins: Vec<(u64, [u8; coin::SIGNATURE_BYTES], usize)>,
    /// The messages one behind the other.
    messages: Vec<u8>,
}

impl Signed {
    /// With room for so many coins, if all are about as long as this message.
    fn with_capacity(coins: usize, message: &[u8]) -> Signed {
        Signed {
            coins: Vec::with_capacity(coins),
            messages: Vec::with_capacity(coins.saturating_mul(message.len())),
        }
    }

    fn push(&mut self, index: u64, signature: [u8; coin::SIGNATURE_BYTES], message: &[u8]) {
        self.messages.extend_from_slice(message);
        self.coins.push((index, signature, self.messages.len()));
    }

    fn items(&self) -> Vec<batch::Item<'_>> {
        let starts = iter::once(0).chain(self.coins.iter().map(|(.., end)| *end));
        let pairs = starts.zip(&self.coins);
        pairs
            .map(|(start, (_, signature, end))| (self.messages.get(start..*end).unwrap_or_default(), signature))
            .collect()
    }
}

impl VoteRules<'_> {
    /// Reads the entries of a stretch.
    pub fn read(&self, entries: Entries, findings: &mut Findings) -> Votes {
        let zero = Totals::zero(self.campaign.charities());
        let mut votes = Votes {
            spent: Vec::with_capacity(entries.count()),
            in_tally: zero.clone(),
            all: zero,
        };
        let mut signed: BTreeMap<u32, Signed> = BTreeMap::new();
        let mut reader = LogEntryReader::new(self.campaign.charities());
        for (index, bytes) in entries.iter() {
            let Some(CountedCoin { coin, counted_at }) = reader.read(bytes) else {
                findings.add(
                    at(index),
                    "it is not a vote for this campaign's charities in its one spelling",
                );
                continue;
            };
            votes.spent.push((index, Nullifier::of(&coin.coin.serial)));
            let units = reader.units();
            // A stretch of a few thousand votes does not overflow.
            let _ = votes.all.add(units);
            if index < self.tallied {
                let _ = votes.in_tally.add(units);
            }
            if coin.coin.campaign != *self.campaign.campaign() {
                findings.add(at(index), format!("its coin is of campaign {}", coin.coin.campaign));
            }
            if counted_at >= coin.coin.expires {
                let expires = coin.coin.expires;
                findings.add(
                    at(index),
                    format!("its coin expired at {expires}, and was counted at {counted_at}"),
                );
            }
            let message = reader.signed_bytes();
            // Nearly always one version signed all of a stretch; whoever writes another into each entry gets no room for it.
            let room = if signed.is_empty() { entries.count() } else { 0 };
            let of_version = signed.entry(coin.key_version);
            let of_version = of_version.or_insert_with(|| Signed::with_capacity(room, message));
            of_version.push(index, coin.signature, message);
        }
        // The check of the signatures takes about as much memory, and can have this.
        drop(entries);
        for (version, signed) in &signed {
            self.check_signatures(*version, signed, findings);
        }
        votes
    }

    fn check_signatures(&self, version: u32, signed: &Signed, findings: &mut Findings) {
        let Some(key) = self.keys.public_key(version) else {
            for (index, ..) in &signed.coins {
                findings.add(
                    at(*index),
                    format!("its coin is signed by version {version} of the key, which is not among the coins' keys"),
                );
            }
            return;
        };
        for (index, ..) in bad_signatures(key, &signed.items())
            .into_iter()
            .filter_map(|place| signed.coins.get(place))
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
