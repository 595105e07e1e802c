//! To come.
#![forbid(unsafe_code)]
pub use {dtls, ice_lite, srtp};
