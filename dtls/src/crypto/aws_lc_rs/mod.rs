//! AWS-LC through the crate `aws-lc-rs`: the fastest at a whole handshake; needs a C compiler.

mod kx;
mod sign;
mod symmetric;

use std::sync::{Arc, LazyLock};

use aws_lc_rs::rand;

use super::{
    AeadAlgorithm, AeadKey, CryptoError, CryptoProvider, Digest, Hash, HashAlgorithm, Hmac,
    KeyExchangeGroup, RecordNumberKey, SigningKey, SubjectPublicKey,
};
use crate::wire::SignatureScheme;

/// The provider; every call gives the same one.
#[must_use]
pub fn provider() -> Arc<dyn CryptoProvider> {
    static PROVIDER: LazyLock<Arc<AwsLcRs>> = LazyLock::new(|| Arc::new(AwsLcRs));
    PROVIDER.clone()
}

#[derive(Debug)]
struct AwsLcRs;

impl CryptoProvider for AwsLcRs {
    fn name(&self) -> &'static str {
        "aws-lc-rs"
    }

    fn fill_random(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        rand::fill(out).map_err(|_| CryptoError::Random)
    }

    fn hash(&self, algorithm: HashAlgorithm) -> Box<dyn Hash> {
        symmetric::hash(algorithm)
    }

    fn hash_once(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> Digest {
        symmetric::hash_once(algorithm, parts)
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
