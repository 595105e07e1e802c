//! A DTLS connection: the public verbs, and the only owner of all layers.

mod digest;
mod receive;
#[cfg(test)]
mod tests;
mod transmit;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::receive::{Doubt, Floods};
use self::transmit::Outbox;
use crate::address_proof::ProvenHello;
use crate::certificate::Certificates;
use crate::config::{Config, MIN_MTU, PeerIdentity, RetransmitConfig, Role};
use crate::error::{Error, ExportError, SendError};
use crate::event::{ConnectionInfo, Event};
use crate::fingerprint::Fingerprint;
use crate::flight::{Flights, Incoming};
use crate::handshake::{Handshake, Layers, Message, SrtpKeyingMaterial};
use crate::record::RecordLayer;
use crate::stats::Statistics;
use crate::wire::HandshakeType;

/// The retransmission of a flight from which on it goes out in smaller datagrams: two losses in
/// a row happen, the third may be the path's MTU. Firefox does the same.
const FALLBACK_RETRY: u32 = 3;

/// How long after its last record a connection gives back what it had made of its keys, a kilobyte
/// that the next record makes again in a microsecond. Calls without data channels send no record
/// after the handshake, and there are thousands of them. It is soon, so that the next handshakes use
/// the memory again before calls that last have settled around it.
const REST: Duration = Duration::from_secs(1);

/// One DTLS connection, client or server, over any transport of datagrams.
///
/// It does no I/O and reads no clock. Feed it with [`Connection::handle_datagram`] and
/// [`Connection::handle_timeout`]; after each call of any method that takes `&mut self`, take
/// out what came of it with [`Connection::poll_transmit`] and [`Connection::poll_event`] until
/// they return `None`, and set an alarm to [`Connection::poll_timeout`].
///
/// An `Err` of those two ends the connection; the alert for the peer still comes out of
/// `poll_transmit`. Whatever else a network may bring is dropped and counted in
/// [`Connection::statistics`].
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    records: RecordLayer,
    flights: Flights,
    handshake: Handshake,
    events: VecDeque<Event>,
    outbox: Outbox,
    floods: Floods,
    status: Status,
    mtu: Mtu,
    /// When the handshake must be complete.
    deadline: Option<Instant>,
    /// When the keys may rest.
    rest: Option<Instant>,
    /// An alert in plaintext that may be true; rare.
    doubt: Option<Box<Doubt>>,
    statistics: Statistics,
}

/// Which directions are open.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Status {
    Open,
    /// The peer sent close_notify, or we did. What we still may do is in the flags.
    Closing {
        sent: bool,
        received: bool,
    },
    /// An error ended everything. It is still to be reported by the next verb if it arose where
    /// none can be returned; boxed, as that is rare.
    Failed {
        unreported: Option<Box<(Instant, Error)>>,
    },
}

/// The largest datagram for flights.
#[derive(Clone, Copy, Debug)]
struct Mtu {
    configured: usize,
    /// After repeated losses.
    lowered: Option<usize>,
}

impl Connection {
    /// Starts a connection. A client has its ClientHello ready for [`Connection::poll_transmit`].
    ///
    /// # Errors
    /// If the configuration can't serve this role and peer, or the crypto provider fails.
    pub fn new(
        config: Arc<Config>,
        role: Role,
        certificates: impl Into<Certificates>,
        peer: PeerIdentity,
        now: Instant,
    ) -> Result<Self, Error> {
        let mut connection = Self::build(config, role, certificates.into(), peer)?;
        if role == Role::Client {
            connection.start_deadline(now);
        }
        let (handshake, layers) = connection.split(now);
        handshake.start(layers)?;
        Ok(connection)
    }

    /// Starts a server's connection with the ClientHello of a client that proved its address. The
    /// configuration must be that of the [`AddressProof`](crate::AddressProof). The answer is ready
    /// for [`Connection::poll_transmit`].
    ///
    /// The cookie came back from the address that it was sent to, so that whoever is there wants the
    /// handshake: flights go out whole, however long they are, as in any other connection.
    ///
    /// # Errors
    /// If the configuration can't serve this peer. What is wrong with the ClientHello itself is
    /// told, as any error that ends a connection, by the next verb.
    pub fn accept(
        config: Arc<Config>,
        certificates: impl Into<Certificates>,
        peer: PeerIdentity,
        hello: ProvenHello,
        now: Instant,
    ) -> Result<Self, Error> {
        let mut connection = Self::build(config, Role::Server, certificates.into(), peer)?;
        connection.start_deadline(now);
        // RFC 6347 §4.2.1: the ServerHello has the record number of the ClientHello. The messages
        // before it are not known here any more, but they had numbers.
        connection.records.skip_writing(hello.record.sequence());
        let message = Incoming {
            msg_type: HandshakeType::CLIENT_HELLO,
            message_seq: hello.message_seq,
            body: hello.body,
        };
        connection.flights.continue_after(&message);
        let (handshake, layers) = connection.split(now);
        let message = Message::from(&message);
        let result = handshake.start_proven(&message, hello.asked.as_ref(), layers);
        connection.finish_later(now, result);
        Ok(connection)
    }

