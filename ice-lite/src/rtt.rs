//! The round-trip time of checks.

use std::time::Duration;

/// A smoothed round-trip time (RFC 6298 §2).
#[derive(Debug, Default, Hash)]
pub(crate) struct RoundTrip {
    smoothed: Option<Duration>,
}

impl RoundTrip {
    /// Takes a sample from a check that was sent once: after a retransmission nobody can tell which
    /// of them was answered.
    pub(crate) fn sample(&mut self, rtt: Duration) {
        // RFC 6298 §2.3: SRTT = 7/8 SRTT + 1/8 R'.
        self.smoothed = Some(self.smoothed.map_or(rtt, |srtt| srtt - srtt / 8 + rtt / 8));
    }

    pub(crate) const fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }
}
