//! A vote: how one coin is shared among charities, in its one canonical form.

use serde_json::Value;

use crate::shares::split;
use crate::{Charities, UNITS_PER_COIN};

/// The largest weight.
pub const WEIGHT_MAX: u32 = 1_000_000;

/// Weights of the charities, in the campaign's order, reduced by their greatest common divisor: `{"a":2,"b":2}` is the same vote as `{"a":1,"b":1}`.
///
/// Two votes are the same vote exactly when they are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    charities: Charities,
    /// One per charity, in order, 0 where there is no share; never all 0; at most [`WEIGHT_MAX`]; no common divisor.
    weights: Vec<u32>,
}

/// Why something is no vote. Nothing of what was sent is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoteError {
    /// Not a JSON object.
    #[error("the weights are not an object; send {{\"<charity id>\": <weight>, …}}")]
    NotAnObject,
    /// No charity at all.
    #[error("the vote names no charity; name at least one")]
    Empty,
    /// A charity that the campaign does not have.
    #[error("the vote names a charity that this campaign does not have; use the ids of the campaign's charities")]
    UnknownCharity,
    /// The weight of this charity is not a whole number from 1 to [`WEIGHT_MAX`].
    #[error(
        "the weight of {charity} is not a whole number from 1 to {WEIGHT_MAX}; leave out a charity that gets no share"
    )]
    Weight {
        /// The charity's id, from the campaign, not from what was sent.
        charity: String,
    },
}

impl Vote {
    /// Reads a vote from JSON: an object of charity ids and weights.
    ///
    /// A weight is a JSON number without fraction and exponent, from 1 to [`WEIGHT_MAX`]. An object that names a charity twice has to be refused before:
    /// parsed JSON no longer shows it.
    ///
    /// # Errors
    ///
    /// [`VoteError`], the first in the order of its variants; between weights, that of the earlier charity.
    pub fn parse(weights: &Value, charities: &Charities) -> Result<Vote, VoteError> {
        let entries = weights.as_object().ok_or(VoteError::NotAnObject)?;
        if entries.is_empty() {
            return Err(VoteError::Empty);
        }
        if !entries.keys().all(|id| charities.contains(id)) {
            return Err(VoteError::UnknownCharity);
        }
        let read = |id: &str| {
            let Some(value) = entries.get(id) else {
                return Ok(0);
            };
            value
                .as_u64()
                .and_then(|weight| u32::try_from(weight).ok())
                .filter(|weight| (1..=WEIGHT_MAX).contains(weight))
                .ok_or_else(|| VoteError::Weight { charity: id.to_owned() })
        };
        let weights = charities
            .iter()
            .map(|charity| read(&charity.id))
            .collect::<Result<Vec<_>, _>>()?;
        let divisor = weights.iter().copied().fold(0, gcd);
        Ok(Vote {
            charities: charities.clone(),
            weights: weights.into_iter().map(|weight| weight / divisor).collect(),
        })
    }

    /// From the weights as a store keeps them; `None` unless they are in canonical form for these charities.
    pub fn from_stored(weights: Vec<u32>, charities: &Charities) -> Option<Vote> {
        let canonical = weights.len() == charities.len() && is_reduced(&weights);
        canonical.then(|| Vote {
            charities: charities.clone(),
            weights,
        })
    }

    /// The charities that the vote is about.
    pub fn charities(&self) -> &Charities {
        &self.charities
    }

    /// The canonical weights: one per charity, in order, 0 where there is no share.
    pub fn weights(&self) -> &[u32] {
        &self.weights
    }

    /// What each charity gets of the coin's [`UNITS_PER_COIN`], in order, split by largest remainder with ties by charity order.
    pub fn units(&self) -> Vec<u64> {
        let weights: Vec<u64> = self.weights.iter().copied().map(u64::from).collect();
        split(UNITS_PER_COIN, &weights)
    }
}

/// Whether weights are a vote's, in canonical form.
pub(crate) fn is_reduced(weights: &[u32]) -> bool {
    weights.iter().all(|weight| *weight <= WEIGHT_MAX) && weights.iter().copied().fold(0, gcd) == 1
}

/// The greatest common divisor (Euclid); of 0 and a number, the number.
fn gcd(mut left: u32, mut right: u32) -> u32 {
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}

