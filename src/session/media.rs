//! The SRTP contexts of a session: from the keys that DTLS exports to packets.

use std::time::Instant;

use dtls::{Role, SrtpKeyingMaterial};
use ice_lite::{Path, Transmit};
use srtp::{CryptexPolicy, Kind, Profile, Receiver, Sender, UnprotectError, Unprotected};

use super::association::Association;
use super::event::{Received, SessionEvent};
use super::{SendError, Session, SessionConfig, SessionError};

/// Both directions.
#[derive(Debug)]
pub(super) struct Media {
    pub(super) sender: Sender,
    pub(super) receiver: Receiver,
}

impl Media {
    /// `peer_takes_cryptex`: encrypted header extensions (RFC 9335).
    fn new(
        config: &SessionConfig,
        peer_takes_cryptex: bool,
        role: Role,
        keys: &SrtpKeyingMaterial,
        mki: &[u8],
    ) -> Result<Self, SessionError> {
        let profile = Profile::from_iana(keys.profile().0).ok_or(SessionError::UnknownProfile)?;
        let local = match role {
            Role::Client => srtp::Role::Client,
            Role::Server => srtp::Role::Server,
        };
        let (mut sender, mut receiver) = srtp::from_dtls(profile, keys.as_bytes(), local)?;
        // RFC 5764 §4.1.3: once agreed on, every packet bears it.
        if !mki.is_empty() {
            sender = sender.with_mki(mki)?;
            receiver = receiver.with_mki(mki)?;
        }
        let (mut sending, mut receiving) = (config.sender.clone(), config.receiver.clone());
        let cryptex = config.offers_cryptex() && peer_takes_cryptex;
        sending.cryptex = cryptex;
        receiving.cryptex = match cryptex {
            true if config.requires_cryptex() => CryptexPolicy::Require,
            true => CryptexPolicy::Accept,
            false => CryptexPolicy::Off,
        };
        Ok(Self {
            sender: Sender::new(sender, sending)?,
            receiver: Receiver::new(receiver, receiving)?,
        })
    }

    pub(super) fn unprotect(
        &mut self,
        kind: Kind,
        packet: &mut [u8],
    ) -> Result<Unprotected, UnprotectError> {
        match kind {
            Kind::Rtp => self.receiver.unprotect_rtp(packet),
            Kind::Rtcp => self.receiver.unprotect_rtcp(packet),
        }
    }
}

impl Session {
    /// The handshake is complete and the peer verified: the contexts can be made.
    pub(super) fn install_keys(&mut self) -> Result<(), SessionError> {
        let Association::Running { role, connection } = &self.association else {
            return Ok(());
        };
        // Without a profile there is no media. Only a configuration that does not require
        // one allows that.
        if let Some(keys) = connection.srtp_keying_material() {
            let peer = self.agreement.peer.as_ref();
            let cryptex = peer.is_some_and(|peer| peer.cryptex);
            let mki = connection.info().map_or(&[][..], |info| &info.mki);
            let media = Media::new(&self.config, cryptex, *role, &keys, mki)?;
            self.media = Some(Box::new(media));
        }
        Ok(())
    }

    /// A packet of SRTP or SRTCP over a valid path.
    pub(super) fn receive_media<'b>(
        &mut self,
        now: Instant,
        path: Path,
        kind: Kind,
        packet: &'b mut [u8],
    ) -> Received<'b> {
        let Some(media) = &mut self.media else {
            self.receive_early(now, path, kind, packet);
            return Received::Nothing;
        };
        let result = media.unprotect(kind, packet);
        self.receive_unprotected(now, path, kind, result, packet)
    }

    /// Handles the outcome for a packet that the receiver has looked at.
    pub(super) fn receive_unprotected<'b>(
        &mut self,
        now: Instant,
        path: Path,
        kind: Kind,
        result: Result<Unprotected, UnprotectError>,
        packet: &'b mut [u8],
    ) -> Received<'b> {
        let Ok(unprotected) = result else {
            return Received::Nothing;
        };
        let event = |session: &mut Self| session.media.as_mut()?.receiver.poll_event();
        while let Some(event) = event(self) {
            self.emit(SessionEvent::KeyLimit(event));
        }
        self.ice.confirm(now, &path);
        let packet = packet.get_mut(..unprotected.len).unwrap_or_default();
        match kind {
            _ if unprotected.is_duplicate() => Received::Duplicate { kind, packet },
            Kind::Rtp => {
                self.timeline.first_media.get_or_insert(now);
                Received::Rtp(packet)
            }
            Kind::Rtcp => Received::Rtcp(packet),
        }
    }

    /// Seals a packet and asks ICE where it may go.
    pub(super) fn protect(
        &mut self,
        now: Instant,
        kind: Kind,
        buf: &mut [u8],
        len: usize,
    ) -> Result<Transmit, SendError> {
        // ICE is asked first: a packet that is sealed and then not sent would waste its index.
        let (path, _) = self.authorize_media(now, kind, len)?;
        let sender = self.sender_mut().ok_or(SendError::NotSecured)?;
        let len = match kind {
            Kind::Rtp => sender.protect_rtp(buf, len)?,
            Kind::Rtcp => sender.protect_rtcp(buf, len)?,
        };
        self.sent_media(len);
        Ok(Transmit { path, len })
    }

    /// Where a packet of `len` bytes in the clear may go now, and how many bytes sealing adds at
    /// most.
    pub(crate) fn authorize_media(
        &mut self,
        now: Instant,
        kind: Kind,
        len: usize,
    ) -> Result<(Path, usize), SendError> {
        if self.is_closed() {
            return Err(SendError::Closed);
        }
        let sender = self.sender().ok_or(SendError::NotSecured)?;
        let overhead = match kind {
            Kind::Rtp => sender.rtp_overhead(),
            Kind::Rtcp => sender.rtcp_overhead(),
        };
        let path = self.ice.authorize_send(now, len + overhead)?;
        Ok((path, overhead))
    }

    /// A packet of `len` bytes was sealed.
    pub(super) fn sent_media(&mut self, len: usize) {
        let event = |session: &mut Self| session.media.as_mut()?.sender.poll_event();
        while let Some(event) = event(self) {
            self.emit(SessionEvent::KeyLimit(event));
        }
        self.counters.packets_sent += 1;
        self.counters.bytes_sent += len as u64;
    }
}
