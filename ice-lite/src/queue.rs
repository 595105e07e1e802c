//! A bounded queue: what waits to be polled.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

/// Holds at most `limit` items. If the owner does not poll, the oldest is lost and counted.
///
/// While it is empty it keeps room for `kept` items: thousands of agents have one each.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    items: VecDeque<T>,
    limit: u32,
    kept: u32,
    dropped: u64,
}

impl<T> Queue<T> {
    pub(crate) const fn new(limit: u32, kept: u32) -> Self {
        Self {
            items: VecDeque::new(),
            limit,
            kept,
            dropped: 0,
        }
    }

    pub(crate) fn push(&mut self, item: T) {
        if self.items.len() >= self.limit as usize {
            self.items.pop_front();
            self.dropped += 1;
        }
        if self.items.len() == self.items.capacity() {
            self.items.reserve_exact(self.items.len().max(1));
        }
        self.items.push_back(item);
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let item = self.items.pop_front();
        if self.items.is_empty() && self.items.capacity() > self.kept as usize {
            self.items.shrink_to(self.kept as usize);
        }
        item
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
        let mut queue = Queue::new(2, 0);
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
