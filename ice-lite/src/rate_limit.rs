//! A limit on how often something may happen.

use std::time::{Duration, Instant};

/// Allows `burst` at once, then one every `interval`. A refusal changes nothing.
#[derive(Debug, Hash)]
pub(crate) struct RateLimit {
    interval: Duration,
    burst: u32,
    /// When the whole burst is available again.
    full_at: Option<Instant>,
}

impl RateLimit {
    pub(crate) const fn new(burst: u32, interval: Duration) -> Self {
        Self {
            interval,
            burst,
            full_at: None,
        }
    }

    /// Takes one, if there is one.
    #[must_use]
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let debt = self
            .full_at
            .map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        let whole = self.interval * self.burst;
        // A debt above the whole burst can't be run up: the clock was set back. It is forgiven.
        let debt = if debt > whole { Duration::ZERO } else { debt };
        if debt + self.interval > whole {
            return false;
        }
        self.full_at = now.checked_add(debt + self.interval);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_one_an_interval() {
        let mut limit = RateLimit::new(3, Duration::from_millis(100));
        let now = Instant::now();
        let taken = |limit: &mut RateLimit, at| (0..9).filter(|_| limit.take(now + at)).count();
        assert_eq!(taken(&mut limit, Duration::ZERO), 3);
        assert_eq!(taken(&mut limit, Duration::from_millis(99)), 0);
        assert_eq!(taken(&mut limit, Duration::from_millis(100)), 1);
        assert_eq!(taken(&mut limit, Duration::from_secs(9)), 3);
    }

    #[test]
    fn a_clock_set_back_does_not_lock_it() {
        let mut limit = RateLimit::new(1, Duration::from_millis(100));
        let now = Instant::now();
        assert!(limit.take(now + Duration::from_secs(3600)));
        assert!(limit.take(now));
        assert!(!limit.take(now));
    }
}
