//! Four blocks in a 512-bit register: VAES, VPCLMULQDQ, AVX-512.

use core::arch::asm;
use core::arch::x86_64::*;

use super::cpu::Avx512;
use super::vector128::Block128;
use crate::kernel::vector::{Beside, Vector, unroll};

/// Four AES blocks.
#[derive(Clone, Copy)]
pub(crate) struct Block512(__m512i);

// SAFETY of every block below: a `Block512` is made from an `Avx512` only, so the CPU has AVX-512 F, BW, DQ and VL, VAES and
// VPCLMULQDQ. Where memory is touched, the slice it lies in is named beside it.
impl Vector for Block512 {
    type Token = Avx512;
    type Block = Block128;
    type RoundKeys<'k, const KEYS: usize> = [Self; KEYS];
    const BLOCKS: usize = 4;
    const STITCHED: bool = true;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn load(_: Avx512, bytes: &[u8]) -> Self {
        let bytes: &[u8; 64] = bytes.first_chunk().expect("invariant: a whole vector");
        // SAFETY: 64 bytes of `bytes` are read; see above for the CPU.
        Self(unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn load_partial(_: Avx512, bytes: &[u8]) -> Self {
        // SAFETY: the mask keeps the read inside `bytes`; see above for the CPU.
        Self(unsafe { _mm512_maskz_loadu_epi8(mask(bytes.len()), bytes.as_ptr().cast()) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn broadcast(_: Avx512, block: &[u8; 16]) -> Self {
        // SAFETY: 16 bytes of `block` are read; see above for the CPU.
        Self(unsafe { _mm512_broadcast_i32x4(_mm_loadu_si128(block.as_ptr().cast())) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn from_number(token: Avx512, block: u128) -> Self {
        let block = Block128::from_number(token.into(), block);
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm512_broadcast_i32x4(block.0) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn widen(block: Block128) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm512_zextsi128_si512(block.0) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn store(self, bytes: &mut [u8]) {
        let bytes: &mut [u8; 64] = bytes.first_chunk_mut().expect("invariant: a whole vector");
        // SAFETY: 64 bytes of `bytes` are written; see above for the CPU.
        unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), self.0) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn store_partial(self, bytes: &mut [u8]) {
        let mask = mask(bytes.len());
        // SAFETY: the mask keeps the write inside `bytes`; see above for the CPU.
        unsafe { _mm512_mask_storeu_epi8(bytes.as_mut_ptr().cast(), mask, self.0) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn truncate(self, len: usize) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm512_maskz_mov_epi8(mask(len), self.0) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn first(self) -> Block128 {
        // SAFETY: see above for the CPU.
        Block128(unsafe { _mm512_castsi512_si128(self.0) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn last(self) -> Block128 {
        // SAFETY: see above for the CPU.
        Block128(unsafe { _mm512_extracti32x4_epi32(self.0, 3) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn with_last(self, block: Block128) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm512_inserti32x4(self.0, block.0, 3) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn with_block(self, place: usize, block: Block128) -> Self {
        let words = 0xf << (4 * place);
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm512_mask_broadcast_i32x4(self.0, words, block.0) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn is_zero(self) -> bool {
        // SAFETY: see above for the CPU.
        unsafe { _mm512_test_epi64_mask(self.0, self.0) == 0 }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn pin(self) -> Self {
        #[inline]
        #[target_feature(enable = "avx512f")]
        fn inner(mut vector: __m512i) -> __m512i {
            // SAFETY: there is no instruction in it.
            unsafe {
                asm!("/* {} */", inout(zmm_reg) vector, options(nomem, nostack, preserves_flags));
            }
            vector
        }
        // SAFETY: see above for the CPU.
        Self(unsafe { inner(self.0) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn xor(self, other: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm512_xor_si512(self.0, other.0) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn xor3(self, other: Self, third: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm512_ternarylogic_epi64(self.0, other.0, third.0, 0x96) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn fold(self) -> Block128 {
        // SAFETY: see above for the CPU.
        Block128(unsafe {
            let half = _mm256_xor_si256(
                _mm512_castsi512_si256(self.0),
                _mm512_extracti64x4_epi64(self.0, 1),
            );
            _mm_xor_si128(
                _mm256_castsi256_si128(half),
                _mm256_extracti128_si256(half, 1),
            )
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn reverse(self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe {
            let order = _mm_set_epi64x(0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f);
            _mm512_shuffle_epi8(self.0, _mm512_broadcast_i32x4(order))
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn swap_halves(self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm512_shuffle_epi32(self.0, 0x4e) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn clmul<const HALVES: i32>(self, other: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm512_clmulepi64_epi128(self.0, other.0, HALVES) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn number(self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe {
            let places = _mm512_set_epi32(
                3 << 24,
                0,
                0,
                0,
                2 << 24,
                0,
                0,
                0,
                1 << 24,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
            );
            _mm512_add_epi8(self.0, places)
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn advance(self, blocks: u8) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe {
            let step = _mm_set_epi32(i32::from(blocks) << 24, 0, 0, 0);
            _mm512_add_epi8(self.0, _mm512_broadcast_i32x4(step))
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn round_keys<const KEYS: usize>(token: Avx512, keys: &[[u8; 16]; KEYS]) -> [Self; KEYS] {
        let mut vectors = [Self::broadcast(token, &keys[0]); KEYS];
        for (vector, key) in vectors.iter_mut().zip(keys) {
            *vector = Self::broadcast(token, key);
        }
        vectors
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn encrypt<const KEYS: usize, const N: usize>(
        _: Avx512,
        keys: &Self::RoundKeys<'_, KEYS>,
        mut vectors: [Self; N],
        mut beside: impl Beside<Self>,
    ) -> [Self; N] {
        let key = keys[0];
        for v in &mut vectors {
            *v = v.xor(key);
        }
        unroll!(round < KEYS - 2 => {
            let key = keys[round + 1];
            for v in &mut vectors {
                // SAFETY: see above for the CPU.
                v.0 = unsafe { _mm512_aesenc_epi128(v.0, key.0) };
            }
            vectors = beside.round(round, vectors);
        });
        let key = keys[KEYS - 1];
        for v in &mut vectors {
            // SAFETY: see above for the CPU.
            v.0 = unsafe { _mm512_aesenclast_epi128(v.0, key.0) };
        }
        vectors
    }
}

/// The mask of the first `len` bytes of 64.
#[cfg_attr(not(debug_assertions), inline(always))]
fn mask(len: usize) -> u64 {
    assert!(len <= 64, "invariant: at most one vector");
    u64::MAX.checked_shr(64 - len as u32).unwrap_or(0)
}
