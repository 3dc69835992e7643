//! When votes are looked up before they are written.
//!
//! To look each nullifier up costs Postgres about as much as to put it into the index, where the constraint looks for it once more. So while no coin comes again nobody
//! looks: the constraint, which decides in any case, refuses a batch with one that does, and the batch is written again after a look. From then on each batch is
//! looked up, until many in a row had no such coin; whoever sends coins again to slow the ledger down makes it write one batch in so many twice.

/// How many batches without a repeat it takes until none is expected any more.
const CALM: u32 = 64;

/// Whether coins are expected to come again.
#[derive(Default)]
pub(super) struct Repeats {
    /// How many batches are still looked up.
    watched: u32,
}

impl Repeats {
    pub(super) fn are_expected(&self) -> bool {
        self.watched > 0
    }

    /// A batch was looked up, or the constraint refused it: whether a coin of it had voted before.
    pub(super) fn seen(&mut self, is_repeated: bool) {
        self.watched = if is_repeated {
            CALM
        } else {
            self.watched.saturating_sub(1)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{CALM, Repeats};

    #[test]
    fn after_a_repeat_many_batches_are_looked_up_and_then_none() {
        let mut repeats = Repeats::default();
        assert!(!repeats.are_expected());
        for _ in 0..2 {
            repeats.seen(true);
            for _ in 0..CALM {
                assert!(repeats.are_expected());
                repeats.seen(false);
            }
            assert!(!repeats.are_expected());
        }
        repeats.seen(true);
        (1..CALM).for_each(|_| repeats.seen(false));
        repeats.seen(true);
        (1..CALM).for_each(|_| repeats.seen(false));
        assert!(repeats.are_expected(), "one more repeat begins it anew");
    }
}
