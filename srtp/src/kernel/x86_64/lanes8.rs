//! Eight words of SHA-1 in a 256-bit register.

use core::arch::x86_64::*;

use super::cpu::Lanes;
use crate::kernel::lanes::Words;

/// One word of each of eight messages.
#[derive(Clone, Copy)]
pub(crate) struct Words8(__m256i);

// SAFETY of every block below: a `Words8` is made from a `Lanes` only, so the CPU has AVX2. Where memory is touched, the slice it
// lies in is named beside it.
impl Words for Words8 {
    type Token = Lanes;
    #[inline(always)]
    fn splat(_: Lanes, word: u32) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm256_set1_epi32(word as i32) })
    }

    #[inline(always)]
    fn load(_: Lanes, words: &[u32]) -> Self {
        let words: &[u32; 8] = words
            .first_chunk()
            .expect("invariant: a word for each lane");
        // SAFETY: 8 words of `words` are read; see above for the CPU.
        Self(unsafe { _mm256_loadu_si256(words.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store(self, words: &mut [u32]) {
        let words: &mut [u32; 8] = words
            .first_chunk_mut()
            .expect("invariant: a place for each");
        // SAFETY: 8 words of `words` are written; see above for the CPU.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn transpose(token: Lanes, rows: &[&[u8; 64]]) -> [Self; 16] {
        let rows: &[&[u8; 64]; 8] = rows.first_chunk().expect("invariant: a row for each lane");
        let mut columns = [Self::splat(token, 0); 16];
        for quarter in 0..4 {
            let four = transpose_quarter(rows, quarter);
            columns[4 * quarter..][..4].copy_from_slice(&four);
        }
        columns
    }

    #[inline(always)]
    fn reverse(self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe {
            let order = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
            _mm256_shuffle_epi8(self.0, _mm256_broadcastsi128_si256(order))
        })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm256_add_epi32(self.0, other.0) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm256_xor_si256(self.0, other.0) })
    }

    #[inline(always)]
    fn xor3(self, other: Self, third: Self) -> Self {
        self.xor(other).xor(third)
    }

    #[inline(always)]
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

    #[inline(always)]
    fn choose(self, one: Self, zero: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe {
            let differ = _mm256_xor_si256(one.0, zero.0);
            _mm256_xor_si256(zero.0, _mm256_and_si256(self.0, differ))
        })
    }

    #[inline(always)]
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
#[inline(always)]
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
