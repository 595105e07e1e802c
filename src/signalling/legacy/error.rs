//! Why an SDP can't be used.

use dtls::FingerprintError;
use ice_lite::CredentialsError;

use super::{MAX_LENGTH, Setup};

/// Why an offer or answer is refused. Each is one line for whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SdpError {
    /// More bytes than [`MAX_LENGTH`].
    #[error("the SDP has {0} bytes, more than {MAX_LENGTH}")]
    TooLong(usize),
    /// It does not follow the grammar of RFC 8866.
    #[error("line {line} of the SDP is malformed", line = .0)]
    Malformed(usize),
    /// It does not begin as an SDP does.
    #[error("this is no SDP: it does not begin with v=0")]
    NotSdp,
    /// No m-line is audio over UDP/TLS/RTP/SAVPF with Opus.
    #[error("no usable m-line: none is audio over UDP/TLS/RTP/SAVPF with Opus")]
    NoUsableMedia,
    /// The media lines of an answer are not those of the offer (RFC 3264 §6).
    #[error("the m-lines of the answer are not those of the offer")]
    MediaMismatch,
    /// The answer refuses all media.
    #[error("the answer refuses all media")]
    AllRejected,
    /// A media line without `a=rtcp-mux` (RFC 8834 §4.5).
    #[error("a=rtcp-mux is missing")]
    NoRtcpMux,
    /// No `a=ice-ufrag`.
    #[error("a=ice-ufrag is missing")]
    NoUfrag,
    /// No `a=ice-pwd`.
    #[error("a=ice-pwd is missing")]
    NoPassword,
    /// The ICE credentials don't have the form of RFC 8839 §5.4.
    #[error("the ICE credentials can't be used: {0}")]
    Credentials(CredentialsError),
    /// No `a=fingerprint`.
    #[error("a=fingerprint is missing")]
    NoFingerprint,
    /// There are `a=fingerprint` lines, and none can be used; this is wrong with the last one.
    #[error("no a=fingerprint can be used: {0}")]
    UnusableFingerprint(FingerprintError),
    /// More `a=fingerprint` lines than anybody needs.
    #[error("more than {limit} a=fingerprint lines", limit = super::MAX_FINGERPRINTS)]
    TooManyFingerprints,
    /// No `a=setup` (RFC 5763 §5).
    #[error("a=setup is missing")]
    NoSetup,
    /// `a=setup` has a value that is unknown, or `holdconn`, which asks for no connection.
    #[error("a=setup must be actpass, active or passive")]
    BadSetup,
    /// The answer's role does not fit the offer's (RFC 4145 §4.1).
    #[error("a=setup:{answer} can't answer a=setup:{offer}")]
    SetupConflict {
        /// What the offer says.
        offer: Setup,
        /// What the answer says.
        answer: Setup,
    },
    /// The session does not wait for an answer, or still does.
    #[error("the session is not in a state for this offer or answer")]
    WrongState,
}

impl From<CredentialsError> for SdpError {
    fn from(error: CredentialsError) -> Self {
        Self::Credentials(error)
    }
}
