//! How long votes waited, from when each was due: a vote that was sent late because the one before it hung waited too (no coordinated omission).

use std::time::{Duration, Instant};

/// Waiting times in order of their lengths.
pub struct Latency(Vec<Duration>);

impl Latency {
    /// Of votes that were due at regular intervals; `covered` says when how many of them had their receipts, in order, all of them in the end.
    pub fn of(votes: usize, began: Instant, interval: Duration, covered: &[(Instant, u64)]) -> Latency {
        let mut covered = covered.iter().peekable();
        let mut waited = Vec::with_capacity(votes);
        for number in 0..votes {
            while covered.next_if(|(_, size)| *size <= number as u64).is_some() {}
            let (when, _) = covered.peek().expect("every vote has its receipt");
            let due = began + interval.mul_f64(number as f64);
            waited.push(when.saturating_duration_since(due));
        }
        waited.sort();
        Latency(waited)
    }

    /// The time in milliseconds within which this part of them had theirs.
    pub fn at(&self, part: f64) -> f64 {
        let place = ((self.0.len() as f64 * part).ceil() as usize).clamp(1, self.0.len());
        self.0[place - 1].as_secs_f64() * 1000.0
    }
}
