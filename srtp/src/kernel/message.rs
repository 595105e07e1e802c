//! The inner message of HMAC-SHA1 as blocks, and its digest as a tag.

use subtle::{Choice, ConstantTimeEq};

use super::job::TRAILER_LEN;
use super::simd::GROUP;
use super::state::Midstates;
use super::vector::{Vector, load_up_to_16};

/// A block of SHA-1.
pub(super) type Block = [u8; 64];

/// What a lane reads that has no block.
pub(super) const NO_BLOCK: &Block = &[0; 64];

/// The end of a message: what does not fill a block, the trailer and the padding.
#[derive(Clone, Copy)]
pub(super) struct Tail {
    blocks: [Block; 2],
    count: usize,
}

impl Tail {
    /// A place for a tail.
    pub(super) const EMPTY: Self = Self {
        blocks: [[0; 64]; 2],
        count: 0,
    };

    /// Becomes the tail of a packet followed by `trailer`, after one block of HMAC padding.
    ///
    /// It was empty before. A tail is filled where it stands, since a copy would wait for its small stores.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn fill<V: Vector>(&mut self, token: V::Token, packet: &[u8], trailer: Option<u32>) {
        let rest = packet.as_chunks::<64>().1;
        let bytes = self.blocks.as_flattened_mut();
        if V::BYTES == size_of::<Block>() {
            V::load_partial(token, rest).store(bytes);
        } else {
            // A narrower vector of what is left would be put together in memory, and wait for that.
            let (quarters, last) = rest.as_chunks::<16>();
            for (place, quarter) in bytes.as_chunks_mut::<16>().0.iter_mut().zip(quarters) {
                *place = *quarter;
            }
            bytes[16 * quarters.len()..][..16].copy_from_slice(&load_up_to_16(last).to_le_bytes());
        }
        let trailer_len = trailer.map_or(0, |_| TRAILER_LEN);
        let mark = 0x80 << (8 * trailer_len);
        let end = u64::from(trailer.map_or(0, u32::swap_bytes)) | mark;
        bytes[rest.len()..][..8].copy_from_slice(&end.to_le_bytes());
        self.count = if rest.len() + trailer_len < 56 { 1 } else { 2 };
        let bits = 8 * (64 + packet.len() + trailer_len) as u64;
        self.blocks[self.count - 1][56..].copy_from_slice(&bits.to_be_bytes());
    }

    /// Its one or two blocks.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks[..self.count]
    }
}

/// How many blocks the packet and its trailer make.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn block_count(packet_len: usize, trailer: Option<u32>) -> usize {
    (packet_len + trailer.map_or(0, |_| TRAILER_LEN) + 9).div_ceil(64)
}

/// One message for a lane: the midstates of its key, its whole blocks, its tail.
#[derive(Clone, Copy)]
pub(super) struct Lane<'a> {
    pub(super) midstates: &'a Midstates,
    pub(super) whole: &'a [Block],
    pub(super) tail: &'a [Block],
}

impl<'a> Lane<'a> {
    /// A lane with nothing to do.
    pub(super) const IDLE: Self = Self {
        midstates: &Midstates::ZERO,
        whole: &[],
        tail: &[],
    };

    /// The lane of a packet whose tail was built before.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn new(midstates: &'a Midstates, packet: &'a [u8], tail: &'a Tail) -> Self {
        Self {
            midstates,
            whole: packet.as_chunks().0,
            tail: tail.blocks(),
        }
    }

    /// The number of its blocks.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn len(&self) -> usize {
        self.whole.len() + self.tail.len()
    }

    /// Its block at `index`; any block where it has none.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn block(&self, index: usize) -> &'a Block {
        match self.whole.get(index) {
            Some(block) => block,
            None => self.tail.get(index - self.whole.len()).unwrap_or(NO_BLOCK),
        }
    }
}

/// The message of the outer hash: the inner digest and its padding, after one block of HMAC padding.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn outer_block(digest: [u32; 5]) -> Block {
    let mut block = [0; 64];
    for (bytes, word) in block.as_chunks_mut::<4>().0.iter_mut().zip(digest) {
        *bytes = word.to_be_bytes();
    }
    block[20] = 0x80;
    block[56..].copy_from_slice(&OUTER_BITS.to_be_bytes());
    block
}

/// Bits of the outer message: a block of padding and a digest.
pub(super) const OUTER_BITS: u64 = 8 * (64 + 20);

/// A digest of SHA-1.
pub(super) type Digest = [u32; 5];

/// Bytes of the longest tag.
pub(super) const TAG_MAX: usize = size_of::<Digest>();

/// The digests of a group: the first word of each, then the second of each. As wide kernels write them, and a word is read as it was
/// written: what is put together from several fresh stores would wait for them.
pub(super) type Digests = [[u32; GROUP]; 5];

/// The digest in the place `nth`.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn digest(digests: &Digests, nth: usize) -> Digest {
    std::array::from_fn(|word| digests[word][nth])
}

/// Writes the first bytes of the digest over `tag`.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn write_tag(tag: &mut [u8], digest: Digest) {
    // The tags of SRTP have 10 and 4 bytes; a copy of known length needs no call.
    match tag.len() {
        10 => {
            tag[..8].copy_from_slice(&first_words(digest).to_be_bytes());
            tag[8..].copy_from_slice(&third_half(digest).to_be_bytes());
        }
        4 => tag.copy_from_slice(&digest[0].to_be_bytes()),
        n => tag.copy_from_slice(&digest_bytes(digest)[..n]),
    }
}

/// Compares the first bytes of the digest with `tag`, in constant time.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn verify_tag(tag: &[u8], digest: Digest) -> Choice {
    match tag.len() {
        10 => {
            let theirs = load_up_to_16(&tag[..8]) as u64;
            let half = load_up_to_16(&tag[8..10]) as u16;
            theirs.ct_eq(&first_words(digest).to_be()) & half.ct_eq(&third_half(digest).to_be())
        }
        n => tag.ct_eq(&digest_bytes(digest)[..n]),
    }
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn first_words([a, b, ..]: Digest) -> u64 {
    u64::from(a) << 32 | u64::from(b)
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn third_half([_, _, c, ..]: Digest) -> u16 {
    (c >> 16) as u16
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn digest_bytes(digest: Digest) -> [u8; TAG_MAX] {
    let mut bytes = [0; TAG_MAX];
    for (bytes, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(digest) {
        *bytes = word.to_be_bytes();
    }
    bytes
}
