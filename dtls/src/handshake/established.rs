//! What remains of a handshake: the exporter, the secrets of KeyUpdate, and what was agreed on.

use std::sync::Arc;

use super::context::{Context, Layers};
use super::exporter::Exporter;
use super::identity::VerifiedPeer;
use super::message::Message;
use super::negotiate::Agreed;
use super::post13::KeyUpdates;
use super::State;
use crate::config::Role;
use crate::error::Error;
use crate::event::{ConnectionInfo, Event};
use crate::fingerprint::Fingerprint;
use crate::wire::HandshakeType;

/// A handshake that is complete on the wire. It gives nothing out until the peer is verified.
#[derive(Debug)]
pub(crate) struct Finished {
    agreed: Agreed,
    exporter: Exporter,
    after: After,
}

/// What may come after the handshake.
#[derive(Debug)]
pub(crate) enum After {
    /// DTLS 1.2: attempts to renegotiate, which are ignored.
    Renegotiation(Role),
    /// DTLS 1.3.
    KeyUpdates(KeyUpdates),
}

/// A connection to a verified peer.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) info: Arc<ConnectionInfo>,
    pub(crate) exporter: Exporter,
    pub(crate) after: After,
}

impl Finished {
    /// The handshake is complete on the wire: the last step is taken, or held until the peer's
    /// fingerprints come.
    pub(super) fn complete(
        agreed: Agreed,
        exporter: Exporter,
        after: After,
        cx: &mut Context<'_>,
    ) -> State {
        cx.complete();
        Box::new(Self { agreed, exporter, after }).verify(cx)
    }

    /// Becomes established if the peer is verified.
    pub(super) fn verify(self: Box<Self>, cx: &mut Context<'_>) -> State {
        let Some(peer) = cx.core.identity.verified() else {
            return State::Held(self);
        };
        let local = cx.core.certificate.fingerprint_sha256();
        let Self { agreed, exporter, after } = *self;
        let info = Arc::new(connection_info(agreed, peer, local));
        cx.layers.emit(Event::Connected(Arc::clone(&info)));
        State::Established(Box::new(Established { info, exporter, after }))
    }
}

fn connection_info(agreed: Agreed, peer: VerifiedPeer, local: Fingerprint) -> ConnectionInfo {
    let peer_fingerprint = peer.certificate.as_deref().map(Fingerprint::sha256);
    ConnectionInfo {
        version: agreed.version(),
        cipher_suite: agreed.suite.id,
        group: agreed.group,
        srtp_profile: agreed.srtp.profile,
        mki: agreed.srtp.mki,
        alpn: agreed.alpn,
        peer_certificate: peer.certificate,
        peer_fingerprint,
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
            // RFC 5246 §7.4.1.1: who does not want to renegotiate may ignore the wish.
            (Self::Renegotiation(Role::Client), HandshakeType::HELLO_REQUEST)
            | (Self::Renegotiation(Role::Server), HandshakeType::CLIENT_HELLO) => Ok(()),
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
