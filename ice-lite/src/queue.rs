//! A bounded queue: what waits to be polled.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

/// Holds at most `limit` items. An owner who does not poll loses the oldest, and that is counted.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    items: VecDeque<T>,
    limit: usize,
    dropped: u64,
}

impl<T> Queue<T> {
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            items: VecDeque::new(),
            limit,
            dropped: 0,
        }
    }

    pub(crate) fn push(&mut self, item: T) {
        if self.items.len() >= self.limit {
            self.items.pop_front();
            self.dropped += 1;
        }
        self.items.push_back(item);
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        self.items.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.items.clear();
    }

    /// How many items were lost.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl<T: Hash> Hash for Queue<T> {
    /// Leaves out the count of losses, which is a statistic.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.items.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_lost_and_counted() {
        let mut queue = Queue::new(2);
        for item in 1..=3 {
            queue.push(item);
        }
        assert_eq!(
            (queue.dropped(), queue.pop(), queue.pop()),
            (1, Some(2), Some(3))
        );
        assert_eq!(queue.pop(), None);
    }
}
