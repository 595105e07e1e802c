//! The index of an SRTP packet: its rollover counter and sequence number (RFC 3711 §3.3.1).

/// The largest index: 2^48 - 1.
pub(crate) const INDEX_MAX: u64 = (1 << 48) - 1;

/// The index nearest to `highest` that ends in `sequence_number`, given the highest index seen (RFC
/// 3711 §3.3.1 and appendix A); `None` if it is beyond 2^48 - 1.
///
/// The appendix subtracts one from the ROC modulo 2^32. An index below zero can't be, so with a ROC
/// of 0 the only candidate is the one above, and an index above 2^48 - 1 is never reached, since
/// the key has ended before.
#[inline]
pub(crate) fn estimate(highest: u64, sequence_number: u16) -> Option<u64> {
    let local = highest as u16;
    // The appendix in two's complement: a distance of exactly 2^15 keeps the ROC, whichever side it
    // is on.
    let same_roc = highest - u64::from(local) + u64::from(sequence_number);
    let distance = i32::from(sequence_number) - i32::from(local);
    let index = if distance > 0x8000 && same_roc > 0xffff {
        same_roc - 0x1_0000
    } else if distance < -0x8000 {
        same_roc + 0x1_0000
    } else {
        same_roc
    };
    (index <= INDEX_MAX).then_some(index)
}

/// The index of a ROC and a sequence number.
pub(crate) fn join(roc: u32, sequence_number: u16) -> u64 {
    u64::from(roc) << 16 | u64::from(sequence_number)
}

/// The ROC of an index.
pub(crate) fn roc(index: u64) -> u32 {
    (index >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3711 appendix A as it is printed, on ROC and s_l apart; where it steps below ROC 0 or
    /// above 2^32 - 1, `None`.
    fn appendix_a(roc: u32, s_l: u16, seq: u16) -> Option<u64> {
        let (seq, s_l) = (i64::from(seq), i64::from(s_l));
        let v = if s_l < 32768 {
            if seq - s_l > 32768 {
                roc.checked_sub(1)
            } else {
                Some(roc)
            }
        } else if s_l - 32768 > seq {
            roc.checked_add(1)
        } else {
            Some(roc)
        };
        v.map(|v| seq as u64 + u64::from(v) * 65536)
    }

    fn check(roc: u32, s_l: u16, seq: u16) {
        let expected = match appendix_a(roc, s_l, seq) {
            // Our choice: below ROC 0 there is no index, so the packet is one of ROC 0.
            None if roc == 0 => Some(u64::from(seq)),
            reference => reference,
        };
        assert_eq!(
            estimate(join(roc, s_l), seq),
            expected,
            "roc {roc}, s_l {s_l}, seq {seq}"
        );
    }

    /// T-SRT-02, RFC 3711 appendix A: every sequence number against every s_l near an edge, at the
    /// ends of the ROC.
    #[test]
    fn estimates_are_those_of_appendix_a_near_every_edge() {
        let near = |center: u16| (0..=64).map(move |i| center.wrapping_sub(32).wrapping_add(i));
        for s_l in near(0).chain(near(0x8000)) {
            for roc in [0, 1, 2, 0x7fff_ffff, u32::MAX - 1, u32::MAX] {
                for seq in 0..=u16::MAX {
                    check(roc, s_l, seq);
                }
            }
        }
    }

    /// T-SRT-02: all pairs of distance 0, 1, 2^15 - 1, 2^15 and 2^15 + 1, for every s_l.
    #[test]
    fn estimates_are_those_of_appendix_a_at_every_distance_that_matters() {
        for s_l in 0..=u16::MAX {
            for distance in [0, 1, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0x8002, 0xffff] {
                for roc in [0, 1, u32::MAX] {
                    check(roc, s_l, s_l.wrapping_add(distance));
                }
            }
        }
    }

    /// T-SRT-02: what the estimate is for: any packet less than 2^15 ahead or behind is found.
    #[test]
    fn packets_within_half_a_cycle_are_found() {
        for highest in [
            0x7fff,
            0x8000,
            0xffff,
            0x1_0000,
            0x1_7fff,
            INDEX_MAX - 0x1_0000,
        ] {
            for distance in (0..0x8000).step_by(7).chain([0x7ffe, 0x7fff]) {
                let ahead = highest + distance;
                assert_eq!(estimate(highest, ahead as u16), Some(ahead));
                if let Some(behind) = highest.checked_sub(distance) {
                    assert_eq!(estimate(highest, behind as u16), Some(behind));
                }
            }
        }
    }
}
