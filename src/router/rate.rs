//! How many checks of strangers a session takes.

use std::time::{Duration, Instant};

/// Counts in intervals.
#[derive(Debug, Default)]
pub(super) struct Rate {
    since: Option<Instant>,
    count: u16,
}

/// Requests for one session over paths that are not its own, in each [`RATE_INTERVAL`]. A browser
/// with 8 addresses sends some 20 a second before ICE settles; each costs an HMAC to tell true from
/// forged.
const RATE_LIMIT: u16 = 64;
const RATE_INTERVAL: Duration = Duration::from_millis(250);

impl Rate {
    /// Whether one more is within the limit.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        let current = self
            .since
            .is_some_and(|since| now.saturating_duration_since(since) < RATE_INTERVAL);
        if !current {
            *self = Self {
                since: Some(now),
                count: 0,
            };
        }
        self.count = self.count.saturating_add(1);
        self.count <= RATE_LIMIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T-DOS-05: so many in an interval, exactly, however many are asked for.
    #[test]
    fn t_dos_05_a_ration_in_each_interval() {
        let mut rate = Rate::default();
        let start = Instant::now();
        let mut admitted = |at: Duration| (0..70_000).filter(|_| rate.admit(start + at)).count();
        assert_eq!(admitted(Duration::ZERO), 64);
        assert_eq!(admitted(RATE_INTERVAL - Duration::from_nanos(1)), 0);
        assert_eq!(admitted(RATE_INTERVAL), 64);
        // A clock that was set back opens no new interval.
        assert_eq!(admitted(Duration::ZERO), 0);
        assert_eq!(admitted(2 * RATE_INTERVAL), 64);
    }
}
