//! Session keys: what one master key gives for the packets of one period.

use zeroize::Zeroize;

use crate::kdf::{Derivation, Label};
use crate::kernel::{AesKey, CipherKey, Key, SHORT_GCM_TAG_LEN, Tier, Wiped, prefetch};
use crate::keys::{Material, SALT_MAX};
use crate::profile::Transform;
use crate::suite::Protection;

/// The session keys of SRTP and SRTCP (RFC 3711 §4.3).
#[derive(Debug)]
pub(crate) struct SessionKeys {
    pub(crate) rtp: PacketKey,
    pub(crate) rtcp: PacketKey,
    /// For RFC 6904, where header extensions are encrypted.
    pub(crate) header: Option<Wiped<HeaderKey>>,
}

/// A key and its salt.
#[derive(Debug)]
pub(crate) struct PacketKey {
    pub(crate) key: Key,
    salt: Salt,
}

/// The key stream of encrypted header extensions (RFC 6904 §2.1).
#[derive(Debug)]
pub(crate) struct HeaderKey {
    pub(crate) key: CipherKey,
    salt: Salt,
}

impl SessionKeys {
    /// Derives the session keys of `period`; with `header`, also that of encrypted header
    /// extensions.
    pub(crate) fn derive(material: &Material, period: u64, tier: Tier, header: bool) -> Self {
        let derivation = Derivation::new(material, period);
        let packet_key = |protection: Protection, encryption, authentication, salt| {
            let (transform, tag_len) = (protection.transform(), protection.tag_len());
            let key_len = protection.cipher().key_len();
            let salt = derivation.salt(salt, transform);
            PacketKey {
                key: match transform {
                    Transform::Gcm => {
                        let key = derivation.encryption_key(encryption);
                        let key = aes_key(&key[..key_len]);
                        match tag_len {
                            SHORT_GCM_TAG_LEN => Key::gcm_with_short_tags(key),
                            _ => Key::gcm(tier, key),
                        }
                    }
                    Transform::Cm => {
                        let key = derivation.encryption_key(encryption);
                        let auth = derivation.auth_key(authentication, protection);
                        Key::cm(tier, Some(aes_key(&key[..key_len])), &auth, tag_len)
                    }
                    Transform::Null => {
                        let auth = derivation.auth_key(authentication, protection);
                        Key::cm(tier, None, &auth, tag_len)
                    }
                },
                salt: match transform {
                    Transform::Gcm => Salt::of_nonces(&salt),
                    Transform::Cm | Transform::Null => Salt::new(&salt),
                },
            }
        };
        Self {
            rtp: packet_key(
                material.suite.rtp(),
                Label::RtpEncryption,
                Label::RtpAuthentication,
                Label::RtpSalt,
            ),
            rtcp: packet_key(
                material.suite.rtcp(),
                Label::RtcpEncryption,
                Label::RtcpAuthentication,
                Label::RtcpSalt,
            ),
            header: header.then(|| Wiped::new(HeaderKey::derive(&derivation, material))),
        }
    }
}

#[cfg(test)]
impl SessionKeys {
    /// AES-GCM under session keys as they are: RFC 7714 prints packets under them.
    pub(crate) fn gcm_from_session_keys(tier: Tier, key: &[u8], salt: &[u8]) -> Self {
        let packet_key = || {
            let mut bytes = [0; SALT_MAX];
            bytes[..salt.len()].copy_from_slice(salt);
            PacketKey {
                key: Key::gcm(tier, aes_key(key)),
                salt: Salt::of_nonces(&bytes),
            }
        };
        Self {
            rtp: packet_key(),
            rtcp: packet_key(),
            header: None,
        }
    }
}

impl PacketKey {
    /// Asks for the memory that a packet touches.
    pub(crate) fn prefetch(&self) {
        prefetch(&self.salt);
        self.key.prefetch();
    }

