//! Several rounds' figures as one: the median, and how far apart the rounds were.

use std::fmt::{self, Display, Formatter};

/// The figures of all rounds, in order of size.
pub struct Spread(Vec<f64>);

impl Spread {
    /// Of at least one round.
    pub fn of(rounds: impl IntoIterator<Item = f64>) -> Spread {
        let mut rounds: Vec<f64> = rounds.into_iter().collect();
        rounds.sort_by(f64::total_cmp);
        Spread(rounds)
    }

    /// The middle one; of an even number, the upper of the two.
    pub fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

impl Display for Spread {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let (least, most) = (self.0.first().unwrap_or(&f64::NAN), self.0.last().unwrap_or(&f64::NAN));
        write!(formatter, "{:.1} ({least:.1} to {most:.1})", self.median())
    }
}

#[test]
fn the_middle_of_the_rounds_counts() {
    let spread = Spread::of([3.0, 100.0, 2.0]);
    assert_eq!(spread.to_string(), "3.0 (2.0 to 100.0)");
}
