//! The ICE-lite agent of a server.

use crate::stun::{BufferTooSmall, MessageWriter};
use crate::{Credentials, Event, Outcome, Path, SendRefused, Statistics, Transmit};
use std::time::{Duration, Instant};

/// How a lite agent behaves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LiteConfig {
    /// How long after the last authenticated check of a path sending on it stops. RFC 7675 §5.1
    /// says 30 s, the default.
    pub consent_timeout: Duration,
}

impl Default for LiteConfig {
    fn default() -> Self {
        Self {
            consent_timeout: Duration::from_secs(30),
        }
    }
}

/// An ICE-lite agent: it answers checks, sends none, and is always controlled (RFC 8445 §2.5).
pub struct LiteAgent {
    local: Credentials,
    statistics: Statistics,
}

impl LiteAgent {
    /// Makes an agent. It answers checks from the start, before the peer's ufrag is known.
    #[must_use]
    pub fn new(local: Credentials, _config: LiteConfig) -> Self {
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

    /// Sets the peer's credentials: from now on requests must name its ufrag.
    pub fn set_remote(&mut self, _remote: &Credentials) {}

    /// Takes a datagram whose first byte says STUN. Afterwards poll everything.
    pub fn handle_datagram<'d>(
        &mut self,
        _now: Instant,
        _path: Path,
        _datagram: &'d [u8],
    ) -> Outcome<'d> {
        unimplemented!()
    }

    /// Lets time pass. Afterwards poll events.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// Writes the next answer. A buffer of [`crate::MAX_MESSAGE`] bytes always suffices.
    #[must_use]
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.poll_transmit_with(now, buf, |_| Ok(()))
    }

    /// As [`Self::poll_transmit`]; `add` may add attributes to a success response.
    #[must_use]
    pub fn poll_transmit_with(
        &mut self,
        _now: Instant,
        _buf: &mut [u8],
        _add: impl FnOnce(&mut MessageWriter<'_>) -> Result<(), BufferTooSmall>,
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
    /// When nothing, or not so much, may be sent.
    pub fn authorize_send(&mut self, _now: Instant, _len: usize) -> Result<Path, SendRefused> {
        Err(SendRefused::NotConnected)
    }

    /// Credits bytes of a datagram from a valid path that was accepted without proof yet, such as a
    /// ClientHello: three times as many may be sent there. The agent credits checks itself.
    pub fn credit(&mut self, _path: &Path, _len: usize) {}

    /// Tells that a DTLS record or SRTP packet from this valid path authenticated: the address is
    /// the peer's, its limit ends, and if the path is nominated, we follow the peer to it.
    pub fn confirm(&mut self, _now: Instant, _path: &Path) {}

    /// Ends sending for good, after an authenticated close of the session (RFC 7675 §5.2): later
    /// checks are answered with 403.
    pub fn revoke_consent(&mut self) {}

    /// ICE restart (RFC 8445 §9): requests must now carry the new credentials. Sending goes on over
    /// the old path until one is valid under the new ones.
    pub fn restart(&mut self, _local: Credentials) {}

    /// Totals since the agent was made.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// A hash of all state except the statistics, equal before and after every discarded datagram.
    #[must_use]
    pub fn state_digest(&self) -> u64 {
        0
    }
}
