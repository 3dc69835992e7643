//! The sums over all votes, in integers.

use crate::{Charities, UNITS_PER_COIN};

/// The sums over all votes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// How many votes there are.
    pub votes: u64,
    /// Units per charity, in the campaign's order.
    pub units: Vec<u64>,
}

/// A sum that would not fit; no campaign of real coins comes near.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the totals do not fit into 64 bits")]
pub struct TotalsOverflow;

impl Totals {
    /// Before the first vote.
    pub fn zero(charities: &Charities) -> Totals {
        Totals {
            votes: 0,
            units: vec![0; charities.len()],
        }
    }

    /// Adds one vote's units.
    ///
    /// # Errors
    ///
    /// [`TotalsOverflow`]; the sums are not to be used then.
    pub fn add(&mut self, units: &[u64]) -> Result<(), TotalsOverflow> {
        self.votes = self.votes.checked_add(1).ok_or(TotalsOverflow)?;
        for (total, units) in self.units.iter_mut().zip(units) {
            *total = total.checked_add(*units).ok_or(TotalsOverflow)?;
        }
        Ok(())
    }

    /// Whether the units of all charities are those of all votes, no more and no fewer.
    pub fn is_conserved(&self) -> bool {
        let units: u128 = self.units.iter().copied().map(u128::from).sum();
        units == u128::from(self.votes) * u128::from(UNITS_PER_COIN)
    }
}
