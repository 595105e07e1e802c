//! The replay list (RFC 3711 §3.3.2).

use crate::index::{self, HALF_CYCLE};

/// Which indexes of one sequence have been used.
///
/// The bits stand elsewhere, those of all streams of a table in one piece, so that they can be of
/// any size without a pointer per stream: `bits` has a power of two of bits, at least 64, of which
/// index `i` has bit `i` modulo their number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ReplayList {
    /// One above the highest index; 0 if there was none.
    next: u64,
    /// Every index below counts as used.
    floor: u64,
}

/// What a replay list says of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was not used.
    New,
    /// It was used.
    Used,
    /// It is below the window, so nobody knows.
    TooOld,
}

impl ReplayList {
    /// A list without indexes, which takes none below `floor`: where the first ROC starts, or up to
    /// half a cycle before.
    pub(crate) fn starting_at(floor: u64) -> Self {
        Self { next: 0, floor }
    }

    /// A list that knows nothing but that `next` is to be taken next: all before it count as used.
    pub(crate) fn continuing_at(next: u64) -> Self {
        Self { next, floor: next }
    }

    /// What is left of the list without its window: nothing up to the highest index is new.
    pub(crate) fn without_window(&self) -> Self {
        Self {
            next: self.next,
            floor: self.next(),
        }
    }

    /// The highest index, if there was one.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.next.checked_sub(1)
    }

    /// The lowest index that may be new, whatever the window: one above the highest, or where the
    /// list starts.
    pub(crate) fn next(&self) -> u64 {
        self.next.max(self.floor)
    }

    /// The ROC of the first index, where there was none.
    pub(crate) fn first_roc(&self) -> u32 {
        index::roc(self.floor + HALF_CYCLE)
    }

    /// Whether `index` was used.
    #[inline(always)]
    pub(crate) fn check(&self, bits: &[u64], index: u64) -> Verdict {
        if index < self.floor {
            return Verdict::TooOld;
        }
        if index >= self.next {
            return Verdict::New;
        }
        // RFC 3711 §3.3.2: the window ends in the highest index authenticated.
        if self.next - index > window(bits) {
            return Verdict::TooOld;
        }
        let (word, bit) = place(bits, index);
        if bits[word] & bit == 0 {
            Verdict::New
        } else {
            Verdict::Used
        }
    }

    /// Says what [`ReplayList::check`] says, and marks a new `index` as used.
    #[inline(always)]
    pub(crate) fn enter(&mut self, bits: &mut [u64], index: u64) -> Verdict {
        let verdict = self.check(bits, index);
        if verdict == Verdict::New {
            self.insert(bits, index);
        }
        verdict
    }

    /// Marks `index` as used. One below the window is left as it is.
    #[inline(always)]
    fn insert(&mut self, bits: &mut [u64], index: u64) {
        if index >= self.next {
            if index > self.next {
                clear(bits, self.next, index - self.next);
            }
            self.next = index + 1;
        } else if self.next - index > window(bits) {
            return;
        }
        let (word, bit) = place(bits, index);
        bits[word] |= bit;
    }
}

#[inline(always)]
fn window(bits: &[u64]) -> u64 {
    bits.len() as u64 * 64
}

/// The word and the bit of `index`.
#[inline(always)]
fn place(bits: &[u64], index: u64) -> (usize, u64) {
    let word = (index / 64) as usize & (bits.len() - 1);
    (word, 1 << (index % 64))
}

/// Clears the bits of `count` indexes from `first` on: after a loss.
#[inline(never)]
fn clear(bits: &mut [u64], first: u64, count: u64) {
    if count >= window(bits) {
        bits.fill(0);
        return;
    }
    let end = first + count;
    let mut index = first;
    while index < end {
        let in_word = (64 - index % 64).min(end - index);
        let mask = (u64::MAX >> (64 - in_word)) << (index % 64);
        bits[place(bits, index).0] &= !mask;
        index += in_word;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// T-SRT-13, RFC 3711 §3.3.2: at the edges of the window, after 10^6 packets.
    #[test]
    fn the_window_has_its_exact_size() {
        for words in [1_usize, 2, 16] {
            let mut bits = vec![0; words];
            let window = window(&bits);
            let mut list = ReplayList::default();
            for index in (0..1_000_000).filter(|i| i % 3 != 0) {
                list.insert(&mut bits, index);
            }
            let highest = list.highest().expect("packets were inserted");
            for back in [window - 1, window - 2, window - 3] {
                let index = highest - back;
                let expected = if index % 3 == 0 {
                    Verdict::New
                } else {
                    Verdict::Used
                };
                assert_eq!(list.check(&bits, index), expected, "{words} {back}");
            }
            assert_eq!(list.check(&bits, highest - window), Verdict::TooOld);
            assert_eq!(list.check(&bits, highest - window - 1), Verdict::TooOld);
            assert_eq!(list.check(&bits, 0), Verdict::TooOld);
            assert_eq!(list.check(&bits, highest + 1), Verdict::New);
        }
    }

    #[test]
    fn floors_are_kept() {
        let mut bits = [0; 2];
        let mut list = ReplayList::continuing_at(1000);
        assert_eq!(list.highest(), Some(999));
        assert_eq!(list.check(&bits, 999), Verdict::TooOld);
        assert_eq!(list.check(&bits, 1000), Verdict::New);
        list.insert(&mut bits, 1005);
        assert_eq!(list.check(&bits, 999), Verdict::TooOld);
        assert_eq!(list.check(&bits, 1004), Verdict::New);
        assert_eq!(list.check(&bits, 1005), Verdict::Used);
    }

    proptest! {
        /// RFC 3711 §3.3.2: against a set that forgets nothing, over jumps of every size.
        #[test]
        fn it_agrees_with_a_set(
            words in prop::sample::select(vec![1_usize, 2, 4, 16]),
            steps in prop::collection::vec((any::<bool>(), 0_u64..3000), 1..400),
        ) {
            let mut bits = vec![0; words];
            let window = window(&bits);
            let mut list = ReplayList::default();
            let mut set = HashSet::new();
            let mut at = 0_u64;
            for (ahead, step) in steps {
                at = if ahead { at + step % 200 } else { at.saturating_sub(step) };
                let highest = set.iter().copied().max();
                let expected = match highest {
                    Some(highest) if at + window <= highest => Verdict::TooOld,
                    _ if set.contains(&at) => Verdict::Used,
                    _ => Verdict::New,
                };
                prop_assert_eq!(list.check(&bits, at), expected);
                list.insert(&mut bits, at);
                if expected == Verdict::New {
                    set.insert(at);
                }
            }
        }
    }
}
