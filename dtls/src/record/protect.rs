//! Protection of records under the keys of one epoch: nonces, additional data, the inner plaintext
//! and the masking of record numbers (RFC 6347 §4.1.2, RFC 9147 §4.2.3 and §4).

use std::fmt;
use std::ops::Range;

use zeroize::Zeroizing;

use super::number::RecordNumber;
use crate::crypto::{AeadAlgorithm, AeadKey, CryptoProvider, RecordNumberKey, TAG_LEN};
use crate::wire::{ContentType, ProtocolVersion};

/// The part of the nonce that a DTLS 1.2 AES-GCM record carries (RFC 5288 §3).
const EXPLICIT_NONCE: usize = 8;

/// The ciphertext from which the mask of the record number is made (RFC 9147 §4.2.3).
const SAMPLE: usize = 16;

/// The length of every AEAD's nonce.
const IV: usize = 12;

/// The byte of a DTLS 1.3 inner plaintext that holds the content type.
const INNER_TYPE: usize = 1;

/// The keys of one direction in one epoch.
///
/// What a library makes of a key takes up ten times its size, and some keys of a handshake are
/// never used. So only the keys are kept at first, and the rest is made for the first record.
///
/// The keys stay in one place: moved along, they would leave copies behind that nobody wipes.
pub(crate) struct EpochKeys {
    algorithm: AeadAlgorithm,
    key: Zeroizing<Box<[u8]>>,
    /// The whole IV, or its first four bytes where the record carries the rest.
    iv: Zeroizing<[u8; IV]>,
    form: Form,
    contexts: Option<Contexts>,
}

enum Form {
    /// DTLS 1.2 with AES-GCM: a fixed part and a part in the record.
    ExplicitNonce,
    /// DTLS 1.2 with ChaCha20-Poly1305 (RFC 7905).
    ImplicitNonce,
    /// DTLS 1.3, with the key that masks record numbers.
    Unified(Zeroizing<Box<[u8]>>),
}

/// What the library makes of the keys.
struct Contexts {
    aead: Box<dyn AeadKey>,
    record_number: Option<Box<dyn RecordNumberKey>>,
}

/// How many blocks of 16 bytes one key may seal (RFC 9147 §4.5.3; RFC 9325 §4.4 has the same for
/// DTLS 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Blocks after which new keys are asked for.
    pub(super) update_after: u64,
    /// Blocks after which nothing more is sealed.
    pub(super) stop_after: u64,
}

/// Why a record was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OpenError {
    /// It can't hold a tag, or not the bytes from which the mask is made.
    TooShort,
    /// The tag does not fit.
    Forged,
}

impl EpochKeys {
    /// Keys of DTLS 1.2. `fixed_iv` has 4 bytes for AES-GCM, 12 for ChaCha20-Poly1305.
    pub(crate) fn v12(algorithm: AeadAlgorithm, key: &[u8], fixed_iv: &[u8]) -> Self {
        let form = if fixed_iv.len() < IV {
            Form::ExplicitNonce
        } else {
            Form::ImplicitNonce
        };
        Self::new(algorithm, key, fixed_iv, form)
    }

    /// Keys of DTLS 1.3.
    pub(crate) fn v13(
        algorithm: AeadAlgorithm,
        key: &[u8],
        iv: &[u8],
        record_number_key: &[u8],
    ) -> Self {
        Self::new(algorithm, key, iv, Form::Unified(kept(record_number_key)))
    }

    fn new(algorithm: AeadAlgorithm, key: &[u8], iv: &[u8], form: Form) -> Self {
        Self {
            algorithm,
            key: kept(key),
            iv: padded(iv),
            form,
            contexts: None,
        }
    }

    /// Makes ready for records. Returns whether that was not so before.
    pub(super) fn thaw(&mut self, provider: &dyn CryptoProvider) -> bool {
        if self.contexts.is_some() {
            return false;
        }
        let record_number = match &self.form {
            Form::Unified(key) => Some(provider.record_number_key(self.algorithm, key)),
            Form::ExplicitNonce | Form::ImplicitNonce => None,
        };
        let aead = provider.aead(self.algorithm, &self.key);
        self.contexts = Some(Contexts {
            aead,
            record_number,
        });
        true
    }

    #[cfg(test)]
    pub(super) fn is_thawed(&self) -> bool {
        self.contexts.is_some()
    }

    /// Gives back what was made for records.
    pub(super) fn freeze(&mut self) {
        self.contexts = None;
    }

    fn contexts(&self) -> &Contexts {
        self.contexts
            .as_ref()
            .expect("invariant: keys are thawed before records")
    }

    /// Whether records under these keys have the unified header of RFC 9147 §4.
    pub(super) fn is_unified(&self) -> bool {
        matches!(self.form, Form::Unified(_))
    }

    pub(super) fn limits(&self) -> Limits {
        Limits::of(self.algorithm)
    }

    /// Bytes between the header and the content.
    pub(super) fn prefix(&self) -> usize {
        match self.form {
            Form::ExplicitNonce => EXPLICIT_NONCE,
            Form::ImplicitNonce | Form::Unified(_) => 0,
        }
    }

    /// Bytes after the content.
    pub(super) fn suffix(&self) -> usize {
        if self.is_unified() {
            INNER_TYPE + TAG_LEN
        } else {
            TAG_LEN
        }
    }

