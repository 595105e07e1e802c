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
/// from another one. Ids are uniformly random (RFC 8489 §5): 32 bits of each are kept, and a
/// request is mistaken for another with a chance of 1 in 16 million.
#[derive(Debug, Hash)]
pub(crate) struct TransactionMemory {
    tags: [u32; LEN],
    slots: [u8; LEN],
    /// How many entries are in use.
    len: u16,
    /// The entry to overwrite next.
    next: u8,
}

impl TransactionMemory {
    pub(crate) const fn new() -> Self {
        Self {
            tags: [0; LEN],
            slots: [0; LEN],
            len: 0,
            next: 0,
        }
    }

    /// The slot of the path over which this id came first.
    pub(crate) fn origin(&self, id: TransactionId) -> Option<u8> {
        let tag = tag(id);
        // Without an early exit this becomes a handful of vector comparisons.
        if !self
            .tags
            .iter()
            .fold(false, |found, &known| found | (known == tag))
        {
            return None;
        }
        let used = self.tags.iter().take(usize::from(self.len));
        let (_, &slot) = used.zip(&self.slots).find(|&(&known, _)| known == tag)?;
        Some(slot)
    }

    /// Remembers an id instead of the oldest one.
    pub(crate) const fn remember(&mut self, id: TransactionId, slot: u8) {
        self.tags[self.next as usize] = tag(id);
        self.slots[self.next as usize] = slot;
        self.next = self.next.wrapping_add(1);
        if (self.len as usize) < LEN {
            self.len += 1;
        }
    }
}

const fn tag(id: TransactionId) -> u32 {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = id.0;
    u32::from_ne_bytes([a, b, c, d])
        ^ u32::from_ne_bytes([e, f, g, h])
        ^ u32::from_ne_bytes([i, j, k, l])
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(number: u32) -> TransactionId {
        let [a, b, c, d] = number.to_be_bytes();
        TransactionId([a, b, c, d, 9, 9, 9, 9, 1, 2, 3, 4])
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
