//! AES-GCM over vectors of any width: counter mode and GHASH in one pass.
//!
//! The blocks of a group are multiplied by descending powers of the hash key and summed without reduction, so a group costs one
//! reduction. While a group is hashed, the key stream of the next is made: neither waits for the other. What is left after the
//! whole groups leaves at least one block free in its last vector; the counter block that masks the tag is enciphered there, and
//! the block of the lengths is hashed there.

use super::Layout;
use super::ctr::Counter;
use super::state::GcmState;
use super::vector::{Vector, load_up_to_16};

/// Whether the packet is enciphered or deciphered: which side of the cipher GHASH sees.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Seal,
    Open,
}

/// The unreduced sum of products of blocks: low, middle and high.
#[derive(Clone, Copy)]
struct Sum<V>([V; 3]);

impl<V: Vector> Sum<V> {
    #[inline(always)]
    fn zero(token: V::Token) -> Self {
        Self([V::broadcast(token, &[0; 16]); 3])
    }

    #[inline(always)]
    fn product(a: V, b: V) -> Self {
        let middle = a.clmul::<0x01>(b).xor(a.clmul::<0x10>(b));
        Self([a.clmul::<0x00>(b), middle, a.clmul::<0x11>(b)])
    }

    /// Adds `a` times `b`.
    #[inline(always)]
    fn add_product(self, a: V, b: V) -> Self {
        let [low, middle, high] = self.0;
        Self([
            low.xor(a.clmul::<0x00>(b)),
            middle.xor3(a.clmul::<0x01>(b), a.clmul::<0x10>(b)),
            high.xor(a.clmul::<0x11>(b)),
        ])
    }

    /// The same sum in the first place of a wider vector.
    #[inline(always)]
    fn widen<W: Vector<Block = V>>(self) -> Sum<W> {
        let [low, middle, high] = self.0;
        Sum([W::widen(low), W::widen(middle), W::widen(high)])
    }

    /// Reduces modulo x^128 + x^7 + x^2 + x + 1, from the low end, 64 bits at a time.
    #[inline(always)]
    fn reduce(self, token: V::Token) -> V {
        let [low, middle, high] = self.0;
        let polynomial = V::broadcast(token, &REDUCTION);
        let middle = middle.xor3(low.swap_halves(), low.clmul::<0x00>(polynomial));
        high.xor3(middle.swap_halves(), middle.clmul::<0x00>(polynomial))
    }
}

/// x^127 + x^126 + x^121, bit-reflected: what the lowest 64 bits of a product are multiplied by to vanish.
const REDUCTION: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0xc2];

/// The powers of the hash key, from the highest to the first, each times 1/x.
#[inline(always)]
pub(super) fn powers<B: Vector<Block = B>, const KEYS: usize, const N: usize>(
    token: B::Token,
    keys: &[[u8; 16]; KEYS],
) -> [[u8; 16]; N] {
    let zero = B::broadcast(token, &[0; 16]);
    let [hash_key] = B::encrypt::<KEYS, 1>(token, keys, [zero]);
    let mut bytes = [0; 16];
    hash_key.reverse().store(&mut bytes);
    let key = u128::from_le_bytes(bytes);
    let carry = 0u128.wrapping_sub(key >> 127);
    let key = (key << 1) ^ (carry & 0xc200_0000_0000_0000_0000_0000_0000_0001);
    let key = B::from_number(token, key);
    let mut power = key;
    let mut powers = [[0; 16]; N];
    for place in powers.iter_mut().rev() {
        power.store(place);
        power = Sum::product(power, key).reduce(token);
    }
    powers
}

/// One packet under way.
struct Pass<'a, V: Vector> {
    token: V::Token,
    key: &'a GcmState,
    direction: Direction,
    iv: u128,
    counter: Counter<V>,
    /// GHASH up to here, to be added to the next block.
    hash: V::Block,
    /// Products that wait for the next reduction.
    sum: Sum<V>,
}

/// Enciphers or deciphers `buffer[clear..end]` and gives the tag that belongs to the packet.
///
/// `KEYS` round keys; `GROUP` vectors share a reduction.
#[inline(always)]
pub(super) fn crypt<V: Vector, const KEYS: usize, const GROUP: usize>(
    token: V::Token,
    key: &GcmState,
    direction: Direction,
    iv: u128,
    layout: &Layout,
    buffer: &mut [u8],
) -> V::Block {
    let (aad, data) = buffer[..layout.end].split_at_mut(layout.clear);
    let aad_len = aad.len() + layout.trailer.map_or(0, |t| t.len());
    let lengths = u128::from(8 * aad_len as u64) << 64 | u128::from(8 * data.len() as u64);
    let exponent = (GROUP * V::BLOCKS).min(data.len().div_ceil(16) + 1);
    let mut pass = Pass {
        token,
        key,
        direction,
        iv,
        counter: Counter::<V>::new(token, iv, 2),
        hash: V::Block::broadcast(token.into(), &[0; 16]),
        sum: associated::<V>(token, key, aad, layout.trailer, exponent + 1).widen(),
    };
    let rest = pass.groups::<KEYS, GROUP>(data);
    // The number of vectors that are left, counting the one with a block for the mask.
    macro_rules! dispatch {
        ($($n:literal)*) => {
            match rest.len().div_ceil(16) / V::BLOCKS {
                $(n if n + 1 == $n && $n <= GROUP => pass.rest::<KEYS, $n>(rest, lengths.swap_bytes()),)*
                _ => unreachable!("invariant: less than one group"),
            }
        };
    }
    dispatch!(1 2 3 4 5 6 7 8)
}

