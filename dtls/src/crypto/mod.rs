//! The cryptography that the handshake and the record layer ask for, as traits, and its providers.
//!
//! A provider is chosen in the [`Config`](crate::Config). Nothing outside of this module knows
//! which library does the work.

#[cfg(feature = "aws-lc-rs")]
pub mod aws_lc_rs;
#[cfg(feature = "rust-crypto")]
pub mod rust_crypto;
mod spki;

use std::fmt;
use std::sync::Arc;

use zeroize::{Zeroize as _, Zeroizing};

pub use self::spki::{PublicKeyAlgorithm, SubjectPublicKey};
use crate::wire::{NamedGroup, SignatureScheme};

/// The provider used where none is named: AWS-LC if it was built in, else RustCrypto.
#[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
#[must_use]
pub fn default_provider() -> Arc<dyn CryptoProvider> {
    #[cfg(feature = "aws-lc-rs")]
    return aws_lc_rs::provider();
    #[cfg(not(feature = "aws-lc-rs"))]
    return rust_crypto::provider();
}

/// The providers that were built in, the default first.
#[must_use]
pub fn providers() -> Vec<Arc<dyn CryptoProvider>> {
    vec![
        #[cfg(feature = "aws-lc-rs")]
        aws_lc_rs::provider(),
        #[cfg(feature = "rust-crypto")]
        rust_crypto::provider(),
    ]
}

/// Everything that DTLS asks of a library of cryptographic primitives.
pub trait CryptoProvider: fmt::Debug + Send + Sync {
    /// A name for people.
    fn name(&self) -> &'static str;

    /// Fills `out` with random bytes fit for secrets.
    ///
    /// # Errors
    /// [`CryptoError::Random`] if the system has none.
    fn fill_random(&self, out: &mut [u8]) -> Result<(), CryptoError>;

    /// Starts a hash.
    fn hash(&self, algorithm: HashAlgorithm) -> Box<dyn Hash>;

    /// Hashes `parts`, one after the other.
    fn hash_once(&self, algorithm: HashAlgorithm, parts: &[&[u8]]) -> Digest;

    /// An HMAC key (RFC 2104), of any length.
    fn hmac(&self, algorithm: HashAlgorithm, key: &[u8]) -> Box<dyn Hmac>;

    /// A key that protects records. `key` has [`AeadAlgorithm::key_len`] bytes.
    fn aead(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Box<dyn AeadKey>;

    /// A key that masks record numbers (RFC 9147 §4.2.3), of the same length.
    fn record_number_key(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Box<dyn RecordNumberKey>;

    /// The key exchange groups, the preferred first.
    fn groups(&self) -> &'static [&'static dyn KeyExchangeGroup];

    /// The signature schemes that can be verified, the preferred first.
    fn signature_schemes(&self) -> &'static [SignatureScheme];

    /// Verifies a signature over `message`.
    ///
    /// # Errors
    /// [`CryptoError::BadSignature`], also if the scheme is unknown or does not fit the key.
    fn verify_signature(
        &self,
        scheme: SignatureScheme,
        public_key: SubjectPublicKey<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError>;

    /// Makes an ECDSA P-256 key.
    ///
    /// # Errors
    /// [`CryptoError::Random`].
    fn generate_signing_key(&self) -> Result<Arc<dyn SigningKey>, CryptoError>;

    /// Loads an ECDSA P-256, ECDSA P-384, Ed25519 or RSA key from PKCS#8 in DER.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedKey`].
    fn load_signing_key(&self, pkcs8: &[u8]) -> Result<Arc<dyn SigningKey>, CryptoError>;
}

/// What goes wrong inside of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// No random bytes could be had.
    #[error("no random bytes could be had")]
    Random,
    /// A ciphertext or its additional data was changed.
    #[error("the authentication tag does not fit")]
    BadTag,
    /// A signature does not verify.
    #[error("the signature does not verify")]
    BadSignature,
    /// A public key or ciphertext of a key exchange is one that its rules forbid.
    #[error("the key share is invalid")]
    InvalidShare,
    /// A private key of unknown kind or form.
    #[error("the private key is of an unknown kind or malformed")]
    UnsupportedKey,
    /// The key can't sign with the scheme.
    #[error("the key can't sign with this scheme")]
    UnsupportedScheme,
    /// Signing failed inside of the library.
    #[error("signing failed")]
    SigningFailed,
}

/// The hash functions of the cipher suites and of certificate fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HashAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashAlgorithm {
    /// The length of a digest in bytes.
    #[must_use]
    pub const fn output_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// The longest digest: SHA-512's.
pub(crate) const MAX_DIGEST: usize = 64;

/// The result of a hash or an HMAC, zeroized on drop: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Digest {
    bytes: [u8; MAX_DIGEST],
    length: u8,
}

