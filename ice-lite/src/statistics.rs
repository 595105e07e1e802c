//! Counters of what an agent did and what it dropped.

use crate::{responder::Responder, valid_list::ValidList};

/// Why a datagram, or something that waited to be polled, was dropped.
///
/// Nothing here is an error of the session: it is noise, counted for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Discard {
    /// Not a STUN message, or one whose lengths contradict each other (RFC 8489 §6.3).
    Malformed,
    /// A STUN method other than Binding.
    UnknownMethod,
    /// A Binding indication: a keepalive, which asks for nothing (RFC 8445 §11).
    Indication,
    /// A response that answers none of our requests.
    UnknownTransaction,
    /// No FINGERPRINT, which every ICE message carries (RFC 8445 §7.1).
    FingerprintMissing,
    /// FINGERPRINT is wrong.
    FingerprintMismatch,
    /// A request without USERNAME.
    UsernameMissing,
    /// USERNAME is not `local:remote` of this session.
    UsernameMismatch,
    /// No MESSAGE-INTEGRITY (or only the SHA-256 form, which ICE does not use).
    IntegrityMissing,
    /// MESSAGE-INTEGRITY is wrong.
    IntegrityMismatch,
    /// An authenticated transaction id seen before, now from another address: a replay.
    Replayed,
    /// Consent on this path was lost; its credentials must not be used on it again (RFC 7675 §5.1).
    ConsentLost,
    /// New paths of this session come faster than they are taken.
    PathRateLimited,
    /// An authenticated response without a readable XOR-MAPPED-ADDRESS.
    MappedAddressMissing,
    /// The answer that had waited longest was dropped: `poll_transmit` is not called often enough.
    AnswerOverflow,
    /// The event that had waited longest was dropped: `poll_event` is not called often enough.
    EventOverflow,
    /// The buffer given to `poll_transmit` was too small for the message.
    BufferTooSmall,
    /// A check of ours to an address that the peer has named and not proved would have passed three
    /// times the bytes received from there.
    CheckLimited,
}

impl Discard {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 18] = [
        Self::Malformed,
        Self::UnknownMethod,
        Self::Indication,
        Self::UnknownTransaction,
        Self::FingerprintMissing,
        Self::FingerprintMismatch,
        Self::UsernameMissing,
        Self::UsernameMismatch,
        Self::IntegrityMissing,
        Self::IntegrityMismatch,
        Self::Replayed,
        Self::ConsentLost,
        Self::PathRateLimited,
        Self::MappedAddressMissing,
        Self::AnswerOverflow,
        Self::EventOverflow,
        Self::BufferTooSmall,
        Self::CheckLimited,
    ];

    /// A name in snake case, for logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownMethod => "unknown_method",
            Self::Indication => "indication",
            Self::UnknownTransaction => "unknown_transaction",
            Self::FingerprintMissing => "fingerprint_missing",
            Self::FingerprintMismatch => "fingerprint_mismatch",
            Self::UsernameMissing => "username_missing",
            Self::UsernameMismatch => "username_mismatch",
            Self::IntegrityMissing => "integrity_missing",
            Self::IntegrityMismatch => "integrity_mismatch",
            Self::Replayed => "replayed",
            Self::ConsentLost => "consent_lost",
            Self::PathRateLimited => "path_rate_limited",
            Self::MappedAddressMissing => "mapped_address_missing",
            Self::AnswerOverflow => "answer_overflow",
            Self::EventOverflow => "event_overflow",
            Self::BufferTooSmall => "buffer_too_small",
            Self::CheckLimited => "check_limited",
        }
    }
}

/// Totals since the agent was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Authenticated requests received, retransmissions and refused ones included.
    pub requests_received: u64,
    /// Success responses sent.
    pub successes_sent: u64,
    /// Error responses sent (403, 420, 487).
    pub errors_sent: u64,
    /// Checks sent, retransmissions included (by a lite agent only to prove addresses).
    pub requests_sent: u64,
    /// Authenticated responses received (by a lite agent only to those).
    pub responses_received: u64,
    /// Addresses that were proved by an answer to a check of ours.
    pub addresses_proved: u64,
    /// How often the selected path changed.
    pub path_changes: u64,
    discards: [u64; Discard::ALL.len()],
}

impl Statistics {
    /// How often `reason` occurred.
    #[must_use]
    pub const fn discarded(&self, reason: Discard) -> u64 {
        self.discards[reason as usize]
    }

    /// Every reason with its count.
    pub fn discards(&self) -> impl Iterator<Item = (Discard, u64)> + '_ {
        Discard::ALL.into_iter().zip(self.discards)
    }

    /// How much was discarded for any reason.
    #[must_use]
    pub fn discarded_total(&self) -> u64 {
        self.discards.iter().sum()
    }

    /// Joins the counts that the queues keep themselves.
    pub(crate) const fn with_queues(mut self, responder: &Responder, valid: &ValidList) -> Self {
        self.path_changes = valid.change_count();
        self.discards[Discard::AnswerOverflow as usize] = responder.answers_dropped();
        self.discards[Discard::EventOverflow as usize] = valid.events_dropped();
        self
    }

    pub(crate) const fn count(&mut self, reason: Discard) {
        self.discards[reason as usize] += 1;
    }
}
