//! Public keys as certificates hold them.

/// The kinds of key that can sign a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PublicKeyAlgorithm {
    /// A point on P-256.
    EcdsaP256,
    /// A point on P-384.
    EcdsaP384,
    /// 32 bytes (RFC 8410).
    Ed25519,
    /// An RSAPublicKey in DER (RFC 8017 A.1.1).
    Rsa,
}

/// The public key of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubjectPublicKey<'a> {
    /// The kind of key.
    pub algorithm: PublicKeyAlgorithm,
    /// The content of the `subjectPublicKey` bit string.
    pub bytes: &'a [u8],
}

impl SubjectPublicKey<'_> {
    /// Whether it is an RSA key.
    #[must_use]
    pub fn is_rsa(&self) -> bool {
        self.algorithm == PublicKeyAlgorithm::Rsa
    }
}
