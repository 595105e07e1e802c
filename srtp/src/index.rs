//! The index of an SRTP packet: its rollover counter and sequence number (RFC 3711 §3.3.1).

/// The largest index: 2^48 - 1.
pub(crate) const INDEX_MAX: u64 = (1 << 48) - 1;

/// How many indexes one ROC has.
const CYCLE: u64 = 1 << 16;

/// How far an index may lie before or behind the highest for its ROC to be sure: half a cycle.
pub(crate) const HALF_CYCLE: u64 = CYCLE / 2;

/// There is no index where the estimate leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutOfRange {
    /// It would be of the ROC before 0.
    Below,
    /// It would be beyond 2^48 - 1.
    Above,
}

/// The index nearest to `highest` that ends in `sequence_number`, given the highest index seen (RFC
/// 3711 §3.3.1 and appendix A).
///
/// The appendix counts the ROC modulo 2^32. But what lies before ROC 0 was never sent, and what
/// lies beyond ROC 2^32 - 1 would be under a key that has ended.
#[inline]
pub(crate) fn estimate(highest: u64, sequence_number: u16) -> Result<u64, OutOfRange> {
    let local = highest as u16;
    // The appendix in two's complement: a distance of exactly 2^15 keeps the ROC, whichever side it
    // is on.
    let same_roc = highest - u64::from(local) + u64::from(sequence_number);
    let distance = i32::from(sequence_number) - i32::from(local);
    let index = if distance > 0x8000 {
        same_roc.checked_sub(CYCLE).ok_or(OutOfRange::Below)?
    } else if distance < -0x8000 {
        same_roc + CYCLE
    } else {
        same_roc
    };
    if index > INDEX_MAX {
        return Err(OutOfRange::Above);
    }
    Ok(index)
}

/// The index of the same sequence number one ROC further on.
pub(crate) fn after(index: u64) -> Option<u64> {
    Some(index + CYCLE).filter(|&index| index <= INDEX_MAX)
}

/// The index of the same sequence number one ROC before.
pub(crate) fn before(index: u64) -> Option<u64> {
    index.checked_sub(CYCLE)
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

    /// RFC 3711 appendix A as printed, on ROC and s_l separately, except that nothing wraps.
    fn appendix_a(roc: u32, s_l: u16, seq: u16) -> Result<u64, OutOfRange> {
        let (seq, s_l) = (i64::from(seq), i64::from(s_l));
        let v = if s_l < 32768 {
            if seq - s_l > 32768 {
                roc.checked_sub(1).ok_or(OutOfRange::Below)
            } else {
                Ok(roc)
            }
        } else if s_l - 32768 > seq {
            roc.checked_add(1).ok_or(OutOfRange::Above)
        } else {
            Ok(roc)
        };
        v.map(|v| seq as u64 + u64::from(v) * 65536)
    }

    fn check(roc: u32, s_l: u16, seq: u16) {
        assert_eq!(
            estimate(join(roc, s_l), seq),
            appendix_a(roc, s_l, seq),
            "roc {roc}, s_l {s_l}, seq {seq}"
        );
    }

    #[test]
    fn neighbours_are_one_roc_apart() {
        assert_eq!(after(5), Some(0x1_0005));
        assert_eq!(after(INDEX_MAX), None);
        assert_eq!(after(INDEX_MAX - CYCLE), Some(INDEX_MAX));
        assert_eq!(before(0x1_0005), Some(5));
        assert_eq!(before(0xffff), None);
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
                assert_eq!(estimate(highest, ahead as u16), Ok(ahead));
                if let Some(behind) = highest.checked_sub(distance) {
                    assert_eq!(estimate(highest, behind as u16), Ok(behind));
                }
            }
        }
    }
}
