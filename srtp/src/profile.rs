//! SRTP protection profiles.

use std::fmt;

/// What protects the packets of a session: the ciphers, key lengths and tag lengths of an SRTP
/// protection profile.
///
/// ```
/// use srtp::Profile;
///
/// let profile = Profile::from_iana(0x0007).unwrap();
/// assert_eq!(profile, Profile::AeadAes128Gcm);
/// assert_eq!(profile.name(), "SRTP_AEAD_AES_128_GCM");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// AES-128 in counter mode and HMAC-SHA1 with tags of 80 bits (RFC 5764 §4.1.2), which every
    /// WebRTC endpoint has.
    Aes128CmSha1_80,
    /// The same with tags of 32 bits for SRTP, and 80 for SRTCP. A forgery succeeds once in 2^32
    /// tries, of which a packet may have several: [`RocRecovery`](crate::RocRecovery).
    Aes128CmSha1_32,
    /// AES-256 in counter mode (RFC 6188) and HMAC-SHA1 with tags of 80 bits. Has no IANA number
    /// for DTLS-SRTP.
    Aes256CmSha1_80,
    /// The same with tags of 32 bits for SRTP, and 80 for SRTCP.
    Aes256CmSha1_32,
    /// No encryption, and HMAC-SHA1 with tags of 80 bits (RFC 5764 §4.1.2). Contexts take it only
    /// where their configuration says `allow_null_cipher`.
    NullSha1_80,
    /// The same with tags of 32 bits for SRTP, and 80 for SRTCP.
    NullSha1_32,
    /// AES-128-GCM with tags of 128 bits (RFC 7714).
    AeadAes128Gcm,
    /// AES-256-GCM with tags of 128 bits (RFC 7714).
    AeadAes256Gcm,
}

/// Which transform a profile uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transform {
    /// AES counter mode and HMAC-SHA1 (RFC 3711 §4).
    Cm,
    /// HMAC-SHA1 alone.
    Null,
    /// AES-GCM (RFC 7714).
    Gcm,
}

impl Profile {
    /// Every profile of this crate.
    pub const ALL: [Self; 8] = [
        Self::Aes128CmSha1_80,
        Self::Aes128CmSha1_32,
        Self::Aes256CmSha1_80,
        Self::Aes256CmSha1_32,
        Self::NullSha1_80,
        Self::NullSha1_32,
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
    ];

    /// The profiles that an endpoint should offer, the preferred first: those of WebRTC without
    /// tags of 32 bits.
    pub const DEFAULT: [Self; 3] = [
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
        Self::Aes128CmSha1_80,
    ];

    /// The profile of this number of the IANA registry "DTLS-SRTP Protection Profiles", if this
    /// crate has it.
    #[must_use]
    pub const fn from_iana(number: u16) -> Option<Self> {
        match number {
            0x0001 => Some(Self::Aes128CmSha1_80),
            0x0002 => Some(Self::Aes128CmSha1_32),
            0x0005 => Some(Self::NullSha1_80),
            0x0006 => Some(Self::NullSha1_32),
            0x0007 => Some(Self::AeadAes128Gcm),
            0x0008 => Some(Self::AeadAes256Gcm),
            _ => None,
        }
    }

    /// Its number in the IANA registry "DTLS-SRTP Protection Profiles".
    ///
    /// `None` for the two AES-256 counter mode profiles, which RFC 6188 registers for SDP security
    /// descriptions only. Of the numbers 3 and 4, drafts of RFC 5764 gave them to AES-256, some
    /// libraries to AES-F8: they mean nothing safely.
    #[must_use]
    pub const fn iana(self) -> Option<u16> {
        match self {
            Self::Aes128CmSha1_80 => Some(0x0001),
            Self::Aes128CmSha1_32 => Some(0x0002),
            Self::Aes256CmSha1_80 | Self::Aes256CmSha1_32 => None,
            Self::NullSha1_80 => Some(0x0005),
            Self::NullSha1_32 => Some(0x0006),
            Self::AeadAes128Gcm => Some(0x0007),
            Self::AeadAes256Gcm => Some(0x0008),
        }
    }

