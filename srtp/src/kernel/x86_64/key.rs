//! Key expansion with AES-NI.

use core::arch::x86_64::*;

use super::cpu::Aes;
use super::vector128::Block128;
use crate::kernel::AesKey;
use crate::kernel::ghash::powers;
use crate::kernel::state::{CmState, GcmState, Rounds};

/// The state of AES counter mode and HMAC-SHA1.
pub(in crate::kernel) fn cm(token: Aes, cipher: Option<AesKey<'_>>, auth: &[u8; 20]) -> CmState {
    CmState::new(cipher, auth, |word| sub_word(token, word))
}

/// The state of AES-GCM.
pub(in crate::kernel) fn gcm(token: Aes, key: AesKey<'_>) -> GcmState {
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
fn sub_word(_: Aes, word: u32) -> u32 {
    #[target_feature(enable = "aes,sse4.1")]
    fn inner(word: u32) -> u32 {
        let assisted = _mm_aeskeygenassist_si128(_mm_set1_epi32(word as i32), 0);
        _mm_cvtsi128_si32(assisted) as u32
    }
    // SAFETY: the token exists only where the CPU has AES-NI and SSE4.1.
    unsafe { inner(word) }
}
