//! Suites: ciphers and tags of SRTP and SRTCP, chosen one by one.

use crate::kdf::AUTH_KEY_LEN;
use crate::profile::{Lifetime, Profile, Transform};

/// A cipher of SRTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cipher {
    /// None (RFC 3711 §4.1.3).
    Null,
    /// AES-128 in counter mode (RFC 3711 §4.1.1).
    Aes128Cm,
    /// AES-192 in counter mode (RFC 6188). Runs on the portable kernels.
    Aes192Cm,
    /// AES-256 in counter mode (RFC 6188).
    Aes256Cm,
    /// AES-128-GCM (RFC 7714).
    Aes128Gcm,
    /// AES-256-GCM (RFC 7714).
    Aes256Gcm,
}

/// What is done to packets of one kind, SRTP or SRTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protection {
    cipher: Cipher,
    encrypts: bool,
    tag_len: u8,
    auth_key_len: u8,
}

/// What protects the packets of a session, where no [`Profile`] says it: ciphers and tags of SRTP and
/// SRTCP, chosen one by one, as SDP security descriptions (RFC 4568) and older signalling allow.
///
/// Much of what can be said here is weak. A context takes what does not encrypt only where its
/// configuration says `allow_null_cipher`, and tags below those of the profiles only where it says
/// `allow_weak_tags`.
///
/// ```
/// use srtp::{Cipher, Profile, Protection, Suite};
///
/// let rtp = Protection::new(Cipher::Aes256Cm, 4).unwrap();
/// let rtcp = Protection::new(Cipher::Aes256Cm, 10).unwrap();
/// assert_eq!(Suite::new(rtp, rtcp), Suite::from(Profile::Aes256CmSha1_32));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Suite {
    rtp: Protection,
    rtcp: Protection,
    key_len: u8,
}

impl Cipher {
    /// Length of its keys in bytes; 16 for [`Cipher::Null`], since authentication keys are derived from
    /// a master key all the same.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::Null | Self::Aes128Cm | Self::Aes128Gcm => 16,
            Self::Aes192Cm => 24,
            Self::Aes256Cm | Self::Aes256Gcm => 32,
        }
    }

    const fn is_gcm(self) -> bool {
        matches!(self, Self::Aes128Gcm | Self::Aes256Gcm)
    }
}

impl Protection {
    /// `cipher` with tags of `tag_len` bytes: of HMAC-SHA1, from 0 (which authenticates nothing) to 20;
    /// of AES-GCM 16 (RFC 7714), or the 8 of its drafts. `None` for other lengths.
    #[must_use]
    pub const fn new(cipher: Cipher, tag_len: usize) -> Option<Self> {
        let fits = if cipher.is_gcm() {
            tag_len == 8 || tag_len == 16
        } else {
            tag_len <= 20
        };
        if !fits {
            return None;
        }
        Some(Self {
            cipher,
            encrypts: !matches!(cipher, Cipher::Null),
            tag_len: tag_len as u8,
            auth_key_len: AUTH_KEY_LEN as u8,
        })
    }

    /// The same without encryption: AES-GCM authenticates all (RFC 7714 §9.3).
    #[must_use]
    pub const fn without_encryption(mut self) -> Self {
        self.encrypts = false;
        self
    }

    /// The same with keys of HMAC-SHA1 of fewer than the 20 bytes of RFC 3711 §8.2, which some took for
    /// those of the cipher. `None` for none, or for more.
    #[must_use]
    pub const fn with_auth_key_len(mut self, auth_key_len: usize) -> Option<Self> {
        if auth_key_len == 0 || auth_key_len > AUTH_KEY_LEN {
            return None;
        }
        self.auth_key_len = auth_key_len as u8;
        Some(self)
    }

    /// The cipher.
    #[must_use]
    pub const fn cipher(self) -> Cipher {
        self.cipher
    }

    /// Whether packets are encrypted.
    #[must_use]
    pub const fn encrypts(self) -> bool {
        self.encrypts
    }

    /// Length of the tag in bytes.
    #[must_use]
    pub const fn tag_len(self) -> usize {
        self.tag_len as usize
    }

    pub(crate) const fn auth_key_len(self) -> usize {
        self.auth_key_len as usize
    }

    pub(crate) const fn transform(self) -> Transform {
        match self.cipher {
            Cipher::Aes128Gcm | Cipher::Aes256Gcm => Transform::Gcm,
            Cipher::Null => Transform::Null,
            // Without encryption nothing of the cipher is left.
            _ if !self.encrypts => Transform::Null,
            _ => Transform::Cm,
        }
    }

    /// Whether its tags, or the keys of its tags, are below those of the profiles: `floor` with HMAC-SHA1, 16
    /// bytes else.
    const fn has_weak_tag(self, floor: usize) -> bool {
        let floor = if self.cipher.is_gcm() { 16 } else { floor };
        self.tag_len() < floor || self.auth_key_len() < AUTH_KEY_LEN
    }
}

impl Suite {
    /// A suite under master keys as long as the longer of its two ciphers takes them.
    #[must_use]
    pub const fn new(rtp: Protection, rtcp: Protection) -> Self {
        let (a, b) = (rtp.cipher.key_len(), rtcp.cipher.key_len());
        Self {
            rtp,
            rtcp,
            key_len: if a > b { a } else { b } as u8,
        }
    }

