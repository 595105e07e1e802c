//! The cryptography of SRTP: AES-CTR, HMAC-SHA1 and AES-GCM over packets in place.
//!
//! The core above knows RTP, streams and counters; it hands a kernel nothing but bytes and places. A [`Key`] is the state of
//! one session key, computed once. A [`Job`] is one packet: its key, its buffer and a [`Layout`] that says which bytes
//! are authenticated, which are enciphered and where the tag stands. A job is run alone, or many are run together
//! ([`protect`], [`unprotect`]), whichever keys, profiles and lengths they have; what can share vector lanes is grouped there.
//!
//! # Tiers
//!
//! Each instruction set has its own files, and each is reached only through a token that its CPU check alone can create
//! (see [`Tier`]). [`portable`] is the twin of them all, built on the RustCrypto crates; tests hold every tier against it. They are
//! written in intrinsics, but for the loop that the order of its instructions decides: SHA-1 in sixteen lanes, `sha1_lanes16.s`.
//!
//! What has to become one function with the tier's instructions is always inlined, but for builds with debug assertions: without
//! optimization each value has its own place on the stack, and a batch would need a mebibyte of it.
//!
//! # No plaintext without a tag
//!
//! Whatever tier, [`Job::unprotect`] leaves a packet whose tag is wrong without any deciphered byte, and compares tags in
//! constant time.
//!
//! This is the only module of the crate in which `unsafe` may stand.
#![cfg_attr(
    not(any(
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_endian = "little")
    )),
    allow(
        dead_code,
        unused_imports,
        unused_variables,
        reason = "without vector instructions the portable tier stands alone"
    )
)]

mod aead;
mod batch;
mod chains;
mod cm;
mod ctr;
mod engine;
mod gcm;
mod ghash;
mod job;
mod key;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod list;
mod message;
mod portable;
mod prefetch;
mod simd;
mod state;
mod tier;
mod vector;
mod wiped;

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(test)]
mod tests;

pub(crate) use batch::{protect, unprotect};
pub(crate) use job::{Forged, Job, Layout};
pub(crate) use key::{AesKey, CipherKey, Key, SHORT_GCM_TAG_LEN};
pub(crate) use list::{LIST_MAX, List};
pub use prefetch::prefetch;
pub use tier::Tier;
pub(crate) use wiped::Wiped;
