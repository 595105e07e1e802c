//! One entry of the valid list: a path over which a check authenticated.

use crate::{ConsentLoss, Path, Transport};
use std::time::{Duration, Instant};

/// How many bytes may go to an address for each that came from it, until the address is known to be
/// the peer's. QUIC (RFC 9000 §8.1) and DTLS 1.3 (RFC 9147 §5.1) draw the line at three.
const AMPLIFICATION: u64 = 3;

/// How long an authenticated packet shows that the peer uses a path. Media, or RTCP of a video
/// call, comes every fraction of a second.
const LULL: Duration = Duration::from_secs(1);

/// A pair of the valid list.
#[derive(Debug, Hash)]
pub(crate) struct ValidPair {
    pub(crate) path: Path,
    /// Which credentials validated it: counted up by each ICE restart.
    pub(crate) generation: u32,
    /// The higher, the better, among pairs that the peer nominated and no traffic decides between.
    pub(crate) priority: u64,
    /// We may send on it: for a lite agent always, for a full one when our own check succeeded.
    pub(crate) sendable: bool,
    pub(crate) nominated: bool,
    /// Consent was lost while it was selected. It is kept, to refuse its credentials, until room is
    /// needed.
    pub(crate) lost: Option<ConsentLoss>,
    /// When consent was last given.
    pub(crate) consent: Instant,
    /// When the last authenticated DTLS or SRTP packet came over it.
    traffic: Option<Instant>,
    budget: Budget,
}

impl ValidPair {
    pub(crate) const fn new(path: Path, generation: u32, priority: u64, now: Instant) -> Self {
        Self {
            path,
            generation,
            priority,
            sendable: false,
            nominated: false,
            lost: None,
            consent: now,
            traffic: None,
            budget: Budget {
                received: 0,
                sent: 0,
                // A TCP handshake has proved the address.
                confirmed: matches!(path.transport, Transport::Tcp),
            },
        }
    }

    pub(crate) const fn is_live(&self) -> bool {
        self.lost.is_none()
    }

    /// Whether consent has run out. A clock that was set back never makes it so.
    pub(crate) fn consent_expired(&self, now: Instant, timeout: Duration) -> bool {
        now.saturating_duration_since(self.consent) >= timeout
    }

    /// Whether the peer is seen to use this path.
    pub(crate) fn carries_traffic(&self, now: Instant) -> bool {
        self.traffic
            .is_some_and(|last| now.saturating_duration_since(last) < LULL)
    }

    pub(crate) const fn has_carried_traffic(&self) -> bool {
        self.traffic.is_some()
    }

    /// An authenticated DTLS or SRTP packet came from there.
    pub(crate) const fn note_traffic(&mut self, now: Instant) {
        self.traffic = Some(now);
        self.budget.confirmed = true;
    }

    /// The peer answered a random number of ours from there.
    pub(crate) const fn confirm_address(&mut self) {
        self.budget.confirmed = true;
    }

    pub(crate) const fn is_confirmed(&self) -> bool {
        self.budget.confirmed
    }

    pub(crate) const fn credit(&mut self, len: usize) {
        self.budget.received = self.budget.received.saturating_add(len as u64);
    }

    /// Takes `len` bytes from the budget, if it has so many.
    #[must_use]
    pub(crate) const fn try_debit(&mut self, len: usize) -> bool {
        let allowed = self.budget.received.saturating_mul(AMPLIFICATION);
        let sent = self.budget.sent.saturating_add(len as u64);
        if !self.budget.confirmed && sent > allowed {
            return false;
        }
        self.budget.sent = sent;
        true
    }

    /// Accounts for an answer, which is never held back: it is as long as its request, or shorter.
    pub(crate) const fn debit(&mut self, len: usize) {
        self.budget.sent = self.budget.sent.saturating_add(len as u64);
    }
}

/// The bytes exchanged with an address.
#[derive(Debug, Hash)]
struct Budget {
    received: u64,
    sent: u64,
    confirmed: bool,
}
