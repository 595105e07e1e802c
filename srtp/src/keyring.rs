//! The master keys of a context.

use std::hash::{Hash as _, Hasher};

use crate::classify::Kind;
use crate::error::RekeyError;
use crate::kdf::{Derivation, Fingerprint};
use crate::kernel::{Tier, Wiped};
use crate::keys::Material;
use crate::master::MasterKey;
use crate::profile::Transform;
use crate::stack;
use crate::suite::Suite;
use crate::trailer::TrailerFormat;

/// The most master keys a context holds at a time.
const KEYS_MAX: usize = 16;

/// The master keys of a context. One is active: a sender protects with it, a receiver tries it
/// first.
///
/// Each stays in its box as long as it lives: moved along with a list that grows, it would leave a
/// copy behind that nobody wipes.
#[derive(Debug)]
pub(crate) struct KeyRing {
    suite: Suite,
    rtp_transform: Transform,
    tier: Tier,
    rtp_trailer: TrailerFormat,
    rtcp_trailer: TrailerFormat,
    /// Whether there is or was a key whose session keys change with the index, so that
    /// [`MasterKey::session`](crate::master::MasterKey) is not for every packet.
    periodic: bool,
    /// Whether keys of encrypted header extensions are derived.
    header: bool,
    /// Length of the identifiers that the keys have.
    key_mki_len: u8,
    /// Length of the identifiers in packets: that, or 0 where they are left out.
    mki_len: u8,
    /// The key at place 0, one step away from a packet.
    first: Wiped<MasterKey>,
    /// Those at the places behind it.
    others: Vec<Wiped<MasterKey>>,
    active: usize,
    /// One-way fingerprints of all keys there ever were.
    fingerprints: Vec<Fingerprint>,
}

impl KeyRing {
    pub(crate) fn new(material: Box<Material>, tier: Tier, header: bool) -> Self {
        let (suite, mki_len) = (material.suite, material.mki.len());
        let fingerprint = fingerprint(&material);
        Self {
            suite,
            rtp_transform: suite.rtp().transform(),
            tier: tier.or_portable(),
            rtp_trailer: TrailerFormat::new(Kind::Rtp, suite, mki_len),
            rtcp_trailer: TrailerFormat::new(Kind::Rtcp, suite, mki_len),
            periodic: !material.rate.is_never(),
            header,
            key_mki_len: mki_len as u8,
            mki_len: mki_len as u8,
            fingerprints: vec![fingerprint],
            first: MasterKey::boxed(material, tier, header, fingerprint),
            others: Vec::new(),
            active: 0,
        }
    }

    pub(crate) fn suite(&self) -> Suite {
        self.suite
    }

    /// What SRTP packets go through.
    #[inline(always)]
    pub(crate) fn rtp_transform(&self) -> Transform {
        self.rtp_transform
    }

    /// What stands behind packets while there are identifiers in them, or none.
    fn set_mki_len(&mut self, mki_len: u8) {
        self.mki_len = mki_len;
        self.rtp_trailer = TrailerFormat::new(Kind::Rtp, self.suite, mki_len.into());
        self.rtcp_trailer = TrailerFormat::new(Kind::Rtcp, self.suite, mki_len.into());
    }

    /// Puts identifiers into packets, if the keys have them, or leaves them out.
    pub(crate) fn show_mki(&mut self, shown: bool) {
        self.set_mki_len(if shown { self.key_mki_len } else { 0 });
    }

    /// Whether the keys have identifiers, shown or not.
    pub(crate) fn has_mki(&self) -> bool {
        self.key_mki_len > 0
    }

    /// A ring of these keys, at least one, for the streams of this one. A key of this ring goes on in it
    /// with what is left of its lifetime; one that came before is refused.
    #[allow(
        clippy::vec_box,
        reason = "keys that are moved leave no copy behind: each stays in its box"
    )]
    pub(crate) fn succeeded_by(
        &self,
        keys: Vec<Box<Material>>,
        tier: Tier,
        header: bool,
    ) -> Result<Self, RekeyError> {
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(RekeyError::NoKey)?;
        let mut ring = Self::new(first, tier, header);
        for material in keys {
            ring.add(material)?;
        }
        for place in 0..ring.len() {
            let key = ring.key_mut(place);
            let same =
                (0..self.len()).find(|&old| self.key(old).fingerprint() == key.fingerprint());
            match same {
                Some(old) => key.go_on_as(self.key(old)),
                None if self.fingerprints.contains(key.fingerprint()) => {
                    return Err(RekeyError::KeyReused);
                }
                None => {}
            }
        }
        for fingerprint in &self.fingerprints {
            if !ring.fingerprints.contains(fingerprint) {
                ring.fingerprints.push(*fingerprint);
            }
        }
        Ok(ring)
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

    /// Asks for the memory of the key to use first.
    pub(crate) fn prefetch(&self, kind: Kind) {
        self.key(self.active).prefetch(kind);
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
    pub(crate) fn add(&mut self, material: Box<Material>) -> Result<(), RekeyError> {
        if self.key_mki_len == 0 {
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
    pub(crate) fn replace(
        &mut self,
        material: Box<Material>,
        keep: bool,
    ) -> Result<(), RekeyError> {
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

    /// Derives the session keys of the key at `place` for a packet of this index, unless they are
    /// there.
    pub(crate) fn prepare(&mut self, place: usize, index: u64) {
        let (tier, header) = (self.tier, self.header);
        self.key_mut(place).prepare(index, tier, header);
    }

    /// Hashes all that decides about packets to come.
    pub(crate) fn digest(&self, hasher: &mut impl Hasher) {
        (self.active, &self.fingerprints).hash(hasher);
        (0..self.len()).for_each(|place| self.key(place).digest(hasher));
    }

    fn admit(&mut self, material: Box<Material>) -> Result<Wiped<MasterKey>, RekeyError> {
        if material.suite != self.suite {
            return Err(RekeyError::Profile);
        }
        if material.mki.len() != usize::from(self.key_mki_len) {
            return Err(RekeyError::Mki);
        }
        // RFC 3711 §9.2: previously used keys must not be used again.
        let fingerprint = fingerprint(&material);
        if self.fingerprints.contains(&fingerprint) {
            return Err(RekeyError::KeyReused);
        }
        self.fingerprints.push(fingerprint);
        self.periodic |= !material.rate.is_never();
        Ok(MasterKey::boxed(
            material,
            self.tier,
            self.header,
            fingerprint,
        ))
    }
}

fn fingerprint(material: &Material) -> Fingerprint {
    stack::leaving_none(|| Derivation::new(material, 0).fingerprint())
}