/// The product of a power of the hash key and the last block of associated data, with the hash of all before it.
#[inline(always)]
fn associated<V: Vector>(
    token: V::Token,
    key: &GcmState,
    aad: &[u8],
    trailer: Option<[u8; 4]>,
    exponent: usize,
) -> Sum<V::Block> {
    let power = |exponent: usize| V::Block::load(token.into(), &key.powers_from(exponent)[0]);
    let mut hash = V::Block::broadcast(token.into(), &[0; 16]);
    let add = |hash: V::Block, block: V::Block| {
        Sum::product(hash.xor(block.reverse()), power(1)).reduce(token.into())
    };
    let last_start = aad.len().saturating_sub(1) / 16 * 16;
    let (before, last) = match trailer {
        None => aad.split_at(last_start),
        Some(_) => aad.split_at(aad.len() / 16 * 16),
    };
    for block in before.chunks_exact(16) {
        hash = add(hash, V::Block::load(token.into(), block));
    }
    let last = match trailer {
        None => V::load_partial(token, last).first(),
        Some(trailer) => {
            let trailer = u128::from(u32::from_le_bytes(trailer));
            let shift = 8 * last.len() as u32;
            let block = V::Block::from_number(token.into(), load_up_to_16(last) | trailer << shift);
            if last.len() > 12 {
                hash = add(hash, block);
                V::Block::from_number(token.into(), trailer >> (128 - shift))
            } else {
                block
            }
        }
    };
    Sum::product(hash.xor(last.reverse()), power(exponent))
}

impl<V: Vector> Pass<'_, V> {
    /// Runs all whole groups, of which the last may end in a partial block; gives what is left.
    #[inline(always)]
    fn groups<'b, const KEYS: usize, const N: usize>(
        &mut self,
        mut data: &'b mut [u8],
    ) -> &'b mut [u8] {
        let least = 16 * (N * V::BLOCKS - 1) + 1;
        if data.len() < least {
            return data;
        }
        let mut keystream = self.keystream::<KEYS, N>();
        loop {
            let (group, behind) = data.split_at_mut(data.len().min(N * V::BYTES));
            let hashed = self.apply::<N>(keystream, group, N - 1);
            let more = behind.len() >= least;
            if more {
                keystream = self.keystream::<KEYS, N>();
            }
            self.add_products(hashed, N * V::BLOCKS);
            self.hash = self.sum.reduce(self.token).fold();
            self.sum = Sum::zero(self.token);
            data = behind;
            if !more {
                return data;
            }
        }
    }

    #[inline(always)]
    fn keystream<const KEYS: usize, const N: usize>(&mut self) -> [V; N] {
        V::encrypt::<KEYS, N>(self.token, self.key.keys(), self.counter.take())
    }

    /// Runs `N` vectors, of which the last has at least one block free, and gives the tag. `lengths` are bytes.
    #[inline(always)]
    fn rest<const KEYS: usize, const N: usize>(
        mut self,
        data: &mut [u8],
        lengths: u128,
    ) -> V::Block {
        let mut counters = self.counter.take::<N>();
        let first = V::Block::from_number(self.token.into(), self.iv | 1 << 120);
        counters[N - 1] = counters[N - 1].with_last(first);
        let keystream = V::encrypt::<KEYS, N>(self.token, self.key.keys(), counters);
        let mask = keystream[N - 1].last();
        let blocks = data.len().div_ceil(16);
        let mut hashed = self.apply::<N>(keystream, data, N.saturating_sub(2));
        let lengths = V::Block::from_number(self.token.into(), lengths);
        hashed[N - 1] = hashed[N - 1].with_block(blocks - (N - 1) * V::BLOCKS, lengths);
        self.add_products(hashed, blocks + 1);
        self.sum.reduce(self.token).fold().reverse().xor(mask)
    }

    /// Applies the key stream; gives the enciphered side, followed by zeros. Only the first `whole` vectors are sure to be whole.
    #[inline(always)]
    fn apply<const N: usize>(
        &self,
        mut keystream: [V; N],
        data: &mut [u8],
        whole: usize,
    ) -> [V; N] {
        let (sure, mut rest) = data.split_at_mut(whole * V::BYTES);
        for (chunk, key) in sure.chunks_exact_mut(V::BYTES).zip(&mut keystream) {
            let before = V::load(self.token, chunk);
            let after = before.xor(*key);
            after.store(chunk);
            *key = self.enciphered(before, after);
        }
        for key in &mut keystream[whole..] {
            let (chunk, behind) = rest.split_at_mut(rest.len().min(V::BYTES));
            let before = V::load_partial(self.token, chunk);
            let after = before.xor(*key);
            after.store_partial(chunk);
            *key = self.enciphered(before, after.truncate(chunk.len()));
            rest = behind;
        }
        keystream
    }

    #[inline(always)]
    fn enciphered(&self, before: V, after: V) -> V {
        match self.direction {
            Direction::Seal => after,
            Direction::Open => before,
        }
    }

    /// Adds the blocks, the first of them with the hash up to here, times the powers from H^`exponent` down.
    #[inline(always)]
    fn add_products<const N: usize>(&mut self, hashed: [V; N], exponent: usize) {
        let powers = self.key.powers_from(exponent).as_flattened();
        let mut hash = V::widen(self.hash);
        for (i, vector) in hashed.into_iter().enumerate() {
            let power = V::load(self.token, &powers[i * V::BYTES..]);
            self.sum = self.sum.add_product(vector.reverse().xor(hash), power);
            hash = V::broadcast(self.token, &[0; 16]);
        }
    }
}
