//! The master keys of a context.

use crate::classify::Kind;
use crate::error::RekeyError;
use crate::event::{Event, Events};
use crate::kdf::{Derivation, Label};
use crate::kernel::{Tier, Wiped};
use crate::keys::Material;
use crate::profile::{Lifetime, Profile};
use crate::session::SessionKeys;
use crate::trailer::TrailerFormat;

/// The most master keys a context holds at a time.
const KEYS_MAX: usize = 16;

/// The most periods of a key derivation rate whose session keys a master key holds: the two around
/// an edge, for some streams.
const PERIODS_MAX: usize = 16;

/// A master key in use.
#[derive(Debug)]
pub(crate) struct MasterKey {
    mki: Box<[u8]>,
    /// The session keys, of period 0 where there is a key derivation rate.
    pub(crate) session: SessionKeys,
    rtp: Usage,
    rtcp: Usage,
    /// Where there is a key derivation rate: what further session keys come from.
    periodic: Option<Box<Periodic>>,
}

#[derive(Debug)]
struct Periodic {
    material: Material,
    sessions: Vec<(u64, Wiped<SessionKeys>)>,
    replace_next: usize,
}

/// How often a master key may still be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl MasterKey {
    fn new(material: Material, tier: Tier, header: bool) -> Self {
        let Lifetime { rtp, rtcp } = material.lifetime;
        let session = SessionKeys::derive(&material, 0, tier, header);
        Self {
            mki: material.mki.as_slice().into(),
            session,
            rtp: Usage::new(rtp),
            rtcp: Usage::new(rtcp),
            periodic: (!material.rate.is_never()).then(|| {
                Box::new(Periodic {
                    material,
                    sessions: Vec::new(),
                    replace_next: 0,
                })
            }),
        }
    }

    pub(crate) fn mki(&self) -> &[u8] {
        &self.mki
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
}

/// Session keys that were there, or have just been derived and are not yet kept.
pub(crate) enum Found<'a> {
    Held(&'a SessionKeys),
    Derived(u64, Wiped<SessionKeys>),
}

impl Found<'_> {
    pub(crate) fn keys(&self) -> &SessionKeys {
        match self {
            Found::Held(keys) => keys,
            Found::Derived(_, keys) => keys,
        }
    }

    /// What [`KeyRing::keep`] takes, once a packet has proved right.
    pub(crate) fn derived(self) -> Option<(u64, Wiped<SessionKeys>)> {
        match self {
            Found::Held(_) => None,
            Found::Derived(period, keys) => Some((period, keys)),
        }
    }
}

/// The master keys of a context. One is active: a sender protects with it, a receiver tries it
/// first.
///
/// Each stays in its box as long as it lives: moved along with a list that grows, it would leave a
/// copy behind that nobody wipes.
#[derive(Debug)]
pub(crate) struct KeyRing {
    profile: Profile,
    tier: Tier,
    rtp_trailer: TrailerFormat,
    rtcp_trailer: TrailerFormat,
    /// Whether there is or was a key whose session keys change with the index, so that
    /// [`MasterKey::session`] is not for every packet.
    periodic: bool,
    /// Whether keys of encrypted header extensions are derived.
    header: bool,
    mki_len: u8,
    /// The key at place 0, one step away from a packet.
    first: Wiped<MasterKey>,
    /// Those at the places behind it.
    others: Vec<Wiped<MasterKey>>,
    active: usize,
    /// One-way fingerprints of all keys there ever were.
    fingerprints: Vec<[u8; 16]>,
}

impl KeyRing {
    pub(crate) fn new(material: Material, tier: Tier, header: bool) -> Self {
        let (profile, mki_len) = (material.profile, material.mki.len());
        Self {
            profile,
            tier: tier.or_portable(),
            rtp_trailer: TrailerFormat::new(Kind::Rtp, profile, mki_len),
            rtcp_trailer: TrailerFormat::new(Kind::Rtcp, profile, mki_len),
            periodic: !material.rate.is_never(),
            header,
            mki_len: mki_len as u8,
            fingerprints: vec![fingerprint(&material)],
            first: Wiped::new(MasterKey::new(material, tier, header)),
            others: Vec::new(),
            active: 0,
        }
    }

    pub(crate) fn profile(&self) -> Profile {
        self.profile
    }

    pub(crate) fn tier(&self) -> Tier {
        self.tier
    }

    /// Whether session keys may change with the index of a packet: then [`KeyRing::session`] has
    /// them.
    #[inline(always)]
    pub(crate) fn is_periodic(&self) -> bool {
        self.periodic
    }

    /// Whether there are keys for encrypted header extensions: where some are configured.
    #[inline(always)]
    pub(crate) fn has_header_keys(&self) -> bool {
        self.header
    }

    /// What stands behind the payload of each packet.
    #[inline(always)]
    pub(crate) fn trailer(&self, kind: Kind) -> TrailerFormat {
        match kind {
            Kind::Rtp => self.rtp_trailer,
            Kind::Rtcp => self.rtcp_trailer,
        }
    }

