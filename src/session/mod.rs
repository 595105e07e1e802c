//! One call: ICE, one DTLS connection and the SRTP contexts of one BUNDLE group.

mod agreement;
mod association;
mod batch;
mod config;
mod early;
mod error;
mod event;
mod ice;
mod media;
mod parameters;
mod paths;
mod receive;
mod remote;
mod sped;
mod statistics;
mod trace;

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dtls::crypto::{CryptoError, CryptoProvider};
use dtls::{Certificate, Fingerprint};
use ice_lite::{Credentials, Path, Transmit};
use srtp::Kind;

use self::agreement::Agreement;
use self::association::{Association, Backlog};
use self::early::Early;
use self::event::Events;
use self::ice::Agent;
use self::media::Media;
use self::paths::HandshakePaths;
use self::receive::LostConsent;
use self::sped::Sped;
use self::statistics::Counters;

pub(crate) use self::batch::Way;
pub use self::config::{Cryptex, IceMode, OnConsentExpired, SessionConfig};
pub use self::error::{SendError, SessionError};
pub use self::event::{CloseReason, Received, SessionEvent, Summary, Timeline};
pub use self::parameters::{
    LocalParameters, MAX_FINGERPRINTS, ParametersError, RemoteParameters, SetRemoteError,
};
pub use self::statistics::{Discard, Layer, Statistics};

/// The longest record of application data that [`Session::send_application_data`] takes: with the 64
/// bytes that DTLS may add, it fits the buffer that [`Session::poll_transmit`] asks for. A longer one
/// would wait forever, and everything behind it too.
pub const MAX_APPLICATION_DATA: usize = 1500 - 64;

/// One call.
///
/// It does no I/O and reads no clock. Feed it with [`Session::handle_datagram`] and
/// [`Session::handle_timeout`]. After each call of a method that takes `&mut self`, except
/// [`Session::protect_rtp`] and [`Session::protect_rtcp`], take out what came of it with
/// [`Session::poll_transmit`], [`Session::poll_event`] and then [`Session::poll_received`] until they
/// give `None`, and set an alarm to [`Session::poll_timeout`].
///
/// Media may overtake the handshake's last flight. If it came over a valid path it waits, up to 64 packets,
/// 64 KiB and 2 s, until there are keys and `poll_received` returns it.
///
/// An `Err` of `handle_datagram` or `handle_timeout` ends the session; what it still has to send to
/// the peer comes out of `poll_transmit`. Noise from the network is dropped and counted in
/// [`Session::statistics`], and changes nothing else.
pub struct Session {
    config: Arc<SessionConfig>,
    agreement: Agreement,
    ice: Agent,
    association: Association,
    /// A datagram of DTLS that waits until more has come from an address that is not proved yet. The end of the
    /// session discards it.
    held: Option<Box<[u8]>>,
    backlog: Backlog,
    handshake_paths: HandshakePaths,
    /// DTLS inside STUN, until it turns out that there will be none.
    sped: Option<Box<Sped>>,
    /// From the moment the peer is verified.
    media: Option<Box<Media>>,
    /// Media that came before its keys. The end of the session discards it.
    early: Option<Box<Early>>,
    /// Why it has ended. An alert may still have to go out.
    ended: Option<Box<CloseReason>>,
    events: Events,
    timeline: Timeline,
    counters: Counters,
}

impl Session {
    /// A session that the peer does not know of yet: tell it the [`Session::local_parameters`],
    /// and give [`Session::set_remote`] the peer's, in either order.
    ///
    /// # Errors
    /// [`SessionError::UnspecifiedCandidate`], [`SessionError::Certificate`] or
    /// [`SessionError::Crypto`].
    pub fn new(config: Arc<SessionConfig>, now: Instant) -> Result<Self, SessionError> {
        let mut addresses = config.candidates.iter().map(|candidate| candidate.address);
        if let Some(wildcard) = addresses.find(|address| address.ip().is_unspecified()) {
            return Err(SessionError::UnspecifiedCandidate(wildcard));
        }
        let provider = &**config.dtls.provider();
        let certificate = match &config.certificate {
            Some(certificate) => Arc::clone(certificate),
            None => Arc::new(Certificate::generate(provider)?),
        };
        let ice = Agent::new(&config, credentials(provider)?);
        // RFC 8842 §4: at least 120 bits; a password has 192.
        let tls_id = credentials(provider)?.password().replace(['/', '+'], "-");
        trace::signalled(ice.local().ufrag(), "session made");
        Ok(Self {
            agreement: Agreement {
                tls_id: tls_id.into(),
                fingerprint: certificate.fingerprint_sha256(),
                peer: None,
                restart: None,
            },
            ice,
            association: Association::Idle {
                certificate,
                role: None,
                fingerprints: None,
            },
            held: None,
            backlog: Backlog::Taken,
            handshake_paths: HandshakePaths::default(),
            sped: config.sped.then(Box::default),
            media: None,
            early: None,
            ended: None,
            events: Events::default(),
            timeline: Timeline::new(now),
            counters: Counters::new(),
            config,
        })
    }

