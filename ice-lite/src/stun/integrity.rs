//! MESSAGE-INTEGRITY and FINGERPRINT (RFC 8489 §14.5, §14.7).

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use std::fmt;
use subtle::ConstantTimeEq;

/// The length of MESSAGE-INTEGRITY's value.
pub(super) const INTEGRITY_LEN: usize = 20;

/// A password, made ready for MESSAGE-INTEGRITY.
///
/// The two hash states that depend on the password alone are computed once: a message then costs two
/// blocks of SHA-1 less, of five or so.
#[derive(Clone)]
pub struct IntegrityKey(Hmac<Sha1>);

impl IntegrityKey {
    /// Takes the password of a short-term credential (RFC 8489 §9.1.1).
    #[must_use]
    pub fn new(password: &[u8]) -> Self {
        Self(Hmac::new_from_slice(password).expect("invariant: HMAC takes keys of any length"))
    }

    /// The value for a message whose bytes before the attribute are `covered`, as if the header's
    /// length field said `length`.
    pub(super) fn tag(&self, covered: &[u8], length: u16) -> [u8; INTEGRITY_LEN] {
        let mut mac = self.0.clone();
        let (kind, rest) = covered.split_at(2);
        let [l0, l1] = length.to_be_bytes();
        mac.update(&[kind[0], kind[1], l0, l1]);
        mac.update(&rest[2..]);
        mac.finalize().into_bytes().into()
    }

    /// Compares in constant time.
    pub(super) fn verify(&self, covered: &[u8], length: u16, tag: &[u8]) -> bool {
        self.tag(covered, length).ct_eq(tag).into()
    }
}

impl fmt::Debug for IntegrityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IntegrityKey(..)")
    }
}

/// Why a message is not verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unverified {
    /// The attribute is missing.
    Missing,
    /// The attribute's value is wrong.
    Mismatch,
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the attribute is missing",
            Self::Mismatch => "the attribute's value is wrong",
        })
    }
}

impl std::error::Error for Unverified {}

/// The value of FINGERPRINT for a message whose bytes before the attribute are `covered`.
pub(super) fn fingerprint(covered: &[u8]) -> u32 {
    // RFC 8489 §14.7: CRC-32 XORed with 0x5354554e.
    crc32fast::hash(covered) ^ 0x5354_554E
}