    /// Length of the master key identifier in each packet.
    pub(crate) fn mki_len(&self) -> usize {
        self.mki_len.into()
    }

    /// The place of the key to use first.
    pub(crate) fn active(&self) -> usize {
        self.active
    }

    pub(crate) fn len(&self) -> usize {
        1 + self.others.len()
    }

    #[inline]
    pub(crate) fn key(&self, place: usize) -> &MasterKey {
        match place.checked_sub(1) {
            None => &self.first,
            Some(place) => &self.others[place],
        }
    }

    #[inline]
    pub(crate) fn key_mut(&mut self, place: usize) -> &mut MasterKey {
        match place.checked_sub(1) {
            None => &mut self.first,
            Some(place) => &mut self.others[place],
        }
    }

    /// The place of the key with this identifier.
    pub(crate) fn find(&self, mki: &[u8]) -> Option<usize> {
        (0..self.len()).find(|&place| self.key(place).mki() == mki)
    }

    /// Adds a key to those that have an identifier.
    pub(crate) fn add(&mut self, material: Material) -> Result<(), RekeyError> {
        if self.mki_len == 0 {
            return Err(RekeyError::Mki);
        }
        if self.find(material.mki.as_slice()).is_some() {
            return Err(RekeyError::MkiInUse);
        }
        if self.len() == KEYS_MAX {
            return Err(RekeyError::TooManyKeys);
        }
        let key = self.admit(material)?;
        self.others.push(key);
        Ok(())
    }

    /// Puts a key in front, and keeps the one before for packets on their way, or drops it: without
    /// identifiers.
    pub(crate) fn replace(&mut self, material: Material, keep: bool) -> Result<(), RekeyError> {
        let key = self.admit(material)?;
        let replaced = std::mem::replace(&mut self.first, key);
        self.others.clear();
        if keep {
            self.others.push(replaced);
        }
        Ok(())
    }

    /// Drops all keys but the one in front: without identifiers.
    pub(crate) fn drop_replaced(&mut self) {
        self.others.clear();
    }

    /// Makes the key at `place` the one to use first.
    pub(crate) fn set_active(&mut self, place: usize) {
        self.active = place;
    }

    pub(crate) fn activate(&mut self, mki: &[u8]) -> Result<(), RekeyError> {
        self.active = self.find(mki).ok_or(RekeyError::UnknownMki)?;
        Ok(())
    }

    pub(crate) fn remove(&mut self, mki: &[u8]) -> Result<(), RekeyError> {
        let place = self.find(mki).ok_or(RekeyError::UnknownMki)?;
        if place == self.active {
            return Err(RekeyError::Active);
        }
        match place.checked_sub(1) {
            // The active key is another one.
            None => self.first = self.others.remove(0),
            Some(place) => drop(self.others.remove(place)),
        }
        if place < self.active {
            self.active -= 1;
        }
        Ok(())
    }

    /// The session keys of the key at `place` for a packet of this index.
    pub(crate) fn session(&self, place: usize, index: u64) -> Found<'_> {
        let key = self.key(place);
        let Some(periodic) = &key.periodic else {
            return Found::Held(&key.session);
        };
        let period = periodic.material.rate.period(index);
        if period == 0 {
            return Found::Held(&key.session);
        }
        match periodic.sessions.iter().find(|(held, _)| *held == period) {
            Some((_, keys)) => Found::Held(keys),
            None => Found::Derived(
                period,
                Wiped::new(SessionKeys::derive(
                    &periodic.material,
                    period,
                    self.tier,
                    self.header,
                )),
            ),
        }
    }

    /// Keeps derived session keys for the next packets of their period.
    pub(crate) fn keep(&mut self, place: usize, period: u64, keys: Wiped<SessionKeys>) {
        let Some(periodic) = &mut self.key_mut(place).periodic else {
            return;
        };
        if periodic.sessions.len() < PERIODS_MAX {
            periodic.sessions.push((period, keys));
            return;
        }
        periodic.sessions[periodic.replace_next] = (period, keys);
        periodic.replace_next = (periodic.replace_next + 1) % PERIODS_MAX;
    }

    fn admit(&mut self, material: Material) -> Result<Wiped<MasterKey>, RekeyError> {
        if material.profile != self.profile {
            return Err(RekeyError::Profile);
        }
        if material.mki.len() != self.mki_len() {
            return Err(RekeyError::Mki);
        }
        // RFC 3711 §9.2: previously used keys must not be used again.
        let fingerprint = fingerprint(&material);
        if self.fingerprints.contains(&fingerprint) {
            return Err(RekeyError::KeyReused);
        }
        self.fingerprints.push(fingerprint);
        self.periodic |= !material.rate.is_never();
        let key = MasterKey::new(material, self.tier, self.header);
        Ok(Wiped::new(key))
    }
}

fn fingerprint(material: &Material) -> [u8; 16] {
    *Derivation::new(material, 0).derive(Label::Fingerprint)
}
