//! Which session a datagram belongs to: one port, many sessions.

mod keyed;
mod rate;
mod session_id;

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Instant;

use arrayvec::ArrayVec;
use ice_lite::Path;
use ice_lite::stun::{Class as StunClass, Message};

use self::rate::Rate;
use crate::demux::{Class, classify};
use crate::discard::{Tally, discards};

pub(crate) use self::keyed::Keyed;
pub use self::session_id::{SessionId, Shard};

/// Finds the session of each datagram, without cryptography and without allocation.
///
/// A path, once one of its checks has authenticated, belongs to a session until the session gives
/// it up or another session's check on it authenticates. STUN requests are told by their ufrag,
/// whatever path they come over; everything else by its path alone, and is dropped if the path is
/// nobody's. It does not matter which addresses the sessions put into their candidates: a socket
/// bound to a wildcard address works.
#[derive(Debug)]
pub struct Router {
    keyed: Keyed,
    shard: Shard,
    paths: HashMap<Path, Owner, Keyed>,
    ufrags: HashMap<Arc<[u8]>, Target, Keyed>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// For the other shards, if there are any.
    announcements: VecDeque<Announcement>,
    drops: Tally<{ RouteDrop::ALL.len() }>,
}

/// What the other shards have to know of a shard's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// What comes over this path is the business of the shard that says so.
    PathAdded(Path),
    /// It is not any more.
    PathRemoved(Path),
    /// Checks for this ufrag are the business of the shard that says so, though it is not the one
    /// that [`Router::shard_of`] gives.
    UfragAdded(Arc<[u8]>),
    /// They are not any more.
    UfragRemoved(Arc<[u8]>),
}

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// To this session.
    Session(SessionId),
    /// To the router of this shard.
    Shard(u16),
    /// Nowhere.
    Drop(RouteDrop),
}

discards! {
    /// Why a datagram was not given to any session.
    RouteDrop {
        /// ZRTP.
        Zrtp => "zrtp",
        /// A TURN channel.
        TurnChannel => "turn_channel",
        /// QUIC.
        Quic => "quic",
        /// Empty, or of a first byte that no protocol has.
        UnknownProtocol => "unknown_protocol",
        /// DTLS from a path that no authenticated check has come over.
        UnvalidatedDtls => "unvalidated_dtls",
        /// SRTP or SRTCP from a path that no authenticated check has come over.
        UnvalidatedMedia => "unvalidated_media",
        /// Not a STUN message, though its first byte says so.
        MalformedStun => "malformed_stun",
        /// A STUN request without a USERNAME that names a receiver.
        NoUfrag => "no_ufrag",
        /// A STUN request for a ufrag that no session has.
        UnknownUfrag => "unknown_ufrag",
        /// A STUN response or indication from a path where none is expected.
        UnexpectedStun => "unexpected_stun",
        /// More STUN requests for a session from unknown paths than anybody's checks need.
        RequestRate => "request_rate",
    }
}

/// The ufrag is in use already. With 96 random bits, the same session was added twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ufrag is in use already")]
pub struct UfragInUse;

/// Paths that one session may have. An agent keeps 16 valid ones; a controlling one expects answers
/// over as many again and more while it checks its candidates.
const MAX_PATHS: usize = 128;

/// Ufrags that one session may have: that of an ICE restart and the one before, whose last checks may
/// be on their way.
const MAX_UFRAGS: usize = 2;

