//! The key state that all SIMD tiers share, computed once per session key.

use zeroize::Zeroize;

use super::AesKey;
use super::ctr::Keystream;
use super::prefetch;

/// Round keys of AES-256; AES-128 uses the first 11.
pub(super) const ROUND_KEYS_MAX: usize = 15;

/// Powers of the GHASH key: a group of the widest kernel, or what is shorter with the block of the lengths, and the associated data
/// before it.
pub(super) const POWERS: usize = 17;

/// An expanded AES key, or none for the NULL cipher.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounds {
    Null,
    Aes128,
    Aes256,
}

/// The five words of SHA-1 after the inner pad of HMAC, then the five after the outer pad: one row of 16 native words, as lanes load it.
#[repr(align(16))]
pub(super) struct Midstates(pub(super) [u8; 64]);

impl Midstates {
    /// Those of no key.
    pub(super) const ZERO: Self = Self([0; 64]);

    fn new(key: &[u8; 20]) -> Self {
        let mut row = Self::ZERO;
        let words = midstate(key, 0x36).into_iter().chain(midstate(key, 0x5c));
        for (place, word) in row.0.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *place = word.to_ne_bytes();
        }
        row
    }

    /// The state after the inner pad.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn inner(&self) -> [u32; 5] {
        self.words(0)
    }

    /// The state after the outer pad.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn outer(&self) -> [u32; 5] {
        self.words(5)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn words(&self, from: usize) -> [u32; 5] {
        let words = self.0.as_chunks::<4>().0;
        std::array::from_fn(|i| u32::from_ne_bytes(words[from + i]))
    }
}

/// AES in counter mode and HMAC-SHA1.
pub(super) struct CmState {
    pub(super) midstates: Midstates,
    keys: [[u8; 16]; ROUND_KEYS_MAX],
    pub(super) rounds: Rounds,
}

/// AES-GCM.
#[repr(C, align(16))]
pub(super) struct GcmState {
    /// H^17 down to H^1, each times 1/x and byte-reversed; then the round keys, so that a vector may be loaded that starts at a
    /// low power and runs over the end.
    blocks: [[u8; 16]; POWERS + ROUND_KEYS_MAX],
    pub(super) rounds: Rounds,
}

impl CmState {
    pub(super) fn new(
        cipher: Option<AesKey<'_>>,
        auth: &[u8; 20],
        sub_word: impl Fn(u32) -> u32,
    ) -> Self {
        let mut state = Self {
            midstates: Midstates::new(auth),
            keys: [[0; 16]; ROUND_KEYS_MAX],
            rounds: Rounds::Null,
        };
        if let Some(key) = cipher {
            state.rounds = expand(key, &mut state.keys, sub_word);
        }
        state
    }

    /// Asks for all that a packet reads.
    pub(super) fn prefetch(&self) {
        prefetch(&self.midstates);
        match self.rounds {
            Rounds::Null => {}
            Rounds::Aes128 => prefetch(self.keys::<11>()),
            Rounds::Aes256 => prefetch(self.keys::<15>()),
        }
    }

    /// The first `N` round keys.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn keys<const N: usize>(&self) -> &[[u8; 16]; N] {
        self.keys.first_chunk().expect("invariant: N is 11 or 15")
    }

    /// What enciphers `data`, or deciphers it, by itself.
    pub(super) fn keystream<'a>(&'a self, data: &'a mut [u8]) -> Keystream<'a> {
        Keystream {
            rounds: self.rounds,
            keys: &self.keys,
            first: 0,
            data,
        }
    }
}

impl GcmState {
    /// Expands the key; `powers` fills in the powers of the GHASH key when the round keys are there.
    pub(super) fn new(
        key: AesKey<'_>,
        sub_word: impl Fn(u32) -> u32,
        powers: impl FnOnce(&Self) -> [[u8; 16]; POWERS],
    ) -> Self {
        let blocks = [[0; 16]; POWERS + ROUND_KEYS_MAX];
        let mut state = Self {
            blocks,
            rounds: Rounds::Null,
        };
        let keys = state
            .blocks
            .last_chunk_mut()
            .expect("invariant: the round keys are last");
        state.rounds = expand(key, keys, sub_word);
        let mut powers = powers(&state);
        state.blocks[..POWERS].copy_from_slice(&powers);
        powers.zeroize();
        state
    }

    /// Asks for all that a packet reads.
    pub(super) fn prefetch(&self) {
        prefetch(&self.blocks);
    }

    /// The first `N` round keys.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn keys<const N: usize>(&self) -> &[[u8; 16]; N] {
        self.blocks[POWERS..]
            .first_chunk()
            .expect("invariant: N is 11 or 15")
    }

    /// What enciphers `data`, or deciphers it, by itself: block 1 masks the tag.
    pub(super) fn keystream<'a>(&'a self, data: &'a mut [u8]) -> Keystream<'a> {
        Keystream {
            rounds: self.rounds,
            keys: self.keys(),
            first: 2,
            data,
        }
    }

    /// The powers from H^`exponent` down, and what lies behind them.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn powers_from(&self, exponent: usize) -> &[[u8; 16]] {
        &self.blocks[POWERS - exponent..]
    }
}

impl Drop for Midstates {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Drop for CmState {
    fn drop(&mut self) {
        self.keys.zeroize();
    }
}

impl Drop for GcmState {
    fn drop(&mut self) {
        self.blocks.zeroize();
    }
}

/// The state of SHA-1 after the key XORed with the pad (RFC 2104).
fn midstate(key: &[u8; 20], pad: u8) -> [u32; 5] {
    let mut block = [pad; 64];
    for (b, k) in block.iter_mut().zip(key) {
        *b ^= k;
    }
    let mut state = [
        0x6745_2301,
        0xefcd_ab89,
        0x98ba_dcfe,
        0x1032_5476,
        0xc3d2_e1f0,
    ];
    sha1::block_api::compress(&mut state, &[block]);
    block.zeroize();
    state
}

/// The key expansion of FIPS 197 §5.2, over the S-box of the CPU.
fn expand(
    key: AesKey<'_>,
    keys: &mut [[u8; 16]; ROUND_KEYS_MAX],
    sub_word: impl Fn(u32) -> u32,
) -> Rounds {
    let (key, rounds, count): (&[u8], _, _) = match key {
        AesKey::Aes128(key) => (key, Rounds::Aes128, 11),
        AesKey::Aes192(_) => unreachable!("invariant: AES-192 runs on the portable tier"),
        AesKey::Aes256(key) => (key, Rounds::Aes256, 15),
    };
    let words = keys.as_flattened_mut();
    words[..key.len()].copy_from_slice(key);
    let mut rcon = 1u32;
    for at in (key.len()..16 * count).step_by(4) {
        let word = |at: usize| {
            u32::from_le_bytes(*words[at..].first_chunk().expect("invariant: whole words"))
        };
        let mut last = word(at - 4);
        if at % key.len() == 0 {
            last = sub_word(last).rotate_right(8) ^ rcon;
            rcon = (rcon << 1) ^ if rcon & 0x80 == 0 { 0 } else { 0x11b };
        } else if key.len() == 32 && at % 32 == 16 {
            last = sub_word(last);
        }
        let next = word(at - key.len()) ^ last;
        words[at..at + 4].copy_from_slice(&next.to_le_bytes());
    }
    rounds
}
