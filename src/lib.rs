//! The gate of a media server: ICE-lite, DTLS and SRTP of many calls on one UDP port.
#![forbid(unsafe_code)]

mod demux;
pub mod sdp;

pub use demux::{Class, classify};
pub use {dtls, ice_lite, srtp};
