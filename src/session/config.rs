//! What an application decides about a session.

use std::sync::Arc;
use std::time::Duration;

use dtls::{Certificate, Role};
use ice_lite::Candidate;

use crate::sdp::Audio;

/// Which ICE agent a session has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IceMode {
    /// It answers checks: for a server that its peers can reach (RFC 8445 §2.5). It sends none, but as
    /// DTLS client one to the peer's address, whose answer proves it.
    #[default]
    Lite,
    /// It sends checks and decides which pair is used: for a caller.
    Controlling,
}

/// How a session is set up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionConfig {
    /// Versions, algorithms, SRTP profiles and timing of DTLS.
    pub dtls: Arc<dtls::Config>,
    /// Our certificate. With `None` a new one is made, which is what keeps sessions apart
    /// (RFC 8827 §6.5): somebody on the path can join the handshakes of two calls whose sessions
    /// share a certificate at both ends (RFC 8844 §4).
    pub certificate: Option<Arc<Certificate>>,
    /// Which ICE agent we have.
    pub ice: IceMode,
    /// Where we can be reached, best first.
    pub candidates: Vec<Candidate>,
    /// Our role in the DTLS handshake, where an offer leaves us the choice. As server, the default,
    /// nothing is spent before the peer spends something.
    pub dtls_role: Role,
    /// Our media.
    pub audio: Audio,
    /// Whether header extensions are encrypted if the peer can do it too (RFC 9335).
    pub cryptex: bool,
    /// How packets are sealed.
    pub sender: srtp::SenderConfig,
    /// How packets are opened.
    pub receiver: srtp::ReceiverConfig,
    /// How long after the last sign of consent sending stops. RFC 7675 §5.1 says 30 s.
    pub consent_timeout: Duration,
}

impl SessionConfig {
    /// A server's session by default: ICE-lite, a certificate of its own, DTLS server, audio both
    /// ways. It needs candidates yet.
    #[must_use]
    pub fn new(dtls: Arc<dtls::Config>) -> Self {
        Self {
            dtls,
            certificate: None,
            ice: IceMode::Lite,
            candidates: Vec::new(),
            dtls_role: Role::Server,
            audio: Audio::default(),
            cryptex: true,
            sender: srtp::SenderConfig::default(),
            receiver: srtp::ReceiverConfig::default(),
            consent_timeout: Duration::from_secs(30),
        }
    }
}
