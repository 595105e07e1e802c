//! Bytes changed by chance.

use crate::chance::Chance;

/// Lengths in DER that are read most easily in a wrong way, and tags.
const SPECIAL: [u8; 12] = [
    0, 1, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff, 0x30, 0x03, 0x1f, 0xa0,
];

/// One to four changes, of which something is left and which together change something.
pub(crate) fn mutate(original: &[u8], chance: &mut Chance) -> Vec<u8> {
    loop {
        let mut bytes = original.to_vec();
        for _ in 0..=chance.below(4) {
            change(&mut bytes, chance);
        }
        if !bytes.is_empty() && bytes != original {
            return bytes;
        }
    }
}

fn change(bytes: &mut Vec<u8>, chance: &mut Chance) {
    if bytes.is_empty() {
        return;
    }
    let mut below = |bound: usize| chance.below(bound as u64) as usize;
    let at = below(bytes.len());
    let length = below(bytes.len() - at).min(1 + below(16));
    match below(8) {
        0 | 1 => bytes[at] ^= 1 << below(8),
        2 => bytes[at] = below(256) as u8,
        3 => bytes[at] = SPECIAL[below(SPECIAL.len())],
        4 => drop(bytes.drain(at..at + length)),
        5 => bytes.insert(at, below(256) as u8),
        6 => bytes.extend_from_within(at..at + length),
        _ => bytes.truncate(at),
    }
}
