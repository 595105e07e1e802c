//! Bytes changed by chance that a seed decides.

/// A seeded source of chance: SplitMix64.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// One to four changes, of which something is left and which together change something.
    pub(crate) fn mutate(&mut self, original: &[u8]) -> Vec<u8> {
        loop {
            let mut bytes = original.to_vec();
            for _ in 0..=self.below(4) {
                self.change(&mut bytes);
            }
            if !bytes.is_empty() && bytes != original {
                return bytes;
            }
        }
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        /// Lengths in DER that are read most easily in a wrong way, and tags.
        const SPECIAL: [u8; 12] = [
            0, 1, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff, 0x30, 0x03, 0x1f, 0xa0,
        ];
        if bytes.is_empty() {
            return;
        }
        let at = self.below(bytes.len());
        let length = self.below(bytes.len() - at).min(1 + self.below(16));
        match self.below(8) {
            0 | 1 => bytes[at] ^= 1 << self.below(8),
            2 => bytes[at] = self.next() as u8,
            3 => bytes[at] = SPECIAL[self.below(SPECIAL.len())],
            4 => drop(bytes.drain(at..at + length)),
            5 => bytes.insert(at, self.next() as u8),
            6 => bytes.extend_from_within(at..at + length),
            _ => bytes.truncate(at),
        }
    }
}
