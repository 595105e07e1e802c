//! GHASH (NIST SP 800-38D §6.4) over vectors of any width, in steps that stand between the rounds of AES.
//!
//! The blocks of a group are multiplied by descending powers of the hash key and summed without reduction, so a group costs one
//! reduction, and that is done beside the next group.

use super::state::GcmState;
use super::vector::{Beside, Vector, load_up_to_16, unroll};

/// The hash of a packet under way.
pub(super) struct Ghash<'a, V: Vector> {
    token: V::Token,
    key: &'a GcmState,
    /// Products that wait for their reduction.
    sum: Sum<V>,
    /// What is reduced, to be added to the next block: in the first place, zeros behind it.
    hash: V,
    /// What is being multiplied.
    factors: (V, V),
}

/// The unreduced sum of products of blocks.
#[derive(Clone, Copy)]
struct Sum<V> {
    low: V,
    middle: V,
    high: V,
}

/// x^127 + x^126 + x^121, bit-reflected: what the lowest 64 bits of a product are multiplied by to vanish.
const REDUCTION: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0xc2];

/// Steps of a reduction, and of the products of a vector.
const STEPS: usize = 3;

impl<'a, V: Vector> Ghash<'a, V> {
    /// The hash of the associated data, whose last block is multiplied by the hash key to the power of `exponent`: one more than there
    /// are blocks behind it until the first reduction.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn new(
        token: V::Token,
        key: &'a GcmState,
        aad: &[u8],
        trailer: Option<u32>,
        exponent: usize,
    ) -> Self {
        Self {
            token,
            key,
            sum: associated::<V>(token, key, aad, trailer, exponent).widen(),
            hash: V::broadcast(token, &[0; 16]),
            factors: (V::broadcast(token, &[0; 16]), V::broadcast(token, &[0; 16])),
        }
    }

    /// Hashes whole `vectors`, after all before, beside `rounds` rounds of AES.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn beside<const N: usize>(
        &mut self,
        vectors: [V; N],
        rounds: usize,
    ) -> impl Beside<V> + use<'_, 'a, V, N> {
        Absorb {
            powers: self.key.powers_from(N * V::BLOCKS).as_flattened(),
            hash: self,
            vectors,
            rounds,
        }
    }

    /// The hash of all before and of `vectors`, of which only the first `blocks` blocks count.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn finish<const N: usize>(mut self, vectors: [V; N], blocks: usize) -> V::Block {
        let powers = self.key.powers_from(blocks).as_flattened();
        self.multiply_all(&vectors, powers);
        self.reduce_all();
        self.hash.first().reverse()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn multiply_all<const N: usize>(&mut self, vectors: &[V; N], powers: &[u8]) {
        for i in (0..N).rev() {
            for step in 0..STEPS {
                self.multiply(vectors, powers, i, step);
            }
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn reduce_all(&mut self) {
        for step in 0..STEPS {
            self.reduce(step);
        }
    }

    /// One of the products of a vector, of which the first in the packet comes last: it waits for the hash up to it.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn multiply<const N: usize>(&mut self, vectors: &[V; N], powers: &[u8], i: usize, step: usize) {
        if step == 0 {
            let mut a = vectors[i].reverse();
            if i == 0 {
                a = a.xor(self.hash);
            }
            self.factors = (a, V::load(self.token, &powers[i * V::BYTES..]));
        }
        let (a, b) = self.factors;
        let Sum { low, middle, high } = &mut self.sum;
        match step {
            0 => *low = low.xor(a.clmul::<0x00>(b)),
            1 => *middle = middle.xor3(a.clmul::<0x01>(b), a.clmul::<0x10>(b)),
            _ => *high = high.xor(a.clmul::<0x11>(b)),
        }
    }

    /// Keeps what was computed up to here in front of what follows.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn pin(&mut self) {
        let Sum { low, middle, high } = &mut self.sum;
        for part in [low, middle, high, &mut self.factors.0] {
            *part = part.pin();
        }
    }

    /// Reduces the sum modulo x^128 + x^7 + x^2 + x + 1, from the low end, 64 bits at a time, and starts a new one.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn reduce(&mut self, step: usize) {
        match step {
            0 => self.sum.reduce_low(self.token),
            1 => self.sum.reduce_middle(self.token),
            _ => {
                self.hash = V::widen(self.sum.high.fold());
                self.sum = Sum::zero(self.token);
            }
        }
    }
}

