//! What a session hands to its owner.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::SessionError;
use super::statistics::{Counters, Discard};
use dtls::ConnectionInfo;
use ice_lite::{ConsentLoss, FailureReason, Path};
use srtp::Kind;

/// What [`Session::handle_datagram`](crate::Session::handle_datagram) made of a datagram, or
/// [`Session::poll_received`](crate::Session::poll_received) of one that had to wait.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Received<'b> {
    /// Nothing for the application: it concerned the session alone, or was dropped and counted.
    Nothing,
    /// An RTP packet, authenticated and decrypted in place.
    Rtp(&'b mut [u8]),
    /// An RTCP packet, authenticated and decrypted in place.
    Rtcp(&'b mut [u8]),
    /// An authentic packet that was received before, or is too old to tell: a browser
    /// probing for bandwidth, a network that duplicates, or a replay.
    Duplicate {
        /// Whether it is RTP or RTCP.
        kind: Kind,
        /// Its header, for congestion control. With [`srtp::Duplicates::Deliver`] all of it.
        packet: &'b mut [u8],
    },
}

/// Something happened. Taken with [`Session::poll_event`](crate::Session::poll_event).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// ICE has found a path to the peer.
    IceConnected {
        /// The path that we send over.
        path: Path,
    },
    /// An authenticated check has come over this path. Tell the [`Router`](crate::Router).
    PathValidated {
        /// That path.
        path: Path,
    },
    /// This path is no longer valid. Tell the [`Router`](crate::Router).
    PathRemoved {
        /// That path.
        path: Path,
    },
    /// Another session's peer has proved that this path is its own, or ours was silent there
    /// for long while the other was not: from now on what comes over the path is the other session's.
    PathLost {
        /// That path.
        path: Path,
    },
    /// The peer's checks come over a path that another session has and keeps, so nothing else that
    /// comes over it is ours: two calls share a socket of their peer, or somebody forges a source
    /// address.
    PathRefused {
        /// That path.
        path: Path,
    },
    /// Consent that had expired was given again, by a check over the same path: see
    /// [`OnConsentExpired::WaitForCheck`](crate::OnConsentExpired::WaitForCheck).
    ConsentRegained {
        /// That path.
        path: Path,
    },
    /// We send over another path from now on.
    PathChanged {
        /// That path.
        path: Path,
    },
    /// An ICE restart: checks must name our new [`local_ufrag`](crate::Session::local_ufrag) from
    /// now on.
    IceRestarted,
    /// The handshake is complete and the peer's certificate matches its fingerprint: media
    /// flows.
    Secured(Summary),
    /// A record of application data, such as SCTP for data channels.
    ApplicationData(Vec<u8>),
    /// All application data that was taken is on its way, after
    /// [`Session::send_application_data`](crate::Session::send_application_data) had to refuse some
    /// with [`dtls::SendError::QueueFull`]: there is room again. [`Session::handle_timeout`] tells it,
    /// which is due at once then, so that what an application sends next does not hold up others.
    ///
    /// [`Session::handle_timeout`]: crate::Session::handle_timeout
    ApplicationDataDrained,
    /// The peer's consent to receive is gone, and nothing is sent any more (RFC 7675). The session
    /// ends, unless its owner waits ([`OnConsentExpired`](crate::OnConsentExpired)), or has revoked
    /// consent itself: then a check over another path brings it back, or an ICE restart; after
    /// [`revoke_consent`](crate::Session::revoke_consent) the restart alone.
    ConsentExpired {
        /// How it was lost.
        reason: ConsentLoss,
    },
    /// A key or a stream is near the end of its life: later packets will be refused.
    KeyLimit(srtp::Event),
    /// The session has ended, and not by an error that one of its methods returned.
    Closed(CloseReason),
}

/// What was agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Version, cipher suite, group, SRTP profile, fingerprints.
    pub connection: Arc<ConnectionInfo>,
    /// From the first DTLS datagram to the verified fingerprint.
    pub handshake_time: Duration,
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// We closed it.
    #[error("closed by us")]
    Local,
    /// The peer sent close_notify.
    #[error("closed by the peer")]
    Peer,
    /// ICE found no path.
    #[error("no path to the peer was found ({0:?})")]
    IceFailed(FailureReason),
    /// No handshake began within
    /// [`SessionConfig::connect_timeout`](crate::SessionConfig::connect_timeout).
    #[error("nobody has connected in time")]
    NotConnected,
    /// The peer's consent to receive was lost (RFC 7675).
    #[error("the peer's consent to receive was lost ({0:?})")]
    ConsentExpired(ConsentLoss),
    /// It failed with this error, which one of its methods returned.
    #[error(transparent)]
    Failed(SessionError),
}

/// When a session reached its milestones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeline {
    /// The session was made.
    pub created: Instant,
    /// The first STUN message came or went.
    pub first_stun: Option<Instant>,
    /// ICE had a path to the peer.
    pub ice_connected: Option<Instant>,
    /// The first DTLS datagram came or went.
    pub dtls_started: Option<Instant>,
    /// The handshake was complete and the peer verified.
    pub secured: Option<Instant>,
    /// The first media packet was received and decrypted.
    pub first_media: Option<Instant>,
}

impl Timeline {
    pub(super) const fn new(created: Instant) -> Self {
        Self {
            created,
            first_stun: None,
            ice_connected: None,
            dtls_started: None,
            secured: None,
            first_media: None,
        }
    }

    /// From the first STUN packet to the first decrypted media.
    #[must_use]
    pub fn setup_time(&self) -> Option<Duration> {
        Some(
            self.first_media?
                .saturating_duration_since(self.first_stun?),
        )
    }

    /// From the first DTLS datagram to the verified fingerprint.
    #[must_use]
    pub fn handshake_time(&self) -> Option<Duration> {
        Some(self.secured?.saturating_duration_since(self.dtls_started?))
    }
}

/// Events that wait to be polled.
#[derive(Debug, Default)]
pub(super) struct Events(VecDeque<SessionEvent>);

/// Records of application data that may wait: they come as fast as the peer sends, and whoever reads
/// them can do without one, as without one that the network lost.
const MAX_RECORDS: usize = 64;

/// Other events that may wait. They tell how the session stands, and the router has to know of some,
/// so that data never takes their place. A call makes a handful, and another one with each path that
/// an authenticated peer changes to; so many wait only for an owner that has stopped polling.
const MAX_OTHERS: usize = 192;

impl Events {
    /// Adds an event. The oldest one of its sort may have to go for it: data for data.
    pub(super) fn push(&mut self, event: SessionEvent, counters: &mut Counters) {
        let is_data = |event: &SessionEvent| matches!(event, SessionEvent::ApplicationData(_));
        let (sort, limit) = match is_data(&event) {
            true => (true, MAX_RECORDS),
            false => (false, MAX_OTHERS),
        };
        let same = |waiting: &&SessionEvent| is_data(waiting) == sort;
        if self.0.len() >= limit && self.0.iter().filter(same).count() >= limit {
            let oldest = self.0.iter().position(|waiting| is_data(waiting) == sort);
            oldest.map(|oldest| self.0.remove(oldest));
            counters.count(Discard::EventOverflow);
        }
        self.0.push_back(event);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn pop(&mut self) -> Option<SessionEvent> {
        let event = self.0.pop_front();
        if self.0.is_empty() {
            // Thousands of established sessions need no buffer for events that hardly ever come.
            self.0 = VecDeque::new();
        }
        event
    }
}
