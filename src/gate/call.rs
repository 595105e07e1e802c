//! What an application does with a call, and what it can do to it.

use std::time::Instant;

use ice_lite::Path;
use ice_lite::stun::{Class as StunClass, Message, TransactionId};
use srtp::Kind;

use super::claims::Claims;
use super::outbox::{Outbox, Seal};
use super::sessions::Sessions;
use super::{BATCH, Ecn};
use crate::demux::{Class, classify};
use crate::router::{Router, SessionId};
use crate::session::{CloseReason, SendError, Session, SessionEvent};

/// The application's side of a call.
pub trait Call {
    /// Takes an RTP packet of the peer, authenticated and decrypted.
    fn handle_rtp(&mut self, cx: &mut Context<'_>, packet: &mut [u8]);

    /// Takes an RTCP packet of the peer, authenticated and decrypted.
    fn handle_rtcp(&mut self, cx: &mut Context<'_>, packet: &mut [u8]);

    /// Takes the header of an authentic packet that was received before (see
    /// [`Received::Duplicate`](crate::Received::Duplicate)).
    fn handle_duplicate(&mut self, cx: &mut Context<'_>, kind: Kind, packet: &mut [u8]) {
        let _ = (cx, kind, packet);
    }

    /// Something happened to the session.
    fn handle_event(&mut self, cx: &mut Context<'_>, event: SessionEvent) {
        let _ = (cx, event);
    }

    /// The instant of [`Call::poll_timeout`] has come.
    fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        let _ = cx;
    }

    /// When [`Call::handle_timeout`] should be called. It is asked for after each of the other methods.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The session `id` has ended, for this reason. The call is dropped afterwards.
    fn handle_end(&mut self, id: SessionId, session: &Session, reason: &CloseReason) {
        let _ = (id, session, reason);
    }
}

/// What a call can do while one of its methods runs.
#[derive(Debug)]
pub struct Context<'a> {
    now: Instant,
    id: SessionId,
    sessions: &'a mut Sessions,
    outbox: &'a mut Outbox,
    /// The ECN field of the datagram that is being handled.
    ecn: Ecn,
    /// The call has been given its session mutably.
    touched: bool,
}

/// The gate visits no other calls, and removes none while it does.
const VISITED: &str = "invariant: a call is visited while its session is there";

impl<'a> Context<'a> {
    pub(super) fn new(
        now: Instant,
        id: SessionId,
        sessions: &'a mut Sessions,
        outbox: &'a mut Outbox,
    ) -> Self {
        outbox.mark(Ecn::NotEct);
        Self {
            now,
            id,
            sessions,
            outbox,
            ecn: Ecn::NotEct,
            touched: false,
        }
    }

    /// The ECN field of the packet that is being handled, as the last router left it, for the feedback
    /// to its sender (RFC 8888). It is not known for a packet that came before its keys.
    #[must_use]
    pub fn received_ecn(&self) -> Ecn {
        self.ecn
    }