    fn build(
        config: Arc<Config>,
        role: Role,
        certificates: Certificates,
        peer: PeerIdentity,
    ) -> Result<Self, Error> {
        let handshake = Handshake::new(&config, role, certificates, peer)?;
        Ok(Self {
            records: RecordLayer::new(Arc::clone(&config.provider)),
            flights: Flights::new(config.retransmit).taking(config.max_message),
            handshake,
            events: VecDeque::new(),
            outbox: Outbox::default(),
            floods: Floods::default(),
            status: Status::Open,
            mtu: Mtu {
                configured: config.mtu,
                lowered: None,
            },
            deadline: None,
            rest: None,
            doubt: None,
            statistics: Statistics::default(),
            config,
        })
    }

    /// Takes a datagram from the peer. It is decrypted in place.
    ///
    /// # Errors
    /// The first violation by an authentic peer, or by plaintext before there are keys; the
    /// connection has ended then. [`Error::Closed`] if it had ended before.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &mut [u8]) -> Result<(), Error> {
        self.check_alive()?;
        self.statistics.datagrams_received += 1;
        self.statistics.bytes_received += datagram.len() as u64;
        let result = self.receive(now, datagram);
        self.finish(result)
    }

    /// Does what is due at `now`; call it when the instant of [`Connection::poll_timeout`] has
    /// come. Calls at other times do no harm.
    ///
    /// # Errors
    /// [`Error::RetransmissionLimit`] and [`Error::HandshakeTimeout`]: the connection has ended.
    /// [`Error::Closed`] if it had ended before.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.check_alive()?;
        let result = self.expire(now);
        self.finish(result)
    }

    /// When [`Connection::handle_timeout`] should be called next, if at all. Ask again after each
    /// call of another verb and after [`Connection::poll_transmit`] returned `None`, as timers
    /// start when a flight has left.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.status {
            Status::Failed { unreported } => unreported.as_ref().map(|failure| failure.0),
            _ => self
                .flights
                .poll_timeout()
                .into_iter()
                .chain(self.deadline)
                .chain(self.doubt.as_ref().and_then(|doubt| doubt.until))
                .min(),
        }
    }

    /// When [`Connection::handle_timeout`] may give back what was made of the keys, since no record
    /// has come or gone for a while, or drop keys of the past whose time is over. This is no timer of
    /// the protocol: who has no alarm for it keeps some hundred bytes until the next record, and
    /// nothing else changes.
    #[must_use]
    pub fn poll_rest(&self) -> Option<Instant> {
        match self.status {
            Status::Failed { .. } => None,
            _ => self.rest.into_iter().chain(self.records.expiry()).min(),
        }
    }

    /// What happened, oldest first. Poll until `None` after every verb.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if self.events.is_empty() {
            self.events = VecDeque::new();
        }
        event
    }

    /// Gives the fingerprints for [`PeerIdentity::Later`], of which the peer's certificate must
    /// have one. If the handshake waited for them, it completes.
    ///
    /// # Errors
    /// [`Error::FingerprintMismatch`]: the connection has ended.
    pub fn set_peer_fingerprints(
        &mut self,
        now: Instant,
        fingerprints: Vec<Fingerprint>,
    ) -> Result<(), Error> {
        self.check_alive()?;
        let (handshake, layers) = self.split(now);
        let result = handshake.set_peer_fingerprints(fingerprints, layers);
        self.finish(result)
    }

    /// Fills `out` with exported keying material (RFC 5705, RFC 8446 §7.5).
    ///
    /// # Errors
    /// [`ExportError::NotConnected`] before [`Event::Connected`] and after an error;
    /// [`ExportError::OutOfRange`].
    pub fn export_keying_material(
        &self,
        out: &mut [u8],
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Result<(), ExportError> {
        let established = self
            .handshake
            .established()
            .ok_or(ExportError::NotConnected)?;
        established
            .exporter
            .export(&*self.config.provider, out, label, context)
    }

    /// The keys for SRTP (RFC 5764 §4.2). `None` before [`Event::Connected`], after an error, or
    /// if no SRTP profile was agreed on.
    #[must_use]
    pub fn srtp_keying_material(&self) -> Option<SrtpKeyingMaterial> {
        let established = self.handshake.established()?;
        let profile = established.info.srtp_profile?;
        established.exporter.srtp(&*self.config.provider, profile)
    }

    /// Changes our sending keys, and asks the peer to change its own if `ask_peer`
    /// (RFC 9147 §8). DTLS 1.3 alone has this; it also happens by itself in good time before
    /// keys wear out.
    ///
    /// # Errors
    /// [`SendError::NotConnected`] before [`Event::Connected`] and in DTLS 1.2;
    /// [`SendError::Closed`].
    pub fn request_key_update(&mut self, now: Instant, ask_peer: bool) -> Result<(), SendError> {
        self.check_open()?;
        let (handshake, mut layers) = self.split(now);
        if handshake.established().is_none() {
            return Err(SendError::NotConnected);
        }
        let updates = handshake.key_updates().ok_or(SendError::NotConnected)?;
        let result = updates.request(ask_peer, &mut layers);
        self.finish_later(now, result);
        Ok(())
    }

    /// Sets the largest datagram to send, in bytes of UDP payload; at least [`MIN_MTU`] is taken.
    /// Holds for whatever is sent from now on, a flight under way included.
    pub fn set_mtu(&mut self, mtu: usize) {
        self.mtu = Mtu {
            configured: mtu.max(MIN_MTU),
            lowered: None,
        };
    }

    /// Changes the timing of retransmissions. Waits under way are rescaled: their start, and how
    /// often the flight was sent, stay.
    pub fn set_retransmit(&mut self, retransmit: RetransmitConfig) {
        self.flights.set_config(retransmit);
    }

    /// Stops retransmission by time: something else carries the flights and will call
    /// [`Connection::resend_flight`], as with DTLS inside STUN.
    pub fn suspend_retransmission(&mut self, now: Instant) {
        self.flights.set_suspended(now, true);
    }

    /// Takes up retransmission by time again, with a whole wait from `now` on.
    pub fn resume_retransmission(&mut self, now: Instant) {
        self.flights.set_suspended(now, false);
    }

    /// Lets the present flight come out of [`Connection::poll_transmit`] again.
    pub fn resend_flight(&mut self) {
        self.flights.resend();
    }

    /// What the handshake agreed on. `None` before [`Event::Connected`] and after an error.
    #[must_use]
    pub fn info(&self) -> Option<&ConnectionInfo> {
        self.handshake
            .established()
            .map(|established| &*established.info)
    }

    /// Counters since the start.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// A hash of all state except the counters. It is the same before and after each datagram that
    /// was dropped, which tests hold us to.
    #[must_use]
    pub fn state_digest(&self) -> u64 {
        digest::of(&(
            (&self.records, &self.flights, &self.handshake),
            (&self.events, &self.outbox, &self.status),
            (&self.mtu, &self.deadline, &self.rest, &self.doubt),
        ))
    }

    // ---- Inside --------------------------------------------------------------------------------

    fn split(&mut self, now: Instant) -> (&mut Handshake, Layers<'_>) {
        let layers = Layers {
            now,
            config: &self.config,
            flights: &mut self.flights,
            records: &mut self.records,
            events: &mut self.events,
            warning: self.outbox.warning(),
        };
        (&mut self.handshake, layers)
    }

    fn start_deadline(&mut self, now: Instant) {
        if self.deadline.is_none() {
            let limit = self.config.handshake_timeout;
            self.deadline = limit.and_then(|limit| now.checked_add(limit));
        }
    }

    fn expire(&mut self, now: Instant) -> Result<(), Error> {
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            return Err(Error::HandshakeTimeout);
        }
        let refuted = |doubt: &Doubt| doubt.until.is_none_or(|until| now < until);
        if let Some(doubt) = self.doubt.take_if(|doubt| !refuted(doubt)) {
            return Err(doubt.error);
        }
        if self.rest.take_if(|rest| now >= *rest).is_some() {
            self.records.rest();
        }
        self.records.tidy(now);
        if let Some(retries) = self.flights.handle_timeout(now)? {
            self.statistics.retransmissions += 1;
            if retries >= FALLBACK_RETRY {
                self.mtu.lowered = self.config.fallback_mtu;
            }
        }
        Ok(())
    }

    fn check_alive(&mut self) -> Result<(), Error> {
        match &mut self.status {
            Status::Failed { unreported } => {
                Err(unreported.take().map_or(Error::Closed, |failure| failure.1))
            }
            _ => Ok(()),
        }
    }

    fn check_open(&self) -> Result<(), SendError> {
        if self.status == Status::Open {
            Ok(())
        } else {
            Err(SendError::Closed)
        }
    }

    /// After each verb: frees what is not needed any more, or ends the connection.
    fn finish(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        match result {
            Ok(()) => {
                let flights = &self.flights;
                self.records
                    .retain_write(|epoch| flights.needs_epoch(epoch));
                if self.handshake.established().is_some() {
                    self.deadline = None;
                    self.doubt = None;
                    self.records.close_early();
                }
                Ok(())
            }
            Err(error) => {
                let alert = error.alert().and_then(|alert| self.last_record(alert));
                self.outbox.fail(alert);
                self.records = RecordLayer::new(Arc::clone(&self.config.provider));
                self.flights = Flights::new(self.config.retransmit);
                self.handshake = Handshake::Failed;
                self.deadline = None;
                self.doubt = None;
                self.status = Status::Failed { unreported: None };
                Err(error)
            }
        }
    }

    /// As [`Connection::finish`], where an error can only be returned by the next verb.
    fn finish_later(&mut self, now: Instant, result: Result<(), Error>) {
        if let Err(error) = self.finish(result) {
            self.status = Status::Failed {
                unreported: Some(Box::new((now, error))),
            };
        }
    }
}
