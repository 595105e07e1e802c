//! Errors that end nothing but an attempt to agree.

use crate::session::{ParametersError, SessionError, SetRemoteError};

use super::sdp::SdpError;

/// Why an offer, an answer or a fragment is refused.
///
/// Nothing has changed then, neither here nor in the session, and the call goes on, but for
/// [`SignallingError::Session`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignallingError {
    /// The text can't be used.
    #[error(transparent)]
    Sdp(#[from] SdpError),
    /// The session refuses what the peer says of its transport.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// The session has failed, or could not be made.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Nothing of the first offer is taken, so there would be no call; this is why its first
    /// section was refused. [`refusal`](crate::signalling::refusal) is an answer that says so.
    #[error("no usable m-line: {0}")]
    NothingTaken(Refusal),
    /// The answer to our first offer takes nothing of it.
    #[error("the answer refuses all media")]
    AllRefused,
    /// The peer has made an offer while ours waits for its answer (RFC 3264 §4). One of them must
    /// give way: [`Signalling::rollback`](super::Signalling::rollback) withdraws ours.
    #[error("an offer came while another one waits for its answer")]
    Glare,
    /// There is no offer of ours that waits for an answer.
    #[error("no offer waits for this answer")]
    NoOffer,
    /// The answer does not have as many m-lines as the offer (RFC 3264 §6), or a later offer has fewer than
    /// the one before (RFC 3264 §8).
    #[error("there are {found} m-lines instead of {expected}")]
    SectionCount {
        /// How many there must be, at least.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The m-line at this place, counted from 0, is another one than before: its kind, its transport or
    /// its mid is (RFC 3264 §6 and §8). Sections keep their places.
    #[error("m-line {number} is another one than before", number = .0 + 1)]
    SectionChanged(usize),
    /// The peer's sections have no `a=mid`, or it knows no BUNDLE, so that a new section would need a
    /// transport of its own.
    #[error("without BUNDLE there is one section and no other")]
    NoBundle,
}

impl From<SetRemoteError> for SignallingError {
    fn from(error: SetRemoteError) -> Self {
        match error {
            SetRemoteError::Refused(error) => Self::Parameters(error),
            SetRemoteError::Failed(error) => Self::Session(error),
        }
    }
}

/// Why a section of an offer is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The peer itself does not want it: its port is 0.
    #[error("it is disabled in the offer")]
    Disabled,
    /// The application does not want it.
    #[error("nothing that it offers is wanted")]
    Unwanted,
    /// Its transport is none that a session has.
    #[error("its transport is not one of WebRTC's")]
    UnknownTransport,
    /// RTCP would need a port of its own (RFC 8834 §4.5).
    #[error("a=rtcp-mux is missing")]
    NoRtcpMux,
    /// None of its codecs is wanted.
    #[error("none of its codecs is wanted")]
    NoCommonCodec,
    /// It is not in the BUNDLE group whose transport is taken (RFC 9429 §5.3.1).
    #[error("it needs another transport than the sections that are taken")]
    OtherTransport,
}
