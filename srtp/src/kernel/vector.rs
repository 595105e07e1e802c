//! What the kernels ask of a vector of AES blocks, whatever its width.
//!
//! A vector type has no public constructor but those that take a token, and a token exists only where the CPU check passed: a
//! vector is its own proof that its instructions may run. So the kernels written over [`Vector`] need no `unsafe`; it stands in the
//! few lines of each implementation.
//!
//! Everything here is `#[cfg_attr(not(debug_assertions), inline(always))]`: the instructions become part of the `#[target_feature]` function that starts the kernel.
//! What is long is so only where the compiler optimizes: without, each place it is inlined at takes its own part of the stack.

/// One or more AES blocks in a register.
pub(super) trait Vector: Copy {
    /// The proof that the CPU has the instructions.
    type Token: Copy + Into<<Self::Block as Vector>::Token>;
    /// The vector of one block on the same CPU.
    type Block: Vector<Block = Self::Block>;
    /// An expanded key: in registers where there are enough of them, else where it stands.
    type RoundKeys<'k, const KEYS: usize>: Copy;
    /// Blocks in a vector.
    const BLOCKS: usize;
    /// Whether there are registers enough to hash between the rounds of AES.
    const STITCHED: bool = false;
    /// Bytes in a vector.
    const BYTES: usize = 16 * Self::BLOCKS;

    /// The first [`Vector::BYTES`] of `bytes`, which must be there.
    fn load(token: Self::Token, bytes: &[u8]) -> Self;
    /// `bytes`, at most [`Vector::BYTES`] of them, followed by zeros.
    fn load_partial(token: Self::Token, bytes: &[u8]) -> Self;
    /// `block` in every place.
    fn broadcast(token: Self::Token, block: &[u8; 16]) -> Self;
    /// A block in every place, given as a little-endian number: from registers, where a load would wait for stores.
    fn from_number(token: Self::Token, block: u128) -> Self;
    /// `block` in the first place, zeros behind it.
    fn widen(block: Self::Block) -> Self;
    /// Writes the vector into the first [`Vector::BYTES`] of `bytes`, which must be there.
    fn store(self, bytes: &mut [u8]);
    /// Fills `bytes`, at most [`Vector::BYTES`] of them, with the start of the vector.
    fn store_partial(self, bytes: &mut [u8]);

    /// The first `len` bytes, zeros behind them.
    fn truncate(self, len: usize) -> Self;

    /// The first block.
    fn first(self) -> Self::Block;
    /// The last block.
    fn last(self) -> Self::Block;
    /// The vector with another last block.
    fn with_last(self, block: Self::Block) -> Self;
    /// The vector with `block` at `place`, where it has zeros.
    fn with_block(self, place: usize, block: Self::Block) -> Self;
    /// Whether all bits are zero. One test of all: its time says nothing of where there is a one.
    fn is_zero(self) -> bool;

    /// The same vector, which from here on can't be made earlier or later: compilers move instructions, and what stands between
    /// the rounds of AES is to stay there.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn pin(self) -> Self {
        self
    }

    /// The sum in GF(2)[x].
    fn xor(self, other: Self) -> Self;
    /// The sum of three, which some CPUs have in one instruction.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn xor3(self, other: Self, third: Self) -> Self {
        self.xor(other).xor(third)
    }
    /// The sum of all blocks.
    fn fold(self) -> Self::Block;
    /// Each block with its bytes in reverse order, as GHASH wants them.
    fn reverse(self) -> Self;
    /// Each block with its halves exchanged.
    fn swap_halves(self) -> Self;
    /// In each block the carry-less product of one half of `self` and one of `other`: bit 0 of `HALVES` takes the high
    /// half of `self`, bit 4 that of `other`.
    fn clmul<const HALVES: i32>(self, other: Self) -> Self;

    /// Numbers the places: adds 0, 1, ... to the last byte of each block.
    fn number(self) -> Self;
    /// Adds `blocks` to the last byte of each block, without carry.
    fn advance(self, blocks: u8) -> Self;

    /// The round keys, ready for [`Vector::encrypt`].
    fn round_keys<const KEYS: usize>(
        token: Self::Token,
        keys: &[[u8; 16]; KEYS],
    ) -> Self::RoundKeys<'_, KEYS>;
    /// The blocks of all vectors, enciphered with an expanded key of `KEYS` round keys.
    ///
    /// `beside` is called with a number from 0 to `KEYS - 3` after each round but the last: what it does fills the time in which
    /// rounds wait for each other.
    fn encrypt<const KEYS: usize, const N: usize>(
        token: Self::Token,
        keys: &Self::RoundKeys<'_, KEYS>,
        vectors: [Self; N],
        beside: impl Beside<Self>,
    ) -> [Self; N];
}

