//! AES in counter mode, over vectors of any width.

use super::simd::{Simd, Task};
use super::state::{ROUND_KEYS_MAX, Rounds};
use super::vector::Vector;

/// The counter blocks of a packet, in order.
///
/// The last four bytes of a block count. A vector's blocks differ in the last byte only, which needs one addition a vector; where
/// that byte would wrap, every 256 blocks, the blocks are made one by one.
pub(super) struct Counter<V: Vector> {
    token: V::Token,
    iv: u128,
    next: u32,
    vector: V,
}

impl<V: Vector> Counter<V> {
    /// Counts from `first` in blocks that start with `iv`, little-endian, whose last two bytes are zero.
    ///
    /// AES-CM counts in two bytes from zero (RFC 3711 §4.1.1), AES-GCM in four from one (RFC 7714 §8.1); a datagram wraps neither. In
    /// AES-CM bytes 12 and 13 belong to the IV, and stay.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn new(token: V::Token, iv: u128, first: u8) -> Self {
        let vector = V::from_number(token, at(iv, first.into())).number();
        Self {
            token,
            iv,
            next: first.into(),
            vector,
        }
    }

    /// The next `N` vectors of counter blocks.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn take<const N: usize>(&mut self) -> [V; N] {
        let first = self.next;
        self.next += (N * V::BLOCKS) as u32;
        let mut vectors = [self.vector; N];
        if (first & 0xff) + (N * V::BLOCKS) as u32 <= 256 {
            for vector in &mut vectors {
                *vector = self.vector;
                self.vector = self.vector.advance(V::BLOCKS as u8);
            }
            if self.next & 0xff != 0 {
                return vectors;
            }
        } else {
            vectors = one_by_one::<V, N>(self.token, self.iv, first);
        }
        self.vector = V::from_number(self.token, at(self.iv, self.next)).number();
        vectors
    }
}

/// The blocks from `first` on, over the edge where the last byte wraps.
#[cold]
#[inline(never)]
fn one_by_one<V: Vector, const N: usize>(token: V::Token, iv: u128, first: u32) -> [V; N] {
    std::array::from_fn(|i| {
        let first = first + (i * V::BLOCKS) as u32;
        let blocks: [_; BLOCKS_MAX] =
            std::array::from_fn(|j| at(iv, first + j as u32).to_le_bytes());
        V::load(token, blocks.as_flattened())
    })
}

/// The counter block with this count.
#[cfg_attr(not(debug_assertions), inline(always))]
fn at(iv: u128, count: u32) -> u128 {
    iv | u128::from((count as u16).swap_bytes()) << 112
}

/// Blocks in the widest vector.
const BLOCKS_MAX: usize = 4;

/// XORs the key stream that starts at the counter `first` into `data`, eight vectors at a time.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn apply_keystream<V: Vector, const KEYS: usize>(
    token: V::Token,
    keys: &[[u8; 16]; KEYS],
    iv: u128,
    first: u8,
    data: &mut [u8],
) {
    let keys = V::round_keys(token, keys);
    let mut counter = Counter::<V>::new(token, iv, first);
    let mut groups = data.chunks_exact_mut(8 * V::BYTES);
    for group in &mut groups {
        let keystream = V::encrypt::<KEYS, 8>(token, &keys, counter.take(), ());
        xor_whole(token, keystream, group);
    }
    let rest = groups.into_remainder();
    if !rest.is_empty() {
        tail(token, keys, counter, rest);
    }
}

/// At most eight vectors, the last of which may be partial.
#[cfg_attr(not(debug_assertions), inline(always))]
fn tail<V: Vector, const KEYS: usize>(
    token: V::Token,
    keys: V::RoundKeys<'_, KEYS>,
    counter: Counter<V>,
    data: &mut [u8],
) {
    macro_rules! dispatch {
        ($($n:literal)*) => {
            match data.len().div_ceil(V::BYTES) {
                $($n => partial::<V, KEYS, $n>(token, keys, counter, data),)*
                _ => unreachable!("invariant: less than one group"),
            }
        };
    }
    dispatch!(1 2 3 4 5 6 7 8);
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn partial<V: Vector, const KEYS: usize, const N: usize>(
    token: V::Token,
    keys: V::RoundKeys<'_, KEYS>,
    mut counter: Counter<V>,
    data: &mut [u8],
) {
    let keystream = V::encrypt::<KEYS, N>(token, &keys, counter.take(), ());
    let (whole, last) = data.split_at_mut((N - 1) * V::BYTES);
    for (chunk, key) in whole.chunks_exact_mut(V::BYTES).zip(keystream) {
        V::load(token, chunk).xor(key).store(chunk);
    }
    V::load_partial(token, last)
        .xor(keystream[N - 1])
        .store_partial(last);
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn xor_whole<V: Vector, const N: usize>(token: V::Token, keystream: [V; N], data: &mut [u8]) {
    for (chunk, key) in data.chunks_exact_mut(V::BYTES).zip(keystream) {
        V::load(token, chunk).xor(key).store(chunk);
    }
}

/// XORs the key stream of one packet into `data`, nothing for the NULL cipher: a kernel of its own, for what is rare.
pub(super) struct Keystream<'a> {
    pub(super) rounds: Rounds,
    pub(super) keys: &'a [[u8; 16]; ROUND_KEYS_MAX],
    /// The count of the first block.
    pub(super) first: u8,
    pub(super) data: &'a mut [u8],
}

impl Task for Keystream<'_> {
    type Output = ();

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn run<S: Simd>(self, token: S, iv: u128) {
        let Self {
            keys, first, data, ..
        } = self;
        let token = token.vectors();
        match self.rounds {
            Rounds::Null => {}
            Rounds::Aes128 => {
                let keys = keys.first_chunk().expect("invariant: 11 of 15");
                apply_keystream::<S::Vector, 11>(token, keys, iv, first, data);
            }
            Rounds::Aes256 => apply_keystream::<S::Vector, 15>(token, keys, iv, first, data),
        }
    }
}
