//! The anti-replay window of one epoch (RFC 6347 §4.1.2.6, RFC 9147 §4.5.1).

/// Records that the window spans. The RFCs ask for 32 at least; 256 bears the reordering of a
/// burst of small records over a path with several queues, and costs 32 bytes.
const WINDOW: u64 = 256;
const WORDS: usize = (WINDOW / 64) as usize;

/// Which of the newest sequence numbers of an epoch were received.
///
/// Asking and recording are apart, since nothing may change before a record is authenticated.
#[derive(Clone, Debug, Default)]
pub(super) struct ReplayWindow {
    /// One more than the highest number received; 0 before the first.
    next: u64,
    /// Bit `n % 256` says whether number `n` of the newest 256 was received.
    seen: [u64; WORDS],
}

impl ReplayWindow {
    /// One more than the highest sequence number received so far.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Whether `sequence` was received already, or is too old to tell.
    pub(super) fn is_replay(&self, sequence: u64) -> bool {
        if sequence >= self.next {
            return false;
        }
        self.next - sequence > WINDOW || self.seen[word(sequence)] & bit(sequence) != 0
    }

    /// Marks `sequence` as received. To be called once its record is authenticated.
    pub(super) fn record(&mut self, sequence: u64) {
        if sequence >= self.next {
            self.advance(sequence + 1);
        }
        if self.next - sequence <= WINDOW {
            self.seen[word(sequence)] |= bit(sequence);
        }
    }

    /// Moves the window's upper end to `next`, forgetting what falls out below.
    fn advance(&mut self, next: u64) {
        if next - self.next >= WINDOW {
            self.seen = [0; WORDS];
        } else {
            for sequence in self.next..next {
                self.seen[word(sequence)] &= !bit(sequence);
            }
        }
        self.next = next;
    }
}

fn word(sequence: u64) -> usize {
    (sequence / 64) as usize % WORDS
}

fn bit(sequence: u64) -> u64 {
    1 << (sequence % 64)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// The definition: everything received is remembered forever, and the window cuts off below.
    #[derive(Default)]
    struct Model {
        highest: Option<u64>,
        seen: HashSet<u64>,
    }

    impl Model {
        fn is_replay(&self, sequence: u64) -> bool {
            let too_old = self
                .highest
                .is_some_and(|highest| sequence + WINDOW <= highest);
            too_old || self.seen.contains(&sequence)
        }

        fn record(&mut self, sequence: u64) {
            self.seen.insert(sequence);
            self.highest = self.highest.max(Some(sequence));
        }
    }

    fn accept(window: &mut ReplayWindow, sequence: u64) -> bool {
        let fresh = !window.is_replay(sequence);
        if fresh {
            window.record(sequence);
        }
        fresh
    }

    /// RFC 9147 §4.5.1: every pair of first and second number near each edge.
    #[test]
    fn pairs_near_the_edges() {
        let near = |edge: u64| (edge.saturating_sub(3)..edge + 3).collect::<Vec<_>>();
        for base in [0, 64, 256, 1 << 16, 1 << 32, (1 << 48) - 600] {
            for distance in [0, 1, 63, 64, 65, 255, 256, 257, 512] {
                for &first in &near(base + 4) {
                    for &second in &near(base + 4 + distance) {
                        let mut window = ReplayWindow::default();
                        assert!(accept(&mut window, first));
                        assert_eq!(accept(&mut window, second), first != second);
                        assert!(!accept(&mut window, first));
                        assert!(!accept(&mut window, second));
                    }
                }
            }
        }
    }

    /// T-REC-12: each record is delivered once, however it is repeated and shuffled.
    #[test]
    fn t_rec_12_backwards_in_groups_of_the_window() {
        let mut window = ReplayWindow::default();
        let mut delivered = 0;
        for sequence in (0..2048_u64).map(|n| n ^ 255) {
            for _ in 0..3 {
                delivered += u32::from(accept(&mut window, sequence));
            }
        }
        assert_eq!(delivered, 2048);
    }

    /// T-REC-01: asking about a far number changes nothing.
    #[test]
    fn t_rec_01_asking_moves_nothing() {
        let mut window = ReplayWindow::default();
        window.record(5);
        assert!(!window.is_replay(1 << 47));
        assert!(!window.is_replay(4));
        assert!(window.is_replay(5));
        assert_eq!(window.next(), 6);
    }

    proptest! {
        #[test]
        fn agrees_with_the_model(steps in prop::collection::vec((0_u64..400, any::<bool>()), 1..300)) {
            let (mut window, mut model) = (ReplayWindow::default(), Model::default());
            let mut base = 0;
            for (step, jump) in steps {
                let sequence = base + step;
                if jump {
                    base += step;
                }
                prop_assert_eq!(window.is_replay(sequence), model.is_replay(sequence));
                if !window.is_replay(sequence) {
                    window.record(sequence);
                    model.record(sequence);
                }
            }
        }
    }
}
