//! What ends a session, and why a packet was not sent.

use dtls::CertificateError;
use dtls::crypto::CryptoError;
use ice_lite::SendRefused;

/// Why a session could not be made, or has ended. It is always fatal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Our certificate could not be made.
    #[error("our certificate could not be made: {0}")]
    Certificate(#[from] CertificateError),
    /// There are no random bytes.
    #[error("the crypto provider failed: {0}")]
    Crypto(#[from] CryptoError),
    /// The DTLS connection failed, and the session with it. The alert for the peer still comes out
    /// of [`poll_transmit`](crate::Session::poll_transmit).
    #[error("DTLS: {0}")]
    Dtls(#[from] dtls::Error),
    /// The keys that DTLS exported can't be used for SRTP.
    #[error("the SRTP keys can't be used")]
    Keys,
    /// The configuration of SRTP contradicts itself or the profile that was agreed on.
    #[error("SRTP: {0}")]
    Srtp(#[from] srtp::ConfigError),
}

/// Why a packet is not to be sent. The session lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// There are no keys yet, or the peer's fingerprint is not yet verified.
    #[error("the session is not secured yet")]
    NotSecured,
    /// The session is closed.
    #[error("the session is closed")]
    Closed,
    /// ICE does not allow it.
    #[error(transparent)]
    Refused(#[from] SendRefused),
    /// SRTP did not take the packet.
    #[error(transparent)]
    Srtp(#[from] srtp::ProtectError),
    /// DTLS did not take the application data.
    #[error(transparent)]
    Dtls(#[from] dtls::SendError),
}
