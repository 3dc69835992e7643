//! How many coins leave per minute, all receivers together.

use std::time::{Duration, Instant};

/// The window that the quota is counted in.
const MINUTE: Duration = Duration::from_secs(60);

/// A quota as the generic cell rate algorithm counts it (ITU-T I.371): up to `per_minute` at once, then evenly spaced.
///
/// One moment is all its state: `free_at`, at which the whole quota is free again. Each taking puts it off by one interval.
pub struct Quota {
    interval: Duration,
    free_at: Option<Instant>,
}

impl Quota {
    /// A quota of this many per minute; 0 counts as 1.
    pub fn per_minute(per_minute: u32) -> Quota {
        Quota {
            interval: MINUTE / per_minute.max(1),
            free_at: None,
        }
    }

    /// Takes one.
    ///
    /// # Errors
    ///
    /// The whole seconds, at least 1, after which one is free.
    pub fn take(&mut self, now: Instant) -> Result<(), u64> {
        let free_at = self.free_at.map_or(now, |free_at| free_at.max(now)) + self.interval;
        let over = (free_at - now).saturating_sub(MINUTE);
        if !over.is_zero() {
            return Err(over.as_secs() + u64::from(over.subsec_nanos() > 0));
        }
        self.free_at = Some(free_at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Quota;

    #[test]
    fn a_quota_is_free_at_once_and_comes_back_evenly() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut quota = Quota::per_minute(3);
        assert_eq!([(); 4].map(|()| quota.take(start)), [Ok(()), Ok(()), Ok(()), Err(20)]);
        assert_eq!(quota.take(after(19)), Err(1));
        assert_eq!(quota.take(after(20)), Ok(()));
        assert_eq!(quota.take(after(20)), Err(20));
        // A long rest frees the quota, and no more than that.
        assert_eq!(
            [(); 4].map(|()| quota.take(after(1000))),
            [Ok(()), Ok(()), Ok(()), Err(20)]
        );
    }

    #[test]
    fn a_part_of_a_second_is_a_second_to_wait() {
        let start = Instant::now();
        let mut quota = Quota::per_minute(60);
        assert!((0..60).all(|_| quota.take(start).is_ok()));
        assert_eq!(quota.take(start + Duration::from_millis(1)), Err(1));
    }
}
