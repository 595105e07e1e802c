//! AES-GCM over vectors of any width: counter mode and GHASH in one pass.
//!
//! While the key stream of a group is made, the group before it is hashed: the products of GHASH stand between the rounds of AES.
//! What is left after the whole groups leaves at least one block free in its last vector; the counter block that masks the tag is
//! enciphered there, and the block of the lengths is hashed there.

use super::Layout;
use super::ctr::Counter;
use super::ghash::Ghash;
use super::job::TRAILER_LEN;
use super::state::GcmState;
use super::vector::Vector;

/// Whether the packet is enciphered or deciphered: which side of the cipher GHASH sees.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Seal,
    Open,
}

/// One packet under way.
struct Pass<'a, V: Vector, const KEYS: usize> {
    token: V::Token,
    keys: &'a [[u8; 16]; KEYS],
    direction: Direction,
    iv: u128,
    counter: Counter<V>,
    hash: Ghash<'a, V>,
}

/// Enciphers or deciphers `buffer[clear..end]` and gives the tag that belongs to the packet.
///
/// `KEYS` round keys; `GROUP` vectors share a reduction.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn crypt<V: Vector, const KEYS: usize, const GROUP: usize>(
    token: V::Token,
    key: &GcmState,
    direction: Direction,
    iv: u128,
    layout: &Layout,
    buffer: &mut [u8],
) -> V::Block {
    let (aad, data) = buffer[..layout.end].split_at_mut(layout.clear);
    let aad_len = aad.len() + layout.trailer.map_or(0, |_| TRAILER_LEN);
    let lengths = u128::from(8 * aad_len as u64) << 64 | u128::from(8 * data.len() as u64);
    // The associated data share the first reduction: that of a group, or that of all with the block of the lengths.
    let behind = if has_group::<V, GROUP>(data) {
        GROUP * V::BLOCKS
    } else {
        data.len().div_ceil(16) + 1
    };
    let pass = Pass::<V, KEYS> {
        token,
        keys: key.keys(),
        direction,
        iv,
        counter: Counter::new(token, iv, 2),
        hash: Ghash::new(token, key, aad, layout.trailer, behind + 1),
    };
    let lengths = V::Block::from_number(token.into(), lengths.swap_bytes());
    pass.run::<GROUP>(data, lengths)
}

/// Calls `$call` with the number of vectors that `$data`, less than a group, takes up together with the block of the mask.
macro_rules! dispatch {
    ($data:ident, $group:ident, |$n:ident| $call:expr) => {
        dispatch!($data, $group, $n, $call, 1 2 3 4 5 6 7 8)
    };
    ($data:ident, $group:ident, $n:ident, $call:expr, $($number:literal)*) => {
        match $data.len().div_ceil(16) / V::BLOCKS {
            $(n if n + 1 == $number && $number <= $group => {
                const $n: usize = $number;
                $call
            })*
            _ => unreachable!("invariant: less than one group"),
        }
    };
}

impl<V: Vector, const KEYS: usize> Pass<'_, V, KEYS> {
    /// Runs the whole packet and gives the tag. `lengths` is their block.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn run<const N: usize>(mut self, data: &mut [u8], lengths: V::Block) -> V::Block {
        if !has_group::<V, N>(data) {
            return dispatch!(data, N, |M| {
                let counters = self.last_counters();
                let keys = V::round_keys(self.token, self.keys);
                let keystream = V::encrypt::<KEYS, M>(self.token, &keys, counters, ());
                self.finish(keystream, data, lengths)
            });
        }
        let keys = V::round_keys(self.token, self.keys);
        let (group, mut data) = data.split_at_mut(data.len().min(N * V::BYTES));
        let counters = self.counter.take();
        let keystream = V::encrypt::<KEYS, N>(self.token, &keys, counters, ());
        let mut hashed = self.apply(keystream, group, N - 1);
        while has_group::<V, N>(data) {
            let (group, behind) = data.split_at_mut(data.len().min(N * V::BYTES));
            let counters = self.counter.take();
            let beside = self.hash.beside(hashed, KEYS - 2);
            let keystream = V::encrypt::<KEYS, N>(self.token, &keys, counters, beside);
            hashed = self.apply(keystream, group, N - 1);
            data = behind;
        }
        dispatch!(data, N, |M| {
            let counters = self.last_counters();
            let beside = self.hash.beside(hashed, KEYS - 2);
            let keystream = V::encrypt::<KEYS, M>(self.token, &keys, counters, beside);
            self.finish(keystream, data, lengths)
        })
    }

    /// The last `N` vectors of counters, with that of the mask in the last place.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn last_counters<const N: usize>(&mut self) -> [V; N] {
        let mut counters = self.counter.take::<N>();
        let first = V::Block::from_number(self.token.into(), self.iv | 1 << 120);
        counters[N - 1] = counters[N - 1].with_last(first);
        counters
    }

    /// Applies the last `N` vectors of the key stream, of which the last has at least one block free, and gives the tag.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn finish<const N: usize>(
        self,
        keystream: [V; N],
        data: &mut [u8],
        lengths: V::Block,
    ) -> V::Block {
        let mask = keystream[N - 1].last();
        let blocks = data.len().div_ceil(16);
        let mut hashed = self.apply(keystream, data, N.saturating_sub(2));
        hashed[N - 1] = hashed[N - 1].with_block(blocks - (N - 1) * V::BLOCKS, lengths);
        self.hash.finish(hashed, blocks + 1).xor(mask)
    }

    /// Applies the key stream; gives the enciphered side, followed by zeros. Only the first `whole` vectors are sure to be whole.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn apply<const N: usize>(
        &self,
        mut keystream: [V; N],
        data: &mut [u8],
        whole: usize,
    ) -> [V; N] {
        let (sure, mut rest) = data.split_at_mut(whole * V::BYTES);
        for (chunk, key) in sure.chunks_exact_mut(V::BYTES).zip(&mut keystream) {
            *key = self.apply_whole(*key, chunk);
        }
        for key in &mut keystream[whole..] {
            let (chunk, behind) = rest.split_at_mut(rest.len().min(V::BYTES));
            // The last vector of a group is nearly always whole, which costs less than a masked one.
            *key = if whole + 1 == N && chunk.len() == V::BYTES {
                self.apply_whole(*key, chunk)
            } else {
                self.apply_partial(*key, chunk)
            };
            rest = behind;
        }
        keystream
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn apply_whole(&self, key: V, chunk: &mut [u8]) -> V {
        let before = V::load(self.token, chunk);
        let after = before.xor(key);
        after.store(chunk);
        self.enciphered(before, after)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn apply_partial(&self, key: V, chunk: &mut [u8]) -> V {
        let before = V::load_partial(self.token, chunk);
        let after = before.xor(key);
        after.store_partial(chunk);
        self.enciphered(before, after.truncate(chunk.len()))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn enciphered(&self, before: V, after: V) -> V {
        match self.direction {
            Direction::Seal => after,
            Direction::Open => before,
        }
    }
}

/// Whether `data` fill the vectors of a group, of which the last may end in a partial block.
#[cfg_attr(not(debug_assertions), inline(always))]
fn has_group<V: Vector, const N: usize>(data: &[u8]) -> bool {
    data.len() > 16 * (N * V::BLOCKS - 1)
}
