//! The tally: the ledger's totals as people read them.

use std::fmt;

use serde_json::{Value, json};

use crate::shares::split;
use crate::{CampaignFile, Totals};

/// Ten-thousandths of a percent in a hundred percent.
const WHOLE_TEN_THOUSANDTHS: u64 = 100 * 10_000;

/// What was counted up to one moment, with the shares that follow from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many votes were counted.
    pub votes: u64,
    /// All units together: votes times [`crate::UNITS_PER_COIN`].
    pub units: u64,
    /// One per charity, in the campaign's order.
    pub charities: Vec<CharityTally>,
}

/// One charity's part of the tally.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharityTally {
    /// The charity's id.
    pub id: String,
    /// The charity's name.
    pub name: String,
    /// Its units.
    pub units: u64,
    /// Its share of all units. Once there is a vote, the shares of all charities sum to exactly 100.0000.
    pub percent: Percent,
    /// Its share of the donation, in minor units. Once there is a vote, these sum to exactly the donation; before, nothing is promised to anybody.
    pub donation_minor_units: u64,
}

/// A percentage in ten-thousandths of a percent; written with four decimals, as in `33.3333`. [`Percent::ZERO`] is written `0.0000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent {
    /// From 0 to 1,000,000.
    pub ten_thousandths: u64,
}

impl Percent {
    /// Nothing.
    pub const ZERO: Percent = Percent { ten_thousandths: 0 };
}

impl fmt::Display for Percent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}.{:04}",
            self.ten_thousandths / 10_000,
            self.ten_thousandths % 10_000
        )
    }
}

impl Tally {
    /// The tally of these totals. Percentages and donation are split by largest remainder, ties by charity order, as a vote is.
    pub fn new(file: &CampaignFile, totals: &Totals) -> Tally {
        let percents = split(WHOLE_TEN_THOUSANDTHS, &totals.units);
        let donations = split(file.donation().minor_units, &totals.units);
        let charities = file
            .charities()
            .iter()
            .zip(&totals.units)
            .zip(percents.into_iter().zip(donations));
        Tally {
            votes: totals.votes,
            units: totals.units.iter().sum(),
            charities: charities
                .map(
                    |((charity, units), (ten_thousandths, donation_minor_units))| CharityTally {
                        id: charity.id.clone(),
                        name: charity.name.clone(),
                        units: *units,
                        percent: Percent { ten_thousandths },
                        donation_minor_units,
                    },
                )
                .collect(),
        }
    }

    /// The JSON in which the API shows it, and an auditor expects it.
    pub fn to_json(&self, file: &CampaignFile) -> Value {
        let charity = |charity: &CharityTally| {
            json!({
                "id": charity.id,
                "name": charity.name,
                "units": charity.units,
                "percent": charity.percent.to_string(),
                "donation_minor_units": charity.donation_minor_units,
            })
        };
        json!({
            "campaign": file.campaign().as_str(),
            "votes": self.votes,
            "units": self.units,
            "donation": {"currency": file.donation().currency, "minor_units": file.donation().minor_units},
            "charities": self.charities.iter().map(charity).collect::<Vec<_>>(),
        })
    }
}
