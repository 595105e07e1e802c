//! Eight words of SHA-1 in a 256-bit register.

use core::arch::x86_64::*;

use super::cpu::Lanes;
use crate::kernel::lanes::{State, Words};
use crate::kernel::message::{Block, Lane, NO_BLOCK};

/// One word of each of eight messages.
#[derive(Clone, Copy)]
pub(crate) struct Words8(__m256i);

// SAFETY of every block below: a `Words8` is made from a `Lanes` only, so the CPU has AVX2. Where memory is touched, the slice it
// lies in is named beside it.
impl Words for Words8 {
    type Token = Lanes;
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn splat(_: Lanes, word: u32) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm256_set1_epi32(word as i32) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn load(_: Lanes, words: &[u32]) -> Self {
        let words: &[u32; 8] = words
            .first_chunk()
            .expect("invariant: a word for each lane");
        // SAFETY: 8 words of `words` are read; see above for the CPU.
        Self(unsafe { _mm256_loadu_si256(words.as_ptr().cast()) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn store(self, words: &mut [u32]) {
        let words: &mut [u32; 8] = words
            .first_chunk_mut()
            .expect("invariant: a place for each");
        // SAFETY: 8 words of `words` are written; see above for the CPU.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), self.0) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn transpose(token: Lanes, rows: &[&[u8; 64]]) -> [Self; 16] {
        let rows: &[&[u8; 64]; 8] = rows.first_chunk().expect("invariant: a row for each lane");
        let mut columns = [Self::splat(token, 0); 16];
        for quarter in 0..4 {
            let four = transpose_quarter(rows, quarter);
            columns[4 * quarter..][..4].copy_from_slice(&four);
        }
        columns
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn compress(token: Lanes, state: State<Self>, words: [Self; 16]) -> State<Self> {
        compress(token, state, words)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn update<const LANES: usize>(
        token: Lanes,
        mut state: State<Self>,
        lanes: &[Lane<'_>; LANES],
        wide: usize,
    ) -> State<Self> {
        let same = lanes.iter().all(|lane| lane.len() == wide);
        for index in 0..wide {
            let words = Self::gather(token, &blocks(lanes, index));
            let next = compress(token, state, words);
            state = if same {
                next
            } else {
                keep_finished(token, lanes, index, state, next)
            };
        }
        state
    }
}

// SAFETY of every block below: as above.
impl Words8 {
    /// The words of blocks, one for each lane.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn gather(token: Lanes, blocks: &[&Block]) -> [Self; 16] {
        Self::transpose(token, blocks).map(Self::reverse)
    }

    /// Each word with its bytes in reverse order.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn reverse(self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe {
            let order = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
            _mm256_shuffle_epi8(self.0, _mm256_broadcastsi128_si256(order))
        })
    }

    /// Where `self` has ones the bits of `one`, else of `zero`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn choose(self, one: Self, zero: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe {
            let differ = _mm256_xor_si256(one.0, zero.0);
            _mm256_xor_si256(zero.0, _mm256_and_si256(self.0, differ))
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn add(self, other: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm256_add_epi32(self.0, other.0) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn xor(self, other: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm256_xor_si256(self.0, other.0) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn xor3(self, other: Self, third: Self) -> Self {
        self.xor(other).xor(third)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn rotate<const LEFT: i32>(self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe {
            let count = _mm_cvtsi32_si128(LEFT);
            let back = _mm_cvtsi32_si128(32 - LEFT);
            _mm256_or_si256(
                _mm256_sll_epi32(self.0, count),
                _mm256_srl_epi32(self.0, back),
            )
        })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn majority(self, other: Self, third: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe {
            let both = _mm256_and_si256(self.0, other.0);
            let either = _mm256_or_si256(self.0, other.0);
            _mm256_or_si256(both, _mm256_and_si256(either, third.0))
        })
    }
}

/// Columns `4 * quarter` and the next three: each register gathers a quarter of two rows from memory.
#[cfg_attr(not(debug_assertions), inline(always))]
fn transpose_quarter(rows: &[&[u8; 64]; 8], quarter: usize) -> [Words8; 4] {
    let part = |row: usize| {
        let bytes: &[u8; 16] = &rows[row].as_chunks().0[quarter];
        // SAFETY: 16 bytes of `bytes` are read; SSE2 is part of x86-64.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    };
    // SAFETY: `Words8::transpose`, the only caller, has the token of AVX2.
    unsafe {
        let gather = |row: usize| _mm256_set_m128i(part(row + 4), part(row));
        let [a, b, c, d] = [gather(0), gather(1), gather(2), gather(3)];
        let low = [_mm256_unpacklo_epi32(a, b), _mm256_unpacklo_epi32(c, d)];
        let high = [_mm256_unpackhi_epi32(a, b), _mm256_unpackhi_epi32(c, d)];
        [
            Words8(_mm256_unpacklo_epi64(low[0], low[1])),
            Words8(_mm256_unpackhi_epi64(low[0], low[1])),
            Words8(_mm256_unpacklo_epi64(high[0], high[1])),
            Words8(_mm256_unpackhi_epi64(high[0], high[1])),
        ]
    }
}

/// One block in each lane. Every round is written out: a loop that rotates its variables costs twice the time.
#[cfg_attr(not(debug_assertions), inline(always))]
fn compress(token: Lanes, state: State<Words8>, mut w: [Words8; 16]) -> State<Words8> {
    let [mut a, mut b, mut c, mut d, mut e] = state;
    macro_rules! rounds {
        ($k:literal, $f:expr; $($t:literal)*) => {
            let k = Words8::splat(token, $k);
            $(
                if $t >= 16 {
                    w[$t & 15] = word_after(&w, $t);
                }
                let sum = sum_of_round(a, $f(b, c, d), e, k, w[$t & 15]);
                e = d;
                d = c;
                c = b.rotate::<30>();
                b = a;
                a = sum;
            )*
        };
    }
    rounds!(0x5a82_7999, Words8::choose; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19);
    rounds!(0x6ed9_eba1, Words8::xor3; 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39);
    rounds!(0x8f1b_bcdc, Words8::majority; 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59);
    rounds!(0xca62_c1d6, Words8::xor3; 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79);
    let [h0, h1, h2, h3, h4] = state;
    [a.add(h0), b.add(h1), c.add(h2), d.add(h3), e.add(h4)]
}

/// The word of round `t`, from the 16 before it.
#[cfg_attr(not(debug_assertions), inline(always))]
fn word_after(w: &[Words8; 16], t: usize) -> Words8 {
    let three = w[(t + 13) & 15].xor3(w[(t + 8) & 15], w[(t + 2) & 15]);
    three.xor(w[t & 15]).rotate::<1>()
}

/// What a round adds up.
#[cfg_attr(not(debug_assertions), inline(always))]
fn sum_of_round(a: Words8, f: Words8, e: Words8, k: Words8, word: Words8) -> Words8 {
    e.add(k.add(word)).add(f).add(a.rotate::<5>())
}

/// The block of each lane at `index`. A loop, since `map` of an array may become a call.
#[cfg_attr(not(debug_assertions), inline(always))]
fn blocks<'a, const LANES: usize>(lanes: &[Lane<'a>; LANES], index: usize) -> [&'a Block; LANES] {
    let mut blocks = [NO_BLOCK; LANES];
    for (block, lane) in blocks.iter_mut().zip(lanes) {
        *block = lane.block(index);
    }
    blocks
}

/// The next state in lanes that have a block at `index`, the old one in the others.
#[cfg_attr(not(debug_assertions), inline(always))]
fn keep_finished<const LANES: usize>(
    token: Lanes,
    lanes: &[Lane<'_>; LANES],
    index: usize,
    mut state: State<Words8>,
    next: State<Words8>,
) -> State<Words8> {
    let mut active = [0; LANES];
    for (active, lane) in active.iter_mut().zip(lanes) {
        *active = if index < lane.len() { u32::MAX } else { 0 };
    }
    let active = Words8::load(token, &active);
    for (old, new) in state.iter_mut().zip(next) {
        *old = active.choose(new, *old);
    }
    state
}
