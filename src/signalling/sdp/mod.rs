//! Session descriptions (RFC 8866): what a peer's says, as types, and the text of ours.
//!
//! [`Description::read`] reads an offer or an answer; the grammar is that of the crate `sdp-types`.
//! Each of its m-lines is a [`Section`], and what a section says of media a [`Media`]: the same type
//! that ours are written from. [`Fragment`] is what trickles later.

mod attribute;
mod codec;
mod data;
mod description;
mod error;
mod extension;
mod fragment;
mod kind;
mod media;
mod rid;
mod section;
mod source;
mod transport;
mod write;

pub use attribute::{Direction, Setup};
pub use codec::Codec;
pub use data::DataChannels;
pub use description::Description;
pub use error::SdpError;
pub use extension::Extension;
pub use fragment::Fragment;
pub use kind::{MediaKind, Payload};
pub use media::Media;
pub use rid::{Rid, RidDirection, Simulcast, SimulcastStream};
pub use section::Section;
pub use source::{Msid, Source, SourceGroup};
pub use transport::DescriptionKind;

pub(super) use fragment::fragment_of;
pub(super) use transport::{IceOptions, ufrag_of};
pub(super) use write::{Content, Line, SessionLevel, flag, pair, write};

/// The longest description that is read, in bytes. Browsers' have 1 to 10 KiB; 340 bytes, which each
/// section of our answers has at least, for each of the 1,500 sections of a large conference make
/// 512 KiB.
pub const MAX_LENGTH: usize = 512 * 1024;

/// The most sections: more than the largest conference has. What is kept of a section for the life of a
/// call is about 1 KiB, and a hostile offer has one in 20 bytes; so many are 2 MiB.
pub const MAX_SECTIONS: usize = 2048;

/// The most candidates that are read of one section. A lite agent needs none; a controlling one checks
/// so many in 3 s at its pace of 50 ms (RFC 8445 §14.2).
pub const MAX_CANDIDATES: usize = 64;
