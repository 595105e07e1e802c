//! Key expansion with the AES instructions.

use core::arch::aarch64::*;

use super::cpu::Neon;
use super::vector128::Block128;
use crate::kernel::AesKey;
use crate::kernel::ghash::powers;
use crate::kernel::state::{CmState, GcmState, Rounds};

/// The state of AES counter mode and HMAC-SHA1.
pub(in crate::kernel) fn cm(token: Neon, cipher: Option<AesKey<'_>>, auth: &[u8; 20]) -> CmState {
    CmState::new(cipher, auth, |word| sub_word(token, word))
}

/// The state of AES-GCM.
pub(in crate::kernel) fn gcm(token: Neon, key: AesKey<'_>) -> GcmState {
    GcmState::new(
        key,
        |word| sub_word(token, word),
        |state| match state.rounds {
            Rounds::Aes256 => powers::<Block128, 15, _>(token, state.keys()),
            _ => powers::<Block128, 11, _>(token, state.keys()),
        },
    )
}

/// SubWord of FIPS 197 §5.2, in constant time.
fn sub_word(_: Neon, word: u32) -> u32 {
    #[target_feature(enable = "neon,aes")]
    fn inner(word: u32) -> u32 {
        // The four columns are equal, so exchanging bytes between them changes nothing.
        let state = vreinterpretq_u8_u32(vdupq_n_u32(word));
        vgetq_lane_u32(vreinterpretq_u32_u8(vaeseq_u8(state, vdupq_n_u8(0))), 0)
    }
    // SAFETY: the token exists only where the CPU has NEON and the AES instructions.
    unsafe { inner(word) }
}
