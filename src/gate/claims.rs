//! Which of several sessions has a path.
//!
//! The ufrag of a check says which session it is for, and its key that the peer sent it. Neither says that the
//! peer is where its source address says. So a check alone takes no path from a session whose peer is
//! there:
//!
//! - whoever has proved the address by a round trip prevails over whoever has not;
//! - otherwise the owner keeps the path as long as something authentic has come over it lately;
//! - but if both have proved it, the owner has to prove it again: an address that went from one host to
//!   another does not stay with one that merely goes on writing it.
//!
//! Each accepted check over a path that the router has for another session, and each answer to a check
//! of ours, is such a claim, and settling it costs two look-ups. Whoever loses a path is told, and so is
//! whoever does not get one.

use std::time::{Duration, Instant};

use ice_lite::{Path, PathStanding};

use super::sessions::Sessions;
use super::{Call, Follow, Gate};
use crate::router::{Announcement, Owner, Router, SessionId};
use crate::session::SessionEvent;

/// How long an owner keeps a path after it was last heard there: longer than from one consent check to
/// the next, which are 6 s apart at most (RFC 7675 §5.1), and for a while longer, as two that share
/// the address must not take turns.
const KEEP: Duration = Duration::from_secs(8);

/// What became of claims.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Sessions that have lost a path or did not get it, and have yet to be told.
    told: Vec<SessionId>,
    /// What was settled last, for the datagram that is being handled.
    settled: Option<(SessionId, Path)>,
    refused: u64,
    lost: u64,
}

impl Claims {
    /// How often a session claimed a path that another one has, and did not get it.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// How often a session lost a path to another one.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Session `id` has accepted a check over this path just now, or an answer to one.
    pub(super) fn settle(
        &mut self,
        now: Instant,
        router: &mut Router,
        sessions: &mut Sessions,
        id: SessionId,
        path: Path,
    ) {
        let Some(claim) = standing(sessions, id, &path) else {
            return;
        };
        self.settled = Some((id, path));
        match router.owner(&path) {
            Owner::Session(owner) if owner == id => {}
            Owner::Nobody => router.validate(id, path),
            Owner::Session(owner) => match prevails(now, claim, standing(sessions, owner, &path)) {
                true => {
                    router.validate(id, path);
                    self.lose(sessions, owner, path);
                }
                false => {
                    self.doubt(now, sessions, owner, (path, claim));
                    self.refuse(router, sessions, id, path);
                }
            },
            Owner::Shard(shard) => router.claim(id, path, shard, claim.proved),
        }
    }

    /// A session of another shard claims a path that we have, or had.
    fn settle_foreign(
        &mut self,
        now: Instant,
        router: &mut Router,
        sessions: &mut Sessions,
        (by, path, proved): (SessionId, Path, bool),
    ) {
        let claim = PathStanding { proved, heard: now };
        match router.owner(&path) {
            Owner::Session(owner) => match prevails(now, claim, standing(sessions, owner, &path)) {
                true => {
                    router.yield_path(path, by);
                    self.lose(sessions, owner, path);
                }
                false => {
                    self.doubt(now, sessions, owner, (path, claim));
                    router.refuse_path(path, by);
                }
            },
            Owner::Shard(shard) if shard != by.shard() => {}
            _ => router.yield_path(path, by),
        }
    }

    /// The owner has kept its path against a claim. If that was proved, so has the owner's to be, anew.
    fn doubt(
        &mut self,
        now: Instant,
        sessions: &mut Sessions,
        owner: SessionId,
        (path, claim): (Path, PathStanding),
    ) {
        let session = sessions.get_mut(owner).filter(|_| claim.proved);
        if session.is_some_and(|session| session.doubt_path(now, &path)) {
            self.told.push(owner);
        }
    }

    fn lose(&mut self, sessions: &mut Sessions, owner: SessionId, path: Path) {
        self.lost += 1;
        self.tell(sessions, owner, SessionEvent::PathLost { path });
    }

    fn refuse(&mut self, router: &mut Router, sessions: &mut Sessions, id: SessionId, path: Path) {
        self.refused += 1;
        // Each of its checks is refused; only the first raises an event.
        if router.note_refused(id, path) {
            self.tell(sessions, id, SessionEvent::PathRefused { path });
        }
    }

    fn tell(&mut self, sessions: &mut Sessions, id: SessionId, event: SessionEvent) {
        if let Some(session) = sessions.get_mut(id) {
            session.emit(event);
            self.told.push(id);
        }
    }
}

impl<C: Call> Gate<C> {
    /// Hears what another shard has announced. Afterwards poll for announcements.
    pub fn handle_announcement(&mut self, now: Instant, shard: u16, announcement: Announcement) {
        match announcement {
            Announcement::PathClaimed {
                path,
                by,
                owner,
                proved,
            } => {
                if owner == self.router.shard() {
                    let (router, sessions) = (&mut self.router, &mut self.sessions);
                    self.claims
                        .settle_foreign(now, router, sessions, (by, path, proved));
                    self.tell(now);
                }
            }
            Announcement::PathRefused { path, to } if to.shard() == self.router.shard() => {
                let (router, sessions) = (&mut self.router, &mut self.sessions);
                self.claims.refuse(router, sessions, to, path);
                self.tell(now);
            }
            other => self.router.handle_announcement(shard, other),
        }
    }

    /// A datagram of STUN was given to session `id`, over a path that may not be its own.
    pub(super) fn settle_path(&mut self, now: Instant, id: SessionId, path: Path) {
        // Only what was accepted just now is a claim.
        let heard = standing(&self.sessions, id, &path).map(|standing| standing.heard);
        let settled = self.claims.settled.take() == Some((id, path));
        if heard == Some(now) && !settled && self.router.owner(&path) != Owner::Session(id) {
            let (router, sessions) = (&mut self.router, &mut self.sessions);
            self.claims.settle(now, router, sessions, id, path);
            self.claims.settled = None;
        }
        self.tell(now);
    }

    /// Tells sessions and their calls what became of their paths.
    pub(super) fn tell(&mut self, now: Instant) {
        while let Some(id) = self.claims.told.pop() {
            self.visit(now, id, |_, _| Ok(Follow::All));
        }
    }
}

fn standing(sessions: &Sessions, id: SessionId, path: &Path) -> Option<PathStanding> {
    sessions.get(id)?.path_standing(path)
}

/// Whether a claim to a path prevails over its owner's.
fn prevails(now: Instant, claim: PathStanding, owner: Option<PathStanding>) -> bool {
    // The owner has given it up already, but the router has not heard of it yet.
    let Some(owner) = owner else { return true };
    match (claim.proved, owner.proved) {
        (true, false) => true,
        (false, true) => false,
        _ => now.saturating_duration_since(owner.heard) >= KEEP,
    }
}
