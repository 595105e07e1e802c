//! Hashes, HMAC, AEADs and the mask of record numbers.

use aes::cipher::StreamCipherSeek as _;
use aes::cipher::{BlockCipherEncrypt, KeyInit as _, KeyIvInit as _, StreamCipher as _};
use aes::{Aes128, Aes256};
use aes_gcm::aead::{AeadInOut, Nonce, Tag};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20::ChaCha20;
use chacha20poly1305::ChaCha20Poly1305;
use hmac::{Mac, digest};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::super::{
    AeadAlgorithm, AeadKey, CryptoError, Digest, Hash, HashAlgorithm, Hmac, RecordNumberKey,
    TAG_LEN,
};

/// Why keys always fit: the key schedules derive them at the algorithm's length.
const FITS: &str = "invariant: the key has the algorithm's length";

pub(super) fn hash(algorithm: HashAlgorithm) -> Box<dyn Hash> {
    match algorithm {
        HashAlgorithm::Sha256 => Box::new(Running(Sha256::new())),
        HashAlgorithm::Sha384 => Box::new(Running(Sha384::new())),
        HashAlgorithm::Sha512 => Box::new(Running(Sha512::new())),
    }
}

pub(super) fn hmac(algorithm: HashAlgorithm, key: &[u8]) -> Box<dyn Hmac> {
    const ANY: &str = "invariant: HMAC takes keys of any length";
    match algorithm {
        HashAlgorithm::Sha256 => Box::new(MacKey(
            hmac::Hmac::<Sha256>::new_from_slice(key).expect(ANY),
        )),
        HashAlgorithm::Sha384 => Box::new(MacKey(
            hmac::Hmac::<Sha384>::new_from_slice(key).expect(ANY),
        )),
        HashAlgorithm::Sha512 => Box::new(MacKey(
            hmac::Hmac::<Sha512>::new_from_slice(key).expect(ANY),
        )),
    }
}

pub(super) fn aead(algorithm: AeadAlgorithm, key: &[u8]) -> Box<dyn AeadKey> {
    match algorithm {
        AeadAlgorithm::Aes128Gcm => {
            Box::new(RecordKey(Aes128Gcm::new_from_slice(key).expect(FITS)))
        }
        AeadAlgorithm::Aes256Gcm => {
            Box::new(RecordKey(Aes256Gcm::new_from_slice(key).expect(FITS)))
        }
        AeadAlgorithm::ChaCha20Poly1305 => Box::new(RecordKey(
            ChaCha20Poly1305::new_from_slice(key).expect(FITS),
        )),
    }
}

pub(super) fn record_number_key(algorithm: AeadAlgorithm, key: &[u8]) -> Box<dyn RecordNumberKey> {
    match algorithm {
        AeadAlgorithm::Aes128Gcm => Box::new(BlockMask(Aes128::new_from_slice(key).expect(FITS))),
        AeadAlgorithm::Aes256Gcm => Box::new(BlockMask(Aes256::new_from_slice(key).expect(FITS))),
        AeadAlgorithm::ChaCha20Poly1305 => {
            Box::new(StreamMask(Zeroizing::new(key.try_into().expect(FITS))))
        }
    }
}

struct Running<D>(D);

impl<D: digest::Digest + Clone + Send + Sync + 'static> Hash for Running<D> {
    fn update(&mut self, bytes: &[u8]) {
        digest::Digest::update(&mut self.0, bytes);
    }

    fn finish(self: Box<Self>) -> Digest {
        Digest::new(&self.0.finalize())
    }

    fn clone_box(&self) -> Box<dyn Hash> {
        Box::new(Self(self.0.clone()))
    }
}

struct MacKey<M>(M);

impl<M: Mac + Clone + Send + Sync> Hmac for MacKey<M> {
    fn sign(&self, parts: &[&[u8]]) -> Digest {
        let mut mac = self.0.clone();
        parts.iter().for_each(|part| mac.update(part));
        Digest::new(&mac.finalize().into_bytes())
    }
}

struct RecordKey<A>(A);

impl<A: AeadInOut + Send + Sync> AeadKey for RecordKey<A> {
    fn seal_in_place(&self, nonce: &[u8; 12], aad: &[u8], in_out: &mut [u8]) -> [u8; TAG_LEN] {
        let nonce = Nonce::<A>::try_from(&nonce[..]).expect("invariant: all nonces have 12 bytes");
        let tag = self
            .0
            .encrypt_inout_detached(&nonce, aad, in_out.into())
            .expect("invariant: a record is far below the AEAD's length limit");
        let mut bytes = [0; TAG_LEN];
        bytes.copy_from_slice(&tag);
        bytes
    }

    fn open_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let length = in_out
            .len()
            .checked_sub(TAG_LEN)
            .ok_or(CryptoError::BadTag)?;
        let (ciphertext, tag) = in_out.split_at_mut(length);
        let nonce = Nonce::<A>::try_from(&nonce[..]).expect("invariant: all nonces have 12 bytes");
        let tag = Tag::<A>::try_from(&*tag).expect("invariant: all tags have 16 bytes");
        match self
            .0
            .decrypt_inout_detached(&nonce, aad, ciphertext.into(), &tag)
        {
            Ok(()) => Ok(length),
            Err(_) => {
                in_out.fill(0);
                Err(CryptoError::BadTag)
            }
        }
    }
}

/// RFC 9147 §4.2.3: one AES block.
struct BlockMask<C>(C);

impl<C: BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16> + Send + Sync> RecordNumberKey
    for BlockMask<C>
{
    fn mask(&self, sample: &[u8; 16]) -> [u8; 2] {
        let mut block = (*sample).into();
        self.0.encrypt_block(&mut block);
        [block[0], block[1]]
    }
}

/// RFC 9147 §4.2.3: ChaCha20 with counter and nonce from the sample.
struct StreamMask(Zeroizing<[u8; 32]>);

impl RecordNumberKey for StreamMask {
    fn mask(&self, sample: &[u8; 16]) -> [u8; 2] {
        let [c0, c1, c2, c3, nonce @ ..] = *sample;
        let mut cipher = ChaCha20::new(&(*self.0).into(), &nonce.into());
        let mut mask = [0; 2];
        // RFC 8439 §2.3: the counter counts blocks of 64 bytes.
        cipher.seek(u64::from(u32::from_le_bytes([c0, c1, c2, c3])) * 64);
        cipher.apply_keystream(&mut mask);
        mask
    }
}
