//! The small full agent of a caller.

use crate::stun::MessageWriter;
use crate::{
    Candidate, Credentials, Event, Outcome, Path, Random, SendRefused, Statistics, Transmit,
};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How a controlling agent behaves.
#[non_exhaustive]
pub struct ControllingConfig {
    /// Where transaction ids, the tiebreaker and the spread of consent checks come from.
    pub random: Random,
    /// The first retransmission timeout (RFC 8489 §6.2.1), 500 ms by default.
    pub rto: Duration,
    /// How often a check is sent at most, Rc of RFC 8489 §6.2.1, 7 by default.
    pub max_transmissions: u32,
    /// The pace of checks, Ta of RFC 8445 §14.2, 50 ms by default.
    pub pacing: Duration,
    /// How long after the last answered consent check sending stops. RFC 7675 §5.1 says 30 s, the
    /// default.
    pub consent_timeout: Duration,
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
        }
    }
}

/// A full ICE agent with host candidates only, that begins as the controlling one.
pub struct ControllingAgent {
    local: Credentials,
    statistics: Statistics,
}

impl ControllingAgent {
    /// Makes an agent. Give it local candidates, the peer's credentials and candidates, in any order.
    #[must_use]
    pub fn new(local: Credentials, _config: ControllingConfig) -> Self {
        Self {
            local,
            statistics: Statistics::default(),
        }
    }

    /// Our credentials, for the SDP.
    #[must_use]
    pub fn local(&self) -> &Credentials {
        &self.local
    }

    /// Sets the peer's credentials: checks start when there is a pair of candidates.
    pub fn set_remote(&mut self, _remote: &Credentials) {}

    /// Adds the address of a UDP socket of ours.
    pub fn add_local_candidate(&mut self, _address: SocketAddr) {}

    /// Adds a candidate of the peer's.
    pub fn add_remote_candidate(&mut self, _candidate: &Candidate) {}

    /// Takes a datagram whose first byte says STUN. Afterwards poll everything.
    pub fn handle_datagram<'d>(
        &mut self,
        _now: Instant,
        _path: Path,
        _datagram: &'d [u8],
    ) -> Outcome<'d> {
        unimplemented!()
    }

    /// Lets time pass. Afterwards poll everything.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// Writes the next answer or check.
    #[must_use]
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.poll_transmit_with(now, buf, |_| {})
    }

    /// As [`Self::poll_transmit`]; `add` may add attributes to a request or a success response.
    #[must_use]
    pub fn poll_transmit_with(
        &mut self,
        _now: Instant,
        _buf: &mut [u8],
        _add: impl FnOnce(&mut MessageWriter<'_>),
    ) -> Option<Transmit> {
        None
    }

    /// What happened. Poll after every call that takes `&mut self`.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// When [`Self::handle_timeout`] is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Whether a check on this path has authenticated, and its consent lives.
    #[must_use]
    pub fn is_valid(&self, _path: &Path) -> bool {
        false
    }

    /// The path that we send over.
    #[must_use]
    pub fn selected(&self) -> Option<Path> {
        None
    }

    /// Asks to send `len` bytes now, and accounts for them: send them over the path given back.
    ///
    /// # Errors
    ///
    /// When nothing may be sent.
    pub fn authorize_send(&mut self, _now: Instant, _len: usize) -> Result<Path, SendRefused> {
        Err(SendRefused::NotConnected)
    }

    /// As [`crate::LiteAgent::credit`].
    pub fn credit(&mut self, _path: &Path, _len: usize) {}

    /// As [`crate::LiteAgent::confirm`].
    pub fn confirm(&mut self, _now: Instant, _path: &Path) {}

    /// Ends sending for good, after an authenticated close of the session (RFC 7675 §5.2).
    pub fn revoke_consent(&mut self) {}

    /// ICE restart (RFC 8445 §9) with new credentials; then give the peer's.
    pub fn restart(&mut self, _local: Credentials) {}

    /// The smoothed round-trip time of checks (RFC 6298 §2), once one was answered.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        None
    }

    /// Totals since the agent was made.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// A hash of all state except the statistics, equal before and after every discarded datagram.
    #[must_use]
    pub fn state_digest(&self) -> u64 {
        0
    }
}
