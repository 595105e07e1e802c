//! The meaning of handshake messages: states, transcript, key schedules, identity.
//!
//! A state is a struct that owns what is known at its moment. A step consumes it with a message
//! and yields the next; what comes out of order is a named error. States do nothing but through
//! their [`Context`]: no timer, retransmission, fragment, record number or epoch number appears
//! here.
//!
//! | from | client | server |
//! |---|---|---|
//! | start | `hello_client` | `hello_server` |
//! | the version is DTLS 1.3 | `client13` | `server13` |
//! | the version is DTLS 1.2 | `client12` | `server12` |
//! | complete | `established`, `post13` | the same |

mod answers;
mod authentication12;
mod authentication13;
mod client12;
mod client13;
mod context;
mod established;
mod exporter;
mod hello12;
mod hello_client;
mod hello_server;
mod identity;
mod key_share;
mod keys12;
mod keys13;
mod message;
mod negotiate;
mod post13;
mod secret;
mod server12;
mod server13;
mod suite;
#[cfg(test)]
mod tests;
mod transcript;

use std::sync::Arc;

pub(crate) use self::answers::server_name;
pub(crate) use self::context::Layers;
use self::context::{Context, Core};
pub(crate) use self::established::Established;
use self::established::Finished;
pub use self::exporter::SrtpKeyingMaterial;
pub(crate) use self::hello_server::{Asked, retry_request};
pub use self::identity::CertificateVerifier;
use self::identity::Identity;
pub(crate) use self::message::Message;
pub(crate) use self::negotiate::choose_version;
use self::post13::KeyUpdates;
use self::transcript::Transcript;
use crate::certificate::Certificates;
use crate::config::{ClientAuth, Config, ConfigError, PeerIdentity, Role};
use crate::error::Error;
use crate::fingerprint::Fingerprint;
use crate::wire::{
    Certificate12, CertificateRequest12, CertificateVerify, ClientHello, ClientKeyExchange,
    HandshakeType, HelloVerifyRequest, ServerHello, ServerHelloDone, ServerKeyExchange, Wire,
};

/// The handshake of a connection, and what it leaves behind.
#[derive(Debug)]
pub(crate) enum Handshake {
    InProgress(Box<InProgress>),
    /// Complete, with a verified peer. All else of the handshake is freed.
    Established(Box<Established>),
    /// An error ended the handshake or the connection.
    Failed,
}

/// A handshake that is not complete, or whose peer is not verified yet.
#[derive(Debug)]
pub(crate) struct InProgress {
    core: Core,
    state: State,
}

impl Handshake {
    /// A handshake that has not begun: [`Handshake::start`] follows.
    pub(crate) fn new(
        config: &Config,
        role: Role,
        certificates: Certificates,
        peer: PeerIdentity,
    ) -> Result<Self, Error> {
        let by_fingerprint = matches!(peer, PeerIdentity::Fingerprints(_) | PeerIdentity::Later);
        if role == Role::Server && by_fingerprint && config.client_auth == ClientAuth::None {
            return Err(ConfigError::NothingToVerify.into());
        }
        let identity = Identity::new(peer)?;
        let Certificates(certificates) = certificates;
        let certificate = certificates.first().ok_or(ConfigError::NoCertificate)?;
        let core = Core {
            certificate: Arc::clone(certificate),
            certificates,
            identity,
            transcript: Transcript::new(),
        };
        let state = match role {
            Role::Client => State::ClientStart,
            Role::Server => State::ServerClientHello(hello_server::ExpectClientHello),
        };
        Ok(Self::InProgress(Box::new(InProgress { core, state })))
    }

    /// A client sends its first ClientHello; a server has nothing to do.
    pub(crate) fn start(&mut self, layers: Layers<'_>) -> Result<(), Error> {
        self.advance(layers, |state, cx| match state {
            State::ClientStart => hello_client::begin(cx),
            state => Ok(state),
        })
    }

    /// A server starts with a ClientHello whose cookie proved its sender's address.
    pub(crate) fn start_proven(
        &mut self,
        message: &Message<'_>,
        asked: Option<&Asked>,
        layers: Layers<'_>,
    ) -> Result<(), Error> {
        self.advance(layers, |_, cx| {
            hello_server::begin_proven(message, asked, cx)
        })
    }

