//! The tiers: which vectors, how many share a reduction, and how many messages are worth wide lanes.

use super::cpu::{AesNi, Avx2, Avx512, Lanes};
use super::lanes8::Words8;
use super::lanes16::Words16;
use super::sha1_ni::Chain;
use super::sha1_portable;
use super::vector128::Block128;
use super::vector256::Block256;
use super::vector512::Block512;
use crate::kernel::Layout;
use crate::kernel::chains::{self, Narrow};
use crate::kernel::gcm::{self, Direction};
use crate::kernel::lanes;
use crate::kernel::message::{Digests, Lane};
use crate::kernel::simd::{GROUP, Simd, Task};
use crate::kernel::state::GcmState;
use crate::kernel::vector::Vector;

/// Implements [`Simd`] for a token. `$narrow` has vectors of 128 bits, `$features` is what its `check` asks for, `$group` the number of vectors that share a reduction.
macro_rules! tier {
    ($token:ty, $narrow:ty, $vector:ty, $group:literal, $chain:ty, $($features:literal)*, $macs:expr) => {
        impl Simd for $token {
            type Vector = $vector;
            type Chain = $chain;
            type Narrow = $narrow;

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn narrow(self) -> $narrow {
                self.into()
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn vectors(self) -> <$vector as Vector>::Token {
                self.into()
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn chains(self) -> <$chain as chains::Chain>::Token {
                self.into()
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn run<T: Task>(self, task: T, iv: u128) -> T::Output {
                $(#[target_feature(enable = $features)])*
                #[inline(never)]
                fn inner<T: Task>(token: $token, task: T, iv: u128) -> T::Output {
                    task.run(token, iv)
                }
                // SAFETY: the token exists only where the CPU has these features.
                unsafe { inner(self, task, iv) }
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn gcm<const KEYS: usize>(
                self,
                key: &GcmState,
                direction: Direction,
                iv: u128,
                layout: &Layout,
                buffer: &mut [u8],
            ) -> Block128 {
                gcm::crypt::<$vector, KEYS, $group>(self.into(), key, direction, iv, layout, buffer)
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn macs(
                self,
                lanes: &[Lane<'_>; GROUP],
                count: usize,
                digests: &mut Digests,
            ) {
                $macs(self, lanes, count, digests);
            }
        }
    };
}

tier!(
    Lanes,
    Lanes,
    Block128,
    8,
    sha1_portable::Chain,
    "ssse3,sse4.1,aes,pclmulqdq"
    "avx,avx2",
    macs_in_8_lanes
);
tier!(
    AesNi,
    AesNi,
    Block128,
    8,
    Chain,
    "ssse3,sse4.1,aes,pclmulqdq,sha",
    macs_in_chains
);
tier!(
    Avx2,
    AesNi,
    Block256,
    8,
    Chain,
    "ssse3,sse4.1,aes,pclmulqdq,sha"
    "avx,avx2,bmi1,bmi2,vaes,vpclmulqdq",
    macs_in_8_lanes_or_chains
);
tier!(
    Avx512,
    AesNi,
    Block512,
    4,
    Chain,
    "ssse3,sse4.1,aes,pclmulqdq,sha"
    "avx,avx2,bmi1,bmi2,vaes,vpclmulqdq"
    "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2",
    macs_in_16_lanes
);

#[cfg_attr(not(debug_assertions), inline(always))]
fn macs_in_chains(token: AesNi, lanes: &[Lane<'_>; GROUP], count: usize, digests: &mut Digests) {
    token.mac_all(&lanes[..count], digests, 0);
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn macs_in_8_lanes_or_chains(
    token: Avx2,
    lanes: &[Lane<'_>; GROUP],
    count: usize,
    digests: &mut Digests,
) {
    let narrow = AesNi::from(token);
    if narrow.sha_overlaps() {
        return macs_in_chains(narrow, lanes, count, digests);
    }
    macs_in_halves(
        token.into(),
        narrow,
        lanes,
        count,
        digests,
        CHAINS_PER_8_LANES,
    );
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn macs_in_8_lanes(token: Lanes, lanes: &[Lane<'_>; GROUP], count: usize, digests: &mut Digests) {
    macs_in_halves(token, token, lanes, count, digests, 1);
}

/// Half a group after the other.
#[cfg_attr(not(debug_assertions), inline(always))]
fn macs_in_halves(
    token: Lanes,
    narrow: impl Narrow,
    lanes: &[Lane<'_>; GROUP],
    count: usize,
    digests: &mut Digests,
    limit: usize,
) {
    for (lanes, first) in lanes.as_chunks::<8>().0.iter().zip([0, 8]) {
        let count = count.saturating_sub(first).min(8);
        macs_in_lanes::<Words8, 8>(token, narrow, lanes, count, digests, first, limit);
    }
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn macs_in_16_lanes(token: Avx512, lanes: &[Lane<'_>; GROUP], count: usize, digests: &mut Digests) {
    let narrow = AesNi::from(token);
    let limit = if narrow.sha_overlaps() {
        OVERLAPPING_PER_16_LANES
    } else {
        CHAINS_PER_16_LANES
    };
    macs_in_lanes::<Words16, 16>(token, narrow, lanes, count, digests, 0, limit);
}

/// Up to this many messages are hashed in less time by chains of SHA-NI than by 16 lanes of AVX-512, if chains overlap.
const OVERLAPPING_PER_16_LANES: usize = 8;
/// The same where chains don't overlap.
const CHAINS_PER_16_LANES: usize = 4;
/// The same for 8 lanes of AVX2, which are used only where chains don't overlap.
const CHAINS_PER_8_LANES: usize = 4;

/// Hashes into the places from `first` on, in lanes as long as more than `limit` messages have blocks left; the last ones in chains.
#[cfg_attr(not(debug_assertions), inline(always))]
fn macs_in_lanes<W: lanes::Words, const LANES: usize>(
    token: W::Token,
    narrow: impl Narrow,
    lanes: &[Lane<'_>; LANES],
    count: usize,
    digests: &mut Digests,
    first: usize,
    limit: usize,
) {
    if count <= limit {
        return narrow.mac_all(&lanes[..count], digests, first);
    }
    let wide = lanes[count - 1 - limit].len();
    let words = lanes::mac::<W, LANES>(token, lanes, wide, |words| {
        let longer = lanes[..count].partition_point(|lane| lane.len() <= wide);
        let mut states: [[u32; 5]; LANES] = std::array::from_fn(|i| words.map(|word| word[i]));
        narrow.finish_all(&lanes[longer..count], wide, &mut states[longer..count]);
        for (i, state) in states.iter().enumerate() {
            for (word, value) in words.iter_mut().zip(state) {
                word[i] = *value;
            }
        }
    });
    for (places, word) in digests.iter_mut().zip(&words) {
        places[first..first + LANES].copy_from_slice(word);
    }
}
