//! Master keys as they come in: from DTLS, or raw.

use std::fmt;
use std::marker::PhantomData;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::profile::{Lifetime, Profile};
use crate::suite::Suite;

/// The longest master key identifier in bytes (RFC 4568 §6.1).
pub const MKI_MAX: usize = 128;

/// The longest master key in bytes.
pub(crate) const KEY_MAX: usize = 32;

/// The longest master salt in bytes.
pub(crate) const SALT_MAX: usize = 14;

/// Our role in the DTLS handshake that exported the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// We sent the ClientHello.
    Client,
    /// We answered it.
    Server,
}

/// A master key for what we send. Goes into [`Sender`](crate::Sender).
pub type SenderKeys = Keys<Sending>;

/// A master key for what we receive. Goes into [`Receiver`](crate::Receiver).
pub type ReceiverKeys = Keys<Receiving>;

/// The direction of [`SenderKeys`].
#[derive(Debug)]
pub enum Sending {}

/// The direction of [`ReceiverKeys`].
#[derive(Debug)]
pub enum Receiving {}

/// A master key with its salt and its limits, for one direction.
///
/// It cannot be cloned, its bytes cannot be read back, and they are wiped when it is dropped.
pub struct Keys<D> {
    /// In a box, so that keys that are moved leave no copy behind.
    pub(crate) material: Box<Material>,
    direction: PhantomData<D>,
}

/// What a master key consists of.
pub(crate) struct Material {
    pub(crate) suite: Suite,
    pub(crate) lifetime: Lifetime,
    pub(crate) rate: DerivationRate,
    pub(crate) mki: Mki,
    key: [u8; KEY_MAX],
    salt: [u8; SALT_MAX],
}

/// Why keying material was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The exported material has not the length that the profile needs ([`Profile::exported_len`]).
    #[error("exported keying material of the wrong length")]
    ExportedLength,
    /// Both directions have the same key, which would repeat key streams (RFC 3711 §9.1).
    #[error("both directions have the same master key")]
    SameKeyBothWays,
    /// The master key has not the length that the profile needs.
    #[error("master key of the wrong length")]
    KeyLength,
    /// The master salt has not the length that the profile needs.
    #[error("master salt of the wrong length")]
    SaltLength,
    /// A master key identifier has 1 to [`MKI_MAX`] bytes.
    #[error("master key identifier of the wrong length")]
    MkiLength,
    /// A lifetime of zero, or one that RFC 3711 §9.2 does not allow.
    #[error("key lifetime of zero or beyond RFC 3711 section 9.2")]
    Lifetime,
}

/// The keys of both directions from what DTLS exported with the label `EXTRACTOR-dtls_srtp` (RFC
/// 5764 §4.2), of which `exported` must be all [`Profile::exported_len`] bytes. The caller wipes
/// its copy.
///
/// # Errors
///
/// [`KeyError::ExportedLength`], or [`KeyError::SameKeyBothWays`] if the exporter is broken.
///
/// ```
/// # fn main() -> Result<(), srtp::KeyError> {
/// use srtp::{Profile, Receiver, ReceiverConfig, Role, Sender, SenderConfig};
///
/// # let exported: Vec<u8> = (0..60).collect();
/// let (sender, receiver) = srtp::from_dtls(Profile::Aes128CmSha1_80, &exported, Role::Client)?;
/// let sender = Sender::new(sender, SenderConfig::default()).unwrap();
/// let receiver = Receiver::new(receiver, ReceiverConfig::default()).unwrap();
/// # let _ = (sender, receiver);
/// # Ok(())
/// # }
/// ```
pub fn from_dtls(
    profile: Profile,
    exported: &[u8],
    local: Role,
) -> Result<(SenderKeys, ReceiverKeys), KeyError> {
    if exported.len() != profile.exported_len() {
        return Err(KeyError::ExportedLength);
    }
    // RFC 5764 §4.2: client key, server key, client salt, server salt.
    let (keys, salts) = exported.split_at(2 * profile.key_len());
    let (client_key, server_key) = keys.split_at(profile.key_len());
    let (client_salt, server_salt) = salts.split_at(profile.salt_len());
    // RFC 3711 §9.1: two directions under one key would repeat key streams where SSRCs collide.
    if bool::from(client_key.ct_eq(server_key)) {
        return Err(KeyError::SameKeyBothWays);
    }
    match local {
        Role::Client => Ok((
            Keys::from_raw(profile, client_key, client_salt)?,
            Keys::from_raw(profile, server_key, server_salt)?,
        )),
        Role::Server => Ok((
            Keys::from_raw(profile, server_key, server_salt)?,
            Keys::from_raw(profile, client_key, client_salt)?,
        )),
    }
}

