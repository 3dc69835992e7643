//! Multiples of one point, made once, so that multiplying it takes additions alone.
//!
//! A scalar is written in 32 signed digits of base 256, `s = Σ dᵢ·256ⁱ` with `-128 < dᵢ <= 128`. The table has `d·256ⁱ·P` for each place `i` and each `d` from 1 to 128,
//! so `s·P` is at most 32 additions or subtractions, and no doubling. Look-ups and additions depend on the digits: this is for public scalars and points only, which
//! is all that a verifier has. Points and their addition are `curve25519-dalek`'s.

use std::cmp::Ordering;
use std::hint::black_box;

use curve25519_dalek::traits::Identity;
use curve25519_dalek::{EdwardsPoint, Scalar};

/// Digits of a scalar.
const PLACES: usize = 32;
/// Multiples for each digit. Its sign is the sign of the addition.
const MULTIPLES: usize = 128;

/// The multiples of a point: 4,096 points, 640 KiB.
pub(crate) struct FixedBase(Vec<EdwardsPoint>);

impl FixedBase {
    /// The table for a point; 4,096 additions.
    pub(crate) fn new(point: &EdwardsPoint) -> FixedBase {
        let mut table = Vec::with_capacity(PLACES * MULTIPLES);
        let mut unit = *point;
        for _ in 0..PLACES {
            let mut multiple = unit;
            for _ in 1..MULTIPLES {
                table.push(multiple);
                multiple += unit;
            }
            table.push(multiple);
            // 128 + 128 of this place is one of the next.
            unit = multiple + multiple;
        }
        FixedBase(table)
    }

    /// `sum + scalar·P`, in time that depends on the scalar.
    pub(crate) fn add_multiple(&self, mut sum: EdwardsPoint, scalar: &Scalar) -> EdwardsPoint {
        // All look-ups before the first addition: memory brings them together, where each would be waited for by itself. Unseen by the compiler, which would put them off again.
        let mut picked = [(EdwardsPoint::identity(), 0); PLACES];
        self.pick(scalar, &mut picked);
        // By reference from here on: a copy of a point is a call out of WebAssembly.
        for (multiple, digit) in black_box(&picked) {
            match digit.cmp(&0) {
                Ordering::Less => sum -= multiple,
                Ordering::Equal => {}
                Ordering::Greater => sum += multiple,
            }
        }
        sum
    }

    /// For each of the scalar's digits the multiple of its magnitude, and the digit; what was there for 0.
    fn pick(&self, scalar: &Scalar, picked: &mut [(EdwardsPoint, i16); PLACES]) {
        let places = self.0.chunks_exact(MULTIPLES).zip(digits(scalar));
        for (picked, (multiples, digit)) in picked.iter_mut().zip(places) {
            if let Some(multiple) = multiples.get(usize::from(digit.unsigned_abs()).wrapping_sub(1)) {
                *picked = (*multiple, digit);
            }
        }
    }
}

/// A scalar's digits, the lowest first. No carry is left over: a scalar is below the group's order, and so below 2^253.
fn digits(scalar: &Scalar) -> impl Iterator<Item = i16> {
    scalar.as_bytes().iter().scan(0, |carry, byte| {
        let digit = i16::from(*byte).wrapping_add(*carry);
        let is_large = digit > 128;
        *carry = i16::from(is_large);
        Some(if is_large { digit.wrapping_sub(256) } else { digit })
    })
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
    use curve25519_dalek::traits::Identity;
    use curve25519_dalek::{EdwardsPoint, Scalar};
    use proptest::prelude::*;

    use super::{FixedBase, digits};

    /// The greatest scalar: the group's order less one.
    fn greatest() -> Scalar {
        -Scalar::ONE
    }

    fn assert_multiplies(table: &FixedBase, point: &EdwardsPoint, scalar: Scalar) {
        assert_eq!(
            table.add_multiple(EdwardsPoint::identity(), &scalar),
            point * scalar,
            "{scalar:?}"
        );
    }

    #[test]
    fn the_edges_of_digits_multiply_as_the_library_does() {
        for point in [
            ED25519_BASEPOINT_POINT,
            ED25519_BASEPOINT_POINT + EIGHT_TORSION[1],
            EIGHT_TORSION[3],
        ] {
            let table = FixedBase::new(&point);
            let places = [1, 2, 15, 30].map(|place| {
                let mut bytes = [0; 32];
                bytes[place] = 1;
                Scalar::from_bytes_mod_order(bytes)
            });
            for low in [0_u8, 1, 127, 128, 129, 255] {
                assert_multiplies(&table, &point, Scalar::from(low));
                assert_multiplies(&table, &point, greatest() - Scalar::from(low));
                for place in places {
                    assert_multiplies(&table, &point, Scalar::from(low) * place);
                    assert_multiplies(&table, &point, Scalar::from(low) * place - Scalar::ONE);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn digits_are_small_and_sum_up_to_the_scalar(bytes: [u8; 32]) {
            let scalar = Scalar::from_bytes_mod_order(bytes);
            let mut sum = Scalar::ZERO;
            for digit in digits(&scalar).collect::<Vec<_>>().into_iter().rev() {
                prop_assert!((-127..=128).contains(&digit));
                sum *= Scalar::from(256_u16);
                let magnitude = Scalar::from(digit.unsigned_abs());
                sum += if digit < 0 { -magnitude } else { magnitude };
            }
            prop_assert_eq!(sum, scalar);
        }

        #[test]
        fn a_multiple_is_added_as_the_library_does(bytes: [u8; 32], point: [u8; 32], sum: [u8; 32]) {
            let [scalar, point, sum] = [bytes, point, sum].map(Scalar::from_bytes_mod_order);
            let [point, sum] = [point, sum].map(|scalar| EdwardsPoint::mul_base(&scalar));
            prop_assert_eq!(FixedBase::new(&point).add_multiple(sum, &scalar), sum + point * scalar);
        }
    }
}
