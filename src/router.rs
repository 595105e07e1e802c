//! Which session a datagram belongs to: one port, many sessions.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::time::{Duration, Instant};

use ice_lite::Path;
use ice_lite::stun::{Class as StunClass, Message};
use siphasher::sip::SipHasher13;

use crate::demux::{Class, classify};
use crate::discard::{Tally, discards};

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
    ufrags: HashMap<Box<[u8]>, SessionId, Keyed>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    drops: Tally<{ RouteDrop::ALL.len() }>,
}

/// The name of a session in a [`Router`]. It is not used again when the session is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    index: u32,
    generation: u32,
}

/// Which of several routers on one port this is.
///
/// Several threads may each have a socket on the same port (`SO_REUSEPORT`) and a router. A session
/// lives on the shard that [`Router::shard_of`] gives for its ufrag, whichever socket its datagrams
/// come in by; the router of that socket names the shard to hand them to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Ours, below `count`.
    pub index: u16,
    /// How many there are.
    pub count: u16,
}

impl Shard {
    /// The one shard of a server that has no others.
    pub const ONLY: Self = Self { index: 0, count: 1 };
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

/// Requests for one session over paths that are not its own, in each [`RATE_INTERVAL`]. A browser
/// with 8 addresses sends some 20 a second before ICE settles; each costs an HMAC to tell true from
/// forged.
const RATE_LIMIT: u16 = 64;
const RATE_INTERVAL: Duration = Duration::from_millis(250);

/// Paths that one session may have. An agent keeps 16 valid ones; a controlling one expects answers
/// over as many again and more while it checks its candidates.
const MAX_PATHS: usize = 128;

#[derive(Clone, Copy, Debug)]
struct Owner {
    target: Target,
    /// An authenticated check has come over it. If not, only STUN is expected from it.
    valid: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Session(SessionId),
    Shard(u16),
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    occupied: bool,
    ufrags: Vec<Box<[u8]>>,
    paths: Vec<Path>,
    requests: Rate,
}

#[derive(Debug, Default)]
struct Rate {
    since: Option<Instant>,
    count: u16,
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
        let keyed = Keyed(SipHasher13::new_with_key(&key));
        Self {
            keyed,
            shard,
            paths: HashMap::with_hasher(keyed),
            ufrags: HashMap::with_hasher(keyed),
            slots: Vec::new(),
            free: Vec::new(),
            drops: Tally::new(),
        }
    }

    /// The shard on which the session with this local ufrag has to live.
    #[must_use]
    pub fn shard_of(&self, ufrag: &[u8]) -> u16 {
        (self.keyed.hash_one(ufrag) % u64::from(self.shard.count.max(1))) as u16
    }

    /// Adds a session with its local ufrag.
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
        };
        self.add_ufrag(id, ufrag)?;
        Ok(id)
    }

    /// Adds a further local ufrag of a session, after an ICE restart. Both hold from now on.
    ///
    /// # Errors
    /// [`UfragInUse`].
    pub fn add_ufrag(&mut self, id: SessionId, ufrag: &str) -> Result<(), UfragInUse> {
        let Some(slot) = slot(&mut self.slots, id) else {
            return Ok(());
        };
        let ufrag: Box<[u8]> = ufrag.as_bytes().into();
        if self.ufrags.contains_key(&ufrag) {
            return Err(UfragInUse);
        }
        slot.ufrags.push(ufrag.clone());
        self.ufrags.insert(ufrag, id);
        Ok(())
    }

    /// An authenticated check of the session has come over this path: whatever comes over it is the
    /// session's from now on.
    pub fn validate(&mut self, id: SessionId, path: Path) {
        self.bind(id, path, true);
    }

    /// The session has sent a check over this path: the answer is the session's.
    pub fn expect_answer(&mut self, id: SessionId, path: Path) {
        if !self.paths.contains_key(&path) {
            self.bind(id, path, false);
        }
    }

    /// A session of another shard has the path.
    pub fn validate_elsewhere(&mut self, shard: u16, path: Path) {
        self.forget(&path);
        let target = Target::Shard(shard);
        let valid = true;
        self.paths.insert(path, Owner { target, valid });
    }

    /// The session has given up the path.
    pub fn invalidate(&mut self, id: SessionId, path: &Path) {
        if self.owner(path) == Some(Target::Session(id)) {
            self.forget(path);
        }
    }

    /// The session of another shard has given up the path.
    pub fn invalidate_elsewhere(&mut self, shard: u16, path: &Path) {
        if self.owner(path) == Some(Target::Shard(shard)) {
            self.forget(path);
        }
    }

    /// Removes a session and all that was known of it.
    pub fn remove(&mut self, id: SessionId) {
        let Some(slot) = slot(&mut self.slots, id) else {
            return;
        };
        let ended = std::mem::take(slot);
        slot.generation = ended.generation.wrapping_add(1);
        self.free.push(id.index);
        for ufrag in &ended.ufrags {
            self.ufrags.remove(ufrag);
        }
        for path in &ended.paths {
            self.paths.remove(path);
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
            let target = match owner.target {
                Target::Session(id) => u64::from(id.index) << 32 | u64::from(id.generation),
                Target::Shard(shard) => u64::MAX - u64::from(shard),
            };
            sum.wrapping_add(self.keyed.hash_one((path, target, owner.valid)))
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
        let Some(&id) = self.ufrags.get(ufrag) else {
            let shard = self.shard_of(ufrag);
            return match shard == self.shard.index {
                true => Err(RouteDrop::UnknownUfrag),
                false => Ok(Target::Shard(shard)),
            };
        };
        let target = Target::Session(id);
        let known = self
            .paths
            .get(path)
            .is_some_and(|owner| owner.valid && owner.target == target);
        let within =
            known || slot(&mut self.slots, id).is_some_and(|slot| slot.requests.admit(now));
        within.then_some(target).ok_or(RouteDrop::RequestRate)
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
                slot.paths.push(path);
                (slot.paths.len() > MAX_PATHS).then(|| slot.paths.remove(0))
            });
            oldest.map(|oldest| self.paths.remove(&oldest));
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

impl SessionId {
    /// A small number, no other session's at the same time: an index into the owner's own table.
    #[must_use]
    pub const fn index(self) -> usize {
        self.index as usize
    }
}

impl Rate {
    fn admit(&mut self, now: Instant) -> bool {
        let current = self
            .since
            .is_some_and(|since| now.saturating_duration_since(since) < RATE_INTERVAL);
        if !current {
            *self = Self {
                since: Some(now),
                count: 0,
            };
        }
        self.count = self.count.saturating_add(1);
        self.count <= RATE_LIMIT
    }
}

/// Hashes under a key.
#[derive(Clone, Copy, Debug)]
struct Keyed(SipHasher13);

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        self.0
    }
}
