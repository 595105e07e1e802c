//! Requests of our sessions whose answers can't be routed by the path that they come over.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use ice_lite::stun::TransactionId;

use super::keyed::Keyed;
use super::{SessionId, Target};

/// Requests of one session that are remembered: as many as it has pairs to check, each a few times in
/// the half minute in which an answer may come. The oldest goes first.
pub(super) const MAX_QUESTIONS: usize = 64;

/// Requests of other shards that are remembered.
const MAX_FOREIGN: usize = 4096;

/// Whose answer a STUN response is, by the transaction that it ends.
///
/// A path belongs to one session, but others may send requests over it too: before it is anybody's, or to prove
/// that it is theirs rather than its owner's.
#[derive(Debug)]
pub(super) struct Questions {
    askers: HashMap<TransactionId, Target, Keyed>,
    /// Those of other shards, the oldest first.
    foreign: VecDeque<TransactionId>,
}

/// The requests of one session, the oldest first.
pub(super) type Asked = VecDeque<TransactionId>;

impl Questions {
    pub(super) fn new(keyed: Keyed) -> Self {
        Self {
            askers: HashMap::with_hasher(keyed),
            foreign: VecDeque::new(),
        }
    }

    /// Whose answer this is, if the request was remembered.
    pub(super) fn asker(&self, transaction: TransactionId) -> Option<Target> {
        self.askers.get(&transaction).copied()
    }

    /// Remembers a request of a session of ours. Returns whether it is a new one, and which one had to go
    /// for it.
    pub(super) fn remember(
        &mut self,
        id: SessionId,
        asked: &mut Asked,
        transaction: TransactionId,
    ) -> (bool, Option<TransactionId>) {
        // It may be sent again.
        if self.askers.contains_key(&transaction) {
            return (false, None);
        }
        let full = asked.len() >= MAX_QUESTIONS;
        let oldest = full.then(|| asked.pop_front()).flatten();
        if let Some(oldest) = oldest {
            self.askers.remove(&oldest);
        }
        asked.push_back(transaction);
        self.askers.insert(transaction, Target::Session(id));
        (true, oldest)
    }

    /// Remembers a request of another shard.
    pub(super) fn remember_foreign(&mut self, shard: u16, transaction: TransactionId) {
        if self.askers.contains_key(&transaction) {
            return;
        }
        if self.foreign.len() >= MAX_FOREIGN
            && let Some(oldest) = self.foreign.pop_front()
        {
            self.askers.remove(&oldest);
        }
        self.foreign.push_back(transaction);
        self.askers.insert(transaction, Target::Shard(shard));
    }

    /// Forgets a request of a session of ours.
    pub(super) fn forget(&mut self, transaction: TransactionId) {
        self.askers.remove(&transaction);
    }

    /// Forgets requests of another shard.
    pub(super) fn forget_foreign(&mut self, shard: u16, transactions: &Arc<[TransactionId]>) {
        for transaction in transactions.iter() {
            if self.askers.get(transaction) == Some(&Target::Shard(shard)) {
                self.askers.remove(transaction);
                self.foreign.retain(|known| known != transaction);
            }
        }
    }

    /// Gives back memory that is no longer needed.
    pub(super) fn shrink(&mut self) {
        self.askers.shrink_to_fit();
    }

    /// What is remembered, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&TransactionId, &Target)> {
        self.askers.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What another shard has forgotten takes no room, and what it has not is kept.
    #[test]
    fn foreign_requests_are_forgotten_one_by_one() {
        let mut questions = Questions::new(Keyed::new([1; 16]));
        let [kept, forgotten, other] = [1, 2, 3].map(|number| TransactionId([number; 12]));
        questions.remember_foreign(1, kept);
        questions.remember_foreign(1, forgotten);
        questions.remember_foreign(2, other);
        questions.forget_foreign(1, &Arc::from([forgotten, other]));
        assert_eq!(questions.foreign, [kept, other]);
        assert_eq!(questions.asker(kept), Some(Target::Shard(1)));
        assert_eq!(questions.asker(forgotten), None);
        assert_eq!(questions.asker(other), Some(Target::Shard(2)));
    }
}
