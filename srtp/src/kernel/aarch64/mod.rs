//! The kernels of AArch64.
//!
//! The intrinsics of this target ask to be inlined always, which the methods of the vectors can't do themselves: they do it where
//! they have become part of the function that starts the kernel.
#![allow(
    unknown_lints,
    reason = "the next one is younger than the oldest toolchain"
)]
#![allow(inline_always_mismatching_target_features, reason = "see above")]

mod cpu;
mod key;
mod sha1;
mod tier;
mod vector128;

pub(super) use cpu::Neon;
pub(super) use key::{cm, gcm};
