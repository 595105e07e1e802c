//! What the routers of several shards tell each other.

use std::sync::Arc;

use ice_lite::Path;
use ice_lite::stun::TransactionId;

use super::{Owner, Router, SessionId, Target};

/// What the other shards need to know of a shard's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// Datagrams over this path belong to the announcing shard.
    PathAdded(Path),
    /// It is not any more.
    PathRemoved(Path),
    /// Checks for this ufrag belong to the announcing shard, although it is not the one
    /// that [`Router::shard_of`] gives.
    UfragAdded(Arc<[u8]>),
    /// They are not any more.
    UfragRemoved(Arc<[u8]>),
    /// The answer to this request belongs to the announcing shard, whatever path it comes
    /// over.
    AnswerExpected(TransactionId),
    /// Answers to these are no longer expected.
    AnswersForgotten(Arc<[TransactionId]>),
    /// A session of the announcing shard claims a path that shard `owner` has.
    PathClaimed {
        /// The path.
        path: Path,
        /// Who claims it.
        by: SessionId,
        /// The shard that has it, which answers.
        owner: u16,
        /// The claimant's address is proved.
        proved: bool,
    },
    /// The announcing shard keeps a path that was claimed.
    PathRefused {
        /// The path.
        path: Path,
        /// Who has claimed it.
        to: SessionId,
    },
    /// The announcing shard has given up a path to whoever claimed it.
    PathYielded {
        /// The path.
        path: Path,
        /// Who has claimed it.
        to: SessionId,
    },
}

impl Router {
    /// What the routers of all other shards need to know, oldest first, for their
    /// [`Router::handle_announcement`]. The only shard has nothing to say.
    #[must_use]
    pub fn poll_announcement(&mut self) -> Option<Announcement> {
        self.announcements.pop_front()
    }

    /// Handles what another shard has announced. Whether a claimed path is given up is for
    /// [`Gate`](crate::Gate) to decide.
    pub fn handle_announcement(&mut self, shard: u16, announcement: Announcement) {
        let target = Target::Shard(shard);
        match announcement {
            // Both came to it before they heard of each other: the first of them keeps it, and says so again
            // after what the other has said.
            Announcement::PathAdded(path)
                if self.shard.index < shard && matches!(self.owner(&path), Owner::Session(_)) =>
            {
                self.announce(Announcement::PathAdded(path));
            }
            Announcement::PathAdded(path) => {
                if matches!(self.owner(&path), Owner::Session(_)) {
                    self.announce(Announcement::PathRemoved(path));
                }
                self.forget(&path);
                self.paths.insert(path, target);
                self.moves += 1;
            }
            // By now it may belong to another.
            Announcement::PathRemoved(path) if self.owner(&path) == Owner::Shard(shard) => {
                self.forget(&path);
            }
            Announcement::UfragAdded(ufrag) => {
                self.ufrags.entry(ufrag).or_insert(target);
            }
            Announcement::UfragRemoved(ufrag) if self.ufrags.get(&ufrag) == Some(&target) => {
                self.ufrags.remove(&ufrag);
            }
            Announcement::AnswerExpected(transaction) => {
                self.questions.remember_foreign(shard, transaction);
            }
            Announcement::AnswersForgotten(transactions) => {
                self.questions.forget_foreign(shard, &transactions);
            }
            Announcement::PathYielded { path, to } if to.shard == self.shard.index => {
                self.validate(to, path);
                if self.owner(&path) == Owner::Shard(shard) {
                    // Who has claimed it has ended meanwhile.
                    self.forget(&path);
                    self.announce(Announcement::PathRemoved(path));
                }
            }
            _ => {}
        }
    }

    /// Asks the shard that has the path to give it up.
    pub(crate) fn claim(&mut self, by: SessionId, path: Path, owner: u16, proved: bool) {
        self.announce(Announcement::PathClaimed {
            path,
            by,
            owner,
            proved,
        });
    }

    /// Gives up the path for a session of another shard.
    pub(crate) fn yield_path(&mut self, path: Path, to: SessionId) {
        self.forget(&path);
        // It is nobody's to take meanwhile.
        self.paths.insert(path, Target::Shard(to.shard));
        self.announce(Announcement::PathYielded { path, to });
    }

    /// Keeps the path from a session of another shard.
    pub(crate) fn refuse_path(&mut self, path: Path, to: SessionId) {
        self.announce(Announcement::PathRefused { path, to });
    }

    pub(super) fn announce(&mut self, announcement: Announcement) {
        if self.shard.count > 1 {
            self.announcements.push_back(announcement);
        }
    }
}
