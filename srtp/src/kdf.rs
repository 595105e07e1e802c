//! Key derivation (RFC 3711 §4.3).

use zeroize::Zeroizing;

use crate::kernel::{AesKey, CipherKey};
use crate::keys::{KEY_MAX, Material, SALT_MAX};
use crate::profile::Transform;
use crate::suite::Protection;

/// What a derived key is for (RFC 3711 §4.3.1 and §4.3.2, RFC 6904 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    RtpEncryption = 0x00,
    RtpAuthentication = 0x01,
    RtpSalt = 0x02,
    RtcpEncryption = 0x03,
    RtcpAuthentication = 0x04,
    RtcpSalt = 0x05,
    HeaderEncryption = 0x06,
    HeaderSalt = 0x07,
}

/// What names a master key without telling it, so that a key that comes a second time is known.
pub(crate) type Fingerprint = [u8; 16];

/// The counter block that gives the fingerprint: a label that no RFC uses, under a salt of zeros.
const FINGERPRINT_BLOCK: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];

/// The counter block that gives the key of [`Repeats::Same`](crate::Repeats): another such label.
const REPEATS_BLOCK: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0];

/// Length of the key of HMAC-SHA1 (RFC 3711 §8.2).
pub(crate) const AUTH_KEY_LEN: usize = 20;

/// Derives keys from one master key, in one period of its key derivation rate.
pub(crate) struct Derivation<'a> {
    master: CipherKey,
    material: &'a Material,
    period: u64,
}

impl<'a> Derivation<'a> {
    /// Derivation in `period`, which is `index DIV key_derivation_rate`.
    pub(crate) fn new(material: &'a Material, period: u64) -> Self {
        // RFC 3711 §4.3.3, RFC 6188 §3: the PRF is AES in counter mode under the master key, of its
        // length.
        let key = AesKey::from_bytes(material.key()).expect("invariant: 16, 24 or 32 bytes");
        Self {
            master: CipherKey::new(key),
            material,
            period,
        }
    }

    /// The bytes that `label` stands for.
    pub(crate) fn derive<const N: usize>(&self, label: Label) -> Zeroizing<[u8; N]> {
        let mut out = Zeroizing::new([0; N]);
        self.fill(label, &mut out[..]);
        out
    }

    /// A key of HMAC-SHA1. A shorter one is followed by zeros, as HMAC has it (RFC 2104 §2).
    pub(crate) fn auth_key(
        &self,
        label: Label,
        protection: Protection,
    ) -> Zeroizing<[u8; AUTH_KEY_LEN]> {
        let mut out = Zeroizing::new([0; AUTH_KEY_LEN]);
        self.fill(label, &mut out[..protection.auth_key_len()]);
        out
    }

    /// An encryption key: `out[..key_len]` of the cipher.
    pub(crate) fn encryption_key(&self, label: Label) -> Zeroizing<[u8; KEY_MAX]> {
        self.derive(label)
    }

    /// A salt in the 14 bytes of counter mode, of which AES-GCM takes the first 12.
    pub(crate) fn salt(&self, label: Label, transform: Transform) -> Zeroizing<[u8; SALT_MAX]> {
        let len = match transform {
            Transform::Gcm => SALT_MAX - 2,
            Transform::Cm | Transform::Null => SALT_MAX,
        };
        let mut out = Zeroizing::new([0; SALT_MAX]);
        self.fill(label, &mut out[..len]);
        out
    }

