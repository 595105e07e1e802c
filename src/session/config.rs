//! What an application decides about a session.

use std::sync::Arc;
use std::time::Duration;

use dtls::{Certificate, Role};
use ice_lite::Candidate;
use srtp::CryptexPolicy;

/// Which ICE agent a session has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IceMode {
    /// It answers checks: for a server that its peers can reach (RFC 8445 §2.5). It sends none itself, except as
    /// DTLS client one to the peer's address, whose answer proves that address.
    #[default]
    Lite,
    /// It sends checks and decides which pair is used: for a caller.
    Controlling,
}

/// Whether header extensions and CSRCs are encrypted (Cryptex, RFC 9335).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cryptex {
    /// Never.
    Off,
    /// If the peer can do it too.
    #[default]
    Offer,
    /// Always: a peer that can't is refused
    /// ([`ParametersError::CryptexRequired`](crate::ParametersError::CryptexRequired)), and a packet
    /// from it with CSRCs or header extensions in the clear is dropped.
    Require,
}

/// What happens to a session when its peer's consent to receive is gone (RFC 7675): the peer has stopped
/// checking or answering, or has revoked it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnConsentExpired {
    /// It ends, with [`CloseReason::ConsentExpired`](crate::CloseReason::ConsentExpired).
    #[default]
    End,
    /// It lives on without a path, for as long as the application lets it: a check over another path
    /// brings it back, or an ICE restart.
    WaitForRestart,
    /// Like `WaitForRestart`, but consent that has timed out also comes back with the peer's next
    /// check over the same path, which RFC 7675 §5.1 does not provide for.
    WaitForCheck,
}

/// How a session is set up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionConfig {
    /// Versions, algorithms, SRTP profiles and timing of DTLS. For a session of data alone,
    /// [`srtp_profiles`](dtls::ConfigBuilder::srtp_profiles) with none offers no SRTP, and
    /// [`srtp_required(false)`](dtls::ConfigBuilder::srtp_required) takes a peer that has none;
    /// sending media is [`SendError::NotSecured`](crate::SendError::NotSecured) then.
    pub dtls: Arc<dtls::Config>,
    /// Our certificate. With `None` a new one is made, which keeps sessions apart
    /// (RFC 8827 §6.5): somebody on the path can join the handshakes of two calls whose sessions
    /// share a certificate at both ends (RFC 8844 §4).
    pub certificate: Option<Arc<Certificate>>,
    /// Which ICE agent we have.
    pub ice: IceMode,
    /// Where we can be reached, best first.
    pub candidates: Vec<Candidate>,
    /// Our role in the DTLS handshake, if the peer leaves us the choice. As server, the default,
    /// nothing is spent before the peer spends something.
    pub dtls_role: Role,
    /// Whether header extensions and CSRCs are encrypted (RFC 9335).
    pub cryptex: Cryptex,
    /// Whether DTLS may travel inside STUN (SPED, draft-hancke-webrtc-sped), where the peer offers it
    /// too. A session that sends checks then begins the handshake with its first check, a round trip
    /// earlier, and a lite one takes what its peer's checks carry. It stands in the descriptions of
    /// [`signalling`](crate::signalling) as an ICE option. Default: no.
    pub sped: bool,
    /// How packets are sealed. What was negotiated overrides its `cryptex`.
    pub sender: srtp::SenderConfig,
    /// How packets are opened. What was negotiated overrides its `cryptex`, but
    /// [`CryptexPolicy::Require`](srtp::CryptexPolicy::Require) demands as much as
    /// [`Cryptex::Require`].
    pub receiver: srtp::ReceiverConfig,
    /// How long a session waits for its peer: if no DTLS handshake has begun this long after it was
    /// made, it ends with [`CloseReason::NotConnected`](crate::CloseReason::NotConnected). From then
    /// on the handshake's own limits apply. Default: 30 s.
    pub connect_timeout: Duration,
    /// How long after the last sign of consent sending stops. RFC 7675 §5.1 says 30 s.
    pub consent_timeout: Duration,
    /// What happens to the session then. Default: it ends.
    pub on_consent_expired: OnConsentExpired,
}

impl SessionConfig {
    /// The defaults of a server: ICE-lite, a certificate for each session, DTLS server. Fill in the
    /// candidates.
    #[must_use]
    pub fn new(dtls: Arc<dtls::Config>) -> Self {
        Self {
            dtls,
            certificate: None,
            ice: IceMode::Lite,
            candidates: Vec::new(),
            dtls_role: Role::Server,
            cryptex: Cryptex::Offer,
            sped: false,
            sender: srtp::SenderConfig::default(),
            receiver: srtp::ReceiverConfig::default(),
            connect_timeout: Duration::from_secs(30),
            consent_timeout: Duration::from_secs(30),
            on_consent_expired: OnConsentExpired::End,
        }
    }

    /// Whether a peer without Cryptex is refused.
    pub(super) fn requires_cryptex(&self) -> bool {
        self.cryptex == Cryptex::Require || self.receiver.cryptex == CryptexPolicy::Require
    }

    /// Whether we take encrypted header extensions.
    pub(super) fn offers_cryptex(&self) -> bool {
        self.cryptex == Cryptex::Offer || self.requires_cryptex()
    }
}
