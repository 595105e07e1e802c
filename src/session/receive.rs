//! What a session makes of a datagram, and of what ICE and DTLS say to it.

use std::time::Instant;

use dtls::{ContentType, Role};
use ice_lite::{Event, Outcome, Path, SendRefused, Transmit};
use srtp::Kind;

use super::event::{CloseReason, Received, SessionEvent};
use super::statistics::Discard;
use super::{OnConsentExpired, Session, SessionError, trace};
use crate::demux::{Class, classify};

/// Who is to blame if consent is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LostConsent {
    ByPeer,
    /// The owner of the session has revoked it.
    OwnWill,
}

impl Session {
    pub(super) fn receive<'b>(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &'b mut [u8],
    ) -> Result<Received<'b>, SessionError> {
        self.counters.datagrams_received += 1;
        self.counters.bytes_received += datagram.len() as u64;
        let class = classify(datagram);
        let reason = match class {
            Class::Stun => return self.receive_stun(now, path, datagram),
            Class::Zrtp => Discard::Zrtp,
            Class::TurnChannel => Discard::TurnChannel,
            Class::Quic => Discard::Quic,
            Class::Unknown => Discard::UnknownProtocol,
            // RFC 5763 §6.7.1: what did not pass an authenticated check is not looked at.
            _ if !self.ice.is_valid(&path) => Discard::UnvalidatedPath,
            _ if self.is_closed() => Discard::Closed,
            Class::Dtls => {
                let result = self.receive_dtls(now, path, datagram);
                return self.finish(result).map(|()| Received::Nothing);
            }
            Class::Rtp => return Ok(self.receive_media(now, path, Kind::Rtp, datagram)),
            Class::Rtcp => return Ok(self.receive_media(now, path, Kind::Rtcp, datagram)),
        };
        self.counters.count(reason);
        Ok(Received::Nothing)
    }

    fn receive_stun<'b>(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
    ) -> Result<Received<'b>, SessionError> {
        let carried = match self.ice.handle_datagram(now, path, datagram) {
            Outcome::Discarded(_) => return Ok(Received::Nothing),
            Outcome::Response(message) => {
                self.time_retransmission();
                self.unload(now, &message)
            }
            Outcome::Request(message) => self.unload(now, &message),
            Outcome::Refused(_) => None,
        };
        self.timeline.first_stun.get_or_insert(now);
        let mut result = self.follow_ice(now);
        if let Some(mut datagram) = carried
            && result.is_ok()
            && self.ice.is_valid(&path)
            && !self.is_closed()
        {
            self.counters.dtls_in_stun_received += 1;
            // ICE has credited the message that it came in.
            result = self.take_dtls(now, path, &mut datagram);
        }
        self.finish(result).map(|()| Received::Nothing)
    }

    /// A datagram of DTLS over a valid path.
    fn receive_dtls(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &mut [u8],
    ) -> Result<(), SessionError> {
        if self.connection_info().is_none() && !self.is_early(datagram) {
            self.ice.credit(&path, datagram.len());
        }
        self.take_dtls(now, path, datagram)
    }

    /// A datagram of DTLS that came over a valid path, by itself or within a message of ICE.
    fn take_dtls(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &mut [u8],
    ) -> Result<(), SessionError> {
        let name = self.name_dtls(datagram);
        if self.is_early(datagram) {
            self.counters.count(Discard::EarlyDtls);
            return Ok(());
        }
        if self.association.connection().is_none() {
            self.start_dtls(now, Role::Server)?;
        }
        let Some(connection) = self.association.connection_mut() else {
            return Ok(());
        };
        let was_secured = connection.info().is_some();
        let before = connection.statistics().records_received;
        let result = connection.handle_datagram(now, datagram);
        let secured = connection.info().is_some();
        if connection.statistics().records_received > before {
            self.follow_handshake(now, path, was_secured, secured);
        }
        result?;
        self.acknowledge_dtls(name);
        self.follow_dtls(now)?;
        self.follow_ice(now)
    }

    /// Only a ClientHello begins an association, and only towards its server. Before the peer's
    /// parameters are there, it tells that the peer has chosen to be the client.
    fn is_early(&self, datagram: &[u8]) -> bool {
        let begins = self.association.role() != Some(Role::Client) && is_handshake(datagram);
        self.association.connection().is_none() && !begins
    }

    /// Takes up what ICE has to tell, and begins what waited for it.
    pub(super) fn follow_ice(&mut self, now: Instant) -> Result<(), SessionError> {
        self.report_ice(now, LostConsent::ByPeer);
        let client = self.association.role() == Some(Role::Client);
        let may_send = self.ice.selected().is_some() || self.carries_hello();
        if client && self.association.connection().is_none() && may_send {
            self.start_dtls(now, Role::Client)?;
        }
        Ok(())
    }

    /// Takes up what ICE has to tell.
    pub(super) fn report_ice(&mut self, now: Instant, lost: LostConsent) {
        while let Some(event) = self.ice.poll_event() {
            match event {
                Event::Selected { path } if self.timeline.ice_connected.is_none() => {
                    self.timeline.ice_connected = Some(now);
                    self.carry_no_more(now, &path);
                    self.emit(SessionEvent::IceConnected { path });
                }
                Event::Selected { path } => {
                    self.leave_path();
                    self.emit(SessionEvent::PathChanged { path });
                }
                Event::ConsentRegained { path } => {
                    self.emit(SessionEvent::ConsentRegained { path });
                }
                Event::ConsentExpired { reason, .. } => {
                    self.emit(SessionEvent::ConsentExpired { reason });
                    if !self.waits_for_consent() && lost == LostConsent::ByPeer {
                        self.end(CloseReason::ConsentExpired(reason));
                    }
                }
                // That the consent of before is gone was told; what is waited for may come yet.
                Event::Failed { .. } if self.waits_for_consent() && self.was_connected() => {}
                Event::Failed { reason } => self.end(CloseReason::IceFailed(reason)),
                Event::PairValidated { path } => self.emit(SessionEvent::PathValidated { path }),
                Event::PairRemoved { path, .. } => self.emit(SessionEvent::PathRemoved { path }),
                // Whatever a later version of ICE may tell.
                _ => {}
            }
            self.leave_early();
        }
    }

    fn waits_for_consent(&self) -> bool {
        self.config.on_consent_expired != OnConsentExpired::End
    }

    fn was_connected(&self) -> bool {
        self.timeline.ice_connected.is_some()
    }

    pub(super) fn transmit_dtls(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.ice.selected()?;
        let held = self.held.take();
        let was_held = held.is_some();
        let len = match held {
            Some(held) => copy(&held, buf)?,
            None => self.association.connection_mut()?.poll_transmit(now, buf)?,
        };
        match self.authorize_dtls(now, len) {
            Ok(path) => {
                if was_held && let Some(connection) = self.association.connection_mut() {
                    // Only now an answer can be waited for.
                    connection.resume_retransmission(now);
                }
                self.note_sent(now, path);
                self.note_drained(now);
                Some(Transmit { path, len })
            }
            Err(SendRefused::AmplificationLimit) => {
                // It goes out as soon as more has come from there, and nobody answers it before.
                self.held = buf.get(..len).map(Box::from);
                if let Some(connection) = self.association.connection_mut() {
                    connection.suspend_retransmission(now);
                }
                None
            }
            Err(_) => {
                self.counters.count(Discard::SendRefused);
                None
            }
        }
    }

    /// After each verb that can fail: an error ends the session.
    pub(super) fn finish<T>(&mut self, result: Result<T, SessionError>) -> Result<T, SessionError> {
        if let Err(error) = &result {
            trace::failed(self.local_ufrag(), error);
            self.held = None;
            self.drop_early();
            let failed = || Box::new(CloseReason::Failed(error.clone()));
            self.ended.get_or_insert_with(failed);
        }
        result
    }

    /// Ends the session, unless it has ended already.
    pub(super) fn end(&mut self, reason: CloseReason) {
        if self.ended.is_none() {
            self.held = None;
            self.drop_early();
            self.ended = Some(Box::new(reason.clone()));
            self.emit(SessionEvent::Closed(reason));
        }
    }

    pub(crate) fn emit(&mut self, event: SessionEvent) {
        trace::event(self.local_ufrag(), &event);
        self.events.push(event, &mut self.counters);
    }
}

/// Copies a datagram to the beginning of `buf`, if it fits.
fn copy(datagram: &[u8], buf: &mut [u8]) -> Option<usize> {
    buf.get_mut(..datagram.len())?.copy_from_slice(datagram);
    Some(datagram.len())
}

/// Whether the first record is a handshake record in plaintext, as every ClientHello is.
fn is_handshake(datagram: &[u8]) -> bool {
    datagram.first() == Some(&ContentType::HANDSHAKE.0)
}
