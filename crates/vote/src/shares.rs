//! The one way in which a whole is split by weights: largest remainder (Hamilton's method), in integers.
//!
//! Every part gets the floor of its exact share; the ones that are left over go, one each, to the largest remainders, and between
//! equal remainders to the earlier part. The parts always add up to the whole.

use std::cmp::Reverse;

/// Splits `whole` in proportion to `weights`. The parts sum to `whole`, or are all zero when every weight is.
pub(crate) fn split(whole: u64, weights: &[u64]) -> Vec<u64> {
    let mut parts = Parts::default();
    parts.split(whole, weights.iter().copied());
    parts.parts
}

/// The parts of one split after the other, in the same memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    parts: Vec<u64>,
    by_remainder: Vec<(Reverse<u128>, usize)>,
}

impl Parts {
    /// As [`split`].
    pub(crate) fn split(&mut self, whole: u64, weights: impl Iterator<Item = u64> + Clone) -> &[u64] {
        self.parts.clear();
        self.by_remainder.clear();
        // 2^64 weights of 2^64 fit into 128 bits, and so does the product of two of them: nothing below can overflow.
        let sum: u128 = weights.clone().map(u128::from).sum();
        if sum == 0 {
            self.parts.extend(weights.map(|_| 0));
            return &self.parts;
        }
        let mut left = whole;
        for (position, weight) in weights.enumerate() {
            let product = u128::from(whole) * u128::from(weight);
            // weight <= sum, so the quotient is at most `whole`.
            let floor = (product / sum) as u64;
            left -= floor;
            self.parts.push(floor);
            self.by_remainder.push((Reverse(product % sum), position));
        }
        if left > 0 {
            self.by_remainder.sort_unstable();
        }
        // Fewer are left than there are remainders above zero, so a part without weight never gets one.
        for ((_, position), _) in self.by_remainder.iter().zip(0..left) {
            self.parts[*position] += 1;
        }
        &self.parts
    }
}

#[cfg(test)]
mod tests {
    use super::split;
    use proptest::prelude::*;

    #[test]
    fn the_left_over_goes_to_the_largest_remainder_and_then_to_the_earlier_part() {
        for (whole, weights, parts) in [
            (1_000_000, &[1, 1, 1][..], &[333_334, 333_333, 333_333][..]),
            (1_000_000, &[1, 2], &[333_333, 666_667]),
            (1_000_000, &[0, 1, 0], &[0, 1_000_000, 0]),
            (
                1_000_000,
                &[1, 1, 1, 1, 1, 1, 1],
                &[142_858, 142_857, 142_857, 142_857, 142_857, 142_857, 142_857],
            ),
            (2, &[1, 0, 1, 1], &[1, 0, 1, 0]),
            (0, &[1, 2], &[0, 0]),
            (10, &[0, 0], &[0, 0]),
            (10, &[], &[]),
            (u64::MAX, &[u64::MAX, u64::MAX], &[u64::MAX / 2 + 1, u64::MAX / 2]),
        ] {
            assert_eq!(split(whole, weights), parts, "{whole} by {weights:?}");
        }
    }

    proptest! {
        #[test]
        fn a_split_conserves_the_whole_and_stays_within_one_of_the_exact_share(
            whole: u64,
            weights in prop::collection::vec(prop_oneof![Just(0), 0..=9_u64, any::<u64>()], 1..20),
        ) {
            let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
            let parts = split(whole, &weights);
            prop_assert_eq!(parts.len(), weights.len());
            prop_assert_eq!(parts.iter().sum::<u64>(), if sum == 0 { 0 } else { whole });
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!(*weight > 0 || *part == 0, "a part without weight");
                if let Some(exact) = (u128::from(whole) * u128::from(*weight)).checked_div(sum) {
                    prop_assert!((exact..=exact + 1).contains(&u128::from(*part)));
                }
            }
        }
    }
}
