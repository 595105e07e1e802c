//! One block in a 128-bit register: the AES and PMULL instructions.

use core::arch::aarch64::*;

use super::cpu::Neon;
use crate::kernel::vector::{Beside, EDGE, Vector, load_up_to_16, unroll};

/// One AES block.
#[derive(Clone, Copy)]
pub(crate) struct Block128(uint8x16_t);

// SAFETY of every block below: a `Block128` is made from a `Neon` only, so the CPU has NEON and the AES and PMULL instructions.
// Where memory is touched, the slice it lies in is named beside it.
impl Vector for Block128 {
    type Token = Neon;
    type Block = Self;
    type RoundKeys<'k, const KEYS: usize> = &'k [[u8; 16]; KEYS];
    const BLOCKS: usize = 1;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn load(token: Neon, bytes: &[u8]) -> Self {
        Self::broadcast(
            token,
            bytes.first_chunk().expect("invariant: a whole vector"),
        )
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn load_partial(token: Neon, bytes: &[u8]) -> Self {
        match bytes.first_chunk() {
            Some(block) => Self::broadcast(token, block),
            None => Self::broadcast(token, &load_up_to_16(bytes).to_le_bytes()),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn broadcast(_: Neon, block: &[u8; 16]) -> Self {
        // SAFETY: 16 bytes of `block` are read; see above for the CPU.
        Self(unsafe { vld1q_u8(block.as_ptr()) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn from_number(token: Neon, block: u128) -> Self {
        Self::broadcast(token, &block.to_le_bytes())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn widen(block: Self) -> Self {
        block
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn store(self, bytes: &mut [u8]) {
        let bytes: &mut [u8; 16] = bytes.first_chunk_mut().expect("invariant: a whole vector");
        // SAFETY: 16 bytes of `bytes` are written; see above for the CPU.
        unsafe { vst1q_u8(bytes.as_mut_ptr(), self.0) }
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
            .expect("invariant: whole");
        // SAFETY: 16 bytes of `edge` are read; see above for the CPU.
        Self(unsafe { vandq_u8(self.0, vld1q_u8(edge.as_ptr())) })
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
        unsafe { vmaxvq_u8(self.0) == 0 }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn xor(self, other: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { veorq_u8(self.0, other.0) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn fold(self) -> Self {
        self
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn reverse(self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { vrev64q_u8(self.0) }).swap_halves()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn swap_halves(self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { vextq_u8(self.0, self.0, 8) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn clmul<const HALVES: i32>(self, other: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe {
            let (a, b) = (vreinterpretq_u64_u8(self.0), vreinterpretq_u64_u8(other.0));
            let a = if HALVES & 0x01 == 0 {
                vgetq_lane_u64(a, 0)
            } else {
                vgetq_lane_u64(a, 1)
            };
            let b = if HALVES & 0x10 == 0 {
                vgetq_lane_u64(b, 0)
            } else {
                vgetq_lane_u64(b, 1)
            };
            vreinterpretq_u8_p128(vmull_p64(a, b))
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn number(self) -> Self {
        self
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn advance(self, blocks: u8) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { vaddq_u8(self.0, vsetq_lane_u8(blocks, vdupq_n_u8(0), 15)) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn round_keys<const KEYS: usize>(
        _: Neon,
        keys: &[[u8; 16]; KEYS],
    ) -> Self::RoundKeys<'_, KEYS> {
        keys
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn encrypt<const KEYS: usize, const N: usize>(
        token: Neon,
        keys: &Self::RoundKeys<'_, KEYS>,
        mut vectors: [Self; N],
        mut beside: impl Beside<Self>,
    ) -> [Self; N] {
        // AESE adds its key before the S-box, so the first key needs no step of its own and the last one does.
        unroll!(round < KEYS - 2 => {
            let key = Self::broadcast(token, &keys[round]);
            for v in &mut vectors {
                // SAFETY: see above for the CPU.
                v.0 = unsafe { vaesmcq_u8(vaeseq_u8(v.0, key.0)) };
            }
            vectors = beside.round(round, vectors);
        });
        let [before_last, last] = [KEYS - 2, KEYS - 1].map(|i| Self::broadcast(token, &keys[i]));
        for v in &mut vectors {
            // SAFETY: see above for the CPU.
            v.0 = unsafe { vaeseq_u8(v.0, before_last.0) };
            *v = v.xor(last);
        }
        vectors
    }
}
