//! Sixteen words of SHA-1 in a 512-bit register.

use core::arch::x86_64::*;

use super::cpu::Avx512;
use crate::kernel::lanes::Words;

/// One word of each of sixteen messages.
#[derive(Clone, Copy)]
pub(crate) struct Words16(__m512i);

// SAFETY of every block below: a `Words16` is made from an `Avx512` only, so the CPU has AVX-512 F, BW and DQ. Where memory is
// touched, the slice it lies in is named beside it.
impl Words for Words16 {
    type Token = Avx512;
    #[inline(always)]
    fn splat(_: Avx512, word: u32) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm512_set1_epi32(word as i32) })
    }

    #[inline(always)]
    fn load(_: Avx512, words: &[u32]) -> Self {
        let words: &[u32; 16] = words
            .first_chunk()
            .expect("invariant: a word for each lane");
        // SAFETY: 16 words of `words` are read; see above for the CPU.
        Self(unsafe { _mm512_loadu_si512(words.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store(self, words: &mut [u32]) {
        let words: &mut [u32; 16] = words
            .first_chunk_mut()
            .expect("invariant: a place for each");
        // SAFETY: 16 words of `words` are written; see above for the CPU.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn transpose(_: Avx512, rows: &[&[u8; 64]]) -> [Self; 16] {
        let rows: &[&[u8; 64]; 16] = rows.first_chunk().expect("invariant: a row for each lane");
        // SAFETY: see above for the CPU.
        let mut columns = [Self(unsafe { _mm512_setzero_si512() }); 16];
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
            _mm512_shuffle_epi8(self.0, _mm512_broadcast_i32x4(order))
        })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm512_add_epi32(self.0, other.0) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm512_xor_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn xor3(self, other: Self, third: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm512_ternarylogic_epi32(self.0, other.0, third.0, 0x96) })
    }

    #[inline(always)]
    fn rotate<const LEFT: i32>(self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm512_rol_epi32(self.0, LEFT) })
    }

    #[inline(always)]
    fn choose(self, one: Self, zero: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm512_ternarylogic_epi32(self.0, one.0, zero.0, 0xca) })
    }

    #[inline(always)]
    fn majority(self, other: Self, third: Self) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm512_ternarylogic_epi32(self.0, other.0, third.0, 0xe8) })
    }
}

/// Columns `4 * quarter` and the next three. Each of four registers gathers a quarter of four rows straight from memory, which
/// leaves only the steps inside 128 bits to shuffles.
#[inline(always)]
fn transpose_quarter(rows: &[&[u8; 64]; 16], quarter: usize) -> [Words16; 4] {
    let part = |row: usize| {
        let bytes: &[u8; 16] = &rows[row].as_chunks().0[quarter];
        // SAFETY: 16 bytes of `bytes` are read; SSE2 is part of x86-64.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    };
    // SAFETY: `Words16::transpose`, the only caller, has the token of AVX-512 F, BW and DQ.
    unsafe {
        let gather = |row: usize| {
            let gathered = _mm512_zextsi128_si512(part(row));
            let gathered = _mm512_inserti32x4(gathered, part(row + 4), 1);
            let gathered = _mm512_inserti32x4(gathered, part(row + 8), 2);
            _mm512_inserti32x4(gathered, part(row + 12), 3)
        };
        let [a, b, c, d] = [gather(0), gather(1), gather(2), gather(3)];
        let low = [_mm512_unpacklo_epi32(a, b), _mm512_unpacklo_epi32(c, d)];
        let high = [_mm512_unpackhi_epi32(a, b), _mm512_unpackhi_epi32(c, d)];
        [
            Words16(_mm512_unpacklo_epi64(low[0], low[1])),
            Words16(_mm512_unpackhi_epi64(low[0], low[1])),
            Words16(_mm512_unpacklo_epi64(high[0], high[1])),
            Words16(_mm512_unpackhi_epi64(high[0], high[1])),
        ]
    }
}