    /// Sets the ECN field of the media that is sent from now until this method of the call returns, for a
    /// sender that reacts to marks. By default none is set.
    pub fn mark(&mut self, ecn: Ecn) {
        self.outbox.mark(ecn);
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The name of this call's session.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// This call's session.
    #[must_use]
    pub fn session(&self) -> &Session {
        self.sessions.get(self.id).expect(VISITED)
    }

    /// This call's session. Its events and datagrams are taken care of afterwards.
    #[must_use]
    pub fn session_mut(&mut self) -> &mut Session {
        self.touched = true;
        self.sessions.get_mut(self.id).expect(VISITED)
    }

    /// Seals an RTP packet for the peer of this call and puts it into the outbox.
    ///
    /// # Errors
    /// It is not sent.
    pub fn send_rtp(&mut self, packet: &[u8]) -> Result<(), SendError> {
        self.forward_rtp(self.id, packet)
    }

    /// Seals an RTCP packet for the peer of this call and puts it into the outbox.
    ///
    /// # Errors
    /// It is not sent.
    pub fn send_rtcp(&mut self, packet: &[u8]) -> Result<(), SendError> {
        self.forward_rtcp(self.id, packet)
    }

    /// As [`Context::send_rtp`], for the peer of any call.
    ///
    /// # Errors
    /// It is not sent; [`SendError::Closed`] also if there is no such call.
    pub fn forward_rtp(&mut self, to: SessionId, packet: &[u8]) -> Result<(), SendError> {
        let session = self.sessions.get_mut(to).ok_or(SendError::Closed)?;
        self.outbox
            .seal(packet, |buf, len| session.protect_rtp(self.now, buf, len))
    }

    /// As [`Context::send_rtcp`], for the peer of any call.
    ///
    /// # Errors
    /// It is not sent; [`SendError::Closed`] also if there is no such call.
    pub fn forward_rtcp(&mut self, to: SessionId, packet: &[u8]) -> Result<(), SendError> {
        let session = self.sessions.get_mut(to).ok_or(SendError::Closed)?;
        self.outbox
            .seal(packet, |buf, len| session.protect_rtcp(self.now, buf, len))
    }

    /// Queues an RTP packet for the peer of any call. It is sealed later, together with others, and
    /// goes out in the order of all that is sent: for a server that forwards, this is faster than
    /// [`Context::forward_rtp`].
    ///
    /// If SRTP does not take the packet, which shows only when it is sealed, it is counted in the
    /// statistics of that session.
    ///
    /// # Errors
    /// It is not sent; [`SendError::Closed`] also if there is no such call.
    pub fn queue_rtp(&mut self, to: SessionId, packet: &[u8]) -> Result<(), SendError> {
        self.queue(to, Kind::Rtp, packet, |_| {})
    }

    /// As [`Context::queue_rtp`], for a compound RTCP packet.
    ///
    /// # Errors
    /// It is not sent; [`SendError::Closed`] also if there is no such call.
    pub fn queue_rtcp(&mut self, to: SessionId, packet: &[u8]) -> Result<(), SendError> {
        self.queue(to, Kind::Rtcp, packet, |_| {})
    }

    /// Queues one RTP packet for the peers of many calls, as [`Context::queue_rtp`] does. `adapt` may
    /// change each one's copy, that is its SSRC, sequence number or payload type, but not its
    /// length.
    ///
    /// Returns how many it was queued for: those calls that are secured and that ICE lets send.
    pub fn fan_out_rtp(
        &mut self,
        to: &[SessionId],
        packet: &[u8],
        mut adapt: impl FnMut(SessionId, &mut [u8]),
    ) -> usize {
        let mut queued = 0;
        for to in to.chunks(BATCH) {
            self.sessions
                .prefetch_to_send(to.iter().map(|&to| (to, Kind::Rtp)));
            for &to in to {
                let result = self.queue(to, Kind::Rtp, packet, |copy| adapt(to, copy));
                queued += usize::from(result.is_ok());
            }
        }
        queued
    }

    fn queue(
        &mut self,
        to: SessionId,
        kind: Kind,
        packet: &[u8],
        adapt: impl FnOnce(&mut [u8]),
    ) -> Result<(), SendError> {
        let session = self.sessions.get_mut(to).ok_or(SendError::Closed)?;
        let (path, overhead) = session.authorize_media(self.now, kind, packet.len())?;
        let seal = Seal { to, kind, overhead };
        self.outbox.queue(path, seal, packet, adapt);
        self.outbox.seal_if_full(self.sessions);
        Ok(())
    }

    /// Ends this call.
    pub fn close(&mut self) {
        let now = self.now;
        self.session_mut().close(now);
    }

    /// A datagram with this ECN field is being handled.
    pub(super) fn set_received(&mut self, ecn: Ecn) {
        self.ecn = ecn;
    }

    /// The session, for the gate.
    pub(super) fn session_untouched(&mut self) -> &mut Session {
        self.sessions.get_mut(self.id).expect(VISITED)
    }

    /// Whether the session has no events, and the call has done nothing to it.
    pub(super) fn is_calm(&self) -> bool {
        !self.touched && self.session().is_calm()
    }

    /// Puts everything that the session has to send into the outbox, and tells the router of its requests.
    pub(super) fn transmit(&mut self, router: &mut Router) {
        let Some(session) = self.sessions.get_mut(self.id) else {
            return;
        };
        while let Some(datagram) = self.outbox.fill(|buf| session.poll_transmit(self.now, buf)) {
            if let Some(request) = transaction_of_request(datagram.bytes) {
                router.expect_answer(self.id, &datagram.path, request);
            }
        }
    }

    /// A check over this path, or an answer to one, has authenticated.
    pub(super) fn claim(&mut self, router: &mut Router, claims: &mut Claims, path: Path) {
        claims.settle(self.now, router, self.sessions, self.id, path);
    }
}

/// The transaction of a datagram that is a Binding request.
fn transaction_of_request(datagram: &[u8]) -> Option<TransactionId> {
    let message = (classify(datagram) == Class::Stun).then(|| Message::parse(datagram).ok());
    let message = message.flatten()?;
    (message.class() == StunClass::Request).then(|| message.transaction_id())
}
