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
//! # A session without SDP
//!
//! Two of them, and a network that is a loop:
//!
//! ```
//! use portcullis::{IceMode, Path, Session, SessionConfig, SessionEvent, dtls, ice_lite::Candidate};
//! use std::{sync::Arc, time::{Duration, Instant}};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut now = Instant::now();
//! let addresses = ["192.0.2.1:1111".parse()?, "198.51.100.2:3478".parse()?];
//! let make = |ice, address| -> Result<Session, Box<dyn std::error::Error>> {
//!     let dtls = dtls::Config::builder(dtls::crypto::default_provider()).build()?;
//!     let mut config = SessionConfig::new(Arc::new(dtls));
//!     config.ice = ice;
//!     config.candidates = vec![Candidate::host(address, 0)];
//!     Ok(Session::new(Arc::new(config), now)?)
//! };
//! let mut caller = make(IceMode::Controlling, addresses[0])?;
//! let mut server = make(IceMode::Lite, addresses[1])?;
//! // Signalling of your own carries these.
//! server.set_remote(now, caller.local_parameters().into())?;
//! caller.set_remote(now, server.local_parameters().into())?;
//!
//! let (mut buf, mut secured) = ([0; 1500], 0);
//! while secured < 2 {
//!     for here in [1, 0] {
//!         let (from, to) = match here {
//!             1 => (&mut caller, &mut server),
//!             _ => (&mut server, &mut caller),
//!         };
//!         from.handle_timeout(now)?;
//!         while let Some(transmit) = from.poll_transmit(now, &mut buf) {
//!             let path = Path::udp(addresses[here], addresses[1 - here]);
//!             let _ = to.handle_datagram(now, path, &mut buf[..transmit.len])?;
//!         }
//!         while let Some(event) = to.poll_event() {
//!             secured += usize::from(matches!(event, SessionEvent::Secured(_)));
//!         }
//!     }
//!     now += Duration::from_millis(10);
//! }
//! # Ok(())
//! # }
//! ```
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

/// The code in the README compiles.
#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../README.md")]
struct Readme;
