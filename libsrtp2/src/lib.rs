//! The C interface of libsrtp 2 over the crate `srtp`: what links to `libsrtp2.so.1` runs on it unchanged.
//!
//! `policy` reads what a caller asks for, `stream` is a sender and a receiver made from it when a
//! call needs them, `session` the streams of one `srtp_t`. They are safe code; what C hands over
//! is turned into slices and references in [`ffi`] alone.
//!
//! `README.md` says what differs from libsrtp, and why.
#![deny(unsafe_code)]

pub mod abi;
mod events;
#[allow(unsafe_code)]
pub mod ffi;
mod log;
#[allow(unsafe_code)]
mod packet;
mod policy;
mod presets;
mod session;
mod status;
mod stream;

pub use status::Status;