    /// Whether a message in plaintext is of a kind that is due and has its grammar. What is not was
    /// hardly sent by the peer.
    ///
    /// # Errors
    /// What would be wrong with it.
    pub(crate) fn check(&self, message: &Message<'_>) -> Result<(), Error> {
        match self {
            Self::InProgress(progress) => progress.state.check(message),
            Self::Established(_) | Self::Failed => Err(Error::Closed),
        }
    }

    /// Handles the next message of the peer. After an error the connection is dead.
    pub(crate) fn handle_message(
        &mut self,
        message: &Message<'_>,
        mut layers: Layers<'_>,
    ) -> Result<(), Error> {
        if let Self::Established(established) = self {
            return established.after.handle_message(message, &mut layers);
        }
        self.advance(layers, |state, cx| state.step(message, cx))
    }

    /// Takes the peer's fingerprints when they were not known at the start.
    pub(crate) fn set_peer_fingerprints(
        &mut self,
        fingerprints: Vec<Fingerprint>,
        layers: Layers<'_>,
    ) -> Result<(), Error> {
        if let Self::Established(established) = self {
            return established.check_fingerprints(&fingerprints);
        }
        self.advance(layers, |state, cx| {
            cx.core.identity.expect(fingerprints)?;
            Ok(state)
        })
    }

    /// The peer acknowledged all that we sent (DTLS 1.3).
    pub(crate) fn handle_acknowledged(&mut self, mut layers: Layers<'_>) -> Result<(), Error> {
        match self.key_updates() {
            Some(updates) => updates.handle_acknowledged(&mut layers),
            None => Ok(()),
        }
    }

    /// What is left of a handshake with a verified peer.
    pub(crate) fn established(&self) -> Option<&Established> {
        match self {
            Self::Established(established) => Some(established),
            _ => None,
        }
    }

    /// The key updates of an established DTLS 1.3 connection.
    pub(crate) fn key_updates(&mut self) -> Option<&mut KeyUpdates> {
        match self {
            Self::Established(established) => established.after.key_updates(),
            Self::InProgress(progress) => match &mut progress.state {
                State::Complete(finished) => finished.after.key_updates(),
                _ => None,
            },
            Self::Failed => None,
        }
    }

    /// Moves the state on; becomes established when it is complete and the peer is verified.
    fn advance(
        &mut self,
        layers: Layers<'_>,
        step: impl FnOnce(State, &mut Context<'_>) -> Result<State, Error>,
    ) -> Result<(), Error> {
        let Self::InProgress(mut progress) = std::mem::replace(self, Self::Failed) else {
            return Err(Error::Closed);
        };
        let mut cx = Context {
            layers,
            core: &mut progress.core,
        };
        progress.state = step(progress.state, &mut cx)?;
        *self = match progress.state {
            State::Complete(finished) => match cx.core.identity.verified() {
                Some(peer) => Self::Established(Box::new(finished.establish(peer, &mut cx))),
                None => {
                    progress.state = State::Complete(finished);
                    Self::InProgress(progress)
                }
            },
            state => {
                progress.state = state;
                Self::InProgress(progress)
            }
        };
        Ok(())
    }
}

fn check<'a, T: Wire<'a>>(message: &Message<'a>, expected: HandshakeType) -> Result<(), Error> {
    message.read::<T>(expected).map(drop)
}

/// Where a handshake is.
#[derive(Debug)]
enum State {
    ClientStart,
    ClientServerHello(Box<hello_client::ExpectServerHello>),
    Client13EncryptedExtensions(Box<client13::ExpectEncryptedExtensions>),
    Client13CertificateOrRequest(Box<client13::ExpectCertificateOrRequest>),
    Client13Certificate(Box<client13::ExpectCertificate>),
    Client13CertificateVerify(Box<client13::ExpectCertificateVerify>),
    Client13Finished(Box<client13::ExpectFinished>),
    Client12Certificate(Box<client12::ExpectCertificate>),
    Client12ServerKeyExchange(Box<client12::ExpectServerKeyExchange>),
    Client12RequestOrDone(Box<client12::ExpectRequestOrDone>),
    Client12Done(Box<client12::ExpectDone>),
    Client12Finished(Box<client12::ExpectFinished>),
    ServerClientHello(hello_server::ExpectClientHello),
    ServerRetriedHello(Box<hello_server::ExpectRetriedHello>),
    Server13Certificate(Box<server13::ExpectCertificate>),
    Server13CertificateVerify(Box<server13::ExpectCertificateVerify>),
    Server13Finished(Box<server13::ExpectFinished>),
    Server12Certificate(Box<server12::ExpectCertificate>),
    Server12ClientKeyExchange(Box<server12::ExpectClientKeyExchange>),
    Server12CertificateVerify(Box<server12::ExpectCertificateVerify>),
    Server12Finished(Box<server12::ExpectFinished>),
    /// Complete on the wire.
    Complete(Box<Finished>),
}

impl State {
    fn step(self, message: &Message<'_>, cx: &mut Context<'_>) -> Result<Self, Error> {
        // RFC 5246 §7.4.1.1: a client that is negotiating ignores HelloRequest.
        if message.message_type == HandshakeType::HELLO_REQUEST && self.is_client12() {
            return Ok(self);
        }
        match self {
            Self::ClientStart => Err(message.unexpected(HandshakeType::SERVER_HELLO)),
            Self::ClientServerHello(state) => state.step(message, cx),
            Self::Client13EncryptedExtensions(state) => state.step(message, cx),
            Self::Client13CertificateOrRequest(state) => state.step(message, cx),
            Self::Client13Certificate(state) => state.step(message, cx),
            Self::Client13CertificateVerify(state) => state.step(message, cx),
            Self::Client13Finished(state) => state.step(message, cx),
            Self::Client12Certificate(state) => state.step(message, cx),
            Self::Client12ServerKeyExchange(state) => state.step(message, cx),
            Self::Client12RequestOrDone(state) => state.step(message, cx),
            Self::Client12Done(state) => state.step(message, cx),
            Self::Client12Finished(state) => state.step(message, cx),
            Self::ServerClientHello(state) => state.step(message, cx),
            Self::ServerRetriedHello(state) => state.step(message, cx),
            Self::Server13Certificate(state) => state.step(message, cx),
            Self::Server13CertificateVerify(state) => state.step(message, cx),
            Self::Server13Finished(state) => state.step(message, cx),
            Self::Server12Certificate(state) => state.step(message, cx),
            Self::Server12ClientKeyExchange(state) => state.step(message, cx),
            Self::Server12CertificateVerify(state) => state.step(message, cx),
            Self::Server12Finished(state) => state.step(message, cx),
            Self::Complete(mut finished) => {
                finished.after.handle_message(message, &mut cx.layers)?;
                Ok(Self::Complete(finished))
            }
        }
    }

