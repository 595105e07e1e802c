//! Which session a datagram belongs to: one port, many sessions.

mod announcement;
mod keyed;
mod questions;
mod rate;
mod route;
mod session_id;
mod source;

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher as _;
use std::sync::Arc;

use arrayvec::ArrayVec;
use ice_lite::Path;
use ice_lite::stun::TransactionId;

use self::questions::{Asked, Questions};
use self::rate::{Rate, SOURCE_LIMIT};
use crate::discard::Tally;

pub use self::announcement::Announcement;
pub(crate) use self::keyed::Keyed;
pub use self::route::{Route, RouteDrop};
pub use self::session_id::{SessionId, Shard};
pub use self::source::SourceLimit;

/// Finds the session of each datagram, without cryptography and without allocation.
///
/// A path, once one of its checks has authenticated, belongs to a session until the session gives
/// it up or another one has a better claim, which [`Gate`](crate::Gate) decides. STUN requests are
/// routed by their ufrag, whatever path they come over; answers by their transaction, if it was begun
/// over a path that is not the session's; and everything else by its path alone, to be dropped if the
/// path is nobody's. It makes no difference which addresses the sessions have in their candidates: a socket
/// bound to a wildcard address works.
#[derive(Debug)]
pub struct Router {
    keyed: Keyed,
    shard: Shard,
    paths: HashMap<Path, Target, Keyed>,
    /// How often a path was given to somebody or taken away.
    moves: u64,
    questions: Questions,
    sources: Option<SourceLimit>,
    ufrags: HashMap<Arc<[u8]>, Target, Keyed>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// How many sessions there have been, so that no id is used twice.
    generation: u32,
    /// For the other shards, if there are any.
    announcements: VecDeque<Announcement>,
    drops: Tally<{ RouteDrop::ALL.len() }>,
}

/// The ufrag is in use already. With 96 random bits, the same session was added twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ufrag is in use already")]
pub struct UfragInUse;

/// Paths that one session may have. An agent keeps 16 valid ones, and those that just made room for others
/// are given up a moment later.
const MAX_PATHS: usize = 32;

/// Ufrags that one session may have: that of an ICE restart, and the one before, whose last checks may
/// still be on their way.
const MAX_UFRAGS: usize = 2;

