//! One entry of the valid list: a path over which a check authenticated.

use crate::{ConsentLoss, Path, Transport};
use std::time::{Duration, Instant};

/// How many bytes may go to an address for each that came from it, until the address is known to be
/// the peer's. QUIC (RFC 9000 §8.1) and DTLS 1.3 (RFC 9147 §5.1) draw the line at three.
const AMPLIFICATION: u64 = 3;

/// How long a path may be quiet before it counts as silent, so that traffic over another one
/// takes the sending along. Opus without voice sends every 400 ms, a video call's RTCP oftener; and
/// half of the second in which media must follow a peer whose address has changed is left for the
/// proof of the new one.
pub(crate) const SILENCE: Duration = Duration::from_millis(500);

/// How long a path may be quiet before it is given up for any other that is alive. Consent is asked
/// for every 4 to 6 s (RFC 7675 §5.1), over the path in use at least.
pub(crate) const LONG_SILENCE: Duration = Duration::from_secs(7);

/// How long a peer has to answer when it is doubted that it still is where it has proved to be: the
/// question is put three times meanwhile. The check of another claimant follows 4 s after its last one
/// at the earliest.
pub(crate) const DOUBT: Duration = Duration::from_secs(3);

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
    /// Which of the nominations since the last restart was its last one, counted from 1.
    pub(crate) nominated: Option<u32>,
    /// The number of that nomination, if it had one.
    pub(crate) number: Option<u32>,
    /// Consent was lost while it was selected. It is kept, to refuse its credentials, until room is
    /// needed.
    pub(crate) lost: Option<ConsentLoss>,
    /// When consent was last given.
    pub(crate) consent: Instant,
    /// When it became valid.
    since: Instant,
    /// When anything new and authentic last came over it.
    heard: Instant,
    /// When the last authenticated DTLS or SRTP packet came over it.
    traffic: Option<Instant>,
    /// The peer has answered something unforeseeable from there.
    confirmed: bool,
    /// Since when that is doubted.
    doubted: Option<Instant>,
    budget: Budget,
}

impl ValidPair {
    pub(crate) const fn new(path: Path, generation: u32, priority: u64, now: Instant) -> Self {
        Self {
            path,
            generation,
            priority,
            sendable: false,
            nominated: None,
            number: None,
            lost: None,
            consent: now,
            since: now,
            heard: now,
            traffic: None,
            confirmed: false,
            doubted: None,
            budget: Budget {
                received: 0,
                sent: 0,
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

    pub(crate) const fn is_nominated(&self) -> bool {
        self.nominated.is_some()
    }

    /// When anything new and authentic last came over it.
    pub(crate) const fn heard(&self) -> Instant {
        self.heard
    }

    /// Something new and authentic has come over it.
    pub(crate) const fn hear(&mut self, now: Instant) {
        self.heard = now;
    }

    /// It is valid again, or under new credentials.
    pub(crate) const fn begin(&mut self, now: Instant) {
        self.since = now;
        self.heard = now;
    }

    pub(crate) fn is_silent(&self, now: Instant, limit: Duration) -> bool {
        now.saturating_duration_since(self.heard) >= limit
    }

    /// Whether the peer has come here after it was last heard on `other`, where it was not before.
    pub(crate) fn succeeds(&self, other: &Self) -> bool {
        self.since > other.heard
    }

    /// Whether the peer is seen to send media or DTLS over this path.
    pub(crate) fn carries_traffic(&self, now: Instant) -> bool {
        self.traffic
            .is_some_and(|last| now.saturating_duration_since(last) < SILENCE)
    }

    pub(crate) const fn has_carried_traffic(&self) -> bool {
        self.traffic.is_some()
    }

    /// An authenticated DTLS or SRTP packet came from there. That says who speaks, and not where: the
    /// keys are the peer's whatever source address the packet has.
    pub(crate) const fn note_traffic(&mut self, now: Instant) {
        self.traffic = Some(now);
        self.heard = now;
    }

    /// The peer answered a random number of ours from there.
    pub(crate) const fn confirm_address(&mut self) {
        self.confirmed = true;
        self.doubted = None;
    }

    pub(crate) const fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// Somebody else has proved to be there too. Says whether that is news.
    pub(crate) const fn doubt(&mut self, now: Instant) -> bool {
        let news = self.confirmed && self.doubted.is_none();
        if news {
            self.doubted = Some(now);
        }
        news
    }

    /// When the doubt is over.
    pub(crate) fn doubt_ends(&self) -> Option<Instant> {
        self.doubted.and_then(|since| since.checked_add(DOUBT))
    }

    /// Nobody has answered in time: nothing is proved any more.
    pub(crate) fn settle_doubt(&mut self, now: Instant) {
        if self.doubt_ends().is_some_and(|end| end <= now) {
            self.doubted = None;
            self.confirmed = false;
        }
    }

    pub(crate) const fn credit(&mut self, len: usize) {
        self.budget.received = self.budget.received.saturating_add(len as u64);
    }

    /// Takes `len` bytes from the budget, if it has so many.
    #[must_use]
    pub(crate) const fn try_debit(&mut self, len: usize) -> bool {
        let allowed = self.budget.received.saturating_mul(AMPLIFICATION);
        let sent = self.budget.sent.saturating_add(len as u64);
        if self.is_limited() && sent > allowed {
            return false;
        }
        self.budget.sent = sent;
        true
    }

    /// Nobody opens a TCP connection in another's name. Whose it is, its handshake does not tell.
    const fn is_limited(&self) -> bool {
        !self.confirmed && matches!(self.path.transport, Transport::Udp)
    }

    /// How many bytes may still go there before more comes.
    pub(crate) fn allowance(&self) -> usize {
        if !self.is_limited() {
            return usize::MAX;
        }
        let allowed = self.budget.received.saturating_mul(AMPLIFICATION);
        allowed
            .saturating_sub(self.budget.sent)
            .try_into()
            .unwrap_or(usize::MAX)
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
}