    /// Whether a message in plaintext may be the next one, as far as its own bytes tell.
    fn check(&self, message: &Message<'_>) -> Result<(), Error> {
        use HandshakeType as T;
        match (self, message.message_type) {
            (Self::ClientServerHello(_), T::HELLO_VERIFY_REQUEST) => {
                check::<HelloVerifyRequest<'_>>(message, T::HELLO_VERIFY_REQUEST)
            }
            (Self::ClientServerHello(_), _) => check::<ServerHello<'_>>(message, T::SERVER_HELLO),
            (Self::Client12Certificate(_) | Self::Server12Certificate(_), _) => {
                check::<Certificate12<'_>>(message, T::CERTIFICATE)
            }
            (Self::Client12ServerKeyExchange(_), _) => {
                check::<ServerKeyExchange<'_>>(message, T::SERVER_KEY_EXCHANGE)
            }
            (Self::Client12RequestOrDone(_), T::CERTIFICATE_REQUEST) => {
                check::<CertificateRequest12<'_>>(message, T::CERTIFICATE_REQUEST)
            }
            (Self::Client12RequestOrDone(_) | Self::Client12Done(_), _) => {
                check::<ServerHelloDone>(message, T::SERVER_HELLO_DONE)
            }
            (Self::ServerClientHello(_) | Self::ServerRetriedHello(_), _) => {
                check::<ClientHello<'_>>(message, T::CLIENT_HELLO)
            }
            (Self::Server12ClientKeyExchange(_), _) => {
                check::<ClientKeyExchange<'_>>(message, T::CLIENT_KEY_EXCHANGE)
            }
            (Self::Server12CertificateVerify(_), _) => {
                check::<CertificateVerify<'_>>(message, T::CERTIFICATE_VERIFY)
            }
            // All that is left comes under keys.
            _ => Err(message.unexpected(T::FINISHED)),
        }
    }

    /// A client that speaks DTLS 1.2, or may yet do so.
    fn is_client12(&self) -> bool {
        matches!(
            self,
            Self::ClientServerHello(_)
                | Self::Client12Certificate(_)
                | Self::Client12ServerKeyExchange(_)
                | Self::Client12RequestOrDone(_)
                | Self::Client12Done(_)
                | Self::Client12Finished(_)
        )
    }
}