    /// The mask over the last bytes of a record's sequence number, given the record's body.
    // RFC 9147 §4.2.3: made from the first 16 bytes of ciphertext; a shorter one has none.
    pub(super) fn mask(&self, body: &[u8]) -> Option<[u8; 2]> {
        match &self.contexts().record_number {
            Some(key) => Some(key.mask(body.first_chunk::<SAMPLE>()?)),
            None => Some([0; 2]),
        }
    }

    /// Decrypts the body of a record in place. Returns where its content lies; in DTLS 1.3 that
    /// is the inner plaintext with type and padding. Nothing decrypted is left on failure.
    pub(super) fn open(
        &self,
        number: RecordNumber,
        header: &[u8],
        content_type: ContentType,
        body: &mut [u8],
    ) -> Result<Range<usize>, OpenError> {
        let prefix = self.prefix();
        let length = body
            .len()
            .checked_sub(prefix + TAG_LEN)
            .ok_or(OpenError::TooShort)?;
        let (explicit, sealed) = body.split_at_mut(prefix);
        let nonce = self.nonce(number, explicit);
        let legacy = legacy_aad(number, content_type, length);
        let aad = if self.is_unified() { header } else { &legacy };
        match self.contexts().aead.open_in_place(&nonce, aad, sealed) {
            Ok(opened) => Ok(prefix..prefix + opened),
            Err(_) => Err(OpenError::Forged),
        }
    }

    /// Encrypts a record in place: `body` is prefix, `length` bytes of content and suffix.
    pub(super) fn seal(
        &self,
        number: RecordNumber,
        header: &[u8],
        content_type: ContentType,
        body: &mut [u8],
    ) {
        let (explicit, rest) = body.split_at_mut(self.prefix());
        let (plaintext, tag) = rest.split_at_mut(rest.len() - TAG_LEN);
        if let Some(inner_type) = plaintext.last_mut().filter(|_| self.is_unified()) {
            *inner_type = content_type.0;
        }
        // RFC 6347 §4.1.2.1, RFC 5288 §3: a counter, never random, so that no nonce repeats.
        for (to, from) in explicit.iter_mut().zip(number.combined().to_be_bytes()) {
            *to = from;
        }
        let nonce = self.nonce(number, explicit);
        let legacy = legacy_aad(number, content_type, plaintext.len());
        let aad = if self.is_unified() { header } else { &legacy };
        tag.copy_from_slice(&self.contexts().aead.seal_in_place(&nonce, aad, plaintext));
    }

    /// The nonce of a record. In DTLS 1.2 with AES-GCM it is what the record says, which for
    /// ours is the record number.
    fn nonce(&self, number: RecordNumber, explicit: &[u8]) -> [u8; IV] {
        let mut nonce = *self.iv;
        let (_, tail) = nonce.split_at_mut(4);
        match self.form {
            Form::ExplicitNonce => {
                for (to, from) in tail.iter_mut().zip(explicit) {
                    *to = *from;
                }
            }
            // RFC 7905 §2.
            Form::ImplicitNonce => xor(tail, number.combined()),
            // RFC 9147 §4.2.2 with RFC 8446 §5.3: the sequence number without the epoch.
            Form::Unified(_) => xor(tail, number.sequence()),
        }
        nonce
    }
}

impl fmt::Debug for EpochKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochKeys").finish_non_exhaustive()
    }
}

impl Limits {
    /// AES-GCM may seal 2^24.5 records of full size (RFC 8446 §5.5), which is 2^24.5 times 2^10
    /// blocks: what the analysis behind that number counts are blocks (Luykx and Paterson, "Limits
    /// on Authenticated Encryption Use in TLS", 2017, §4), and most records are small. The update is
    /// asked for at a third of it. ChaCha20-Poly1305 has no limit below that of the sequence numbers.
    const fn of(algorithm: AeadAlgorithm) -> Self {
        match algorithm {
            AeadAlgorithm::ChaCha20Poly1305 => Self {
                update_after: u64::MAX,
                stop_after: u64::MAX,
            },
            _ => Self {
                update_after: (1 << 23) << 10,
                stop_after: 23_726_566 << 10,
            },
        }
    }
}

fn kept(key: &[u8]) -> Zeroizing<Box<[u8]>> {
    Zeroizing::new(key.into())
}

/// An IV in a place that may be longer.
fn padded(bytes: &[u8]) -> Zeroizing<[u8; IV]> {
    let mut padded = Zeroizing::new([0; IV]);
    for (to, from) in padded.iter_mut().zip(bytes) {
        *to = *from;
    }
    padded
}

fn xor(nonce: &mut [u8], number: u64) {
    for (to, from) in nonce.iter_mut().zip(number.to_be_bytes()) {
        *to ^= from;
    }
}

/// The additional data of DTLS 1.2 (RFC 5246 §6.2.3.3 with the sequence number of RFC 6347
/// §4.1.2.1): record number, type, version and length of the plaintext.
fn legacy_aad(number: RecordNumber, content_type: ContentType, length: usize) -> [u8; 13] {
    let [n0, n1, n2, n3, n4, n5, n6, n7] = number.combined().to_be_bytes();
    let [major, minor] = ProtocolVersion::DTLS1_2.0.to_be_bytes();
    let [l0, l1] = (length as u16).to_be_bytes();
    [
        n0,
        n1,
        n2,
        n3,
        n4,
        n5,
        n6,
        n7,
        content_type.0,
        major,
        minor,
        l0,
        l1,
    ]
}