impl<D> Keys<D> {
    /// A master key and its salt, of the lengths that `profile` says. The caller wipes its copies,
    /// and never gives the same key to two contexts that send.
    ///
    /// The key's lifetime is that of DTLS-SRTP until [`Keys::with_lifetime`] changes it.
    ///
    /// # Errors
    ///
    /// [`KeyError::KeyLength`] or [`KeyError::SaltLength`].
    pub fn from_raw(
        profile: Profile,
        master_key: &[u8],
        master_salt: &[u8],
    ) -> Result<Self, KeyError> {
        Self::for_suite(profile.into(), master_key, master_salt)
    }

    /// The same for a suite that no profile names.
    ///
    /// # Errors
    ///
    /// [`KeyError::KeyLength`] or [`KeyError::SaltLength`].
    pub fn for_suite(
        suite: Suite,
        master_key: &[u8],
        master_salt: &[u8],
    ) -> Result<Self, KeyError> {
        if master_key.len() != suite.key_len() {
            return Err(KeyError::KeyLength);
        }
        if master_salt.len() != suite.salt_len() {
            return Err(KeyError::SaltLength);
        }
        let mut material = Box::new(Material {
            suite,
            lifetime: suite.lifetime(),
            rate: DerivationRate::NEVER,
            mki: Mki::NONE,
            key: [0; KEY_MAX],
            salt: [0; SALT_MAX],
        });
        material.key[..master_key.len()].copy_from_slice(master_key);
        material.salt[..master_salt.len()].copy_from_slice(master_salt);
        Ok(Self {
            material,
            direction: PhantomData,
        })
    }

    /// Marks packets with this master key identifier (RFC 3711 §3.1), of 1 to [`MKI_MAX`] bytes.
    ///
    /// # Errors
    ///
    /// [`KeyError::MkiLength`].
    pub fn with_mki(mut self, mki: &[u8]) -> Result<Self, KeyError> {
        if mki.is_empty() {
            return Err(KeyError::MkiLength);
        }
        self.material.mki = Mki::new(mki).ok_or(KeyError::MkiLength)?;
        Ok(self)
    }

    /// Changes how many packets the key may protect or open: fewer than the profile's limit, or,
    /// outside DTLS-SRTP, up to [`Lifetime::RFC3711`].
    ///
    /// # Errors
    ///
    /// [`KeyError::Lifetime`] if a limit is zero or above [`Lifetime::RFC3711`].
    pub fn with_lifetime(mut self, lifetime: Lifetime) -> Result<Self, KeyError> {
        let limits = Lifetime::RFC3711;
        let allowed = |packets: u64, limit: u64| (1..=limit).contains(&packets);
        if !allowed(lifetime.rtp, limits.rtp) || !allowed(lifetime.rtcp, limits.rtcp) {
            return Err(KeyError::Lifetime);
        }
        self.material.lifetime = lifetime;
        Ok(self)
    }

    /// How often new session keys are derived, in packets (RFC 3711 §4.3.1). DTLS-SRTP never does that.
    #[must_use]
    pub fn with_derivation_rate(mut self, rate: DerivationRate) -> Self {
        self.material.rate = rate;
        self
    }

    /// The suite: that of the profile, where they were made for one.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.material.suite
    }

    /// The profile, if there is one that says what the suite says.
    #[must_use]
    pub fn profile(&self) -> Option<Profile> {
        self.material.suite.profile()
    }
}

impl<D> fmt::Debug for Keys<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut keys = f.debug_struct("Keys");
        show_suite(&mut keys, self.material.suite);
        keys.field("mki", &self.material.mki.as_slice())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut material = f.debug_struct("Material");
        show_suite(&mut material, self.suite);
        material.finish_non_exhaustive()
    }
}

/// Shows the profile, or the suite where there is none.
fn show_suite(shown: &mut fmt::DebugStruct<'_, '_>, suite: Suite) {
    match suite.profile() {
        Some(profile) => shown.field("profile", &profile),
        None => shown.field("suite", &suite),
    };
}

impl Material {
    pub(crate) fn key(&self) -> &[u8] {
        &self.key[..self.suite.key_len()]
    }

    /// The master salt as the key derivation takes it: 14 bytes.
    pub(crate) fn salt(&self) -> &[u8; SALT_MAX] {
        // RFC 7714 §11: the 12 bytes of AES-GCM stand in front, followed by zeros.
        &self.salt
    }
}

impl Drop for Material {
    fn drop(&mut self) {
        self.key.zeroize();
        self.salt.zeroize();
    }
}

impl ZeroizeOnDrop for Material {}

/// Every how many packets session keys are derived anew: never, or a power of two from 1 to 2^24
/// (RFC 3711 §4.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DerivationRate(Option<u8>);

impl DerivationRate {
    /// Session keys are derived once: the only rate that WebRTC uses.
    pub const NEVER: Self = Self(None);

    /// Every `packets` packets of a stream; `None` unless that is a power of two from 1 to 2^24.
    ///
    /// Deriving keys allocates and costs some microseconds, once per stream and period.
    #[must_use]
    pub fn every(packets: u32) -> Option<Self> {
        let shift = packets.trailing_zeros();
        (packets.is_power_of_two() && shift <= 24).then_some(Self(Some(shift as u8)))
    }

