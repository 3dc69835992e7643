//! A vote out of a store's row. What does not read back exactly is damage, not a default; the message names the row.

use coin::{Coin, SIGNATURE_BYTES, Serial, SignedCoin, Timestamp};
use vote::{CampaignFile, Nullifier, Vote};

use crate::{Counted, StoreError};

/// The columns of a vote, in the order in which they are read and written.
pub(crate) const VOTE: &str =
    "vote_index, nullifier, serial, expires, key_version, signature, weights, counted_at, leaf_hash";

/// A row of votes, as the database has it.
pub(crate) struct KeptVote<'a> {
    pub(crate) index: i64,
    pub(crate) nullifier: &'a [u8],
    pub(crate) serial: &'a [u8],
    pub(crate) expires: i64,
    pub(crate) key_version: i64,
    pub(crate) signature: &'a [u8],
    /// `None` if they are no list of weights.
    pub(crate) weights: Option<Vec<u32>>,
    pub(crate) counted_at: i64,
    pub(crate) leaf_hash: &'a [u8],
}

impl KeptVote<'_> {
    /// The vote; its nullifier is checked against its serial, and its leaf's hash against all of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`], with what is wrong in which row.
    pub(crate) fn counted(self, file: &CampaignFile) -> Result<Counted, StoreError> {
        let index = self.index;
        let damaged = |what: &str| StoreError::Damaged(format!("vote {index}: {what}"));
        let serial = <[u8; 16]>::try_from(self.serial).map_err(|_| damaged("its serial has not 16 bytes"))?;
        let serial = Serial::from_bytes(serial);
        let nullifier = Nullifier::of(&serial);
        if nullifier.as_bytes() != self.nullifier {
            return Err(damaged("its nullifier is not that of its serial"));
        }
        let signature = <[u8; SIGNATURE_BYTES]>::try_from(self.signature);
        let vote = self
            .weights
            .and_then(|weights| Vote::from_stored(weights, file.charities()));
        let vote = vote.ok_or_else(|| damaged("its weights are not in canonical form"))?;
        let counted = Counted {
            nullifier,
            index: u64::try_from(index).map_err(|_| damaged("its index is negative"))?,
            coin: SignedCoin {
                coin: Coin {
                    campaign: file.campaign().clone(),
                    serial,
                    expires: time(self.expires).ok_or_else(|| damaged("its coin's expiry is out of range"))?,
                },
                key_version: u32::try_from(self.key_version).map_err(|_| damaged("its key version is out of range"))?,
                signature: signature.map_err(|_| damaged("its signature has not 64 bytes"))?,
            },
            units: vote.units(),
            vote,
            counted_at: time(self.counted_at).ok_or_else(|| damaged("its time is out of range"))?,
        };
        if counted.leaf_hash().0 != self.leaf_hash {
            return Err(damaged("its leaf's hash is not that of what it says"));
        }
        Ok(counted)
    }
}

/// A time from the seconds that a database keeps.
fn time(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_unix_s(u64::try_from(seconds).ok()?)
}
