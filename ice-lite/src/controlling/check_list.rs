//! The check list (RFC 8445 §6.1.2): which pairs of candidates to check, and how far each is.

use super::requester::Target;
use crate::candidate::priority;
use crate::request::Role;
use crate::{Candidate, CandidateKind, Path, Transport};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

/// How many pairs are checked at most. RFC 8445 §6.1.2.5 says 100; a caller to a media server sees
/// a handful, and this bounds what a hostile SDP makes it send to strangers.
const MAX_CHECKS: usize = 64;

/// How many candidates of each side are kept.
const MAX_CANDIDATES: usize = 32;

/// The check list, and the candidates it is formed from.
#[derive(Debug, Default, Hash)]
pub(super) struct CheckList {
    locals: Vec<LocalCandidate>,
    remotes: Vec<RemoteCandidate>,
    checks: Vec<Check>,
}

/// A socket of ours.
#[derive(Debug, Clone, Copy, Hash)]
struct LocalCandidate {
    address: SocketAddr,
    preference: u16,
}

/// An address of the peer's.
#[derive(Debug, Clone, Copy, Hash)]
struct RemoteCandidate {
    address: SocketAddr,
    priority: u32,
}

/// A candidate pair.
#[derive(Debug, Hash)]
pub(super) struct Check {
    pub(super) path: Path,
    pub(super) state: State,
    /// Out of turn, because the peer checked this pair (RFC 8445 §7.3.1.4).
    pub(super) triggered: bool,
    /// Only a check of the peer makes us check it: it has failed before, or the signalling does
    /// not name it. What is sent there counts against the limit of an unproved address.
    pub(super) limited: bool,
    /// The peer, which is controlling, wants this pair (RFC 8445 §7.3.1.5).
    pub(super) nominated_by_peer: bool,
    /// When to ask for consent next (RFC 7675 §5.1), once the pair works.
    pub(super) next_consent: Option<Instant>,
    local_preference: u16,
    remote_priority: u32,
}

/// The state of a pair (RFC 8445 §6.1.2.6). No pair of one component is ever frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum State {
    Waiting,
    InProgress,
    Succeeded,
    Failed,
}

impl CheckList {
    pub(super) fn add_local(&mut self, address: SocketAddr) {
        let known = self.locals.iter().any(|local| local.address == address);
        if known || self.locals.len() >= MAX_CANDIDATES {
            return;
        }
        let preference = u16::MAX - self.locals.len() as u16;
        self.locals.push(LocalCandidate {
            address,
            preference,
        });
        self.form();
    }

    pub(super) fn add_remote(&mut self, candidate: &Candidate) {
        let Candidate {
            address,
            priority,
            transport,
            component,
            ..
        } = *candidate;
        let known = self.remotes.iter().any(|remote| remote.address == address);
        let usable = transport == Transport::Udp && component == 1 && can_be_sent_to(address);
        if known || !usable || self.remotes.len() >= MAX_CANDIDATES {
            return;
        }
        self.remotes.push(RemoteCandidate { address, priority });
        self.form();
    }

    /// Adds the pairs that are missing (RFC 8445 §6.1.2.2).
    fn form(&mut self) {
        for local in &self.locals {
            for remote in &self.remotes {
                let path = Path::udp(local.address, remote.address);
                let missing = !self.checks.iter().any(|check| check.path == path);
                if missing && pairable(path) && self.checks.len() < MAX_CHECKS {
                    self.checks
                        .push(Check::new(path, local.preference, remote.priority));
                }
            }
        }
    }

    /// The peer checked this path, so we check it at once (RFC 8445 §7.3.1.4). An
    /// address not known before is a peer-reflexive candidate of this priority (§7.3.1.3).
    pub(super) fn trigger(&mut self, path: Path, priority: u32) -> Option<&mut Check> {
        let index = match self.checks.iter().position(|check| check.path == path) {
            Some(index) => index,
            None if self.has_room() && path.transport == Transport::Udp => {
                let local = self.locals.iter().find(|local| local.address == path.local);
                let preference = local.map_or(0, |local| local.preference);
                let mut check = Check::new(path, preference, priority);
                check.limited = true;
                self.checks.push(check);
                self.checks.len() - 1
            }
            None => return None,
        };
        let check = self.checks.get_mut(index)?;
        check.limited |= check.state == State::Failed;
        if matches!(check.state, State::Waiting | State::Failed) {
            check.state = State::Waiting;
            check.triggered = true;
        }
        Some(check)
    }

    /// Makes room for one more, if need be by dropping a pair that has failed: a peer that moves
    /// all day must be found at its latest address.
    fn has_room(&mut self) -> bool {
        if self.checks.len() < MAX_CHECKS {
            return true;
        }
        let failed = |check: &Check| check.state == State::Failed;
        let found = self.checks.iter().position(failed);
        found.map(|index| self.checks.remove(index)).is_some()
    }

    pub(super) fn find(&mut self, path: &Path) -> Option<&mut Check> {
        self.checks.iter_mut().find(|check| check.path == *path)
    }