/// Who has a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Nobody,
    Session(SessionId),
    Shard(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Target {
    Session(SessionId),
    Shard(u16),
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    occupied: bool,
    /// The oldest first; the table shares them.
    ufrags: ArrayVec<Arc<[u8]>, MAX_UFRAGS>,
    paths: Vec<Path>,
    asked: Asked,
    requests: Rate,
    /// The path that was last refused to it.
    refused: Option<Path>,
}

impl Router {
    /// A router whose tables hash under `key`. The key must be random and secret, so that nobody
    /// can make entries collide.
    #[must_use]
    pub fn new(key: [u8; 16]) -> Self {
        Self::sharded(key, Shard::ONLY)
    }

    /// One of several routers. All must have the same key.
    #[must_use]
    pub fn sharded(key: [u8; 16], shard: Shard) -> Self {
        let keyed = Keyed::new(key);
        Self {
            keyed,
            shard,
            paths: HashMap::with_hasher(keyed),
            moves: 0,
            questions: Questions::new(keyed),
            sources: Some(SourceLimit::keyed(keyed, SOURCE_LIMIT)),
            ufrags: HashMap::with_hasher(keyed),
            slots: Vec::new(),
            free: Vec::new(),
            generation: 0,
            announcements: VecDeque::new(),
            drops: Tally::new(),
        }
    }

    /// The shard on which the session with this local ufrag belongs.
    #[must_use]
    pub fn shard_of(&self, ufrag: &[u8]) -> u16 {
        self.keyed.shard_of(ufrag, self.shard.count)
    }

    /// Adds a session with its local ufrag. Poll [`Router::poll_announcement`] afterwards.
    ///
    /// # Errors
    /// [`UfragInUse`].
    pub fn insert(&mut self, ufrag: &str) -> Result<SessionId, UfragInUse> {
        if self.ufrags.contains_key(ufrag.as_bytes()) {
            return Err(UfragInUse);
        }
        let index = self.free.pop().unwrap_or(self.slots.len() as u32);
        if index as usize == self.slots.len() {
            self.slots.push(Slot::default());
        }
        let slot = &mut self.slots[index as usize];
        slot.occupied = true;
        slot.generation = self.generation;
        self.generation = self.generation.wrapping_add(1);
        let id = SessionId {
            index,
            generation: slot.generation,
            shard: self.shard.index,
        };
        self.add_ufrag(id, ufrag)?;
        Ok(id)
    }

    /// Adds a further local ufrag of a session, after an ICE restart. The one before holds too, older
    /// ones no longer. Poll [`Router::poll_announcement`] afterwards.
    ///
    /// # Errors
    /// [`UfragInUse`].
    pub fn add_ufrag(&mut self, id: SessionId, ufrag: &str) -> Result<(), UfragInUse> {
        let Some(slot) = slot(&mut self.slots, id) else {
            return Ok(());
        };
        if self.ufrags.contains_key(ufrag.as_bytes()) {
            return Err(UfragInUse);
        }
        let ufrag: Arc<[u8]> = ufrag.as_bytes().into();
        let outdated = slot.ufrags.is_full().then(|| slot.ufrags.remove(0));
        slot.ufrags.push(Arc::clone(&ufrag));
        self.ufrags.insert(Arc::clone(&ufrag), Target::Session(id));
        if let Some(outdated) = outdated {
            self.forget_ufrag(outdated);
        }
        if self.shard_of(&ufrag) != self.shard.index {
            self.announce(Announcement::UfragAdded(ufrag));
        }
        Ok(())
    }

    /// Sets how many STUN requests over unknown paths one source address may send in a quarter of a
    /// second: 256 by default. `None` is for tests of capacity, whose peers share an address.
    pub fn limit_sources(&mut self, limit: Option<u16>) {
        self.sources = limit.map(|limit| SourceLimit::keyed(self.keyed, limit));
    }

    /// The session has this path: from now on whatever comes over it is the session's, and not
    /// that of another one that had it before. Poll [`Router::poll_announcement`] afterwards.
    pub fn validate(&mut self, id: SessionId, path: Path) {
        if self.bind(id, path) {
            self.announce(Announcement::PathAdded(path));
        }
    }

    /// The session has sent this request over this path: the answer is the session's. Poll
    /// [`Router::poll_announcement`] afterwards.
    pub fn expect_answer(&mut self, id: SessionId, path: &Path, transaction: TransactionId) {
        if self.paths.get(path) == Some(&Target::Session(id)) {
            return;
        }
        let Some(slot) = slot(&mut self.slots, id) else {
            return;
        };
        let (new, outdated) = self.questions.remember(id, &mut slot.asked, transaction);
        if new && self.shard.count > 1 {
            self.announce(Announcement::AnswerExpected(transaction));
            if let Some(outdated) = outdated {
                self.announce(Announcement::AnswersForgotten([outdated].into()));
            }
        }
    }

    /// The session has given up the path. Poll [`Router::poll_announcement`] afterwards.
    pub fn invalidate(&mut self, id: SessionId, path: &Path) {
        if self.owner(path) == Owner::Session(id) {
            self.forget(path);
            self.announce(Announcement::PathRemoved(*path));
        }
    }

    /// Removes a session and all that was known of it. Poll [`Router::poll_announcement`]
    /// afterwards.
    pub fn remove(&mut self, id: SessionId) {
        let Some(slot) = slot(&mut self.slots, id) else {
            return;
        };
        let ended = std::mem::take(slot);
        self.free.push(id.index);
        for ufrag in ended.ufrags {
            self.forget_ufrag(ufrag);
        }
        for path in ended.paths {
            self.paths.remove(&path);
            self.moves += 1;
            self.announce(Announcement::PathRemoved(path));
        }
        for &transaction in &ended.asked {
            self.questions.forget(transaction);
        }
        if self.shard.count > 1 && !ended.asked.is_empty() {
            let asked = ended.asked.into_iter().collect();
            self.announce(Announcement::AnswersForgotten(asked));
        }
        if self.is_empty() {
            self.shrink();
        }
    }

    /// There is no session left: memory that the tables took at their peak is given back.
    fn shrink(&mut self) {
        self.slots = Vec::new();
        self.free = Vec::new();
        self.paths.shrink_to_fit();
        self.ufrags.shrink_to_fit();
        self.questions.shrink();
    }

    fn forget_ufrag(&mut self, ufrag: Arc<[u8]>) {
        self.ufrags.remove(&ufrag);
        if self.shard_of(&ufrag) != self.shard.index {
            self.announce(Announcement::UfragRemoved(ufrag));
        }
    }

    /// Who has the path.
    pub(crate) fn owner(&self, path: &Path) -> Owner {
        match self.paths.get(path) {
            None => Owner::Nobody,
            Some(&Target::Session(id)) => Owner::Session(id),
            Some(&Target::Shard(shard)) => Owner::Shard(shard),
        }
    }

    /// Notes that a path was refused to a session, and returns whether that is news.
    pub(crate) fn note_refused(&mut self, id: SessionId, path: Path) -> bool {
        slot(&mut self.slots, id).is_some_and(|slot| slot.refused.replace(path) != Some(path))
    }

    /// Which shard this is.
    pub(crate) fn shard(&self) -> u16 {
        self.shard.index
    }

    /// How many sessions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there is no session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A hash of everything that routing depends on, equal before and after each dropped datagram.
    #[must_use]
    pub fn state_digest(&self) -> u64 {
        // The order of a table is not part of the state: entries are summed up.
        let paths = self.paths.iter().fold(0_u64, |sum, entry| {
            sum.wrapping_add(self.keyed.hash_one(entry))
        });
        let questions = self.questions.iter().fold(0_u64, |sum, entry| {
            sum.wrapping_add(self.keyed.hash_one(entry))
        });
        let ufrags = self.ufrags.iter().fold(0_u64, |sum, (ufrag, id)| {
            sum.wrapping_add(self.keyed.hash_one((ufrag, id)))
        });
        self.keyed.hash_one((paths, questions, ufrags, self.len()))
    }

    // ---- Inside --------------------------------------------------------------------------------

    /// Returns whether the path became the session's by this.
    fn bind(&mut self, id: SessionId, path: Path) -> bool {
        if self.owner(&path) == Owner::Session(id) {
            return false;
        }
        if slot(&mut self.slots, id).is_none() {
            return false;
        }
        self.forget(&path);
        let Some(slot) = slot(&mut self.slots, id) else {
            return false;
        };
        if slot.paths.len() == slot.paths.capacity() {
            slot.paths.reserve_exact(slot.paths.len().max(1));
        }
        slot.paths.push(path);
        let full = slot.paths.len() > MAX_PATHS;
        if let Some(oldest) = full.then(|| slot.paths.remove(0)) {
            self.paths.remove(&oldest);
            self.announce(Announcement::PathRemoved(oldest));
        }
        self.paths.insert(path, Target::Session(id));
        self.moves += 1;
        true
    }

    fn forget(&mut self, path: &Path) {
        self.moves += 1;
        if let Some(Target::Session(id)) = self.paths.remove(path)
            && let Some(slot) = slot(&mut self.slots, id)
        {
            slot.paths.retain(|known| known != path);
        }
    }
}

/// The slot of a session that still exists.
fn slot(slots: &mut [Slot], id: SessionId) -> Option<&mut Slot> {
    slots
        .get_mut(id.index as usize)
        .filter(|slot| slot.occupied && slot.generation == id.generation)
}
