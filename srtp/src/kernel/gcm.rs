//! AES-GCM over vectors of any width: counter mode and GHASH in one pass.
//!
//! The blocks of a group are multiplied by descending powers of the hash key and summed without reduction, so a group costs one
//! reduction. The cipher of the next group does not depend on it, so an out-of-order CPU runs both at once.

use super::Layout;
use super::ctr::Counter;
use super::state::{GcmState, POWERS};
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
    let key = B::broadcast(token, &key.to_le_bytes());
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
    counter: Counter<V>,
    /// GHASH up to here, to be added to the next block.
    hash: V::Block,
    /// Products that wait for the reduction at the end.
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
    iv: &[u8; 16],
    layout: &Layout,
    buffer: &mut [u8],
) -> [u8; 16] {
    let (aad, data) = buffer[..layout.end].split_at_mut(layout.clear);
    let aad_len = aad.len() + layout.trailer.map_or(0, |t| t.len());
    let blocks = data.len().div_ceil(16);
    let zero = V::Block::broadcast(token.into(), &[0; 16]);
    let mut pass = Pass {
        token,
        key,
        direction,
        counter: Counter::<V>::new(token, iv, 2),
        hash: zero,
        sum: Sum([V::widen(zero); 3]),
    };
    let lengths = u128::from(8 * aad_len as u64) << 64 | u128::from(8 * data.len() as u64);
    let first = Counter::<V::Block>::new(token.into(), iv, 1).take::<1>();
    let mut groups = data.chunks_exact_mut(GROUP * V::BYTES);
    if aad_len <= 16 && blocks + 2 <= GROUP * V::BLOCKS {
        let aad = pass.block(short_aad(aad, layout.trailer));
        let power = V::Block::load(token.into(), &key.powers_from(blocks + 2)[0]);
        pass.sum = Sum::product(aad, power).widen();
    } else {
        pass.hash_aad(aad, layout.trailer);
        for group in &mut groups {
            pass.group::<KEYS, GROUP>(group);
        }
    }
    pass.finish::<KEYS, GROUP>(groups.into_remainder(), lengths, first)
}

