//! SHA-1 with SHA-NI.
//!
//! Its instructions have SSE's encoding only. In a function that may use AVX the compiler gives all others the newer one, and where the
//! upper half of a vector register is dirty, CPUs pay for each change between them: what wide kernels need of SHA-NI are functions
//! of its own here, never inlined, and the compiler clears the upper halves before it calls them.

use core::arch::x86_64::*;

use super::cpu::AesNi;
use crate::kernel::chains::{self, Narrow};
use crate::kernel::message::{Block, Digests, Lane};

/// Four words of SHA-1.
#[derive(Clone, Copy)]
struct Quad(__m128i);

// SAFETY of every block below: a `Quad` is made from an `AesNi` only, so the CPU has SSE up to 4.1 and SHA-NI.
impl Quad {
    /// Words as SHA-NI keeps them: the first in the highest place.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn new(_: AesNi, words: [u32; 4]) -> Self {
        let [a, b, c, d] = words.map(|word| word as i32);
        // SAFETY: see above.
        Self(unsafe { _mm_set_epi32(a, b, c, d) })
    }

    /// Four words of a block.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn load(_: AesNi, block: &Block, quarter: usize) -> Self {
        let bytes = &block.as_chunks::<16>().0[quarter];
        // SAFETY: 16 bytes of `bytes` are read; see above for the CPU.
        Self(unsafe {
            let order = _mm_set_epi64x(0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f);
            _mm_shuffle_epi8(_mm_loadu_si128(bytes.as_ptr().cast()), order)
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn words(self) -> [u32; 4] {
        // SAFETY: see above.
        let words = unsafe {
            [
                _mm_extract_epi32(self.0, 3),
                _mm_extract_epi32(self.0, 2),
                _mm_extract_epi32(self.0, 1),
                _mm_extract_epi32(self.0, 0),
            ]
        };
        words.map(|word| word as u32)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn add(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm_add_epi32(self.0, other.0) })
    }

    /// Four rounds with the function and constant of `PART`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn rounds<const PART: i32>(self, e: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm_sha1rnds4_epu32(self.0, e.0, PART) })
    }

    /// The next E, from the A of four rounds ago, plus words.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn next_e(self, words: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm_sha1nexte_epu32(self.0, words.0) })
    }

    /// The next four words of the schedule, from the last sixteen.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn schedule(last: [Self; 4]) -> Self {
        let [a, b, c, d] = last;
        // SAFETY: see above.
        Self(unsafe {
            let sum = _mm_xor_si128(_mm_sha1msg1_epu32(a.0, b.0), c.0);
            _mm_sha1msg2_epu32(sum, d.0)
        })
    }
}

/// One SHA-1 state.
#[derive(Clone, Copy)]
pub(crate) struct Chain {
    abcd: Quad,
    e: Quad,
}

impl chains::Chain for Chain {
    type Token = AesNi;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn new(token: AesNi, [a, b, c, d, e]: [u32; 5]) -> Self {
        Self {
            abcd: Quad::new(token, [a, b, c, d]),
            e: Quad::new(token, [e, 0, 0, 0]),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn update_all<const N: usize>(token: AesNi, chains: &mut [Self; N], blocks: [&Block; N]) {
        let before = *chains;
        let mut w = [[chains[0].e; 4]; N];
        macro_rules! quad {
            ($part:literal: $($i:literal)*) => {$(
                for n in 0..N {
                    let words = if $i < 4 {
                        Quad::load(token, blocks[n], $i & 3)
                    } else {
                        let [a, b, c, d] = [w[n][$i & 3], w[n][($i + 1) & 3], w[n][($i + 2) & 3], w[n][($i + 3) & 3]];
                        Quad::schedule([a, b, c, d])
                    };
                    w[n][$i & 3] = words;
                    let chain = &mut chains[n];
                    let e = if $i == 0 { chain.e.add(words) } else { chain.e.next_e(words) };
                    chain.e = chain.abcd;
                    chain.abcd = chain.abcd.rounds::<$part>(e);
                }
            )*};
        }
        quad!(0: 0 1 2 3 4);
        quad!(1: 5 6 7 8 9);
        quad!(2: 10 11 12 13 14);
        quad!(3: 15 16 17 18 19);
        for (chain, before) in chains.iter_mut().zip(before) {
            chain.e = chain.e.next_e(before.e);
            chain.abcd = chain.abcd.add(before.abcd);
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn words(self) -> [u32; 5] {
        let [a, b, c, d] = self.abcd.words();
        [a, b, c, d, self.e.words()[0]]
    }
}

impl Narrow for AesNi {
    fn mac_all(self, lanes: &[Lane<'_>], digests: &mut Digests, first: usize) {
        #[target_feature(enable = "ssse3,sse4.1,sha")]
        #[inline(never)]
        fn inner(token: AesNi, lanes: &[Lane<'_>], digests: &mut Digests, first: usize) {
            chains::macs::<Chain>(token, lanes, digests, first);
        }
        // SAFETY: the token exists only where the CPU has these features.
        unsafe { inner(self, lanes, digests, first) }
    }

    fn finish_all(self, lanes: &[Lane<'_>], start: usize, states: &mut [[u32; 5]]) {
        #[target_feature(enable = "ssse3,sse4.1,sha")]
        #[inline(never)]
        fn inner(token: AesNi, lanes: &[Lane<'_>], start: usize, states: &mut [[u32; 5]]) {
            chains::finish_inner::<Chain>(token, lanes, start, states);
        }
        // SAFETY: the token exists only where the CPU has these features.
        unsafe { inner(self, lanes, start, states) }
    }
}
