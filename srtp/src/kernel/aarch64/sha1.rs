//! SHA-1 with the SHA1 instructions.

use core::arch::aarch64::*;

use super::cpu::Neon;
use crate::kernel::chains;
use crate::kernel::message::Block;

/// One SHA-1 state.
#[derive(Clone, Copy)]
pub(crate) struct Chain {
    abcd: uint32x4_t,
    e: u32,
}

/// The constants of the four parts (FIPS 180-4 §4.2.1).
const K: [u32; 4] = [0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6];

// SAFETY of every block below: a `Chain` is made from a `Neon` only, so the CPU has NEON and the SHA1 instructions. Where memory
// is touched, the array it lies in is named beside it.
impl chains::Chain for Chain {
    type Token = Neon;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn new(_: Neon, [a, b, c, d, e]: [u32; 5]) -> Self {
        let words = [a, b, c, d];
        // SAFETY: 4 words of `words` are read; see above for the CPU.
        Self {
            abcd: unsafe { vld1q_u32(words.as_ptr()) },
            e,
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn update_all<const N: usize>(_: Neon, chains: &mut [Self; N], blocks: [&Block; N]) {
        let before = *chains;
        let mut w = [[before[0].abcd; 4]; N];
        macro_rules! quad {
            ($rounds:ident, $k:expr; $($i:literal)*) => {$(
                for n in 0..N {
                    let row = &mut w[n];
                    row[$i & 3] = if $i < 4 {
                        load(blocks[n], $i & 3)
                    } else {
                        schedule(row[$i & 3], row[($i + 1) & 3], row[($i + 2) & 3], row[($i + 3) & 3])
                    };
                    let Self { abcd, e } = chains[n];
                    // SAFETY: see above for the CPU.
                    chains[n] = unsafe {
                        let words = vaddq_u32(row[$i & 3], vdupq_n_u32($k));
                        let next = vsha1h_u32(vgetq_lane_u32(abcd, 0));
                        Self { abcd: $rounds(abcd, e, words), e: next }
                    };
                }
            )*};
        }
        quad!(vsha1cq_u32, K[0]; 0 1 2 3 4);
        quad!(vsha1pq_u32, K[1]; 5 6 7 8 9);
        quad!(vsha1mq_u32, K[2]; 10 11 12 13 14);
        quad!(vsha1pq_u32, K[3]; 15 16 17 18 19);
        for (chain, before) in chains.iter_mut().zip(before) {
            // SAFETY: see above for the CPU.
            chain.abcd = unsafe { vaddq_u32(chain.abcd, before.abcd) };
            chain.e = chain.e.wrapping_add(before.e);
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn words(self) -> [u32; 5] {
        let mut words = [0; 5];
        // SAFETY: 4 of the 5 words of `words` are written; see above for the CPU.
        unsafe { vst1q_u32(words.as_mut_ptr(), self.abcd) };
        words[4] = self.e;
        words
    }
}

/// Four words of a block. Its callers have a `Chain`.
#[cfg_attr(not(debug_assertions), inline(always))]
fn load(block: &Block, quarter: usize) -> uint32x4_t {
    let bytes = &block.as_chunks::<16>().0[quarter];
    // SAFETY: 16 bytes of `bytes` are read; NEON is there, see above.
    unsafe { vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(bytes.as_ptr()))) }
}

/// The next four words of the schedule, from the last sixteen. Its callers have a `Chain`.
#[cfg_attr(not(debug_assertions), inline(always))]
fn schedule(a: uint32x4_t, b: uint32x4_t, c: uint32x4_t, d: uint32x4_t) -> uint32x4_t {
    // SAFETY: the SHA1 instructions are there, see above.
    unsafe { vsha1su1q_u32(vsha1su0q_u32(a, b, c), d) }
}
