//! Which bytes of a message are covered: by fragments received, or by ACKs.

use std::ops::Range;

/// A set of byte positions below a fixed length.
///
/// Holds no heap until a part, but not the whole, is covered; then one bit for each byte.
#[derive(Clone, Debug)]
pub(super) struct Coverage {
    length: u32,
    missing: u32,
    bits: Vec<u64>,
}

impl Coverage {
    /// The empty set of positions `0..length`.
    pub(super) fn new(length: u32) -> Self {
        Self {
            length,
            missing: length,
            bits: Vec::new(),
        }
    }

    /// Whether all positions are covered.
    pub(super) fn is_complete(&self) -> bool {
        self.missing == 0
    }

    /// How many positions are not covered.
    pub(super) fn missing(&self) -> u32 {
        self.missing
    }

    /// Bytes of heap in use.
    pub(super) fn heap(&self) -> usize {
        self.bits.len() * size_of::<u64>()
    }

    /// Adds `range`, clamped to the length.
    pub(super) fn insert(&mut self, range: Range<u32>) {
        let range = range.start..range.end.min(self.length);
        if range.is_empty() || self.is_complete() {
            return;
        }
        if range == (0..self.length) {
            self.missing = 0;
        } else {
            if self.bits.is_empty() {
                self.bits = vec![0; self.length.div_ceil(64) as usize];
            }
            for (word, mask) in words(range) {
                if let Some(bits) = self.bits.get_mut(word) {
                    self.missing -= (mask & !*bits).count_ones();
                    *bits |= mask;
                }
            }
        }
        if self.is_complete() {
            self.bits = Vec::new();
        }
    }

    /// The first run of positions at or after `from` that are not covered.
    pub(super) fn gap(&self, from: u32) -> Option<Range<u32>> {
        if self.is_complete() || from >= self.length {
            return None;
        }
        if self.bits.is_empty() {
            return Some(from..self.length);
        }
        let start = self.find(from, false);
        let end = self.find(start, true);
        (start < end).then_some(start..end)
    }

    /// The first position at or after `from` whose coverage is `covered`, or the length.
    fn find(&self, from: u32, covered: bool) -> u32 {
        for (word, mask) in words(from..self.length) {
            let bits = self.bits.get(word).copied().unwrap_or_default();
            let found = mask & if covered { bits } else { !bits };
            if found != 0 {
                return word as u32 * 64 + found.trailing_zeros();
            }
        }
        self.length
    }
}

/// Splits a range of bits into words of 64, each with the mask of the bits concerned.
fn words(range: Range<u32>) -> impl Iterator<Item = (usize, u64)> {
    let Range { start, end } = range;
    (start / 64..end.div_ceil(64)).map(move |word| {
        let low = start.saturating_sub(word * 64).min(63);
        let high = (end - word * 64).min(64);
        (word as usize, (u64::MAX << low) & (u64::MAX >> (64 - high)))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gaps(coverage: &Coverage) -> Vec<Range<u32>> {
        let mut from = 0;
        std::iter::from_fn(|| {
            let gap = coverage.gap(from)?;
            from = gap.end;
            Some(gap)
        })
        .collect()
    }

    #[test]
    fn whole_at_once_needs_no_heap() {
        let mut coverage = Coverage::new(1000);
        assert_eq!(coverage.gap(0), Some(0..1000));
        assert_eq!(coverage.gap(999), Some(999..1000));
        coverage.insert(0..1000);
        assert!(coverage.is_complete());
        assert_eq!((coverage.heap(), coverage.gap(0)), (0, None));
    }

    #[test]
    fn an_empty_message_is_complete() {
        assert!(Coverage::new(0).is_complete());
        assert_eq!(Coverage::new(0).gap(0), None);
    }

    #[test]
    fn nothing_beyond_the_length() {
        let mut coverage = Coverage::new(10);
        coverage.insert(5..500);
        coverage.insert(500..600);
        assert_eq!((gaps(&coverage).len(), coverage.gap(0)), (1, Some(0..5)));
        coverage.insert(0..5);
        assert!(coverage.is_complete());
    }

    proptest! {
        #[test]
        fn agrees_with_a_list_of_bools(
            length in 1_u32..300,
            inserts in prop::collection::vec((0_u32..300, 0_u32..100), 0..40),
        ) {
            let mut coverage = Coverage::new(length);
            let mut model = vec![false; length as usize];
            for (start, extent) in inserts {
                coverage.insert(start..start + extent);
                for position in start..(start + extent).min(length) {
                    model[position as usize] = true;
                }
                let open: Vec<u32> = (0..length).filter(|&p| !model[p as usize]).collect();
                prop_assert_eq!(coverage.is_complete(), open.is_empty());
                let listed: Vec<u32> = gaps(&coverage).into_iter().flatten().collect();
                prop_assert_eq!(listed, open);
                let mut all = gaps(&coverage);
                all.dedup_by(|next, gap| gap.end == next.start);
                prop_assert_eq!(all, gaps(&coverage));
            }
        }
    }
}
