//! What remains of a handshake: the exporter, the secrets of KeyUpdate, and what was agreed on.

use std::sync::Arc;

use super::State;
use super::answers::Answers;
use super::context::{Context, Layers};
use super::exporter::Exporter;
use super::identity::{self, VerifiedPeer};
use super::message::Message;
use super::post13::KeyUpdates;
use super::suite::Suite;
use crate::config::Role;
use crate::error::Error;
use crate::event::{ConnectionInfo, Event};
use crate::fingerprint::Fingerprint;
use crate::wire::{AlertDescription, HandshakeType, NamedGroup};

/// What the hellos agreed on.
#[derive(Clone, Debug)]
pub(crate) struct Agreed {
    pub(super) suite: Suite,
    pub(super) group: NamedGroup,
    pub(super) answers: Answers,
    pub(super) client_random: [u8; 32],
}

/// A handshake that is complete on the wire. It gives nothing out until the peer is verified.
#[derive(Debug)]
pub(crate) struct Finished {
    agreed: Agreed,
    exporter: Exporter,
    pub(super) after: After,
}

/// What may come after the handshake.
#[derive(Debug)]
pub(crate) enum After {
    /// DTLS 1.2: attempts to renegotiate, which are refused.
    Renegotiation(Role),
    /// DTLS 1.3. Boxed, since DTLS 1.2 would move the room for it along unwritten, with whatever stood
    /// there on the stack before.
    KeyUpdates(Box<KeyUpdates>),
}

/// A connection to a verified peer.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) info: Arc<ConnectionInfo>,
    pub(crate) exporter: Exporter,
    pub(super) after: After,
}

impl Finished {
    /// The handshake is complete on the wire.
    pub(super) fn complete(
        agreed: Agreed,
        exporter: Exporter,
        after: After,
        cx: &mut Context<'_>,
    ) -> State {
        cx.complete();
        State::Complete(Box::new(Self {
            agreed,
            exporter,
            after,
        }))
    }

    /// Takes the last step, which only a verified peer opens.
    pub(super) fn establish(self, peer: VerifiedPeer, cx: &mut Context<'_>) -> Established {
        let Self {
            agreed,
            exporter,
            after,
        } = self;
        let local = cx.core.certificate.fingerprint_sha256();
        // RFC 8446: in DTLS 1.3 every secret depends on the transcript.
        let extended = match &exporter {
            Exporter::Prf(master) => master.is_extended(),
            Exporter::Hkdf { .. } => true,
        };
        let info = Arc::new(connection_info(agreed, extended, peer, local));
        cx.layers.emit(Event::Connected(Arc::clone(&info)));
        Established {
            info,
            exporter,
            after,
        }
    }
}

impl Established {
    /// Compares fingerprints that come when the connection is established already, as after a
    /// further offer.
    pub(super) fn check_fingerprints(&self, expected: &[Fingerprint]) -> Result<(), Error> {
        // RFC 8842 §5.1: other fingerprints need a new association; this one ends.
        match &self.info.peer_certificate {
            Some(der) => identity::check_fingerprints(expected, der).map(drop),
            None => Err(Error::ClientCertificateMissing(self.info.version)),
        }
    }
}

fn connection_info(
    agreed: Agreed,
    extended_master_secret: bool,
    peer: VerifiedPeer,
    local: Fingerprint,
) -> ConnectionInfo {
    let Agreed {
        suite,
        group,
        answers,
        ..
    } = agreed;
    let der = peer.certificate.as_deref();
    ConnectionInfo {
        version: suite.version,
        cipher_suite: suite.id,
        group,
        extended_master_secret,
        srtp_profile: answers.srtp_profile,
        mki: answers.mki,
        alpn: answers.alpn,
        server_name: answers.server_name,
        peer_fingerprint: der.map(Fingerprint::sha256),
        peer_certificate: peer.certificate,
        local_fingerprint: local,
    }
}

impl After {
    /// Handles a message after the handshake.
    pub(super) fn handle_message(
        &mut self,
        message: &Message<'_>,
        layers: &mut Layers<'_>,
    ) -> Result<(), Error> {
        match (self, message.message_type) {
            (Self::KeyUpdates(updates), _) => updates.handle_message(message, layers),
            // RFC 5246 §7.4.1.1, §7.2.2: who does not want to renegotiate says so, or the peer would wait
            // for an answer.
            (Self::Renegotiation(Role::Client), HandshakeType::HELLO_REQUEST)
            | (Self::Renegotiation(Role::Server), HandshakeType::CLIENT_HELLO) => {
                layers.warn(AlertDescription::NO_RENEGOTIATION);
                Ok(())
            }
            (Self::Renegotiation(Role::Client), _) => {
                Err(message.unexpected(HandshakeType::HELLO_REQUEST))
            }
            (Self::Renegotiation(Role::Server), _) => {
                Err(message.unexpected(HandshakeType::CLIENT_HELLO))
            }
        }
    }

    pub(super) fn key_updates(&mut self) -> Option<&mut KeyUpdates> {
        match self {
            Self::KeyUpdates(updates) => Some(updates),
            Self::Renegotiation(_) => None,
        }
    }
}