    /// The same under master keys of another length, 16, 24 or 32 bytes: the key derivation then is AES
    /// of that length (RFC 6188 §3), whatever the ciphers. `None` for other lengths.
    #[must_use]
    pub const fn with_key_len(mut self, key_len: usize) -> Option<Self> {
        if !matches!(key_len, 16 | 24 | 32) {
            return None;
        }
        self.key_len = key_len as u8;
        Some(self)
    }

    /// What is done to SRTP packets.
    #[must_use]
    pub const fn rtp(self) -> Protection {
        self.rtp
    }

    /// What is done to SRTCP packets.
    #[must_use]
    pub const fn rtcp(self) -> Protection {
        self.rtcp
    }

    /// Length of the master key in bytes.
    #[must_use]
    pub const fn key_len(self) -> usize {
        self.key_len as usize
    }

    /// Length of the master salt in bytes: 12 where all is AES-GCM (RFC 7714 §12), 14 else (RFC 3711
    /// §8.2).
    #[must_use]
    pub const fn salt_len(self) -> usize {
        if self.rtp.cipher.is_gcm() && self.rtcp.cipher.is_gcm() {
            12
        } else {
            14
        }
    }

    /// The profile that says the same, if there is one.
    #[must_use]
    pub fn profile(self) -> Option<Profile> {
        Profile::ALL
            .into_iter()
            .find(|&profile| Self::from(profile) == self)
    }

    pub(crate) fn encrypts_all(self) -> bool {
        self.rtp.encrypts && self.rtcp.encrypts
    }

    /// RFC 3711 §7.5 and §5.2: tags of SRTP have 32 bits at least, those of SRTCP 80.
    pub(crate) fn has_weak_tags(self) -> bool {
        self.rtp.has_weak_tag(4) || self.rtcp.has_weak_tag(10)
    }

    /// The most packets one master key may protect under this suite.
    pub(crate) fn lifetime(self) -> Lifetime {
        let rtp = match self.rtp.transform() {
            // RFC 5764 §4.1.2: maximum_lifetime of the profiles with HMAC-SHA1 is 2^31 packets.
            Transform::Cm | Transform::Null => 1 << 31,
            // RFC 3711 §9.2, RFC 7714 §14.2: 2^48 SRTP packets, 2^31 SRTCP packets.
            Transform::Gcm => Lifetime::RFC3711.rtp,
        };
        let rtcp = 1 << 31;
        Lifetime { rtp, rtcp }
    }
}

impl From<Profile> for Suite {
    fn from(profile: Profile) -> Self {
        let cipher = match profile {
            Profile::NullSha1_80 | Profile::NullSha1_32 => Cipher::Null,
            Profile::Aes128CmSha1_80 | Profile::Aes128CmSha1_32 => Cipher::Aes128Cm,
            Profile::Aes256CmSha1_80 | Profile::Aes256CmSha1_32 => Cipher::Aes256Cm,
            Profile::AeadAes128Gcm => Cipher::Aes128Gcm,
            Profile::AeadAes256Gcm => Cipher::Aes256Gcm,
        };
        let protection = |tag_len| {
            Protection::new(cipher, tag_len).expect("invariant: profiles have lengths that fit")
        };
        Self::new(
            protection(profile.rtp_tag_len()),
            protection(profile.rtcp_tag_len()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_suites_and_back() {
        for profile in Profile::ALL {
            let suite = Suite::from(profile);
            assert_eq!(suite.profile(), Some(profile));
            assert_eq!(suite.key_len(), profile.key_len(), "{profile}");
            assert_eq!(suite.salt_len(), profile.salt_len(), "{profile}");
            assert!(!suite.has_weak_tags(), "{profile}");
        }
    }

    #[test]
    fn only_lengths_of_tags_that_exist_are_taken() {
        for (cipher, lengths) in [
            (Cipher::Aes128Gcm, &[8, 16][..]),
            (Cipher::Aes256Gcm, &[8, 16]),
            (Cipher::Aes192Cm, &[0, 4, 10, 20]),
            (Cipher::Null, &[0, 4, 10, 20]),
        ] {
            for len in [0, 4, 8, 10, 12, 16, 20, 21] {
                let taken = Protection::new(cipher, len).is_some();
                let expected = lengths.contains(&len) || (!cipher.is_gcm() && len <= 20);
                assert_eq!(taken, expected, "{cipher:?} {len}");
            }
        }
    }

    #[test]
    fn what_is_below_the_profiles_is_weak() {
        let strong = Protection::new(Cipher::Aes128Cm, 10).expect("fits");
        let short = Protection::new(Cipher::Aes128Cm, 4).expect("fits");
        let none = Protection::new(Cipher::Aes128Cm, 0).expect("fits");
        assert!(!Suite::new(short, strong).has_weak_tags());
        assert!(Suite::new(strong, short).has_weak_tags());
        assert!(Suite::new(none, strong).has_weak_tags());
        let keyed = strong.with_auth_key_len(16).expect("fits");
        assert!(Suite::new(keyed, strong).has_weak_tags());
        assert_eq!(strong.with_auth_key_len(21), None);
        let draft = Protection::new(Cipher::Aes128Gcm, 8).expect("fits");
        assert!(Suite::new(draft, draft).has_weak_tags());
        assert!(!Suite::new(strong, strong.without_encryption()).encrypts_all());
    }
}
