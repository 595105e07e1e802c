//! One block in a 128-bit register: AES-NI, PCLMULQDQ.

use core::arch::x86_64::*;

use super::cpu::Aes;
use crate::kernel::vector::{Beside, EDGE, Vector, load_up_to_16, unroll};

/// One AES block.
#[derive(Clone, Copy)]
pub(crate) struct Block128(pub(super) __m128i);

// SAFETY of every block below: a `Block128` is made from an `Aes` (or a wider vector, made from a stronger token) only, so the
// CPU has SSE up to 4.1, AES-NI and PCLMULQDQ. Where memory is touched, the slice it lies in is named beside it.
impl Vector for Block128 {
    type Token = Aes;
    type Block = Self;
    type RoundKeys<'k, const KEYS: usize> = &'k [[u8; 16]; KEYS];
    const BLOCKS: usize = 1;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn load(_: Aes, bytes: &[u8]) -> Self {
        let bytes: &[u8; 16] = bytes.first_chunk().expect("invariant: a whole vector");
        // SAFETY: 16 bytes of `bytes` are read; see above for the CPU.
        Self(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn load_partial(token: Aes, bytes: &[u8]) -> Self {
        match bytes.first_chunk() {
            Some(block) => Self::broadcast(token, block),
            None => Self::broadcast(token, &load_up_to_16(bytes).to_le_bytes()),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn broadcast(_: Aes, block: &[u8; 16]) -> Self {
        // SAFETY: 16 bytes of `block` are read; see above for the CPU.
        Self(unsafe { _mm_loadu_si128(block.as_ptr().cast()) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn from_number(_: Aes, block: u128) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm_set_epi64x((block >> 64) as i64, block as i64) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn widen(block: Self) -> Self {
        block
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn store(self, bytes: &mut [u8]) {
        let bytes: &mut [u8; 16] = bytes.first_chunk_mut().expect("invariant: a whole vector");
        // SAFETY: 16 bytes of `bytes` are written; see above for the CPU.
        unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), self.0) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn store_partial(self, bytes: &mut [u8]) {
        let mut block = [0; 16];
        self.store(&mut block);
        bytes.copy_from_slice(&block[..bytes.len()]);
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn truncate(self, len: usize) -> Self {
        let edge: &[u8; 16] = EDGE[EDGE.len() / 2 - len..]
            .first_chunk()
            .expect("invariant: a whole vector");
        // SAFETY: 16 bytes of `edge` are read; see above for the CPU.
        Self(unsafe { _mm_and_si128(self.0, _mm_loadu_si128(edge.as_ptr().cast())) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn first(self) -> Self {
        self
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn last(self) -> Self {
        self
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn with_last(self, block: Self) -> Self {
        block
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn with_block(self, _: usize, block: Self) -> Self {
        self.xor(block)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn is_zero(self) -> bool {
        // SAFETY: see above for the CPU.
        unsafe { _mm_testz_si128(self.0, self.0) == 1 }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn xor(self, other: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm_xor_si128(self.0, other.0) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn fold(self) -> Self {
        self
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn reverse(self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe {
            let order = _mm_set_epi64x(0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f);
            _mm_shuffle_epi8(self.0, order)
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn swap_halves(self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm_shuffle_epi32(self.0, 0x4e) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn clmul<const HALVES: i32>(self, other: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm_clmulepi64_si128(self.0, other.0, HALVES) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn number(self) -> Self {
        self
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn advance(self, blocks: u8) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm_add_epi8(self.0, _mm_set_epi32(i32::from(blocks) << 24, 0, 0, 0)) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn round_keys<const KEYS: usize>(_: Aes, keys: &[[u8; 16]; KEYS]) -> Self::RoundKeys<'_, KEYS> {
        keys
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn encrypt<const KEYS: usize, const N: usize>(
        token: Aes,
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
                v.0 = unsafe { _mm_aesenc_si128(v.0, key.0) };
            }
            vectors = beside.round(round, vectors);
        });
        let key = Self::broadcast(token, &keys[KEYS - 1]);
        for v in &mut vectors {
            // SAFETY: see above for the CPU.
            v.0 = unsafe { _mm_aesenclast_si128(v.0, key.0) };
        }
        vectors
    }
}
