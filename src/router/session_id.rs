//! The names of sessions, and the shards that they live on.

/// The id of a session in a [`Router`](crate::Router). It is not used again when the session is
/// gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    pub(super) index: u32,
    pub(super) generation: u32,
    pub(super) shard: u16,
}

/// Which of several routers on one port this is.
///
/// Several threads may each have a socket on the same port (`SO_REUSEPORT`) and a router. A session
/// lives best on the shard that [`Router::shard_of`](crate::Router::shard_of) gives for its ufrag,
/// whichever socket its datagrams arrive at; the router of that socket names the shard to hand them
/// to. If it lives elsewhere, the other routers must be told, as they must be told of the paths
/// ([`Announcement`](crate::Announcement)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// This shard, below `count`.
    pub index: u16,
    /// How many there are.
    pub count: u16,
}

impl Shard {
    /// The only shard of a server.
    pub const ONLY: Self = Self { index: 0, count: 1 };
}

impl SessionId {
    /// The shard that the session lives on.
    #[must_use]
    pub const fn shard(self) -> u16 {
        self.shard
    }

    /// A small number that no other live session has: an index into a table of the owner's.
    #[must_use]
    pub const fn index(self) -> usize {
        self.index as usize
    }
}
