//! Record numbers: 16 bits of epoch, 48 bits of sequence number, and how the few bits that a
//! unified header carries grow back to the whole (RFC 9147 §4.2.2).

use std::fmt;

/// The largest sequence number of an epoch (RFC 6347 §4.1; kept for DTLS 1.3, where 2^48 records
/// of the least size would be five petabytes).
pub(crate) const MAX_SEQUENCE: u64 = (1 << 48) - 1;

/// Epoch and sequence number of a record, ordered by epoch first.
///
/// RFC 9147 §8 has 64-bit epochs, but no peer can pass 2^16: each epoch costs a KeyUpdate with a
/// `message_seq` of 16 bits. So both fit in one word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RecordNumber(u64);

impl RecordNumber {
    /// The number of record `sequence` of `epoch`; `sequence` is at most [`MAX_SEQUENCE`].
    pub(crate) const fn new(epoch: u16, sequence: u64) -> Self {
        debug_assert!(sequence <= MAX_SEQUENCE);
        Self((epoch as u64) << 48 | (sequence & MAX_SEQUENCE))
    }

    /// The number that an ACK names, unless it is one that no record of ours can have.
    pub(crate) fn from_ack(epoch: u64, sequence: u64) -> Option<Self> {
        let epoch = u16::try_from(epoch).ok()?;
        (sequence <= MAX_SEQUENCE).then(|| Self::new(epoch, sequence))
    }

    /// The epoch.
    pub(crate) const fn epoch(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// The sequence number within the epoch.
    pub(crate) const fn sequence(self) -> u64 {
        self.0 & MAX_SEQUENCE
    }

    /// Both in one, as DTLS 1.2 has them in its header, nonce and additional data.
    pub(crate) const fn combined(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for RecordNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch(), self.sequence())
    }
}

/// The epoch that ends in the two bits `wire` and is the largest not above `newest`; if there is
/// none, the least that ends so.
///
/// Since we know at most three epochs at a time, no two of them share their last two bits.
pub(super) fn reconstruct_epoch(wire: u8, newest: u16) -> u16 {
    let candidate = (newest & !3) | u16::from(wire & 3);
    if candidate > newest {
        candidate.saturating_sub(4) | u16::from(wire & 3)
    } else {
        candidate
    }
}

/// The sequence number closest to `expected` whose low bits, selected by `mask` (0xff or 0xffff),
/// are `wire`. `expected` is one more than the highest number deprotected so far.
// RFC 9147 §4.2.2: the closest to one plus the highest deprotected record of the epoch.
pub(super) fn reconstruct_sequence(wire: u16, mask: u16, expected: u64) -> u64 {
    let mask = u64::from(mask);
    let step = mask + 1;
    let ahead = u64::from(wire).wrapping_sub(expected) & mask;
    let above = expected + ahead;
    let below_is_closer = ahead > step / 2 || above > MAX_SEQUENCE;
    if below_is_closer && above >= step {
        above - step
    } else {
        above.min(MAX_SEQUENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Straight from the definition: try every number with these low bits near `expected`.
    fn nearest(wire: u16, mask: u16, expected: u64) -> u64 {
        let step = i128::from(mask) + 1;
        let base = i128::from(expected) / step * step + i128::from(wire & mask);
        (-2..=2)
            .map(|n| base + n * step)
            .filter(|&candidate| (0..=i128::from(MAX_SEQUENCE)).contains(&candidate))
            .min_by_key(|&candidate| {
                // On a tie the higher wins.
                ((candidate - i128::from(expected)).abs(), -candidate)
            })
            .map(|candidate| u64::try_from(candidate).unwrap())
            .unwrap()
    }

    /// T-REC-09, RFC 9147 §4.2.2.
    #[test]
    fn t_rec_09_sequence_is_the_nearest_one() {
        let edges = [
            0,
            1 << 8,
            1 << 15,
            1 << 16,
            1 << 17,
            5 << 16,
            1 << 32,
            MAX_SEQUENCE + 1,
        ];
        for (mask, bits) in [(0xffff_u16, 16), (0xff, 8)] {
            for edge in edges {
                for offset in -300_i64..=300 {
                    let Some(expected) = edge.checked_add_signed(offset) else {
                        continue;
                    };
                    if expected > MAX_SEQUENCE + 1 {
                        continue;
                    }
                    for wire in (0..1_u32 << bits).step_by(if bits == 8 { 1 } else { 251 }) {
                        let wire = wire as u16;
                        assert_eq!(
                            reconstruct_sequence(wire, mask, expected),
                            nearest(wire, mask, expected),
                            "wire {wire} mask {mask} expected {expected}"
                        );
                    }
                }
            }
        }
    }

    /// T-REC-09: every 8-bit pair, and all 16-bit values around a few expectations.
    #[test]
    fn t_rec_09_sequence_exhaustively() {
        for expected in (0..1024).chain(MAX_SEQUENCE - 1024..=MAX_SEQUENCE + 1) {
            for wire in 0..=0xff {
                assert_eq!(
                    reconstruct_sequence(wire, 0xff, expected),
                    nearest(wire, 0xff, expected)
                );
            }
        }
        for expected in [
            0,
            1,
            0x7fff,
            0x8000,
            0x8001,
            0xffff,
            0x1_0000,
            0x1_8000,
            MAX_SEQUENCE,
        ] {
            for wire in 0..=0xffff {
                assert_eq!(
                    reconstruct_sequence(wire, 0xffff, expected),
                    nearest(wire, 0xffff, expected)
                );
            }
        }
    }

    /// RFC 9147 §4.2.2.
    #[test]
    fn epoch_is_the_largest_known() {
        for newest in 0..=70 {
            for wire in 0..4 {
                let epoch = reconstruct_epoch(wire, newest);
                assert_eq!(epoch & 3, u16::from(wire));
                let best = (0..=newest).rev().find(|e| e & 3 == u16::from(wire));
                assert_eq!(epoch, best.unwrap_or(u16::from(wire)), "{wire} {newest}");
            }
        }
        assert_eq!(reconstruct_epoch(2, u16::MAX), u16::MAX - 1);
    }

    #[test]
    fn order_is_epoch_first() {
        assert!(RecordNumber::new(2, 0) > RecordNumber::new(1, MAX_SEQUENCE));
        assert!(RecordNumber::new(2, 1) > RecordNumber::new(2, 0));
        let number = RecordNumber::new(u16::MAX, MAX_SEQUENCE);
        assert_eq!(
            (number.epoch(), number.sequence()),
            (u16::MAX, MAX_SEQUENCE)
        );
        assert_eq!(format!("{:?}", RecordNumber::new(3, 14)), "3.14");
    }

    /// RFC 9147 §7: an ACK may name anything.
    #[test]
    fn acks_name_impossible_numbers() {
        assert_eq!(RecordNumber::from_ack(1 << 16, 0), None);
        assert_eq!(RecordNumber::from_ack(u64::MAX, u64::MAX), None);
        assert_eq!(RecordNumber::from_ack(3, MAX_SEQUENCE + 1), None);
        assert_eq!(RecordNumber::from_ack(3, 7), Some(RecordNumber::new(3, 7)));
    }
}
