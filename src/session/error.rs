//! What ends a session, and why a packet was not sent.

use std::net::SocketAddr;

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
    /// One of [`SessionConfig::candidates`](crate::SessionConfig::candidates) is a wildcard address.
    #[error(
        "the candidate {0} has an unspecified address, at which no peer can reach anybody: list the \
         addresses of this host, or the public one that leads to it"
    )]
    UnspecifiedCandidate(SocketAddr),
    /// DTLS agreed on a profile that SRTP does not know.
    #[error("SRTP does not know the profile that DTLS agreed on")]
    UnknownProfile,
    /// The keys that DTLS exported can't be used for SRTP.
    #[error("the SRTP keys can't be used: {0}")]
    Keys(#[from] srtp::KeyError),
    /// The configuration of SRTP contradicts itself or the profile that was agreed on.
    #[error("SRTP: {0}")]
    Srtp(#[from] srtp::ConfigError),
}

/// Why a packet must not be sent. The session lives on.
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