/// Vectors that are hashed beside AES.
struct Absorb<'h, 'a, V: Vector, const N: usize> {
    hash: &'h mut Ghash<'a, V>,
    vectors: [V; N],
    /// From that of the first block down.
    powers: &'a [u8],
    /// The rounds of AES.
    rounds: usize,
}

impl<V: Vector, const N: usize> Beside<V> for Absorb<'_, '_, V, N> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn round<const M: usize>(&mut self, round: usize, mut enciphered: [V; M]) -> [V; M] {
        if V::STITCHED {
            let (first, end) = (self.steps_before(round), self.steps_before(round + 1));
            unroll!(i < end - first => {
                self.step(first + i);
            });
            enciphered[0] = enciphered[0].pin();
            self.hash.pin();
        } else if round + 1 == self.rounds {
            self.hash.multiply_all(&self.vectors, self.powers);
            self.hash.reduce_all();
        }
        enciphered
    }
}

impl<V: Vector, const N: usize> Absorb<'_, '_, V, N> {
    /// All are done in two thirds of the rounds: what waits for the sum has time left.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn steps_before(&self, round: usize) -> usize {
        let steps = STEPS * (N + 1);
        (3 * steps * round / (2 * self.rounds)).min(steps)
    }

    /// The products, then their reduction.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn step(&mut self, step: usize) {
        let (nth, step) = (step / STEPS, step % STEPS);
        if nth < N {
            let i = N - 1 - nth;
            self.hash.multiply(&self.vectors, self.powers, i, step);
        } else {
            self.hash.reduce(step);
        }
    }
}

impl<V: Vector> Sum<V> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn zero(token: V::Token) -> Self {
        let zero = V::broadcast(token, &[0; 16]);
        Self {
            low: zero,
            middle: zero,
            high: zero,
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn product(a: V, b: V) -> Self {
        Self {
            low: a.clmul::<0x00>(b),
            middle: a.clmul::<0x01>(b).xor(a.clmul::<0x10>(b)),
            high: a.clmul::<0x11>(b),
        }
    }

    /// The same sum in the first place of a wider vector.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn widen<W: Vector<Block = V>>(self) -> Sum<W> {
        Sum {
            low: W::widen(self.low),
            middle: W::widen(self.middle),
            high: W::widen(self.high),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn reduce(mut self, token: V::Token) -> V {
        self.reduce_low(token);
        self.reduce_middle(token);
        self.high
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn reduce_low(&mut self, token: V::Token) {
        let Self { low, middle, .. } = *self;
        let carried = low.clmul::<0x00>(V::broadcast(token, &REDUCTION));
        self.middle = middle.xor3(low.swap_halves(), carried);
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn reduce_middle(&mut self, token: V::Token) {
        let Self { middle, high, .. } = *self;
        let carried = middle.clmul::<0x00>(V::broadcast(token, &REDUCTION));
        self.high = high.xor3(middle.swap_halves(), carried);
    }
}

/// The powers of the hash key, from the highest to the first, each times 1/x.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn powers<B: Vector<Block = B>, const KEYS: usize, const N: usize>(
    token: B::Token,
    keys: &[[u8; 16]; KEYS],
) -> [[u8; 16]; N] {
    let zero = B::broadcast(token, &[0; 16]);
    let [hash_key] = B::encrypt::<KEYS, 1>(token, &B::round_keys(token, keys), [zero], ());
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

/// The product of the hash key and the last block of associated data, with the hash of all before it.
#[cfg_attr(not(debug_assertions), inline(always))]
fn associated<V: Vector>(
    token: V::Token,
    key: &GcmState,
    aad: &[u8],
    trailer: Option<u32>,
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
            let trailer = u128::from(trailer.swap_bytes());
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