impl Digest {
    /// A digest of at most 64 bytes; more are cut off.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let length = bytes.len().min(MAX_DIGEST);
        let mut digest = Self {
            bytes: [0; MAX_DIGEST],
            length: length as u8,
        };
        digest.bytes[..length].copy_from_slice(&bytes[..length]);
        digest
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl Drop for Digest {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// A digest may be a secret (an HMAC used to derive keys), so its value is not shown.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({} bytes)", self.length)
    }
}

/// A running hash.
pub trait Hash: Send + Sync {
    /// Hashes more bytes.
    fn update(&mut self, bytes: &[u8]);
    /// The digest of all bytes.
    fn finish(self: Box<Self>) -> Digest;
    /// Another hash that has seen the same bytes.
    fn clone_box(&self) -> Box<dyn Hash>;
}

impl fmt::Debug for dyn Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(..)")
    }
}

/// An HMAC key.
pub trait Hmac: Send + Sync {
    /// The MAC of `parts`, one after the other.
    fn sign(&self, parts: &[&[u8]]) -> Digest;
}

/// The AEADs of the cipher suites, all with nonces of 12 and tags of 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AeadAlgorithm {
    /// AEAD_AES_128_GCM (RFC 5116).
    Aes128Gcm,
    /// AEAD_AES_256_GCM (RFC 5116).
    Aes256Gcm,
    /// AEAD_CHACHA20_POLY1305 (RFC 8439).
    ChaCha20Poly1305,
}

impl AeadAlgorithm {
    /// The length of a key in bytes.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => 32,
        }
    }
}

/// The length of every AEAD's tag in bytes.
pub const TAG_LEN: usize = 16;

/// A key that protects records.
pub trait AeadKey: Send + Sync {
    /// Encrypts `in_out` and returns the tag. A nonce must never come twice.
    fn seal_in_place(&self, nonce: &[u8; 12], aad: &[u8], in_out: &mut [u8]) -> [u8; TAG_LEN];

    /// Decrypts `in_out`, ciphertext and tag, and returns the plaintext's length.
    ///
    /// # Errors
    /// [`CryptoError::BadTag`]; then nothing decrypted is left in `in_out`.
    fn open_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<usize, CryptoError>;
}

/// A key that masks record numbers.
pub trait RecordNumberKey: Send + Sync {
    /// The mask for a record whose ciphertext begins with `sample` (RFC 9147 §4.2.3).
    fn mask(&self, sample: &[u8; 16]) -> [u8; 2];
}

/// A key exchange group: Diffie-Hellman, or a KEM in the same shape.
pub trait KeyExchangeGroup: fmt::Debug + Send + Sync {
    /// The group's number.
    fn name(&self) -> NamedGroup;

    /// The client's side: makes a key pair.
    ///
    /// # Errors
    /// [`CryptoError::Random`].
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, CryptoError>;

    /// The server's side: answers the client's share with one of its own.
    ///
    /// # Errors
    /// [`CryptoError::InvalidShare`] and [`CryptoError::Random`].
    fn respond(&self, peer_share: &[u8]) -> Result<(Vec<u8>, SharedSecret), CryptoError>;
}

/// A key pair that waits for the other side's share.
pub trait ActiveKeyExchange: Send + Sync {
    /// The group's number.
    fn group(&self) -> NamedGroup;

    /// Our share, in its wire format.
    fn share(&self) -> &[u8];

    /// Completes the exchange with the other side's share.
    ///
    /// # Errors
    /// [`CryptoError::InvalidShare`].
    fn complete(self: Box<Self>, peer_share: &[u8]) -> Result<SharedSecret, CryptoError>;

    /// The classical part of a hybrid, which can be offered beside it for no further cost: its
    /// group and share.
    fn component(&self) -> Option<(NamedGroup, &[u8])> {
        None
    }

    /// Completes the exchange with the component alone.
    ///
    /// # Errors
    /// [`CryptoError::InvalidShare`], also if there is no component.
    fn complete_component(self: Box<Self>, peer_share: &[u8]) -> Result<SharedSecret, CryptoError> {
        let _ = peer_share;
        Err(CryptoError::InvalidShare)
    }
}

impl fmt::Debug for dyn ActiveKeyExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActiveKeyExchange")
            .field("group", &self.group())
            .finish_non_exhaustive()
    }
}

/// The outcome of a key exchange, zeroized on drop.
pub struct SharedSecret(Zeroizing<Vec<u8>>);

impl SharedSecret {
    /// A secret of these bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(..)")
    }
}

/// A private key that signs handshakes.
pub trait SigningKey: fmt::Debug + Send + Sync {
    /// The schemes that the key can sign with, the preferred first.
    fn schemes(&self) -> &[SignatureScheme];

    /// Signs `message` (not a hash of it).
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedScheme`] and [`CryptoError::SigningFailed`].
    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, CryptoError>;

    /// The SubjectPublicKeyInfo in DER.
    fn spki_der(&self) -> &[u8];
}
