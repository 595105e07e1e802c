//! The gate of a media server: ICE-lite, DTLS and SRTP of many calls on one UDP port.
#![forbid(unsafe_code)]

mod demux;
mod discard;
#[cfg(feature = "tokio")]
pub mod driver;
mod gate;
mod router;
pub mod sdp;
mod session;

pub use demux::{Class, classify};
pub use gate::{Call, Context, Datagram, Gate, Handled, Outbox, Run, Runs};
pub use ice_lite::{Path, Transmit};
pub use router::{Route, RouteDrop, Router, SessionId, Shard, UfragInUse};
pub use session::{
    AgreedAudio, CloseReason, Discard, IceMode, Layer, Received, SendError, Session, SessionConfig,
    SessionError, SessionEvent, Statistics, Summary, Timeline,
};
pub use srtp::{Kind, MAX_OVERHEAD};
pub use {dtls, ice_lite, srtp};
