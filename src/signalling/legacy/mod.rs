//! SDP glue: what a session needs of a peer's description, and the descriptions of our own.
//!
//! The grammar (RFC 8866) is that of the crate `sdp-types`; this module knows what the attributes
//! mean: ICE (RFC 8839), DTLS (RFC 8122, RFC 8842), BUNDLE (RFC 9143), rtcp-mux (RFC 5761),
//! Cryptex (RFC 9335). One BUNDLE group with one Opus line is negotiated; the other lines of an
//! offer are rejected (RFC 3264 §6).

mod attribute;
mod call;
mod error;
mod local;
mod remote;
mod section;

pub use attribute::{Direction, Setup};
pub use call::{AgreedAudio, Signalling, SignallingError};
pub use error::SdpError;
pub use local::{Audio, LocalDescription};
pub use remote::RemoteDescription;
pub use section::Section;

/// The longest description that is read, in bytes. Browsers' have 1 to 10 KiB.
pub const MAX_LENGTH: usize = 64 * 1024;

pub use crate::session::MAX_FINGERPRINTS;

/// The most candidates that are read. A lite agent needs none; a controlling one checks so many in
/// 3 s at its pace of 50 ms (RFC 8445 §14.2).
pub const MAX_CANDIDATES: usize = 64;
