//! Why a description can't be used.

use dtls::FingerprintError;
use ice_lite::CredentialsError;
use sdp_types::ParserError;

use super::{MAX_LENGTH, MAX_SECTIONS};
use crate::session::MAX_FINGERPRINTS;

/// What is wrong with the text of a description. Each is one line for whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SdpError {
    /// More bytes than [`MAX_LENGTH`].
    #[error("the SDP has {0} bytes, more than {MAX_LENGTH}")]
    TooLong(usize),
    /// More m-lines than [`MAX_SECTIONS`].
    #[error("the SDP has {0} m-lines, more than {MAX_SECTIONS}")]
    TooManySections(usize),
    /// It does not follow the grammar of RFC 8866.
    #[error("line {line} of the SDP is malformed", line = .0)]
    Malformed(usize),
    /// It does not begin as an SDP does.
    #[error("this is no SDP: it does not begin with v=0")]
    NotSdp,
    /// Two sections have the same `a=mid` (RFC 5888 §4).
    #[error("the m-lines {first} and {second} have the same a=mid", first = .0 + 1, second = .1 + 1)]
    DuplicateMid(usize, usize),
    /// No `a=ice-ufrag`.
    #[error("a=ice-ufrag is missing")]
    NoUfrag,
    /// No `a=ice-pwd`.
    #[error("a=ice-pwd is missing")]
    NoPassword,
    /// The ICE credentials don't have the form of RFC 8839 §5.4.
    #[error("the ICE credentials can't be used: {0}")]
    Credentials(#[from] CredentialsError),
    /// No `a=fingerprint`.
    #[error("a=fingerprint is missing")]
    NoFingerprint,
    /// There are `a=fingerprint` lines, and none can be used; this is wrong with the last one.
    #[error("no a=fingerprint can be used: {0}")]
    UnusableFingerprint(FingerprintError),
    /// More `a=fingerprint` lines than anybody needs.
    #[error("more than {MAX_FINGERPRINTS} a=fingerprint lines")]
    TooManyFingerprints,
    /// `a=setup` has a value that is unknown, or `holdconn`, which asks for no connection.
    #[error("a=setup must be actpass, active or passive")]
    BadSetup,
    /// An answer with `a=setup:actpass` chooses nothing (RFC 4145 §4.1).
    #[error("a=setup:actpass is no answer")]
    UndecidedSetup,
}

/// Which line the grammar stumbled over.
impl From<ParserError> for SdpError {
    fn from(error: ParserError) -> Self {
        use ParserError as E;
        match error {
            E::InvalidLineFormat(line, _)
            | E::InvalidFieldEncoding(line, _)
            | E::InvalidFieldFormat(line, _)
            | E::MissingField(line, _)
            | E::FieldTrailingData(line, _)
            | E::InvalidVersion(line, _)
            | E::MultipleVersions(line)
            | E::MultipleOrigins(line)
            | E::MultipleSessionNames(line)
            | E::MultipleSessionDescription(line)
            | E::MultipleUris(line)
            | E::MultipleConnections(line)
            | E::MultipleTimeZones(line)
            | E::MultipleMediaTitles(line)
            | E::MultipleKeys(line)
            | E::RepeatWithoutTime(line) => Self::Malformed(line),
            _ => Self::NotSdp,
        }
    }
}