    /// The counter block or nonce of a packet.
    #[inline(always)]
    pub(crate) fn iv(&self, ssrc: u32, index: u64) -> [u8; 16] {
        if self.key.is_aead() {
            self.salt.nonce(ssrc, index)
        } else {
            self.salt.counter_block(ssrc, index)
        }
    }
}

impl HeaderKey {
    fn derive(derivation: &Derivation<'_>, material: &Material) -> Self {
        // RFC 6904 §2.2, RFC 7714 §8.3: counter mode in all profiles, AES-GCM included, with a key
        // and salt of the cipher's lengths.
        let rtp = material.suite.rtp();
        let key = derivation.encryption_key(Label::HeaderEncryption);
        Self {
            key: CipherKey::new(aes_key(&key[..rtp.cipher().key_len()])),
            salt: Salt::new(&derivation.salt(Label::HeaderSalt, rtp.transform())),
        }
    }

    /// The first counter block of a packet's header extensions.
    pub(crate) fn iv(&self, ssrc: u32, index: u64) -> [u8; 16] {
        self.salt.counter_block(ssrc, index)
    }
}

fn aes_key(bytes: &[u8]) -> AesKey<'_> {
    AesKey::from_bytes(bytes).expect("invariant: ciphers have keys of 16, 24 or 32 bytes")
}

/// A session salt, standing where a packet's SSRC and index are XORed to it.
///
/// RFC 7714 §8.1 and §9.1 leave two bytes at the end that RFC 3711 §4.1.1 has in front: the salt of
/// a nonce stands two bytes further right until the packet's IV is made.
struct Salt(u128);

/// Bits that a nonce is moved to the left by.
const NONCE_SHIFT: u32 = 16;

impl Salt {
    /// The salt of counter blocks.
    fn new(salt: &[u8; SALT_MAX]) -> Self {
        let mut block = [0; 16];
        block[..SALT_MAX].copy_from_slice(salt);
        Self(u128::from_be_bytes(block))
    }

    /// The salt of nonces, of which the last two bytes are zero.
    fn of_nonces(salt: &[u8; SALT_MAX]) -> Self {
        Self(Self::new(salt).0 >> NONCE_SHIFT)
    }

    // RFC 3711 §4.1.1: IV = (k_s * 2^16) XOR (SSRC * 2^64) XOR (i * 2^16).
    #[inline(always)]
    fn counter_block(&self, ssrc: u32, index: u64) -> [u8; 16] {
        self.block(ssrc, index).to_be_bytes()
    }

    // RFC 7714 §8.1 and §9.1: two zero bytes, the SSRC and 48 bits of index, XOR the salt: 12
    // bytes, here the first of 16.
    #[inline(always)]
    fn nonce(&self, ssrc: u32, index: u64) -> [u8; 16] {
        (self.block(ssrc, index) << NONCE_SHIFT).to_be_bytes()
    }

    #[inline(always)]
    fn block(&self, ssrc: u32, index: u64) -> u128 {
        self.0 ^ u128::from(ssrc) << 64 ^ u128::from(index << 16)
    }
}

impl Drop for Salt {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Salt").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_salt() {
        assert_eq!(format!("{:?}", Salt::new(&[0xa5; 14])), "Salt { .. }");
    }

    /// RFC 7714 §8.1: 00 00 SSRC ROC SEQ, XOR the salt.
    #[test]
    fn the_nonce_of_gcm_is_built_as_in_rfc_7714() {
        let salt = Salt::of_nonces(b"\x51\x75\x69\x64\x20\x70\x72\x6f\x20\x71\x75\x6f\0\0");
        let iv = salt.nonce(0x4d61_7273, 0xf17b);
        assert_eq!(
            iv[..12],
            *b"\x51\x75\x24\x05\x52\x03\x72\x6f\x20\x71\x84\x14"
        );
    }

    /// RFC 3711 §4.1.1.
    #[test]
    fn the_counter_block_is_built_as_in_rfc_3711() {
        let salt = Salt::new(&[0; 14]);
        let iv = salt.counter_block(0x0102_0304, 0x0506_0708_090a);
        assert_eq!(iv, *b"\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\0\0");
    }
}
