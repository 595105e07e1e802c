//! Hashes, HMAC, AEADs and the mask of record numbers.

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey, quic};
use aws_lc_rs::{aead, digest, hmac};

use super::super::{
    AeadAlgorithm, AeadKey, CryptoError, Digest, Hash, HashAlgorithm, Hmac, RecordNumberKey,
    TAG_LEN,
};

pub(super) fn hash(algorithm: HashAlgorithm) -> Box<dyn Hash> {
    Box::new(Running(digest::Context::new(digest_algorithm(algorithm))))
}

pub(super) fn hash_once(algorithm: HashAlgorithm, parts: &[&[u8]]) -> Digest {
    let algorithm = digest_algorithm(algorithm);
    let digest = if let [whole] = parts {
        digest::digest(algorithm, whole)
    } else {
        let mut context = digest::Context::new(algorithm);
        parts.iter().for_each(|part| context.update(part));
        context.finish()
    };
    Digest::new(digest.as_ref())
}

pub(super) fn hmac(algorithm: HashAlgorithm, key: &[u8]) -> Box<dyn Hmac> {
    let algorithm = match algorithm {
        HashAlgorithm::Sha256 => hmac::HMAC_SHA256,
        HashAlgorithm::Sha384 => hmac::HMAC_SHA384,
        HashAlgorithm::Sha512 => hmac::HMAC_SHA512,
    };
    Box::new(MacKey(hmac::Key::new(algorithm, key)))
}

pub(super) fn aead(algorithm: AeadAlgorithm, key: &[u8]) -> Box<dyn AeadKey> {
    let algorithm = match algorithm {
        AeadAlgorithm::Aes128Gcm => &aead::AES_128_GCM,
        AeadAlgorithm::Aes256Gcm => &aead::AES_256_GCM,
        AeadAlgorithm::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
    };
    let key = UnboundKey::new(algorithm, key).expect("invariant: the key has the AEAD's length");
    Box::new(RecordKey(LessSafeKey::new(key)))
}

/// The mask of QUIC (RFC 9001 §5.4) is made as that of DTLS 1.3 is, only longer.
pub(super) fn record_number_key(algorithm: AeadAlgorithm, key: &[u8]) -> Box<dyn RecordNumberKey> {
    let algorithm = match algorithm {
        AeadAlgorithm::Aes128Gcm => &quic::AES_128,
        AeadAlgorithm::Aes256Gcm => &quic::AES_256,
        AeadAlgorithm::ChaCha20Poly1305 => &quic::CHACHA20,
    };
    let key = quic::HeaderProtectionKey::new(algorithm, key)
        .expect("invariant: the key has the AEAD's length");
    Box::new(MaskKey(key))
}

fn digest_algorithm(algorithm: HashAlgorithm) -> &'static digest::Algorithm {
    match algorithm {
        HashAlgorithm::Sha256 => &digest::SHA256,
        HashAlgorithm::Sha384 => &digest::SHA384,
        HashAlgorithm::Sha512 => &digest::SHA512,
    }
}

struct Running(digest::Context);

impl Hash for Running {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self: Box<Self>) -> Digest {
        Digest::new(self.0.finish().as_ref())
    }

    fn clone_box(&self) -> Box<dyn Hash> {
        Box::new(Self(self.0.clone()))
    }
}

struct MacKey(hmac::Key);

impl Hmac for MacKey {
    fn sign(&self, parts: &[&[u8]]) -> Digest {
        let mut context = hmac::Context::with_key(&self.0);
        parts.iter().for_each(|part| context.update(part));
        Digest::new(context.sign().as_ref())
    }
}

struct RecordKey(LessSafeKey);

impl AeadKey for RecordKey {
    fn seal_in_place(&self, nonce: &[u8; 12], aad: &[u8], in_out: &mut [u8]) -> [u8; TAG_LEN] {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(aad), in_out)
            .expect("invariant: a record is far below the AEAD's length limit");
        let mut bytes = [0; TAG_LEN];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    fn open_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        match self.0.open_in_place(nonce, Aad::from(aad), in_out) {
            Ok(plaintext) => Ok(plaintext.len()),
            Err(_) => {
                // The library leaves open what the buffer holds after a failure.
                in_out.fill(0);
                Err(CryptoError::BadTag)
            }
        }
    }
}

struct MaskKey(quic::HeaderProtectionKey);

impl RecordNumberKey for MaskKey {
    fn mask(&self, sample: &[u8; 16]) -> [u8; 2] {
        let [a, b, ..] = self
            .0
            .new_mask(sample)
            .expect("invariant: the sample has the cipher's length");
        [a, b]
    }
}