    /// The pair to check next: one the peer checked, else the best that waits.
    pub(super) fn next(&mut self, role: Role) -> Option<&mut Check> {
        let waiting = self
            .checks
            .iter_mut()
            .filter(|check| check.state == State::Waiting);
        waiting.max_by_key(|check| (check.triggered, check.pair_priority(role)))
    }

    pub(super) fn has_waiting(&self) -> bool {
        self.checks
            .iter()
            .any(|check| check.state == State::Waiting)
    }

    /// What a request over the best pair whose check is under way is sent with.
    pub(super) fn best_under_way(&self, role: Role) -> Option<Target> {
        let under_way = |check: &&Check| check.state == State::InProgress;
        let checks = self.checks.iter().filter(under_way);
        let best = checks.max_by_key(|check| check.pair_priority(role))?;
        Some(best.target())
    }

    /// The best pair that succeeded, and whether a better one is still under way.
    pub(super) fn best_succeeded(&self, role: Role) -> Option<(Path, bool)> {
        let rank = |check: &&Check| check.pair_priority(role);
        let succeeded = self
            .checks
            .iter()
            .filter(|check| check.state == State::Succeeded);
        let best = succeeded.max_by_key(rank)?;
        let unfinished = |check: &Check| matches!(check.state, State::Waiting | State::InProgress);
        let better = |check: &Check| unfinished(check) && rank(&check) > rank(&best);
        Some((best.path, self.checks.iter().any(better)))
    }

    /// A working pair on which consent is due to be asked for.
    pub(super) fn next_consent(&mut self, now: Instant) -> Option<&mut Check> {
        let due = |check: &&mut Check| check.next_consent.is_some_and(|at| at <= now);
        self.checks.iter_mut().find(due)
    }

    /// When the next pair is due to be asked for consent.
    pub(super) fn consent_due(&self) -> Option<Instant> {
        self.checks
            .iter()
            .filter_map(|check| check.next_consent)
            .min()
    }

    /// Pairs that worked but are no longer valid have failed.
    pub(super) fn forsake(&mut self, is_lost: impl Fn(&Path) -> bool) {
        let worked = |check: &&mut Check| check.next_consent.is_some();
        for check in self.checks.iter_mut().filter(worked) {
            if is_lost(&check.path) {
                check.state = State::Failed;
                check.next_consent = None;
            }
        }
    }

    /// Whether this pair works.
    pub(super) fn works(&self, path: &Path) -> bool {
        let mut found = self.checks.iter().filter(|check| check.path == *path);
        found.any(|check| check.state == State::Succeeded)
    }

    /// Whether a pair other than this one works.
    pub(super) fn has_other(&self, path: &Path) -> bool {
        let mut others = self.checks.iter().filter(|check| check.path != *path);
        others.any(|check| check.state == State::Succeeded)
    }

    /// Checks that are not concluded are not needed any more (RFC 8445 §8.1.2).
    pub(super) fn conclude(&mut self) {
        self.checks
            .retain(|check| check.state == State::Succeeded || check.next_consent.is_some());
    }

    pub(super) fn all_failed(&self) -> bool {
        self.checks.iter().all(|check| check.state == State::Failed)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    /// Forgets the peer's candidates; our sockets stay.
    pub(super) fn restart(&mut self) {
        self.remotes.clear();
        self.checks.clear();
    }
}

impl Check {
    const fn new(path: Path, local_preference: u16, remote_priority: u32) -> Self {
        Self {
            path,
            state: State::Waiting,
            triggered: false,
            limited: false,
            nominated_by_peer: false,
            next_consent: None,
            local_preference,
            remote_priority,
        }
    }

    /// What a request over this pair is sent with.
    pub(super) const fn target(&self) -> Target {
        Target {
            path: self.path,
            // RFC 8445 §7.1.1: that of a peer-reflexive candidate.
            priority: priority(CandidateKind::PeerReflexive, self.local_preference),
            limited: self.limited,
        }
    }

    /// RFC 8445 §6.1.2.3: 2^32 MIN(G,D) + 2 MAX(G,D) + (G>D ? 1 : 0).
    pub(super) fn pair_priority(&self, role: Role) -> u64 {
        let ours = u64::from(priority(CandidateKind::Host, self.local_preference));
        let theirs = u64::from(self.remote_priority);
        let (controlling, controlled) = match role {
            Role::Controlling => (ours, theirs),
            Role::Controlled => (theirs, ours),
        };
        let tie = u64::from(controlling > controlled);
        (controlling.min(controlled) << 32)
            .saturating_add(2 * controlling.max(controlled))
            .saturating_add(tie)
    }
}

fn can_be_sent_to(address: SocketAddr) -> bool {
    let ip = address.ip();
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !broadcast
}

/// RFC 8445 §6.1.2.2: one address family, and link-local IPv6 with link-local IPv6 only.
fn pairable(path: Path) -> bool {
    match (path.local.ip(), path.remote.ip()) {
        (IpAddr::V4(_), IpAddr::V4(_)) => true,
        (IpAddr::V6(local), IpAddr::V6(remote)) => {
            local.is_unspecified() || is_link_local(local) == is_link_local(remote)
        }
        _ => false,
    }
}

const fn is_link_local(ip: std::net::Ipv6Addr) -> bool {
    ip.is_unicast_link_local()
}
