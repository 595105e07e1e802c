//! A master key in use: its session keys, and how often it may still be used.

use std::hash::{Hash as _, Hasher};

use crate::classify::Kind;
use crate::event::{Event, Events};
use crate::kdf::Fingerprint;
use crate::kernel::{Tier, Wiped, prefetch};
use crate::keys::Material;
use crate::profile::Lifetime;
use crate::session::SessionKeys;
use crate::stack;

/// The most periods of a key derivation rate whose session keys a master key holds: the two around
/// an edge, for some streams.
const PERIODS_MAX: usize = 16;

/// A master key in use.
#[derive(Debug)]
pub(crate) struct MasterKey {
    mki: Box<[u8]>,
    fingerprint: Fingerprint,
    /// The session keys, of period 0 where there is a key derivation rate.
    pub(crate) session: SessionKeys,
    rtp: Usage,
    rtcp: Usage,
    /// Where there is a key derivation rate: what further session keys come from.
    periodic: Option<Box<Periodic>>,
}

impl MasterKey {
    fn new(material: Box<Material>, tier: Tier, header: bool, fingerprint: Fingerprint) -> Self {
        let Lifetime { rtp, rtcp } = material.lifetime;
        let session = SessionKeys::derive(&material, 0, tier, header);
        Self {
            mki: material.mki.as_slice().into(),
            fingerprint,
            session,
            rtp: Usage::new(rtp),
            rtcp: Usage::new(rtcp),
            periodic: (!material.rate.is_never()).then(|| Box::new(Periodic::new(material))),
        }
    }

    /// A key in its box.
    pub(crate) fn boxed(
        material: Box<Material>,
        tier: Tier,
        header: bool,
        fingerprint: Fingerprint,
    ) -> Wiped<Self> {
        stack::leaving_none(|| Wiped::new(Self::new(material, tier, header, fingerprint)))
    }

    /// What names the key without telling it.
    pub(crate) fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Goes on with what is left of the lifetime of `before`, which is the same key.
    pub(crate) fn go_on_as(&mut self, before: &Self) {
        (self.rtp, self.rtcp) = (before.rtp, before.rtcp);
    }

    pub(crate) fn mki(&self) -> &[u8] {
        &self.mki
    }

    /// Asks for the memory that a packet touches.
    pub(crate) fn prefetch(&self, kind: Kind) {
        prefetch(&self.periodic);
        match kind {
            Kind::Rtp => {
                prefetch(&self.rtp);
                self.session.rtp.prefetch();
            }
            Kind::Rtcp => {
                prefetch(&self.rtcp);
                self.session.rtcp.prefetch();
            }
        }
    }

    #[inline]
    pub(crate) fn is_exhausted(&self, kind: Kind) -> bool {
        match kind {
            Kind::Rtp => self.rtp.is_exhausted(),
            Kind::Rtcp => self.rtcp.is_exhausted(),
        }
    }

    /// Counts a packet.
    #[inline]
    pub(crate) fn count(&mut self, kind: Kind, events: &mut Events) {
        let usage = match kind {
            Kind::Rtp => &mut self.rtp,
            Kind::Rtcp => &mut self.rtcp,
        };
        if usage.count() {
            let remaining = usage.left;
            events.push(Event::KeyExpiring { kind, remaining });
        }
    }

    /// Derives the session keys for a packet of this index, unless they are there. Whatever packets
    /// claim, no keys in use give way to theirs.
    pub(crate) fn prepare(&mut self, index: u64, tier: Tier, header: bool) {
        let Some(periodic) = &mut self.periodic else {
            return;
        };
        let period = periodic.material.rate.period(index);
        if period == 0 || periodic.session(period).is_some() {
            return;
        }
        let material = &periodic.material;
        let keys =
            stack::leaving_none(|| Wiped::new(SessionKeys::derive(material, period, tier, header)));
        periodic.claimed = Some(Session { period, keys });
    }

    /// The session keys for a packet of this index, which were prepared.
    pub(crate) fn session_of(&self, index: u64) -> &SessionKeys {
        let Some(periodic) = &self.periodic else {
            return &self.session;
        };
        let period = periodic.material.rate.period(index);
        if period == 0 {
            return &self.session;
        }
        let session = periodic.session(period);
        &session.expect("invariant: session keys are prepared").keys
    }

    /// Keeps the session keys for the next packets of their period, once a packet has proved right.
    pub(crate) fn keep(&mut self, index: u64) {
        let Some(periodic) = &mut self.periodic else {
            return;
        };
        let period = periodic.material.rate.period(index);
        let Some(session) = periodic.claimed.take_if(|claimed| claimed.period == period) else {
            return;
        };
        if periodic.sessions.len() < PERIODS_MAX {
            periodic.sessions.push(session);
            return;
        }
        periodic.sessions[periodic.replace_next] = session;
        periodic.replace_next = (periodic.replace_next + 1) % PERIODS_MAX;
    }

    /// Hashes how often it may still be used, and of which periods session keys are kept.
    pub(crate) fn digest(&self, hasher: &mut impl Hasher) {
        (&self.mki, self.rtp, self.rtcp).hash(hasher);
        if let Some(periodic) = &self.periodic {
            let periods = periodic.sessions.iter().map(|session| session.period);
            periods.for_each(|period| period.hash(hasher));
            periodic.replace_next.hash(hasher);
        }
    }
}

#[derive(Debug)]
struct Periodic {
    material: Box<Material>,
    /// Those of the periods that packets have proved right.
    sessions: Vec<Session>,
    replace_next: usize,
    /// Those of the last period that a packet claimed, right or not.
    claimed: Option<Session>,
}

/// The session keys of a period.
#[derive(Debug)]
struct Session {
    period: u64,
    keys: Wiped<SessionKeys>,
}

impl Periodic {
    fn new(material: Box<Material>) -> Self {
        Self {
            material,
            sessions: Vec::new(),
            replace_next: 0,
            claimed: None,
        }
    }

    fn session(&self, period: u64) -> Option<&Session> {
        let mut sessions = self.sessions.iter().chain(&self.claimed);
        sessions.find(|session| session.period == period)
    }
}

/// How often a master key may still be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Usage {
    left: u64,
    /// What is left when its owner is to be warned.
    warn_at: u64,
}

impl Usage {
    fn new(limit: u64) -> Self {
        Self {
            left: limit,
            warn_at: limit / 16,
        }
    }

    #[inline(always)]
    fn is_exhausted(&self) -> bool {
        self.left == 0
    }

    /// Counts a packet of a key that is not exhausted; whether that was the one to warn at.
    #[inline(always)]
    fn count(&mut self) -> bool {
        self.left -= 1;
        self.left == self.warn_at
    }
}
