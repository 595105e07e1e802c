//! Offers and answers (RFC 3264, RFC 9429) over the public verbs of a [`Session`].
//!
//! A session knows transport and nothing else. This module knows what SDP can say beyond that:
//! m-lines, codecs, streams, BUNDLE groups. It is one way of signalling; an application that has another
//! one gives a session its parameters itself and needs none of this.
//!
//! # A call in ten lines
//!
//! ```
//! # use std::{sync::Arc, time::Instant};
//! # use portcullis::{SessionConfig, dtls, ice_lite::Candidate};
//! use portcullis::signalling::{Capabilities, Signalling, sdp::Description};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dtls = Arc::new(dtls::Config::new(dtls::crypto::default_provider())?);
//! # let mut config = SessionConfig::new(dtls);
//! # config.candidates = vec![Candidate::host("192.0.2.1:3478".parse()?, 0)];
//! # let config = Arc::new(config);
//! # let text = include_str!("../../tests/data/sdp/chromium-offer-av-dc.sdp");
//! # let now = Instant::now();
//! let capabilities = Capabilities::browser();
//! let offer = Description::read(text)?;
//! let (session, signalling, answer) = Signalling::answer(config, now, &offer, &capabilities)?;
//! for section in signalling.agreed() {
//!     println!("{:?} {}: {:?}", section.mid, section.ours.kind, section.theirs.codecs);
//! }
//! // Insert the session into the gate and send `answer` back.
//! # assert_eq!(signalling.agreed().count(), 3);
//! # Ok(())
//! # }
//! ```
//!
//! # Every word of it
//!
//! A [`Description`](sdp::Description) is the offer as types, and what becomes of each section is the
//! application's to [decide](Decide): a [`Media`](sdp::Media) of its own, or one that mirrors the
//! peer's, with whatever it changes.
//!
//! ```
//! # use std::{sync::Arc, time::Instant};
//! # use portcullis::{SessionConfig, dtls};
//! use portcullis::signalling::Signalling;
//! use portcullis::signalling::sdp::{Description, Direction, Media, MediaKind, Msid, Section, Source};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dtls = Arc::new(dtls::Config::new(dtls::crypto::default_provider())?);
//! # let config = Arc::new(SessionConfig::new(dtls));
//! # let text = include_str!("../../tests/data/sdp/chromium-offer-av-dc.sdp");
//! # let now = Instant::now();
//! let offer = Description::read(text)?;
//! // Only video, only VP8, without any extension but one; and we send, too.
//! let decide = |section: &Section, _current: Option<&Media>| {
//!     if section.media.kind != MediaKind::Video {
//!         return None;
//!     }
//!     let mut media = section.media.mirrored();
//!     media.codecs.retain(|codec| codec.is("VP8"));
//!     media.extensions.retain(|it| it.uri == "urn:ietf:params:rtp-hdrext:sdes:mid");
//!     media.direction = Direction::SendRecv;
//!     media.msids = vec![Msid::new("camera", "picture")];
//!     media.sources = vec![Source::new(0x1234_5678, "somebody")];
//!     Some(media)
//! };
//! let (_session, signalling, answer) = Signalling::answer(config, now, &offer, decide)?;
//! assert!(answer.contains("m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"));
//! assert!(answer.contains("m=audio 0 "));
//! # assert_eq!(signalling.agreed().count(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Later
//!
//! Either side may offer again while the call goes on, with its transport and its keys: sections come,
//! stop and give their places to others, and directions change. Ours are changed by
//! [`Signalling::add`], [`Signalling::stop`] and [`Signalling::media_mut`], and the next
//! [`Signalling::offer_again`] tells the peer.
//!
//! An answer is the mirror of its offer. It has the same sections with the same names for their
//! transports; whatever it may contain only if the offer does (BUNDLE, mids, rtcp-mux and others) is there
//! only then, at the level where the offer has it.
//!
//! # One transport
//!
//! A session has one transport. An offer may need several: without BUNDLE each of its sections has its
//! own, and each BUNDLE group has. Then that of the first section that is taken is the one, and the
//! sections of the others are refused (RFC 9429 §5.3.1). A later offer stays with the transport of the
//! sections that are there.

mod agree;
mod answer;
mod capabilities;
mod decide;
mod describe;
mod error;
mod lines;
mod offer;
pub mod sdp;
mod state;
mod translation;
mod trickle;

pub use answer::refusal;
pub use capabilities::Capabilities;
pub use decide::Decide;
pub use error::{Refusal, SignallingError};
pub use lines::Agreed;
pub use state::Signalling;
pub use translation::Translation;

#[cfg(doc)]
use crate::Session;
