//! MESSAGE-INTEGRITY and FINGERPRINT (RFC 8489 §14.5, §14.7).

use sha1::block_api::compress;
use sha1::{Digest, Sha1};
use std::{fmt, ops::Range};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The length of MESSAGE-INTEGRITY's value.
pub(super) const INTEGRITY_LEN: usize = 20;

/// The block size of SHA-1 in bytes.
const BLOCK: usize = 64;

/// Where a STUN header has its length field.
const LENGTH_FIELD: Range<usize> = 2..4;

/// The state that SHA-1 begins with (FIPS 180-4 §5.3.1).
const INITIAL: State = [
    0x6745_2301,
    0xEFCD_AB89,
    0x98BA_DCFE,
    0x1032_5476,
    0xC3D2_E1F0,
];

type State = [u32; 5];

/// A password, made ready for MESSAGE-INTEGRITY.
///
/// HMAC-SHA1 (RFC 2104) begins its inner and its outer hash with a block that depends on the
/// password alone. The states after these blocks are computed once, and each message begins with
/// them: it costs two compressions less, of five or so. That is why HMAC stands here, on the
/// library's compression function; a test holds it against the library's HMAC.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct IntegrityKey {
    inner: State,
    outer: State,
}

impl IntegrityKey {
    /// Takes the password of a short-term credential (RFC 8489 §9.1.1).
    #[must_use]
    pub fn new(password: &[u8]) -> Self {
        let mut key = Zeroizing::new([0; BLOCK]);
        match key.get_mut(..password.len()) {
            Some(room) => room.copy_from_slice(password),
            // RFC 2104 §2: a key longer than a block is hashed first.
            None => key[..INTEGRITY_LEN].copy_from_slice(&Sha1::digest(password)),
        }
        let state_after = |pad: u8| {
            let mut state = INITIAL;
            compress(&mut state, &[*Zeroizing::new(key.map(|byte| byte ^ pad))]);
            state
        };
        Self {
            inner: state_after(0x36),
            outer: state_after(0x5C),
        }
    }

    /// The value for a message whose bytes before the attribute are `covered`, as if the header's
    /// length field said `length`.
    pub(super) fn tag(&self, covered: &[u8], length: u16) -> [u8; INTEGRITY_LEN] {
        let mut state = self.inner;
        let (blocks, tail) = covered.as_chunks();
        // All blocks are written before the first is hashed: a block just written is slow to load.
        let (mut last, count) = padded(tail, covered.len());
        match blocks.split_first() {
            Some((first, rest)) => {
                let mut first: [u8; BLOCK] = *first;
                first[LENGTH_FIELD].copy_from_slice(&length.to_be_bytes());
                compress(&mut state, &[first]);
                compress(&mut state, rest);
            }
            None => last[0][LENGTH_FIELD].copy_from_slice(&length.to_be_bytes()),
        }
        compress(&mut state, &last[..count]);
        let (last, count) = padded(&bytes(state), INTEGRITY_LEN);
        let mut state = self.outer;
        compress(&mut state, &last[..count]);
        bytes(state)
    }

    /// Compares in constant time, in two words: byte by byte it takes as long as half a hash.
    pub(super) fn verify(&self, covered: &[u8], length: u16, tag: &[u8; INTEGRITY_LEN]) -> bool {
        let words = |tag: &[u8; INTEGRITY_LEN]| {
            let [a @ .., b0, b1, b2, b3] = *tag;
            (u128::from_ne_bytes(a), u32::from_ne_bytes([b0, b1, b2, b3]))
        };
        let (ours, theirs) = (words(&self.tag(covered, length)), words(tag));
        (ours.0.ct_eq(&theirs.0) & ours.1.ct_eq(&theirs.1)).into()
    }
}

/// The last blocks, one or two, of `len` bytes that follow the key's block and end with `tail`.
#[inline]
fn padded(tail: &[u8], len: usize) -> ([[u8; BLOCK]; 2], usize) {
    // FIPS 180-4 §5.1.1: a one, zeroes, and the length in bits in the last eight bytes.
    let mut blocks = [[0; BLOCK]; 2];
    blocks[0][..tail.len()].copy_from_slice(tail);
    blocks[0][tail.len()] = 0x80;
    let count = if tail.len() < BLOCK - 8 { 1 } else { 2 };
    let bits = (BLOCK + len) as u64 * 8;
    blocks[count - 1][BLOCK - 8..].copy_from_slice(&bits.to_be_bytes());
    (blocks, count)
}

fn bytes(state: State) -> [u8; INTEGRITY_LEN] {
    let mut bytes = [0; INTEGRITY_LEN];
    for (to, word) in bytes.chunks_exact_mut(4).zip(state) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

impl fmt::Debug for IntegrityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IntegrityKey(..)")
    }
}

/// Why a message could not be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// The attribute is missing.
    #[error("the attribute is missing")]
    Missing,
    /// The attribute's value is wrong.
    #[error("the attribute's value is wrong")]
    Mismatch,
}

/// The value of FINGERPRINT for a message whose bytes before the attribute are `covered`.
pub(super) fn fingerprint(covered: &[u8]) -> u32 {
    // RFC 8489 §14.7: CRC-32 XORed with 0x5354554e.
    crc32(covered) ^ 0x5354_554E
}

/// The CRC-32 of FINGERPRINT, without its mask: so DTLS-IN-STUN-ACK names a datagram.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit, Mac};

    #[test]
    fn as_the_librarys_hmac_for_every_length_of_key_and_message() {
        let bytes: Vec<u8> = (0..400_u16).map(|n| (n * 7 + 3) as u8).collect();
        for key_len in [0, 1, 22, 32, 63, 64, 65, 100, 256] {
            let password = &bytes[..key_len];
            let key = IntegrityKey::new(password);
            for len in 20..bytes.len() {
                let length = (len as u16) ^ 0x1234;
                let mut covered = bytes[..len].to_vec();
                let tag = key.tag(&covered, length);
                covered[2..4].copy_from_slice(&length.to_be_bytes());
                let mut mac = Hmac::<Sha1>::new_from_slice(password).expect("any length");
                mac.update(&covered);
                assert_eq!(tag[..], mac.finalize().into_bytes()[..], "{key_len}, {len}");
                assert!(key.verify(&covered, length, &tag));
                for flipped in 0..INTEGRITY_LEN {
                    let mut wrong = tag;
                    wrong[flipped] ^= 1;
                    assert!(!key.verify(&covered, length, &wrong));
                }
            }
        }
    }
}
