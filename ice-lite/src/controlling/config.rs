//! How a controlling agent behaves.

use crate::Random;
use std::time::Duration;

/// How a controlling agent behaves.
#[non_exhaustive]
pub struct ControllingConfig {
    /// Where transaction ids, the tiebreaker and the spread of consent checks come from.
    pub random: Random,
    /// The first retransmission timeout (RFC 8489 §6.2.1), 500 ms by default.
    pub rto: Duration,
    /// How often a check is sent at most, Rc of RFC 8489 §6.2.1, 7 by default: with 500 ms a check
    /// fails after 39.5 s.
    pub max_transmissions: u32,
    /// The pace of checks, Ta of RFC 8445 §14.2, 50 ms by default.
    pub pacing: Duration,
    /// How long after the last answered consent check sending stops. RFC 7675 §5.1 says 30 s, the
    /// default.
    pub consent_timeout: Duration,
    /// As [`crate::LiteConfig::consent_returns`].
    pub consent_returns: bool,
}

impl ControllingConfig {
    /// The defaults, with this source of randomness.
    #[must_use]
    pub fn new(random: Random) -> Self {
        Self {
            random,
            rto: Duration::from_millis(500),
            max_transmissions: 7,
            pacing: Duration::from_millis(50),
            consent_timeout: Duration::from_secs(30),
            consent_returns: false,
        }
    }
}

impl std::fmt::Debug for ControllingConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ControllingConfig")
            .field("rto", &self.rto)
            .finish_non_exhaustive()
    }
}
