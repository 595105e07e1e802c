//! The memory that tells a replayed request from a retransmitted one.

use crate::stun::TransactionId;

/// How many transactions are remembered.
///
/// A stable Chromium checks every 2.5 s, so these reach back ten minutes; Firefox, every 5 s. An
/// older replay passes for a new check of the peer's: what it can do is bounded by the byte budget
/// of a new path, and by staying with the path that carries traffic.
const LEN: usize = 256;

/// Remembers the ids of the last authenticated requests, and for each the path it came over.
///
/// MESSAGE-INTEGRITY does not cover the source address, so whoever saw a request can send it again
/// from another one. Ids are uniformly random (RFC 8489 §5): 28 bits of each are kept, and a
/// request is mistaken for another with a chance of 1 in a million.
///
/// It grows with the requests that came: a call of a minute needs a tenth of what one of ten
/// minutes takes.
#[derive(Debug, Hash)]
pub(crate) struct TransactionMemory {
    /// A tag in the upper 28 bits, a slot in the lower 4.
    entries: Vec<u32>,
    /// The entry to overwrite next, once there are [`LEN`].
    next: u8,
}

/// The bits of an entry that hold the slot: there are 16 pairs at most.
const SLOT: u32 = 0xF;

impl TransactionMemory {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            next: 0,
        }
    }

    /// The slot of the path over which this id came first.
    pub(crate) fn origin(&self, id: TransactionId) -> Option<u8> {
        let tag = tag(id);
        let is_it = |entry: u32| entry & !SLOT == tag;
        // Without an early exit this becomes a handful of vector comparisons.
        if !self
            .entries
            .iter()
            .fold(false, |found, &entry| found | is_it(entry))
        {
            return None;
        }
        let entry = self.entries.iter().find(|&&entry| is_it(entry))?;
        Some((entry & SLOT) as u8)
    }

    /// Remembers an id instead of the oldest one.
    pub(crate) fn remember(&mut self, id: TransactionId, slot: u8) {
        let entry = tag(id) | (u32::from(slot) & SLOT);
        match self.entries.get_mut(usize::from(self.next)) {
            Some(oldest) => *oldest = entry,
            None => self.entries.push(entry),
        }
        self.next = ((usize::from(self.next) + 1) % LEN) as u8;
    }
}

const fn tag(id: TransactionId) -> u32 {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = id.0;
    let folded = u32::from_ne_bytes([a, b, c, d])
        ^ u32::from_ne_bytes([e, f, g, h])
        ^ u32::from_ne_bytes([i, j, k, l]);
    folded & !SLOT
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(number: u32) -> TransactionId {
        let [a, b, c, d] = number.to_be_bytes();
        // The low bits of what is folded are not kept.
        TransactionId([d << 4, d >> 4 | c << 4, b, a, 9, 9, 9, 9, 1, 2, 3, 4])
    }

    #[test]
    fn the_last_256_are_known() {
        let mut memory = TransactionMemory::new();
        for number in 0..300 {
            assert_eq!(memory.origin(id(number)), None);
            memory.remember(id(number), (number % 16) as u8);
        }
        for number in 0..300 {
            let expected = (number >= 44).then_some((number % 16) as u8);
            assert_eq!(memory.origin(id(number)), expected);
        }
    }

    #[test]
    fn an_unused_entry_is_no_match() {
        let memory = TransactionMemory::new();
        assert_eq!(memory.origin(TransactionId([0; 12])), None);
    }
}
