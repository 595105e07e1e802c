//! What the CPU has, as a token: a value exists only where its instructions may run.

use std::arch::is_aarch64_feature_detected;

/// The AES, PMULL and SHA1 instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neon(());

impl Neon {
    /// The token, if the CPU has the instructions.
    pub(crate) fn check() -> Option<Self> {
        let all = is_aarch64_feature_detected!("neon")
            && is_aarch64_feature_detected!("aes")
            && is_aarch64_feature_detected!("sha2");
        all.then_some(Self(()))
    }
}