#[cfg(test)]
mod tests {
    use super::{Vote, VoteError, WEIGHT_MAX};
    use crate::{CampaignFile, Charities, UNITS_PER_COIN};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn charities() -> Charities {
        CampaignFile::parse(
            br#"{"campaign":"c","donation":{"currency":"USD","minor_units":1},"charities":[
                {"id":"a","name":"A","about":"A."},{"id":"b","name":"B","about":"B."},{"id":"c","name":"C","about":"C."}]}"#,
        )
        .unwrap()
        .charities()
        .clone()
    }

    fn vote(weights: &Value) -> Result<Vote, VoteError> {
        Vote::parse(weights, &charities())
    }

    #[test]
    fn a_vote_has_one_form() {
        for (weights, canonical) in [
            (json!({"a": 1}), [1, 0, 0]),
            (json!({"a": WEIGHT_MAX}), [1, 0, 0]),
            (json!({"b": 2, "a": 2}), [1, 1, 0]),
            (json!({"c": 6, "a": 4}), [2, 0, 3]),
            (
                json!({"a": WEIGHT_MAX, "b": WEIGHT_MAX - 1}),
                [WEIGHT_MAX, WEIGHT_MAX - 1, 0],
            ),
        ] {
            assert_eq!(vote(&weights).unwrap().weights(), canonical, "{weights}");
        }
    }

    #[test]
    fn what_is_no_vote_is_refused_with_its_reason() {
        let weight = |id: &str| VoteError::Weight { charity: id.to_owned() };
        for (weights, error) in [
            (json!(null), VoteError::NotAnObject),
            (json!([1, 1, 1]), VoteError::NotAnObject),
            (json!("a"), VoteError::NotAnObject),
            (json!({}), VoteError::Empty),
            (json!({"a": 1, "d": 1}), VoteError::UnknownCharity),
            (json!({"A": 1}), VoteError::UnknownCharity),
            (json!({"": 0}), VoteError::UnknownCharity),
            (json!({"a": 0}), weight("a")),
            (json!({"a": 1, "b": -1}), weight("b")),
            (json!({"a": 1, "b": 0}), weight("b")),
            (json!({"a": 1.0}), weight("a")),
            (json!({"a": 0.5}), weight("a")),
            (json!({"a": 1e3}), weight("a")),
            (json!({"a": "1"}), weight("a")),
            (json!({"a": true}), weight("a")),
            (json!({"a": null}), weight("a")),
            (json!({"c": WEIGHT_MAX + 1}), weight("c")),
            (json!({"c": u64::MAX}), weight("c")),
        ] {
            assert_eq!(vote(&weights).unwrap_err(), error, "{weights}");
        }
    }

    #[test]
    fn only_canonical_weights_come_back_from_a_store() {
        let charities = charities();
        assert!(Vote::from_stored(vec![2, 0, 3], &charities).is_some());
        for bad in [
            vec![],
            vec![1, 1],
            vec![1, 1, 1, 1],
            vec![0, 0, 0],
            vec![2, 2, 0],
            vec![WEIGHT_MAX + 1, 1, 0],
        ] {
            assert_eq!(Vote::from_stored(bad.clone(), &charities), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_coin_is_always_spent_whole_and_scaling_changes_nothing(
            weights in prop::collection::vec(0_u32..=1_000, 3).prop_filter("a vote", |weights| weights.iter().any(|weight| *weight > 0)),
            factor in 1_u32..=1_000,
        ) {
            let object = |factor: u32| {
                let entries = ["a", "b", "c"].into_iter().zip(&weights).filter(|(_, weight)| **weight > 0);
                Value::Object(entries.map(|(id, weight)| (id.to_owned(), json!(weight * factor))).collect())
            };
            let plain = vote(&object(1)).unwrap();
            prop_assert_eq!(plain.units().iter().sum::<u64>(), UNITS_PER_COIN);
            for (units, weight) in plain.units().iter().zip(&weights) {
                prop_assert_eq!(*units > 0, *weight > 0);
            }
            prop_assert_eq!(Vote::from_stored(plain.weights().to_vec(), &charities()), Some(plain.clone()));
            prop_assert_eq!(vote(&object(factor)).unwrap(), plain);
        }
    }
}
