//! SRTP and SRTCP, in place, one packet at a time or in batches.
#![deny(unsafe_code)]

#[allow(unsafe_code)]
#[allow(dead_code, unused_imports)]
mod kernel;

pub use kernel::Tier;
