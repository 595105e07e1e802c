//! AES counter mode with HMAC-SHA1, one packet at a time and in groups.

use super::chains::Chain;
use super::ctr::{Counter, apply_keystream};
use super::message::{Digest, Tail, outer_block, verify_tag, write_tag};
use super::simd::{Simd, Task};
use super::state::{CmState, Rounds};
use super::vector::Vector;
use super::{Forged, Layout};

/// Enciphers one packet and writes its tag.
pub(super) struct Seal<'a> {
    pub(super) state: &'a CmState,
    pub(super) layout: &'a Layout,
    pub(super) buffer: &'a mut [u8],
    pub(super) tag_len: usize,
}

/// Verifies the tag of one packet and deciphers it. A forged packet is left as it was.
pub(super) struct Open<'a> {
    pub(super) state: &'a CmState,
    pub(super) layout: &'a Layout,
    pub(super) buffer: &'a mut [u8],
    pub(super) tag_len: usize,
}

impl Task for Seal<'_> {
    type Output = ();

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn run<S: Simd>(self, token: S, iv: u128) {
        let state = self.state;
        match state.rounds {
            Rounds::Null => self.seal_with::<S, 11>(token, iv, None),
            Rounds::Aes128 => self.seal_with::<S, 11>(token, iv, Some(state.keys())),
            Rounds::Aes256 => self.seal_with::<S, 15>(token, iv, Some(state.keys())),
        }
    }
}

impl Seal<'_> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn seal_with<S: Simd, const KEYS: usize>(
        self,
        token: S,
        iv: u128,
        keys: Option<&[[u8; 16]; KEYS]>,
    ) {
        let Layout { clear, end, .. } = *self.layout;
        let mut cipher = keys.map(|keys| Shadow::<S, KEYS>::new(token, keys, iv, clear));
        let packet = &mut self.buffer[..end];
        let mut chain = S::Chain::new(token.chains(), self.state.midstates.inner());
        for index in 0..end / 64 {
            if let Some(cipher) = &mut cipher {
                cipher.reach(packet, 64 * (index + LEAD));
            }
            chain = chain.update(token.chains(), &packet.as_chunks().0[index]);
        }
        if let Some(cipher) = &mut cipher {
            cipher.reach(packet, end);
        }
        let digest = finish(token, self.state, chain, packet, self.layout.trailer);
        write_tag(&mut self.buffer[self.layout.tag..][..self.tag_len], digest);
    }
}

impl Task for Open<'_> {
    type Output = Result<(), Forged>;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn run<S: Simd>(self, token: S, iv: u128) -> Self::Output {
        let state = self.state;
        match state.rounds {
            Rounds::Null => self.open_with::<S, 11>(token, iv, None),
            Rounds::Aes128 => self.open_with::<S, 11>(token, iv, Some(state.keys())),
            Rounds::Aes256 => self.open_with::<S, 15>(token, iv, Some(state.keys())),
        }
    }
}

impl Open<'_> {
    /// Deciphers what is hashed while the hash goes on; if the tag is wrong, the same key stream restores the packet.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn open_with<S: Simd, const KEYS: usize>(
        self,
        token: S,
        iv: u128,
        keys: Option<&[[u8; 16]; KEYS]>,
    ) -> Result<(), Forged> {
        let Layout {
            clear,
            end,
            tag,
            trailer,
            ..
        } = *self.layout;
        let mut tail = Tail::EMPTY;
        tail.fill::<S::Vector>(token.vectors(), &self.buffer[..end], trailer);
        let mut cipher = keys.map(|keys| Shadow::<S, KEYS>::new(token, keys, iv, clear));
        let (packet, behind) = self.buffer.split_at_mut(end);
        let mut chain = S::Chain::new(token.chains(), self.state.midstates.inner());
        for index in 0..end / 64 {
            chain = chain.update(token.chains(), &packet.as_chunks().0[index]);
            if let Some(cipher) = &mut cipher {
                cipher.stay_before(packet, 64 * (index + 1));
            }
        }
        let digest = finish_with(token, self.state, chain, &tail);
        let genuine = verify_tag(&behind[tag - end..][..self.tag_len], digest);
        if bool::from(genuine) {
            if let Some(cipher) = &mut cipher {
                cipher.reach(packet, end);
            }
            return Ok(());
        }
        if let Some(cipher) = cipher {
            // Rare, and so a call.
            let keystream = self.state.keystream(&mut packet[clear..cipher.at]);
            token.narrow().run(keystream, iv);
        }
        Err(Forged)
    }
}