    /// The fingerprint of the master key. Its salt does not count: under another salt it is used a
    /// second time all the same (RFC 3711 §9.2).
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut fingerprint = [0; 16];
        self.master
            .apply_keystream(&FINGERPRINT_BLOCK, &mut fingerprint);
        fingerprint
    }

    /// The key under which packets are told apart that were sent.
    pub(crate) fn repeats_key(&self) -> Zeroizing<[u8; 16]> {
        let mut key = Zeroizing::new([0; 16]);
        self.master.apply_keystream(&REPEATS_BLOCK, &mut key[..]);
        key
    }

    fn fill(&self, label: Label, out: &mut [u8]) {
        // RFC 3711 §4.3.1: x = (label || r) XOR master_salt, aligned to the right; the first
        // counter block is x * 2^16. The RFC leaves open how wide r is for SRTCP: it has 48 bits
        // here as for SRTP, so that the label stays in its place.
        let mut iv = Zeroizing::new([0; 16]);
        iv[..SALT_MAX].copy_from_slice(self.material.salt());
        iv[7] ^= label as u8;
        for (byte, r) in iv[8..14].iter_mut().zip(&self.period.to_be_bytes()[2..]) {
            *byte ^= r;
        }
        self.master.apply_keystream(&iv, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{DerivationRate, SenderKeys};
    use crate::profile::Profile;
    use crate::vectors::hex;

    fn material(profile: Profile, key: &str, salt: &str) -> SenderKeys {
        SenderKeys::from_raw(profile, &hex(key), &hex(salt)).expect("lengths fit")
    }

    /// RFC 3711 appendix B.3.
    #[test]
    fn derives_the_keys_of_rfc_3711_b_3() {
        let keys = material(
            Profile::Aes128CmSha1_80,
            "e1f97a0d3e018be0d64fa32c06de4139",
            "0ec675ad498afeebb6960b3aabe6",
        );
        let derivation = Derivation::new(&keys.material, 0);
        assert_eq!(
            derivation.derive::<16>(Label::RtpEncryption)[..],
            hex("c61e7a93744f39ee10734afe3ff7a087")
        );
        assert_eq!(
            derivation.salt(Label::RtpSalt, Transform::Cm)[..],
            hex("30cbbc08863d8c85d49db34a9ae1")
        );
        assert_eq!(
            derivation.derive::<94>(Label::RtpAuthentication)[..],
            hex(concat!(
                "cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbce",
                "e049646c43d9327ad175578ef72270986371c10c9a369ac2f94a8c5fbcdddc25",
                "6d6e919a48b610ef17c2041e474035766b68642c59bbfc2f34db60dbdfb2",
            ))
        );
    }

    /// RFC 6188 §7.2 (AES_256_CM_PRF).
    #[test]
    fn derives_the_keys_of_rfc_6188_7_2() {
        let keys = material(
            Profile::Aes256CmSha1_80,
            "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6",
            "3b04803de51ee7c96423ab5b78d2",
        );
        let derivation = Derivation::new(&keys.material, 0);
        assert_eq!(
            derivation.encryption_key(Label::RtpEncryption)[..],
            hex("5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4")
        );
        assert_eq!(
            derivation.salt(Label::RtpSalt, Transform::Cm)[..],
            hex("fa31791685ca444a9e07c6c64e93")
        );
        assert_eq!(
            derivation.derive::<20>(Label::RtpAuthentication)[..],
            hex("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05")
        );
    }

    /// RFC 3711 §4.3.1: r stands to the right of the label.
    #[test]
    fn periods_change_every_key() {
        let keys = material(
            Profile::Aes128CmSha1_80,
            "e1f97a0d3e018be0d64fa32c06de4139",
            "0ec675ad498afeebb6960b3aabe6",
        )
        .with_derivation_rate(DerivationRate::every(16).expect("a power of two"));
        let first = Derivation::new(&keys.material, 0).derive::<16>(Label::RtpEncryption);
        let second = Derivation::new(&keys.material, 1).derive::<16>(Label::RtpEncryption);
        // x = 0ec675ad498afeebb6960b3aabe6 XOR 1, by hand.
        let by_hand = material(
            Profile::Aes128CmSha1_80,
            "e1f97a0d3e018be0d64fa32c06de4139",
            "0ec675ad498afeebb6960b3aabe7",
        );
        let by_hand = Derivation::new(&by_hand.material, 0).derive::<16>(Label::RtpEncryption);
        assert_ne!(first, second);
        assert_eq!(second, by_hand);
    }
}
