//! A bounded burst of something, and after it a steady rate.

use std::time::{Duration, Instant};

/// Counts what may happen so many times at once, and once more for each interval that passes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Burst {
    /// What has been taken and has not come back yet.
    spent: u32,
    /// Up to when it has come back.
    refilled: Option<Instant>,
}

impl Burst {
    /// Takes one of `capacity`, if any is left.
    pub(crate) fn take(&mut self, now: Instant, capacity: u32, interval: Duration) -> bool {
        let since = *self.refilled.get_or_insert(now);
        let elapsed = now.saturating_duration_since(since).as_nanos();
        let back = elapsed
            .checked_div(interval.as_nanos())
            .unwrap_or(u128::MAX);
        if back > 0 {
            self.spent = self
                .spent
                .saturating_sub(u32::try_from(back).unwrap_or(u32::MAX));
            self.refilled = Some(now);
        }
        let allowed = self.spent < capacity;
        self.spent += u32::from(allowed);
        allowed
    }

    /// Gives back all that was taken.
    pub(crate) fn refill(&mut self) {
        *self = Self::default();
    }
}