/// How many blocks of SHA-1 the cipher keeps ahead of the hash, so that the hash never waits for a store.
const LEAD: usize = 3;

/// A cipher that runs in the shadow of the hash: SHA-1 leaves most of the CPU idle.
struct Shadow<'a, S: Simd, const KEYS: usize> {
    token: S,
    keys: &'a [[u8; 16]; KEYS],
    counter: Counter<S::Vector>,
    at: usize,
}

impl<'a, S: Simd, const KEYS: usize> Shadow<'a, S, KEYS> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn new(token: S, keys: &'a [[u8; 16]; KEYS], iv: u128, start: usize) -> Self {
        Self {
            token,
            keys,
            counter: Counter::new(token.vectors(), iv, 0),
            at: start,
        }
    }

    /// Goes on until `goal` is passed or the packet ends.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn reach(&mut self, packet: &mut [u8], goal: usize) {
        while self.at < goal.min(packet.len()) {
            let end = packet.len().min(self.at + STRIDE * S::Vector::BYTES);
            self.step(&mut packet[self.at..end]);
            self.at = end;
        }
    }

    /// Goes on in whole steps as long as `limit` is not passed.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn stay_before(&mut self, packet: &mut [u8], limit: usize) {
        while self.at + STRIDE * S::Vector::BYTES <= limit {
            let end = self.at + STRIDE * S::Vector::BYTES;
            self.step(&mut packet[self.at..end]);
            self.at = end;
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn step(&mut self, data: &mut [u8]) {
        let token = self.token.vectors();
        let vectors = self.counter.take::<STRIDE>();
        let keystream = S::Vector::encrypt::<KEYS, STRIDE>(
            token,
            &S::Vector::round_keys(token, self.keys),
            vectors,
            (),
        );
        for (chunk, key) in data.chunks_mut(S::Vector::BYTES).zip(keystream) {
            S::Vector::load_partial(self.token.vectors(), chunk)
                .xor(key)
                .store_partial(chunk);
        }
    }
}

/// Vectors in one step of a cipher in the shadow.
const STRIDE: usize = 2;

#[cfg_attr(not(debug_assertions), inline(always))]
fn finish<S: Simd>(
    token: S,
    state: &CmState,
    chain: S::Chain,
    packet: &[u8],
    trailer: Option<u32>,
) -> Digest {
    let mut tail = Tail::EMPTY;
    tail.fill::<S::Vector>(token.vectors(), packet, trailer);
    finish_with(token, state, chain, &tail)
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn finish_with<S: Simd>(token: S, state: &CmState, mut chain: S::Chain, tail: &Tail) -> Digest {
    for block in tail.blocks() {
        chain = chain.update(token.chains(), block);
    }
    let outer = S::Chain::new(token.chains(), state.midstates.outer());
    outer
        .update(token.chains(), &outer_block(chain.words()))
        .words()
}

/// XORs the key stream of a packet into `data`; nothing for the NULL cipher.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn keystream<S: Simd>(token: S, state: &CmState, iv: u128, data: &mut [u8]) {
    let token = token.vectors();
    match state.rounds {
        Rounds::Null => {}
        Rounds::Aes128 => apply_keystream::<S::Vector, 11>(token, state.keys(), iv, 0, data),
        Rounds::Aes256 => apply_keystream::<S::Vector, 15>(token, state.keys(), iv, 0, data),
    }
}