/// What is done between the rounds of AES.
pub(super) trait Beside<V> {
    /// The share of this round. The vectors that are enciphered pass through, so that they can be pinned.
    fn round<const N: usize>(&mut self, round: usize, vectors: [V; N]) -> [V; N];
}

/// Nothing.
impl<V> Beside<V> for () {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn round<const N: usize>(&mut self, _: usize, vectors: [V; N]) -> [V; N] {
        vectors
    }
}

/// Repeats a block for each number below `$end`, at most 13, without a loop: in one, vectors that are chosen by its number
/// would stand in memory.
macro_rules! unroll {
    ($i:ident < $end:expr => $body:block) => {
        unroll!($i, $end, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12)
    };
    ($i:ident, $end:expr, $body:block, $($number:literal)*) => {
        $(if $number < $end {
            let $i = $number;
            $body
        })*
    };
}
pub(super) use unroll;

/// Bytes of ones, then as many zeros as the widest vector without masks has: a window over the edge keeps the bytes in front of it.
pub(super) const EDGE: &[u8; 64] = &{
    let mut edge = [0; 64];
    let mut i = 0;
    while i < 32 {
        edge[i] = 0xff;
        i += 1;
    }
    edge
};

/// Up to 16 bytes as a little-endian number.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn load_up_to_16(bytes: &[u8]) -> u128 {
    let n = bytes.len();
    if n <= 8 {
        return load_up_to_8(bytes).into();
    }
    assert!(n <= 16, "invariant: at most one block");
    u128::from(word(bytes, 0)) | u128::from(word(bytes, n - 8)) << (8 * (n - 8))
}

/// Up to 8 bytes as a little-endian number: loads that may overlap, for a copy of unknown length would be a call.
#[cfg_attr(not(debug_assertions), inline(always))]
fn load_up_to_8(bytes: &[u8]) -> u64 {
    match bytes.len() {
        8.. => word(bytes, 0),
        n @ 4..8 => {
            let first = u32::from_le_bytes(*bytes.first_chunk().expect("invariant: 4 bytes"));
            let last = u32::from_le_bytes(*bytes.last_chunk().expect("invariant: 4 bytes"));
            u64::from(first) | u64::from(last) << (8 * (n - 4))
        }
        n @ 1..4 => {
            let middle = u64::from(bytes[n / 2]) << (8 * (n / 2));
            let last = u64::from(bytes[n - 1]) << (8 * (n - 1));
            u64::from(bytes[0]) | middle | last
        }
        0 => 0,
    }
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("invariant: 8 bytes"))
}

#[cfg(test)]
mod tests {
    use super::load_up_to_16;

    #[test]
    fn short_loads_are_zero_filled() {
        let bytes: [u8; 16] = std::array::from_fn(|i| 0xf0 | i as u8);
        for n in 0..=16 {
            let mut expected = [0; 16];
            expected[..n].copy_from_slice(&bytes[..n]);
            assert_eq!(
                load_up_to_16(&bytes[..n]).to_le_bytes(),
                expected,
                "{n} bytes"
            );
        }
    }
}
