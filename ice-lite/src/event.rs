//! What an agent tells its owner.

use crate::{
    Discard, Path,
    stun::{ErrorCode, Message},
};
use std::net::SocketAddr;
use std::time::Instant;

/// What became of a datagram given to an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome<'d> {
    /// An authenticated Binding request, whose answer waits in `poll_transmit`. The message gives
    /// its attributes that integrity covers, unknown ones too.
    Request(Message<'d>),
    /// An authenticated Binding request that is refused; the error response waits in `poll_transmit`.
    Refused(ErrorCode),
    /// An authenticated answer to one of our own checks (from a lite agent only if it proves addresses).
    Response(Message<'d>),
    /// The datagram changed nothing but this counter.
    Discarded(Discard),
}

/// Where a message goes that `poll_transmit_with` writes, for whoever adds attributes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope {
    /// Where it goes, and from which local address.
    pub path: Path,
    /// How many bytes, including those of the message, may go there before more comes from there:
    /// `usize::MAX` if the address is proved, or if a check of ours goes to one that the signalling
    /// has named. It is not enforced for an answer.
    pub allowance: usize,
}

/// A datagram that `poll_transmit` wrote: send the first `len` bytes of the buffer over `path`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmit {
    /// Where it goes, and from which local address.
    pub path: Path,
    /// Its length in bytes.
    pub len: usize,
}

impl Transmit {
    /// The address to send to.
    #[must_use]
    pub const fn destination(&self) -> SocketAddr {
        self.path.remote
    }
}

/// What `poll_event` reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// A check on this path authenticated: from now on datagrams that come over it may be processed.
    PairValidated {
        /// The path that became valid.
        path: Path,
    },
    /// This path is no longer valid.
    PairRemoved {
        /// The path.
        path: Path,
        /// Why it was removed.
        reason: RemovalReason,
    },
    /// What we send goes over this path from now on.
    Selected {
        /// The path.
        path: Path,
    },
    /// Consent to send is lost and no other valid path is left: sending has stopped (RFC 7675 §5.1).
    /// A check on another path, or a restart, can bring the session back.
    ConsentExpired {
        /// The path that was selected.
        path: Path,
        /// How consent was lost.
        reason: ConsentLoss,
    },
    /// Consent that had timed out was given again by a check under the same credentials, but only
    /// where the configuration allows that. It follows a [`Self::PairValidated`] for the path.
    ConsentRegained {
        /// The path.
        path: Path,
    },
    /// No path to the peer was found, even after waiting for its own checks (RFC 8863). Only a
    /// restart can help.
    Failed {
        /// Why.
        reason: FailureReason,
    },
}

/// What is known of a valid path, for deciding between several sessions that claim it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathStanding {
    /// The peer has answered something unforeseeable of ours from there: it receives at that address.
    pub proved: bool,
    /// When something new and authentic last came over it.
    pub heard: Instant,
}

/// Why a path is no longer valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RemovalReason {
    /// Consent to send on it was lost.
    Consent(ConsentLoss),
    /// It made room for a newer path, having been without a check for the longest time.
    Evicted,
}

/// How consent to send was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConsentLoss {
    /// The peer sent no authenticated check for the whole consent time (a lite agent's measure).
    NoCheck,
    /// The peer answered no consent check for the whole consent time (a full agent's measure).
    NoAnswer,
    /// The peer revoked it, or our side did with `revoke_consent` (RFC 7675 §5.2).
    Revoked,
}

/// Why a controlling agent gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureReason {
    /// There is no pair of a local and a remote candidate of one address family.
    NoCandidatePairs,
    /// Not one of our checks was answered.
    NoAnswer,
    /// The peer refused our checks with this STUN error code.
    Refused(u16),
    /// Answers came, but from other addresses than the checks went to (RFC 8445 §7.2.5.2.1).
    AsymmetricPath,
}

/// Why a datagram may not be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendRefused {
    /// No check has authenticated yet.
    #[error("no ICE check has authenticated yet")]
    NotConnected,
    /// Consent to send was lost (RFC 7675).
    #[error("the peer's consent to receive has expired")]
    ConsentExpired,
    /// It would pass three times the bytes received from an address that is not proved to be the
    /// peer's. Try again after more was received.
    #[error("three times the bytes received were sent to an address not proved")]
    AmplificationLimit,
}
