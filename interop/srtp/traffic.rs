//! Random RTP and RTCP packets, and a network that loses, doubles, delays and spoils them.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use srtp::Kind;

use crate::peer::Keying;

/// The SSRCs that packets have.
pub(crate) const SSRCS: [u32; 4] = [1, 0xdead_beef, 0x8000_0000, u32::MAX];

/// The largest step from one sequence number to the next. With what is delayed or lost around it, less than 2^15.
const STEP_MAX: u32 = 0x6000;

/// The fewest packets of a stream between two large steps: were all packets between them lost, the stream would be lost for good.
const LARGE_STEPS_APART: u32 = 40;

/// The most packets that are delayed at a time.
const DELAYED_MAX: usize = 32;

/// Packets of some streams, their sequence numbers going up in steps small and large.
pub(crate) struct Traffic {
    rng: StdRng,
    /// The index of each stream's last packet.
    at: [Option<u64>; SSRCS.len()],
    /// How many packets of each stream have come since its last large step.
    since_large: [u32; SSRCS.len()],
    first_roc: u32,
    only_known_extensions: bool,
    csrcs_alone: bool,
    held: Option<(Kind, Vec<u8>)>,
}

impl Traffic {
    pub(crate) fn new(seed: u64, keying: &Keying) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            at: [None; SSRCS.len()],
            since_large: [0; SSRCS.len()],
            first_roc: keying.first_roc,
            only_known_extensions: !keying.encrypted.is_empty() || keying.cryptex,
            csrcs_alone: keying.csrcs_alone,
            held: None,
        }
    }

    /// The next packet to seal.
    pub(crate) fn next(&mut self) -> (Kind, Vec<u8>) {
        if let Some(held) = self.held.take() {
            return held;
        }
        if self.rng.random_ratio(1, 20) {
            return (Kind::Rtcp, self.rtcp());
        }
        let stream = self.rng.random_range(0..SSRCS.len());
        let is_first = self.at[stream].is_none();
        let packet = self.rtp(stream, 0);
        if !is_first && self.rng.random_ratio(1, 20) {
            let ahead = self.rtp(stream, 1);
            self.held = Some((Kind::Rtp, packet));
            return (Kind::Rtp, ahead);
        }
        (Kind::Rtp, packet)
    }

    fn rtp(&mut self, stream: usize, step: u32) -> Vec<u8> {
        let rng = &mut self.rng;
        self.since_large[stream] += 1;
        let step = match rng.random_range(0..1000) {
            _ if step > 0 => step,
            0..10 if self.since_large[stream] > LARGE_STEPS_APART => {
                self.since_large[stream] = 0;
                rng.random_range(1..STEP_MAX)
            }
            10..100 => rng.random_range(1..100),
            _ => 1,
        };
        let first = u64::from(self.first_roc) << 16;
        let index = match self.at[stream] {
            Some(at) => at + u64::from(step),
            None => first + rng.random_range(0..0x1_0000),
        };
        self.at[stream] = Some(index);

        let csrcs = if rng.random_ratio(1, 5) {
            rng.random_range(0..16_u8)
        } else {
            0
        };
        let mut packet = vec![0x80 | csrcs, rng.random_range(0..128)];
        packet.extend((index as u16).to_be_bytes());
        packet.extend(rng.random::<u32>().to_be_bytes());
        packet.extend(SSRCS[stream].to_be_bytes());
        packet.extend((0..4 * csrcs).map(|_| rng.random::<u8>()));
        if rng.random_ratio(1, 3) || csrcs > 0 && !self.csrcs_alone {
            packet[0] |= 0x10;
            packet.extend(extension(rng, self.only_known_extensions));
        }
        let len = rng.random_range(0..1400) >> rng.random_range(0..8);
        packet.extend((0..len).map(|_| rng.random::<u8>()));
        if len > 0 && rng.random_ratio(1, 10) {
            packet[0] |= 0x20;
            let last = packet.len() - 1;
            packet[last] = rng.random_range(1..=len.min(255)) as u8;
        }
        packet
    }

    fn rtcp(&mut self) -> Vec<u8> {
        let rng = &mut self.rng;
        let words: u16 = rng.random_range(1..100);
        let mut packet = vec![0x80, rng.random_range(200..=207)];
        packet.extend(words.to_be_bytes());
        packet.extend(SSRCS[rng.random_range(0..SSRCS.len())].to_be_bytes());
        packet.extend((0..4 * (words - 1)).map(|_| rng.random::<u8>()));
        packet
    }
}

/// A header extension of one-byte elements without padding between them, or of a kind that nobody knows.
fn extension(rng: &mut StdRng, only_known: bool) -> Vec<u8> {
    let mut extension = if only_known || rng.random_ratio(3, 4) {
        let mut extension = vec![0xbe, 0xde, 0, 0];
        for id in 1..rng.random_range(2..6_u8) {
            let len = rng.random_range(0..16_u8);
            extension.push(id << 4 | len);
            extension.extend((0..=len).map(|_| rng.random::<u8>()));
        }
        extension
    } else {
        let mut extension = vec![0x12, 0x34, 0, 0];
        extension.resize(4 + 4 * rng.random_range(1..8), 0xaa);
        extension
    };
    extension.resize(extension.len().next_multiple_of(4), 0);
    extension[3] = (extension.len() / 4 - 1) as u8;
    extension
}

/// A network.
pub(crate) struct Network {
    rng: StdRng,
    delayed: Vec<(Kind, Vec<u8>)>,
    sent: usize,
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            delayed: Vec::new(),
            sent: 0,
        }
    }

    /// Takes a packet; gives what arrives then.
    pub(crate) fn transfer(&mut self, kind: Kind, packet: Vec<u8>) -> Vec<(Kind, Vec<u8>)> {
        self.sent += 1;
        // A receiver that misses a stream's first packets may find the next ones or not; that is tested elsewhere.
        if self.sent < 100 {
            return vec![(kind, packet)];
        }
        let mut arriving = Vec::new();
        match self.rng.random_range(0..100) {
            0..3 => {}
            3..6 => arriving.extend([(kind, packet.clone()), (kind, packet)]),
            6..8 => {
                let mut spoiled = packet.clone();
                let at = self.rng.random_range(0..spoiled.len());
                spoiled[at] ^= 1 << self.rng.random_range(0..8);
                arriving.extend([(kind, spoiled), (kind, packet)]);
            }
            8..10 => {
                let mut cut = packet;
                cut.truncate(self.rng.random_range(0..cut.len()));
                arriving.push((kind, cut));
            }
            10..20 if self.delayed.len() < DELAYED_MAX => self.delayed.push((kind, packet)),
            _ => arriving.push((kind, packet)),
        }
        if !self.delayed.is_empty() && self.rng.random_ratio(1, 8) {
            let place = self.rng.random_range(0..self.delayed.len());
            arriving.push(self.delayed.swap_remove(place));
        }
        arriving
    }
}