impl<V: Vector> Pass<'_, V> {
    /// A block of bytes as GHASH wants it.
    #[inline(always)]
    fn block(&self, bytes: u128) -> V::Block {
        V::Block::load(self.token.into(), &bytes.to_le_bytes()).reverse()
    }

    /// Hashes associated data that is longer than a block, or that precedes a long packet.
    #[inline(always)]
    fn hash_aad(&mut self, aad: &[u8], trailer: Option<[u8; 4]>) {
        if aad.len() <= 12 {
            let block = self.block(short_aad(aad, trailer));
            let key = V::Block::load(self.token.into(), &self.key.powers_from(1)[0]);
            self.hash = Sum::product(block, key).reduce(self.token.into());
            return;
        }
        let key = V::Block::load(self.token.into(), &self.key.powers_from(1)[0]);
        let whole = aad.chunks_exact(16);
        let rest = whole.remainder();
        for block in whole {
            let block = V::Block::load(self.token.into(), block).reverse();
            self.hash = Sum::product(self.hash.xor(block), key).reduce(self.token.into());
        }
        let mut last = [0; 32];
        last[..16].copy_from_slice(&load_up_to_16(rest).to_le_bytes());
        let mut len = rest.len();
        if let Some(trailer) = trailer {
            last[len..len + 4].copy_from_slice(&trailer);
            len += 4;
        }
        for block in last[..16 * len.div_ceil(16)].chunks_exact(16) {
            let block = V::Block::load(self.token.into(), block).reverse();
            self.hash = Sum::product(self.hash.xor(block), key).reduce(self.token.into());
        }
    }

    /// Runs one whole group.
    #[inline(always)]
    fn group<const KEYS: usize, const N: usize>(&mut self, data: &mut [u8]) {
        let keystream = V::encrypt::<KEYS, N>(self.token, self.key.keys(), self.counter.take());
        let zero = Sum([V::broadcast(self.token, &[0; 16]); 3]);
        let sum = self.multiply::<N, false>(zero, keystream, data, N * V::BLOCKS);
        self.hash = sum.reduce(self.token).fold();
    }

    /// Runs what is left and the block of the lengths, and gives the tag. `first` is the counter block that masks it.
    #[inline(always)]
    fn finish<const KEYS: usize, const GROUP: usize>(
        mut self,
        data: &mut [u8],
        lengths: u128,
        first: [V::Block; 1],
    ) -> [u8; 16] {
        let [mask] = V::Block::encrypt::<KEYS, 1>(self.token.into(), self.key.keys(), first);
        macro_rules! dispatch {
            ($($n:literal)*) => {
                match data.len().div_ceil(V::BYTES) {
                    0 => {}
                    $($n if $n <= GROUP => self.rest::<KEYS, $n>(data),)*
                    _ => unreachable!("invariant: less than one group"),
                }
            };
        }
        dispatch!(1 2 3 4 5 6 7 8);
        // The value of the lengths is a number already: nothing to reverse.
        let lengths = V::Block::load(self.token.into(), &lengths.to_le_bytes()).xor(self.hash);
        let power = V::Block::load(self.token.into(), &self.key.powers_from(1)[0]);
        let hash = self.sum.add_product(V::widen(lengths), V::widen(power));
        let hash = hash.reduce(self.token).fold();
        let mut tag = [0; 16];
        hash.reverse().xor(mask).store(&mut tag);
        tag
    }

    /// Runs `N` vectors, the last of which may be partial, in front of the block of the lengths.
    #[inline(always)]
    fn rest<const KEYS: usize, const N: usize>(&mut self, data: &mut [u8]) {
        let keystream = V::encrypt::<KEYS, N>(self.token, self.key.keys(), self.counter.take());
        let blocks = data.len().div_ceil(16);
        let exponent = POWERS.min(blocks + 1);
        self.sum = self.multiply::<N, true>(self.sum, keystream, data, exponent);
        self.hash = V::Block::broadcast(self.token.into(), &[0; 16]);
        if blocks == POWERS {
            // No power was left for the lengths: they follow behind a reduction.
            self.hash = self.sum.reduce(self.token).fold();
            self.sum = Sum([V::broadcast(self.token, &[0; 16]); 3]);
        }
    }

    /// Applies the key stream, and adds to `sum` the blocks times the powers from H^`exponent` down.
    #[inline(always)]
    fn multiply<const N: usize, const PARTIAL: bool>(
        &self,
        mut sum: Sum<V>,
        keystream: [V; N],
        data: &mut [u8],
        exponent: usize,
    ) -> Sum<V> {
        let powers = self.key.powers_from(exponent).as_flattened();
        let mut hash = V::widen(self.hash);
        let (whole, last) = data.split_at_mut((N - 1) * V::BYTES);
        for (i, chunk) in whole.chunks_exact_mut(V::BYTES).enumerate() {
            let before = V::load(self.token, chunk);
            let after = before.xor(keystream[i]);
            after.store(chunk);
            let hashed = if self.direction == Direction::Seal {
                after
            } else {
                before
            };
            let power = V::load(self.token, &powers[i * V::BYTES..]);
            sum = sum.add_product(hashed.reverse().xor(hash), power);
            hash = V::broadcast(self.token, &[0; 16]);
        }
        let hashed = if PARTIAL {
            let before = V::load_partial(self.token, last);
            let after = before.xor(keystream[N - 1]);
            after.store_partial(last);
            match self.direction {
                Direction::Seal => after.truncate(last.len()),
                Direction::Open => before,
            }
        } else {
            self.apply(keystream[N - 1], last)
        };
        let power = V::load(self.token, &powers[(N - 1) * V::BYTES..]);
        sum.add_product(hashed.reverse().xor(hash), power)
    }

    /// Applies the key stream to a whole vector of data; gives the enciphered side.
    #[inline(always)]
    fn apply(&self, keystream: V, chunk: &mut [u8]) -> V {
        let before = V::load(self.token, chunk);
        let after = before.xor(keystream);
        after.store(chunk);
        if self.direction == Direction::Seal {
            after
        } else {
            before
        }
    }
}

/// Associated data of at most one block.
#[inline(always)]
fn short_aad(aad: &[u8], trailer: Option<[u8; 4]>) -> u128 {
    let trailer = trailer.map_or(0, u32::from_le_bytes);
    let shift = 8 * aad.len() as u32 % 128;
    load_up_to_16(aad) | u128::from(trailer) << shift
}
