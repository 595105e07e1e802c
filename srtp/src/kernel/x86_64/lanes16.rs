//! Sixteen words of SHA-1 in a 512-bit register.

use core::arch::x86_64::*;
use core::marker::PhantomData;
use core::ptr;

use super::cpu::Avx512;
use crate::kernel::lanes::{State, Words};
use crate::kernel::message::{Block, Lane, NO_BLOCK};

/// One word of each of sixteen messages.
#[derive(Clone, Copy)]
pub(crate) struct Words16(__m512i);

// SAFETY of every block below: a `Words16` is made from an `Avx512` only, so the CPU has AVX-512 F, BW, DQ and VBMI. Where memory is
// touched, the slice it lies in is named beside it.
impl Words for Words16 {
    type Token = Avx512;
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn splat(_: Avx512, word: u32) -> Self {
        // SAFETY: see above for the CPU.
        Self(unsafe { _mm512_set1_epi32(word as i32) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn load(_: Avx512, words: &[u32]) -> Self {
        let words: &[u32; 16] = words
            .first_chunk()
            .expect("invariant: a word for each lane");
        // SAFETY: 16 words of `words` are read; see above for the CPU.
        Self(unsafe { _mm512_loadu_si512(words.as_ptr().cast()) })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn store(self, words: &mut [u32]) {
        let words: &mut [u32; 16] = words
            .first_chunk_mut()
            .expect("invariant: a place for each");
        // SAFETY: 16 words of `words` are written; see above for the CPU.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), self.0) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
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

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn compress(_: Avx512, state: State<Self>, words: [Self; 16]) -> State<Self> {
        // SAFETY: see above for the CPU. Words are given instead of rows.
        unsafe { run(state, ptr::null_mut(), &raw const words, 1) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn update<const LANES: usize>(
        _: Avx512,
        state: State<Self>,
        lanes: &[Lane<'_>; LANES],
        wide: usize,
    ) -> State<Self> {
        let mut rows = Rows::new(lanes);
        // SAFETY: see above for the CPU. Rows are given.
        unsafe { run(state, &raw mut rows, ptr::null(), wide) }
    }
}

/// Columns `4 * quarter` and the next three. Each of four registers gathers a quarter of four rows straight from memory, which
/// leaves only the steps inside 128 bits to shuffles.
#[cfg_attr(not(debug_assertions), inline(always))]
fn transpose_quarter(rows: &[&[u8; 64]; 16], quarter: usize) -> [Words16; 4] {
    let part = |row: usize| {
        let bytes: &[u8; 16] = &rows[row].as_chunks().0[quarter];
        // SAFETY: 16 bytes of `bytes` are read; SSE2 is part of x86-64.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    };
    // SAFETY: `Words16::transpose`, the only caller, has the token of AVX-512 F, BW, DQ and VBMI.
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

/// What the rounds read: how two vectors become one word of each lane, first or second, in native byte order; the constants.
#[repr(C, align(64))]
struct Tables {
    order: [[u8; 64]; 2],
    constants: [u32; 4],
}

static TABLES: Tables = Tables {
    order: [order(0), order(8)],
    constants: [0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6],
};

/// In each quarter the eight bytes from `first` on of that quarter of the first vector, then of the second, words reversed.
const fn order(first: u8) -> [u8; 64] {
    let mut order = [0; 64];
    let mut i = 0;
    while i < 64 {
        let (quarter, byte) = (i as u8 & 0x30, i as u8 & 7 ^ 3);
        let second = if i & 8 == 0 { 0 } else { 64 };
        order[i] = second + quarter + first + byte;
        i += 1;
    }
    order
}

/// Where the blocks of each lane stand.
#[repr(C, align(64))]
struct Rows<'a> {
    /// The next block, written by the assembly.
    next: [*const u8; 16],
    /// The packet.
    whole: [*const u8; 16],
    /// The tail, less the length of what is before it.
    tail: [*const u8; 16],
    /// How many blocks the packet has.
    count: [u64; 16],
    /// The number of the last block of all.
    last: [u64; 16],
    lanes: PhantomData<&'a [Block]>,
}

impl<'a> Rows<'a> {
    /// A lane with nothing to do has a block of zeros.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn new(lanes: &[Lane<'a>]) -> Self {
        let mut rows = Self {
            next: [ptr::null(); 16],
            whole: [NO_BLOCK.as_ptr(); 16],
            tail: [ptr::null(); 16],
            count: [1; 16],
            last: [0; 16],
            lanes: PhantomData,
        };
        for (i, lane) in lanes.iter().enumerate().take(16) {
            if lane.len() > 0 {
                rows.whole[i] = lane.whole.as_ptr().cast();
                rows.tail[i] = lane.tail.as_ptr().wrapping_sub(lane.whole.len()).cast();
                rows.count[i] = lane.whole.len() as u64;
                rows.last[i] = lane.len() as u64 - 1;
            }
        }
        rows
    }
}

/// The state after `count` blocks of each lane, or all that it has, from `rows`; or after a single one from `words`.
///
/// # Safety
///
/// The CPU has AVX-512 F, BW, DQ and VBMI. Either `words` is null, or `rows` is and `count` is one; the other is valid. `count` is
/// not zero.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vbmi")]
#[inline(never)]
unsafe fn run(
    mut state: State<Words16>,
    rows: *mut Rows<'_>,
    words: *const [Words16; 16],
    count: usize,
) -> State<Words16> {
    // SAFETY: `state`, `TABLES` and `rows` or `words` are read, `state` and `rows.next` are written; of the blocks behind `rows` those
    // are read whose number is at most that of the last one. The caller answers for the rest.
    unsafe {
        core::arch::asm!(
            include_str!("sha1_lanes16.s"),
            in("rdi") rows,
            in("rsi") &mut state,
            inout("rdx") words => _,
            in("rcx") &raw const TABLES,
            in("r8") count,
            out("rax") _, out("r9") _, out("r10") _, out("r11") _, out("k1") _, out("k2") _,
            out("zmm0") _, out("zmm1") _, out("zmm2") _, out("zmm3") _, out("zmm4") _, out("zmm5") _, out("zmm6") _, out("zmm7") _,
            out("zmm8") _, out("zmm9") _, out("zmm10") _, out("zmm11") _, out("zmm12") _, out("zmm13") _, out("zmm14") _, out("zmm15") _,
            out("zmm16") _, out("zmm17") _, out("zmm18") _, out("zmm19") _, out("zmm20") _, out("zmm21") _, out("zmm22") _,
            out("zmm23") _, out("zmm24") _, out("zmm25") _, out("zmm26") _, out("zmm27") _,
            options(raw, nostack),
        );
    }
    state
}
