//! A limit on how often something may happen.

use std::time::{Duration, Instant};

/// Allows `BURST` at once, then one every `MILLIS` milliseconds. A refusal changes nothing.
#[derive(Debug, Default, Hash)]
pub(crate) struct RateLimit<const BURST: u32, const MILLIS: u64> {
    /// When the whole burst is available again.
    full_at: Option<Instant>,
}

impl<const BURST: u32, const MILLIS: u64> RateLimit<BURST, MILLIS> {
    const INTERVAL: Duration = Duration::from_millis(MILLIS);

    /// Takes one, if there is one.
    #[must_use]
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let debt = self
            .full_at
            .map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        let whole = Self::INTERVAL * BURST;
        // A debt above the whole burst means that the clock was set back, and is forgiven.
        let debt = if debt > whole { Duration::ZERO } else { debt };
        if debt + Self::INTERVAL > whole {
            return false;
        }
        self.full_at = now.checked_add(debt + Self::INTERVAL);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_one_an_interval() {
        let mut limit = RateLimit::<3, 100>::default();
        let now = Instant::now();
        let taken =
            |limit: &mut RateLimit<3, 100>, at| (0..9).filter(|_| limit.take(now + at)).count();
        assert_eq!(taken(&mut limit, Duration::ZERO), 3);
        assert_eq!(taken(&mut limit, Duration::from_millis(99)), 0);
        assert_eq!(taken(&mut limit, Duration::from_millis(100)), 1);
        assert_eq!(taken(&mut limit, Duration::from_secs(9)), 3);
    }

    #[test]
    fn a_clock_set_back_does_not_lock_it() {
        let mut limit = RateLimit::<1, 100>::default();
        let now = Instant::now();
        assert!(limit.take(now + Duration::from_secs(3600)));
        assert!(limit.take(now));
        assert!(!limit.take(now));
    }
}
