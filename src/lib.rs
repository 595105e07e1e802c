//! The gate of a media server: ICE-lite, DTLS and SRTP of many calls on one UDP port.
//!
//! # A datagram's way through the gate
//!
//! ```text
//!                     a datagram, and the path (5-tuple) that it came over
//!                                         │
//!                  classify: the first byte (RFC 7983, RFC 9443)
//!        ┌──────────────────────┬─────────┴─────────────┬───────────────────────┐
//!      STUN                   DTLS                SRTP, SRTCP            QUIC, ZRTP, TURN, ?
//!        │                      │                       │                       │
//!  Router: by ufrag       Router: by path         Router: by path        dropped, counted
//!        │                      └── unknown path? ──────┤
//!        │                          dropped, counted    │
//!        ▼                      ▼                       ▼
//!  Session: ICE           Session: DTLS           Session: SRTP
//!  MESSAGE-INTEGRITY      handshake, then the     replay, tag, decrypt
//!  makes the path valid   fingerprint of the SDP  in place
//!        │                      │                       │
//!        │                      └─ keys are exported ──▶│
//!        ▼                                              ▼
//!  an answer of STUN                         Call::handle_rtp, handle_rtcp
//! ```
//!
//! Each arrow down is a demand: DTLS is heard only over a path that ICE made valid, keys exist only
//! when the peer's certificate is the one of its SDP, and media flows only under these keys. What
//! does not meet a demand is dropped and counted, and changes nothing else.
//!
//! # The parts
//!
//! - [`Session`]: the transport of one call, sans-I/O: ICE, DTLS and SRTP of one BUNDLE group.
//!   It knows parameters, and no text.
//! - [`Router`]: from datagrams to sessions, without cryptography or allocation.
//! - [`Gate`]: a router with its sessions and what an application does with each, a [`Call`].
//! - `driver` (cargo feature `tokio`): a gate on a UDP socket.
//! - [`signalling`]: offers and answers, over the public verbs of a session.
//!
//! `examples/embed.rs` shows how a server uses them. The layers below are crates of their own:
//! [`dtls`], [`srtp`] and [`ice_lite`].
#![forbid(unsafe_code)]

mod demux;
mod discard;
#[cfg(feature = "tokio")]
pub mod driver;
mod gate;
mod router;
mod session;
pub mod signalling;

pub use demux::{Class, classify};
pub use gate::{
    Arrival, Call, Context, Datagram, Ecn, Gate, Handled, Outbox, Replies, Run, Runs, Totals,
};
pub use ice_lite::{Path, Transmit};
pub use router::{
    Announcement, Route, RouteDrop, Router, SessionId, Shard, SourceLimit, UfragInUse,
};
pub use session::{
    CloseReason, Cryptex, Discard, IceMode, Layer, LocalParameters, MAX_APPLICATION_DATA,
    MAX_FINGERPRINTS, OnConsentExpired, ParametersError, Received, RemoteParameters, SendError,
    Session, SessionConfig, SessionError, SessionEvent, SetRemoteError, Statistics, Summary,
    Timeline,
};
pub use srtp::{Kind, MAX_OVERHEAD};
pub use {dtls, ice_lite, srtp};