    /// Takes a datagram that came over `path`. It is decrypted in place.
    ///
    /// STUN is accepted from everywhere; everything else only over a path that has passed an
    /// authenticated ICE check.
    ///
    /// # Errors
    /// [`SessionError::Dtls`]: the handshake or the connection failed, and the session has ended.
    pub fn handle_datagram<'b>(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &'b mut [u8],
    ) -> Result<Received<'b>, SessionError> {
        self.receive(now, path, datagram)
    }

    /// Does what is due at `now`; call it when the instant of [`Session::poll_timeout`] has come.
    /// Calls at other times do no harm.
    ///
    /// # Errors
    /// As [`Session::handle_datagram`].
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), SessionError> {
        self.ice.handle_timeout(now);
        let result = self.follow_ice(now).and_then(|()| self.expire_dtls(now));
        self.tell_drained();
        self.expire_early(now);
        if self
            .connect_deadline()
            .is_some_and(|deadline| deadline <= now)
        {
            self.end(CloseReason::NotConnected);
        }
        self.finish(result)
    }

    /// When the session ends if nobody connects to it.
    fn connect_deadline(&self) -> Option<Instant> {
        let waits = !self.is_closed() && self.association.connection().is_none();
        let created = self.timeline.created;
        created
            .checked_add(self.config.connect_timeout)
            .filter(|_| waits)
    }

    /// When [`Session::handle_timeout`] is to be called next, if at all. Ask again after each call
    /// of another verb, and after [`Session::poll_transmit`] gave `None`.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let dtls = self.association.connection();
        self.ice
            .poll_timeout()
            .into_iter()
            .chain(dtls.and_then(dtls::Connection::poll_timeout))
            .chain(dtls.and_then(dtls::Connection::poll_rest))
            .chain(self.connect_deadline())
            .chain(self.early.as_ref().and_then(|early| early.deadline()))
            .chain(self.backlog.drained())
            .min()
    }

    /// Writes the next datagram of ICE or DTLS into `buf`, which must have at least 1500 bytes. Poll
    /// until `None` after every verb.
    #[must_use]
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        if let Some(transmit) = self.transmit_ice(now, buf) {
            self.timeline.first_stun.get_or_insert(now);
            return Some(transmit);
        }
        self.transmit_dtls(now, buf)
    }

    /// What happened, oldest first. Poll until `None` after every verb.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<SessionEvent> {
        self.events.pop()
    }

    /// The next packet that came before its keys and has waited for them, in `buf`, whose contents are
    /// replaced; never [`Received::Nothing`]. Poll until `None` after every verb, and after
    /// [`Session::poll_event`], which first says that the session is secured. What is not polled
    /// is dropped after a while.
    #[must_use]
    pub fn poll_received<'b>(
        &mut self,
        now: Instant,
        buf: &'b mut Vec<u8>,
    ) -> Option<Received<'b>> {
        self.open_early(now, buf)
    }

    /// Seals the RTP packet in the first `len` bytes of `buf`, in place, and says where to send how
    /// much of `buf`. Behind the packet there must be [`MAX_OVERHEAD`](crate::MAX_OVERHEAD) bytes of
    /// room, and those of an MKI where [`dtls::ConfigBuilder::mki`] asks for one.
    ///
    /// # Errors
    /// Nothing is to be sent; the session lives on.
    pub fn protect_rtp(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        len: usize,
    ) -> Result<Transmit, SendError> {
        self.protect(now, Kind::Rtp, buf, len)
    }

    /// As [`Session::protect_rtp`], for a compound RTCP packet.
    ///
    /// # Errors
    /// Nothing is to be sent; the session lives on.
    pub fn protect_rtcp(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        len: usize,
    ) -> Result<Transmit, SendError> {
        self.protect(now, Kind::Rtcp, buf, len)
    }

    /// Sends a record of application data, such as SCTP for data channels: at most
    /// [`MAX_APPLICATION_DATA`] bytes. Poll for datagrams afterwards.
    ///
    /// 64 KiB or 128 records may wait to be polled. If you have more to send, stop at
    /// [`dtls::SendError::QueueFull`], and go on at [`SessionEvent::ApplicationDataDrained`].
    ///
    /// # Errors
    /// It was not taken; the session lives on.
    pub fn send_application_data(&mut self, now: Instant, data: &[u8]) -> Result<(), SendError> {
        if self.is_closed() {
            return Err(SendError::Closed);
        }
        let (length, limit) = (data.len(), MAX_APPLICATION_DATA);
        if length > limit {
            return Err(dtls::SendError::TooLong { length, limit }.into());
        }
        let connection = self.association.connection_mut();
        let sent = connection.ok_or(SendError::NotSecured)?.send(now, data);
        self.note_taken(&sent);
        Ok(sent?)
    }

    /// Ends all sending at once, because consent to it was taken back by other means than ICE, such as
    /// a message of the signalling
    /// ([RFC 7675 §5.2](https://www.rfc-editor.org/rfc/rfc7675#section-5.2)). If there was a path,
    /// [`SessionEvent::ConsentExpired`] says so. What still comes over it is dropped, and the peer's
    /// checks are refused with 403, so that a peer that asks for consent stops sending too.
    ///
    /// The session lives on without a path, whatever
    /// [`SessionConfig::on_consent_expired`] says; only an ICE restart, which either side may ask
    /// for, gives it a new one. Poll for events afterwards.
    pub fn revoke_consent(&mut self, now: Instant) {
        if !self.is_closed() {
            self.ice.revoke_consent();
            self.report_ice(now, LostConsent::OwnWill);
        }
    }

    /// Ends the session: the peer gets a close_notify, nothing else is sent from now on. Poll for
    /// datagrams afterwards.
    pub fn close(&mut self, now: Instant) {
        if self.is_closed() {
            return;
        }
        if let Some(connection) = self.association.connection_mut() {
            connection.close(now);
        }
        self.end(CloseReason::Local);
    }

    /// Whether the session has ended, so that it can be dropped as soon as
    /// [`Session::poll_transmit`] gives `None`.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ended.is_some()
    }

    /// Why the session has ended, once it has.
    #[must_use]
    pub fn close_reason(&self) -> Option<&CloseReason> {
        self.ended.as_deref()
    }

    /// The ufrag by which the peer's checks name this session: the key for the
    /// [`Router`](crate::Router).
    #[must_use]
    pub fn local_ufrag(&self) -> &str {
        self.ice.local().ufrag()
    }

    /// The fingerprint of our certificate.
    #[must_use]
    pub fn local_fingerprint(&self) -> Fingerprint {
        self.agreement.fingerprint
    }

    /// What the handshake agreed on, once the session is secured.
    #[must_use]
    pub fn connection_info(&self) -> Option<&dtls::ConnectionInfo> {
        self.association.connection()?.info()
    }

    /// The path that we send over.
    #[must_use]
    pub fn selected_path(&self) -> Option<Path> {
        self.ice.selected()
    }

    /// When the session reached what.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The round-trip time of ICE's checks. A lite agent measures it with those that prove its peer's addresses.
    #[must_use]
    pub fn round_trip_time(&self) -> Option<Duration> {
        self.ice.rtt()
    }

    /// A hash of all state except the counters. It is the same before and after each datagram that
    /// was dropped, which is tested.
    #[must_use]
    pub fn state_digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let connection = self.association.connection();
        let receiver = self.media.as_ref().map(|media| &media.receiver);
        self.ice.state_digest().hash(&mut hasher);
        connection
            .map(dtls::Connection::state_digest)
            .hash(&mut hasher);
        receiver.map(srtp::Receiver::state_digest).hash(&mut hasher);
        (&self.early, &self.sped).hash(&mut hasher);
        (self.is_closed(), self.events.len(), self.association.role()).hash(&mut hasher);
        hasher.finish()
    }

    /// Counters since the start, of all layers.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        Statistics::new(self)
    }
}

fn credentials(provider: &dyn CryptoProvider) -> Result<Credentials, CryptoError> {
    let mut result = Ok(());
    let credentials = Credentials::generate(&mut |out| {
        if let Err(error) = provider.fill_random(out) {
            result = Err(error);
        }
    });
    result.map(|()| credentials)
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("ufrag", &self.local_ufrag())
            .field("path", &self.selected_path())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
