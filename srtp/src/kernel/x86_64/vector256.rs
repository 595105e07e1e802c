//! Two blocks in a 256-bit register: VAES, VPCLMULQDQ, AVX2.

use core::arch::x86_64::*;

use super::cpu::Avx2;
use super::vector128::Block128;
use crate::kernel::vector::{Beside, EDGE, Vector, unroll};

/// Two AES blocks.
#[derive(Clone, Copy)]
pub(crate) struct Block256(__m256i);

// SAFETY of every block below: a `Block256` is made from an `Avx2` only, so the CPU has AVX2, VAES and
// VPCLMULQDQ. Where memory is touched, the slice it lies in is named beside it.
impl Vector for Block256 {
    type Token = Avx2;
    type Block = Block128;
    type RoundKeys<'k, const KEYS: usize> = &'k [[u8; 16]; KEYS];
    const BLOCKS: usize = 2;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn load(_: Avx2, bytes: &[u8]) -> Self {
        let bytes: &[u8; 32] = bytes.first_chunk().expect("invariant: a whole vector");
        // SAFETY: 32 bytes of `bytes` are read; see above for the CPU.
        Self(unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn load_partial(token: Avx2, bytes: &[u8]) -> Self {
        if bytes.len() == Self::BYTES {
            return Self::load(token, bytes);
        }
        let (low, high) = bytes.split_at(bytes.len().min(16));
        let low = Block128::load_partial(token.into(), low);
        let high = Block128::load_partial(token.into(), high);
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm256_set_m128i(high.0, low.0) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn broadcast(_: Avx2, block: &[u8; 16]) -> Self {
        // SAFETY: 16 bytes of `block` are read; see above for the CPU.
        Self(unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(block.as_ptr().cast())) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn from_number(token: Avx2, block: u128) -> Self {
        let block = Block128::from_number(token.into(), block);
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm256_broadcastsi128_si256(block.0) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn widen(block: Block128) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm256_zextsi128_si256(block.0) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn store(self, bytes: &mut [u8]) {
        let bytes: &mut [u8; 32] = bytes.first_chunk_mut().expect("invariant: a whole vector");
        // SAFETY: 32 bytes of `bytes` are written; see above for the CPU.
        unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), self.0) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn store_partial(self, bytes: &mut [u8]) {
        if bytes.len() == Self::BYTES {
            return self.store(bytes);
        }
        let mut whole = [0; 32];
        self.store(&mut whole);
        bytes.copy_from_slice(&whole[..bytes.len()]);
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn truncate(self, len: usize) -> Self {
        let edge: &[u8; 32] = EDGE[EDGE.len() / 2 - len..]
            .first_chunk()
            .expect("invariant: a whole vector");
        // SAFETY: 32 bytes of `edge` are read; see above for the CPU.
        Self(unsafe { _mm256_and_si256(self.0, _mm256_loadu_si256(edge.as_ptr().cast())) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn first(self) -> Block128 {
        // SAFETY: see above for the CPU.
        Block128(unsafe { _mm256_castsi256_si128(self.0) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn last(self) -> Block128 {
        // SAFETY: see above for the CPU.
        Block128(unsafe { _mm256_extracti128_si256(self.0, 1) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn with_last(self, block: Block128) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm256_inserti128_si256(self.0, block.0, 1) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn with_block(self, place: usize, block: Block128) -> Self {
        match place {
            0 => self.xor(Self::widen(block)),
            _ => self.with_last(block),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn is_zero(self) -> bool {
        // SAFETY: see above for the CPU.
        unsafe { _mm256_testz_si256(self.0, self.0) == 1 }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn xor(self, other: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm256_xor_si256(self.0, other.0) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn fold(self) -> Block128 {
        // SAFETY: see above for the CPU.
        Block128(unsafe {
            _mm_xor_si128(
                _mm256_castsi256_si128(self.0),
                _mm256_extracti128_si256(self.0, 1),
            )
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn reverse(self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe {
            let order = _mm_set_epi64x(0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f);
            _mm256_shuffle_epi8(self.0, _mm256_broadcastsi128_si256(order))
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn swap_halves(self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm256_shuffle_epi32(self.0, 0x4e) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn clmul<const HALVES: i32>(self, other: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm256_clmulepi64_epi128(self.0, other.0, HALVES) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn number(self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm256_add_epi8(self.0, _mm256_set_epi32(1 << 24, 0, 0, 0, 0, 0, 0, 0)) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn advance(self, blocks: u8) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe {
            let step = _mm_set_epi32(i32::from(blocks) << 24, 0, 0, 0);
            _mm256_add_epi8(self.0, _mm256_broadcastsi128_si256(step))
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn round_keys<const KEYS: usize>(
        _: Avx2,
        keys: &[[u8; 16]; KEYS],
    ) -> Self::RoundKeys<'_, KEYS> {
        keys
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn encrypt<const KEYS: usize, const N: usize>(
        token: Avx2,
        keys: &Self::RoundKeys<'_, KEYS>,
        mut vectors: [Self; N],
        mut beside: impl Beside<Self>,
    ) -> [Self; N] {
        let key = Self::broadcast(token, &keys[0]);
        for v in &mut vectors {
            *v = v.xor(key);
        }
        unroll!(round < KEYS - 2 => {
            let key = Self::broadcast(token, &keys[round + 1]);
            for v in &mut vectors {
                // SAFETY: see above for the CPU.
                v.0 = unsafe { _mm256_aesenc_epi128(v.0, key.0) };
            }
            vectors = beside.round(round, vectors);
        });
        let key = Self::broadcast(token, &keys[KEYS - 1]);
        for v in &mut vectors {
            // SAFETY: see above for the CPU.
            v.0 = unsafe { _mm256_aesenclast_epi128(v.0, key.0) };
        }
        vectors
    }
}
