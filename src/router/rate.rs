//! How many checks from strangers are processed.

use std::time::{Duration, Instant};

/// Counts in intervals.
#[derive(Debug, Default)]
pub(super) struct Rate {
    since: Option<Instant>,
    count: u16,
}

/// Requests for one session over paths that are not its own, in each [`RATE_INTERVAL`]. A browser
/// with 8 addresses sends some 20 a second before ICE settles; each costs an HMAC to tell genuine from
/// forged.
pub(super) const SESSION_LIMIT: u16 = 64;

/// Requests from one source address over paths that are not the session's that they name, in each
/// [`RATE_INTERVAL`]: what the callers of a whole office behind one address need when all of them
/// begin at once, 20 a second each: the share of four sessions.
pub(super) const SOURCE_LIMIT: u16 = 256;

const RATE_INTERVAL: Duration = Duration::from_millis(250);

impl Rate {
    /// Whether the limit of the present interval is reached.
    pub(super) fn is_spent(&self, now: Instant, limit: u16) -> bool {
        self.count >= limit && self.is_current(now)
    }

    /// Takes one from the ration of the interval, and returns whether there was one.
    pub(super) fn admit(&mut self, now: Instant, limit: u16) -> bool {
        if !self.is_current(now) {
            *self = Self {
                since: Some(now),
                count: 0,
            };
        }
        self.count = self.count.saturating_add(1);
        self.count <= limit
    }

    fn is_current(&self, now: Instant) -> bool {
        self.since
            .is_some_and(|since| now.saturating_duration_since(since) < RATE_INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T-DOS-05: exactly so many in an interval, however many are asked for.
    #[test]
    fn t_dos_05_a_ration_in_each_interval() {
        let mut rate = Rate::default();
        let start = Instant::now();
        let mut admitted = |at: Duration| {
            let tried = (0..70_000).filter(|_| rate.admit(start + at, SESSION_LIMIT));
            tried.count()
        };
        assert_eq!(admitted(Duration::ZERO), 64);
        assert_eq!(admitted(RATE_INTERVAL - Duration::from_nanos(1)), 0);
        assert_eq!(admitted(RATE_INTERVAL), 64);
        // A clock that is set back opens no new interval.
        assert_eq!(admitted(Duration::ZERO), 0);
        assert_eq!(admitted(2 * RATE_INTERVAL), 64);
    }

    /// T-DOS-05: the ration is spent when the last is taken, and until the interval ends.
    #[test]
    fn t_dos_05_a_ration_is_spent_for_the_rest_of_its_interval() {
        let mut rate = Rate::default();
        let start = Instant::now();
        assert!(!rate.is_spent(start, SESSION_LIMIT));
        for _ in 1..SESSION_LIMIT {
            assert!(rate.admit(start, SESSION_LIMIT));
            assert!(!rate.is_spent(start, SESSION_LIMIT));
        }
        assert!(rate.admit(start, SESSION_LIMIT));
        assert!(rate.is_spent(start, SESSION_LIMIT));
        assert!(!rate.is_spent(start + RATE_INTERVAL, SESSION_LIMIT));
        assert!(rate.admit(start + RATE_INTERVAL, SESSION_LIMIT));
    }
}