#[derive(Clone, Copy, Debug)]
struct Owner {
    target: Target,
    /// An authenticated check has come over it. If not, only STUN is expected from it.
    valid: bool,
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
    requests: Rate,
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
            ufrags: HashMap::with_hasher(keyed),
            slots: Vec::new(),
            free: Vec::new(),
            announcements: VecDeque::new(),
            drops: Tally::new(),
        }
    }

    /// The shard on which the session with this local ufrag has to live.
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

    /// An authenticated check of the session has come over this path: whatever comes over it is the
    /// session's from now on. Poll [`Router::poll_announcement`] afterwards.
    pub fn validate(&mut self, id: SessionId, path: Path) {
        self.bind(id, path, true);
        self.announce(Announcement::PathAdded(path));
    }

    /// The session has sent a check over this path: the answer is the session's.
    pub fn expect_answer(&mut self, id: SessionId, path: Path) {
        if !self.paths.contains_key(&path) {
            self.bind(id, path, false);
        }
    }

    /// The session has given up the path. Poll [`Router::poll_announcement`] afterwards.
    pub fn invalidate(&mut self, id: SessionId, path: &Path) {
        if self.owner(path) == Some(Target::Session(id)) {
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
        slot.generation = ended.generation.wrapping_add(1);
        self.free.push(id.index);
        for ufrag in ended.ufrags {
            self.forget_ufrag(ufrag);
        }
        for path in ended.paths {
            self.paths.remove(&path);
            self.announce(Announcement::PathRemoved(path));
        }
    }

    fn forget_ufrag(&mut self, ufrag: Arc<[u8]>) {
        self.ufrags.remove(&ufrag);
        if self.shard_of(&ufrag) != self.shard.index {
            self.announce(Announcement::UfragRemoved(ufrag));
        }
    }

    /// What the routers of all other shards have to be told, oldest first, for their
    /// [`Router::handle_announcement`]. The only shard has nothing to say.
    #[must_use]
    pub fn poll_announcement(&mut self) -> Option<Announcement> {
        self.announcements.pop_front()
    }

    /// Hears what another shard has announced.
    pub fn handle_announcement(&mut self, shard: u16, announcement: Announcement) {
        let target = Target::Shard(shard);
        match announcement {
            Announcement::PathAdded(path) => {
                self.forget(&path);
                let valid = true;
                self.paths.insert(path, Owner { target, valid });
            }
            // It may be another's by now.
            Announcement::PathRemoved(path) if self.owner(&path) == Some(target) => {
                self.forget(&path);
            }
            Announcement::UfragAdded(ufrag) => {
                self.ufrags.entry(ufrag).or_insert(target);
            }
            Announcement::UfragRemoved(ufrag) if self.ufrags.get(&ufrag) == Some(&target) => {
                self.ufrags.remove(&ufrag);
            }
            _ => {}
        }
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

    /// Says where a datagram goes that came over `path`.
    pub fn route(&mut self, now: Instant, path: &Path, datagram: &[u8]) -> Route {
        let found = match classify(datagram) {
            Class::Stun => self.route_stun(now, path, datagram),
            Class::Dtls => self.route_valid(path, RouteDrop::UnvalidatedDtls),
            Class::Rtp | Class::Rtcp => self.route_valid(path, RouteDrop::UnvalidatedMedia),
            Class::Zrtp => Err(RouteDrop::Zrtp),
            Class::TurnChannel => Err(RouteDrop::TurnChannel),
            Class::Quic => Err(RouteDrop::Quic),
            Class::Unknown => Err(RouteDrop::UnknownProtocol),
        };
        match found {
            Ok(Target::Session(id)) => Route::Session(id),
            Ok(Target::Shard(shard)) => Route::Shard(shard),
            Err(reason) => {
                self.drops.count(reason);
                Route::Drop(reason)
            }
        }
    }

    /// Media was routed to a session that has ended since.
    pub(crate) fn count_unvalidated_media(&mut self) {
        self.drops.count(RouteDrop::UnvalidatedMedia);
    }

    /// How often this was the reason to drop a datagram.
    #[must_use]
    pub fn dropped(&self, reason: RouteDrop) -> u64 {
        self.drops.get(reason)
    }

    /// A hash of all that routing depends on, equal before and after each dropped datagram.
    #[must_use]
    pub fn state_digest(&self) -> u64 {
        // The order of a table is not part of the state: entries are summed up.
        let paths = self.paths.iter().fold(0_u64, |sum, (path, owner)| {
            sum.wrapping_add(self.keyed.hash_one((path, owner.target, owner.valid)))
        });
        let ufrags = self.ufrags.iter().fold(0_u64, |sum, (ufrag, id)| {
            sum.wrapping_add(self.keyed.hash_one((ufrag, id)))
        });
        self.keyed.hash_one((paths, ufrags, self.slots.len()))
    }

    // ---- Inside --------------------------------------------------------------------------------

    fn route_valid(&self, path: &Path, otherwise: RouteDrop) -> Result<Target, RouteDrop> {
        match self.paths.get(path) {
            Some(owner) if owner.valid => Ok(owner.target),
            _ => Err(otherwise),
        }
    }

    fn route_stun(
        &mut self,
        now: Instant,
        path: &Path,
        datagram: &[u8],
    ) -> Result<Target, RouteDrop> {
        let message = Message::parse(datagram).map_err(|_| RouteDrop::MalformedStun)?;
        if message.class() != StunClass::Request {
            return self.owner(path).ok_or(RouteDrop::UnexpectedStun);
        }
        let ufrag = message.receiver_ufrag().ok_or(RouteDrop::NoUfrag)?;
        let target = match self.ufrags.get(ufrag) {
            Some(&target) => target,
            None if self.shard_of(ufrag) == self.shard.index => {
                return Err(RouteDrop::UnknownUfrag);
            }
            None => Target::Shard(self.shard_of(ufrag)),
        };
        let Target::Session(id) = target else {
            return Ok(target);
        };
        let known = self
            .paths
            .get(path)
            .is_some_and(|owner| owner.valid && owner.target == target);
        let within =
            known || slot(&mut self.slots, id).is_some_and(|slot| slot.requests.admit(now));
        within.then_some(target).ok_or(RouteDrop::RequestRate)
    }

    fn announce(&mut self, announcement: Announcement) {
        if self.shard.count > 1 {
            self.announcements.push_back(announcement);
        }
    }

    fn owner(&self, path: &Path) -> Option<Target> {
        self.paths.get(path).map(|owner| owner.target)
    }

    fn bind(&mut self, id: SessionId, path: Path, valid: bool) {
        if slot(&mut self.slots, id).is_none() {
            return;
        }
        if self.owner(&path) != Some(Target::Session(id)) {
            self.forget(&path);
            let oldest = slot(&mut self.slots, id).and_then(|slot| {
                if slot.paths.len() == slot.paths.capacity() {
                    slot.paths.reserve_exact(slot.paths.len().max(1));
                }
                slot.paths.push(path);
                (slot.paths.len() > MAX_PATHS).then(|| slot.paths.remove(0))
            });
            if let Some(oldest) = oldest {
                self.paths.remove(&oldest);
                self.announce(Announcement::PathRemoved(oldest));
            }
        }
        let target = Target::Session(id);
        let owner = self.paths.entry(path).or_insert(Owner { target, valid });
        owner.valid |= valid;
    }

    fn forget(&mut self, path: &Path) {
        let Some(owner) = self.paths.remove(path) else {
            return;
        };
        if let Target::Session(id) = owner.target
            && let Some(slot) = slot(&mut self.slots, id)
        {
            slot.paths.retain(|known| known != path);
        }
    }
}

/// The slot of a session that still is there.
fn slot(slots: &mut [Slot], id: SessionId) -> Option<&mut Slot> {
    slots
        .get_mut(id.index as usize)
        .filter(|slot| slot.occupied && slot.generation == id.generation)
}