    /// Its name in the IANA registry; those without a number are named alike.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes128CmSha1_80 => "SRTP_AES128_CM_HMAC_SHA1_80",
            Self::Aes128CmSha1_32 => "SRTP_AES128_CM_HMAC_SHA1_32",
            Self::Aes256CmSha1_80 => "SRTP_AES256_CM_HMAC_SHA1_80",
            Self::Aes256CmSha1_32 => "SRTP_AES256_CM_HMAC_SHA1_32",
            Self::NullSha1_80 => "SRTP_NULL_HMAC_SHA1_80",
            Self::NullSha1_32 => "SRTP_NULL_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "SRTP_AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "SRTP_AEAD_AES_256_GCM",
        }
    }

    /// Length of the master key in bytes.
    ///
    /// The NULL profiles take one of 16 bytes, from which the authentication key is derived.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes256CmSha1_80 | Self::Aes256CmSha1_32 | Self::AeadAes256Gcm => 32,
            _ => 16,
        }
    }

    /// Length of the master salt in bytes: 12 for AES-GCM (RFC 7714 §12), 14 else (RFC 3711 §8.2).
    #[must_use]
    pub const fn salt_len(self) -> usize {
        match self.transform() {
            Transform::Gcm => 12,
            Transform::Cm | Transform::Null => 14,
        }
    }

    /// The length of what the DTLS exporter must give for this profile: keys and salts of both
    /// directions (RFC 5764 §4.2).
    #[must_use]
    pub const fn exported_len(self) -> usize {
        2 * (self.key_len() + self.salt_len())
    }

    /// Length of the tag of an SRTP packet in bytes.
    #[must_use]
    pub const fn rtp_tag_len(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 | Self::Aes256CmSha1_80 | Self::NullSha1_80 => 10,
            Self::Aes128CmSha1_32 | Self::Aes256CmSha1_32 | Self::NullSha1_32 => 4,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }

    /// Length of the tag of an SRTCP packet in bytes: 16 for AES-GCM, and never below 10 else.
    #[must_use]
    pub const fn rtcp_tag_len(self) -> usize {
        // RFC 3711 §5.2, RFC 5764 §4.1.2: the tag of SRTCP has 80 bits in the profiles with 32 too.
        match self.transform() {
            Transform::Gcm => 16,
            Transform::Cm | Transform::Null => 10,
        }
    }

    pub(crate) const fn transform(self) -> Transform {
        match self {
            Self::Aes128CmSha1_80
            | Self::Aes128CmSha1_32
            | Self::Aes256CmSha1_80
            | Self::Aes256CmSha1_32 => Transform::Cm,
            Self::NullSha1_80 | Self::NullSha1_32 => Transform::Null,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => Transform::Gcm,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many packets one master key may protect or open, over all streams; SRTP and SRTCP are
/// counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lifetime {
    /// SRTP packets.
    pub rtp: u64,
    /// SRTCP packets.
    pub rtcp: u64,
}

impl Lifetime {
    /// The limits of RFC 3711 §9.2: 2^48 SRTP packets and 2^31 SRTCP packets. For contexts that
    /// DTLS-SRTP has not keyed.
    pub const RFC3711: Self = Self {
        rtp: 1 << 48,
        rtcp: 1 << 31,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iana_numbers_go_both_ways() {
        for profile in Profile::ALL {
            if let Some(number) = profile.iana() {
                assert_eq!(Profile::from_iana(number), Some(profile));
            }
        }
        for number in [0, 3, 4, 9, 0xffff] {
            assert_eq!(Profile::from_iana(number), None, "{number}");
        }
    }

    /// RFC 5764 §4.1.2, RFC 7714 §14.2: what a handshake and a log call the profiles.
    #[test]
    fn numbers_and_names_are_those_of_the_registry() {
        let registered = [
            (1, "SRTP_AES128_CM_HMAC_SHA1_80", Profile::Aes128CmSha1_80),
            (2, "SRTP_AES128_CM_HMAC_SHA1_32", Profile::Aes128CmSha1_32),
            (5, "SRTP_NULL_HMAC_SHA1_80", Profile::NullSha1_80),
            (6, "SRTP_NULL_HMAC_SHA1_32", Profile::NullSha1_32),
            (7, "SRTP_AEAD_AES_128_GCM", Profile::AeadAes128Gcm),
            (8, "SRTP_AEAD_AES_256_GCM", Profile::AeadAes256Gcm),
        ];
        for (number, name, profile) in registered {
            assert_eq!(profile.iana(), Some(number));
            assert_eq!((profile.name(), profile.to_string()), (name, name.into()));
        }
        for profile in [Profile::Aes256CmSha1_80, Profile::Aes256CmSha1_32] {
            assert_eq!(profile.iana(), None);
            assert!(profile.name().starts_with("SRTP_AES256_CM_HMAC_SHA1_"));
        }
    }

    /// RFC 5764 §4.1.2, RFC 7714 §12: lengths of keys, salts and tags.
    #[test]
    fn lengths_are_those_of_the_rfcs() {
        let lengths = |profile: Profile| {
            (
                profile.key_len(),
                profile.salt_len(),
                profile.rtp_tag_len(),
                profile.rtcp_tag_len(),
                profile.exported_len(),
            )
        };
        assert_eq!(lengths(Profile::Aes128CmSha1_80), (16, 14, 10, 10, 60));
        assert_eq!(lengths(Profile::Aes128CmSha1_32), (16, 14, 4, 10, 60));
        assert_eq!(lengths(Profile::Aes256CmSha1_80), (32, 14, 10, 10, 92));
        assert_eq!(lengths(Profile::Aes256CmSha1_32), (32, 14, 4, 10, 92));
        assert_eq!(lengths(Profile::NullSha1_80), (16, 14, 10, 10, 60));
        assert_eq!(lengths(Profile::NullSha1_32), (16, 14, 4, 10, 60));
        assert_eq!(lengths(Profile::AeadAes128Gcm), (16, 12, 16, 16, 56));
        assert_eq!(lengths(Profile::AeadAes256Gcm), (32, 12, 16, 16, 88));
    }
}
