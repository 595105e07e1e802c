//! RustCrypto: Rust alone, no C compiler needed; 3 times slower at a whole handshake.
//!
//! RSA certificates of peers are verified, but nothing is signed with RSA here: the private-key
//! operation of the crate `rsa` does not run in constant time (RUSTSEC-2023-0071).

mod kx;
mod sign;
mod symmetric;

use std::sync::{Arc, LazyLock};

use super::{
    AeadAlgorithm, AeadKey, CryptoError, CryptoProvider, Digest, Hash, HashAlgorithm, Hmac,
    KeyExchangeGroup, RecordNumberKey, SigningKey, SubjectPublicKey,
};
use crate::wire::SignatureScheme;

/// The provider; every call gives the same one.
#[must_use]
pub fn provider() -> Arc<dyn CryptoProvider> {
    static PROVIDER: LazyLock<Arc<RustCrypto>> = LazyLock::new(|| Arc::new(RustCrypto));
    PROVIDER.clone()
}

#[derive(Debug)]
struct RustCrypto;

impl CryptoProvider for RustCrypto {
    fn name(&self) -> &'static str {
        "rust-crypto"
    }

    fn fill_random(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        getrandom::fill(out).map_err(|_| CryptoError::Random)
    }

    fn hash(&self, algorithm: HashAlgorithm) -> Box<dyn Hash> {
        symmetric::hash(algorithm)
    }

    fn hash_once(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> Digest {
        let mut hash = symmetric::hash(algorithm);
        parts.iter().for_each(|part| hash.update(part));
        hash.finish()
    }

    fn hmac(&self, algorithm: HashAlgorithm, key: &[u8]) -> Box<dyn Hmac> {
        symmetric::hmac(algorithm, key)
    }

    fn aead(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Box<dyn AeadKey> {
        symmetric::aead(algorithm, key)
    }

    fn record_number_key(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Box<dyn RecordNumberKey> {
        symmetric::record_number_key(algorithm, key)
    }

    fn groups(&self) -> &'static [&'static dyn KeyExchangeGroup] {
        kx::GROUPS
    }

    fn signature_schemes(&self) -> &'static [SignatureScheme] {
        sign::VERIFIABLE
    }

    fn verify_signature(
        &self,
        scheme: SignatureScheme,
        public_key: SubjectPublicKey<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        sign::verify(scheme, public_key, message, signature)
    }

    fn generate_signing_key(&self) -> Result<Arc<dyn SigningKey>, CryptoError> {
        sign::generate()
    }

    fn load_signing_key(&self, pkcs8: &[u8]) -> Result<Arc<dyn SigningKey>, CryptoError> {
        sign::load(pkcs8)
    }
}
