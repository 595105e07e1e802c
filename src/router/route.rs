//! Where a datagram goes, or why it goes nowhere.

use std::net::IpAddr;
use std::time::Instant;

use ice_lite::Path;
use ice_lite::stun::{Class as StunClass, Message};

use super::rate::SESSION_LIMIT;
use super::{Router, SessionId, Target, slot};
use crate::demux::{Class, classify};
use crate::discard::discards;

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// To this session.
    Session(SessionId),
    /// To the router of this shard.
    Shard(u16),
    /// To whoever has claimed datagrams of this class ([`Gate::hand_out`](crate::Gate::hand_out)), or
    /// nowhere. It belongs to no call.
    Foreign(Class),
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
        /// A STUN response that answers no request of ours, or an indication from a path that is nobody's.
        UnexpectedStun => "unexpected_stun",
        /// More STUN requests for a session from unknown paths than anybody's checks take.
        RequestRate => "request_rate",
        /// More STUN requests over unknown paths from one source address than the checks of a whole office take.
        SourceRate => "source_rate",
    }
}

impl Router {
    /// Decides where a datagram goes that came over `path`.
    pub fn route(&mut self, now: Instant, path: &Path, datagram: &[u8]) -> Route {
        let found = match classify(datagram) {
            Class::Stun => self.route_stun(now, path, datagram),
            Class::Dtls => self.route_valid(path, RouteDrop::UnvalidatedDtls),
            Class::Rtp | Class::Rtcp => self.route_valid(path, RouteDrop::UnvalidatedMedia),
            class => return Route::Foreign(class),
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

    /// Where media over this path goes, and nothing is counted: what [`Router::route`] will say too as long
    /// as [`Router::moves`] does not change.
    pub(crate) fn foresee(&self, path: &Path, datagram: &[u8]) -> Option<SessionId> {
        let media = matches!(classify(datagram), Class::Rtp | Class::Rtcp);
        match media.then(|| self.paths.get(path)).flatten() {
            Some(&Target::Session(id)) => Some(id),
            _ => None,
        }
    }

    /// How often a path was given to somebody or taken away.
    pub(crate) fn moves(&self) -> u64 {
        self.moves
    }

    /// Counts a datagram of a class that no call has, and that nobody has claimed.
    pub(crate) fn count_foreign(&mut self, class: Class) {
        self.drops.count(match class {
            Class::Zrtp => RouteDrop::Zrtp,
            Class::TurnChannel => RouteDrop::TurnChannel,
            Class::Quic => RouteDrop::Quic,
            _ => RouteDrop::UnknownProtocol,
        });
    }

    /// Media was routed to a session that has ended since.
    pub(crate) fn count_unvalidated_media(&mut self) {
        self.drops.count(RouteDrop::UnvalidatedMedia);
    }

    /// How many datagrams were dropped for this reason.
    #[must_use]
    pub fn dropped(&self, reason: RouteDrop) -> u64 {
        self.drops.get(reason)
    }

    // ---- Inside --------------------------------------------------------------------------------

    fn route_valid(&self, path: &Path, otherwise: RouteDrop) -> Result<Target, RouteDrop> {
        self.paths.get(path).copied().ok_or(otherwise)
    }

    fn route_stun(
        &mut self,
        now: Instant,
        path: &Path,
        datagram: &[u8],
    ) -> Result<Target, RouteDrop> {
        let message = Message::parse(datagram).map_err(|_| RouteDrop::MalformedStun)?;
        if message.class() != StunClass::Request {
            let asker = self.questions.asker(message.transaction_id());
            return asker.map_or_else(|| self.route_valid(path, RouteDrop::UnexpectedStun), Ok);
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
        if self.paths.get(path) != Some(&target) {
            self.ration(now, id, path.remote.ip())?;
        }
        Ok(target)
    }

    /// Takes a stranger's check for this session from the rations of both, unless one is spent: what is
    /// refused because of one does not count against the other.
    fn ration(&mut self, now: Instant, id: SessionId, source: IpAddr) -> Result<(), RouteDrop> {
        let slot = slot(&mut self.slots, id).ok_or(RouteDrop::RequestRate)?;
        // Most of a flood ends here, without looking at its source.
        if slot.requests.is_spent(now, SESSION_LIMIT) {
            return Err(RouteDrop::RequestRate);
        }
        let limit = self.sources.as_mut();
        if limit.is_some_and(|limit| !limit.admit(now, source)) {
            return Err(RouteDrop::SourceRate);
        }
        match slot.requests.admit(now, SESSION_LIMIT) {
            true => Ok(()),
            false => Err(RouteDrop::RequestRate),
        }
    }
}