    /// `index DIV key_derivation_rate`, where a rate of zero gives zero.
    pub(crate) fn period(self, index: u64) -> u64 {
        self.0.map_or(0, |shift| index >> shift)
    }

    pub(crate) fn is_never(self) -> bool {
        self.0.is_none()
    }
}

/// A master key identifier, empty where none is in use.
#[derive(Clone, Copy)]
pub(crate) struct Mki {
    bytes: [u8; MKI_MAX],
    len: u8,
}

impl Mki {
    pub(crate) const NONE: Self = Self {
        bytes: [0; MKI_MAX],
        len: 0,
    };

    pub(crate) fn new(mki: &[u8]) -> Option<Self> {
        let mut new = Self::NONE;
        new.bytes.get_mut(..mki.len())?.copy_from_slice(mki);
        new.len = mki.len() as u8;
        Some(new)
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len()]
    }

    pub(crate) fn len(&self) -> usize {
        self.len.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5764 §4.2: client key, server key, client salt, server salt.
    #[test]
    fn exported_material_is_cut_in_the_order_of_the_rfc() {
        let exported: Vec<u8> = (0..60).collect();
        let (ours, theirs) =
            from_dtls(Profile::Aes128CmSha1_80, &exported, Role::Client).expect("fits");
        assert_eq!(ours.material.key(), &exported[..16]);
        assert_eq!(theirs.material.key(), &exported[16..32]);
        assert_eq!(ours.material.salt()[..], exported[32..46]);
        assert_eq!(theirs.material.salt()[..], exported[46..]);
        let (ours, _) = from_dtls(Profile::Aes128CmSha1_80, &exported, Role::Server).expect("fits");
        assert_eq!(ours.material.key(), &exported[16..32]);
    }

    #[test]
    fn material_of_the_wrong_length_is_refused() {
        let exported = [7; 60];
        let client = |profile, exported| from_dtls(profile, exported, Role::Client).err();
        assert_eq!(
            client(Profile::AeadAes128Gcm, &exported[..]),
            Some(KeyError::ExportedLength)
        );
        assert_eq!(
            client(Profile::Aes128CmSha1_80, &exported[..]),
            Some(KeyError::SameKeyBothWays)
        );
        let raw =
            |key: &[u8], salt: &[u8]| SenderKeys::from_raw(Profile::AeadAes128Gcm, key, salt).err();
        assert_eq!(raw(&[1; 32], &[1; 12]), Some(KeyError::KeyLength));
        assert_eq!(raw(&[1; 16], &[1; 14]), Some(KeyError::SaltLength));
        assert_eq!(raw(&[1; 16], &[1; 12]), None);
    }

    #[test]
    fn limits_of_a_key_are_checked() {
        let keys =
            || SenderKeys::from_raw(Profile::AeadAes128Gcm, &[1; 16], &[1; 12]).expect("fits");
        assert_eq!(keys().with_mki(&[]).err(), Some(KeyError::MkiLength));
        assert_eq!(keys().with_mki(&[0; 129]).err(), Some(KeyError::MkiLength));
        assert!(keys().with_mki(&[0; 128]).is_ok());
        let lifetime = |rtp, rtcp| keys().with_lifetime(Lifetime { rtp, rtcp }).err();
        assert_eq!(lifetime(0, 1), Some(KeyError::Lifetime));
        assert_eq!(lifetime(1, (1 << 31) + 1), Some(KeyError::Lifetime));
        assert_eq!(lifetime((1 << 48) + 1, 1), Some(KeyError::Lifetime));
        assert_eq!(lifetime(1 << 48, 1 << 31), None);
    }

    /// RFC 3711 §4.3.1: a key derivation rate is a power of two up to 2^24, or zero.
    #[test]
    fn derivation_rates_are_powers_of_two() {
        for rate in [0, 3, 1 << 25, u32::MAX] {
            assert_eq!(DerivationRate::every(rate), None, "{rate}");
        }
        let rate = DerivationRate::every(16).expect("a power of two");
        assert_eq!((rate.period(15), rate.period(16)), (0, 1));
        assert_eq!(DerivationRate::NEVER.period(u64::MAX), 0);
    }

    #[test]
    fn debug_shows_the_profile_and_the_name_of_a_key_alone() {
        let keys = SenderKeys::from_raw(Profile::AeadAes128Gcm, &[0xa5; 16], &[0x5a; 12]);
        let keys = keys.expect("fits").with_mki(&[7, 8]).expect("fits");
        assert_eq!(
            format!("{keys:?}"),
            "Keys { profile: AeadAes128Gcm, mki: [7, 8], .. }"
        );
        assert_eq!(
            format!("{:?}", keys.material),
            "Material { profile: AeadAes128Gcm, .. }"
        );
    }
}
