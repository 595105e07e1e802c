//! What a cipher suite means: one table for both versions, and the filters that the
//! configuration's lists go through.

use crate::config::Config;
use crate::crypto::{
    AeadAlgorithm, HashAlgorithm, KeyExchangeGroup, PublicKeyAlgorithm, SigningKey,
};
use crate::error::Error;
use crate::wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

/// The parts of a cipher suite that we can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Suite {
    pub(crate) id: CipherSuite,
    pub(crate) version: ProtocolVersion,
    /// The kind of certificate that DTLS 1.2 binds to the suite.
    pub(crate) authentication: Option<Authentication>,
    pub(crate) aead: AeadAlgorithm,
    pub(crate) hash: HashAlgorithm,
}

/// The certificate kinds that DTLS 1.2 suites distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authentication {
    /// ECDSA keys, and Ed25519 keys too (RFC 8422 §5.5).
    Ecdsa,
    Rsa,
}

impl Suite {
    /// The suite with this number, if we can do it.
    pub(crate) fn of(id: CipherSuite) -> Option<Self> {
        use AeadAlgorithm::{Aes128Gcm, Aes256Gcm, ChaCha20Poly1305};
        use Authentication::{Ecdsa, Rsa};
        use HashAlgorithm::{Sha256, Sha384};
        const V12: ProtocolVersion = ProtocolVersion::DTLS1_2;
        const V13: ProtocolVersion = ProtocolVersion::DTLS1_3;
        let (version, authentication, aead, hash) = match id {
            CipherSuite::TLS_AES_128_GCM_SHA256 => (V13, None, Aes128Gcm, Sha256),
            CipherSuite::TLS_AES_256_GCM_SHA384 => (V13, None, Aes256Gcm, Sha384),
            CipherSuite::TLS_CHACHA20_POLY1305_SHA256 => (V13, None, ChaCha20Poly1305, Sha256),
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => {
                (V12, Some(Ecdsa), Aes128Gcm, Sha256)
            }
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => {
                (V12, Some(Ecdsa), Aes256Gcm, Sha384)
            }
            CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
                (V12, Some(Ecdsa), ChaCha20Poly1305, Sha256)
            }
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => {
                (V12, Some(Rsa), Aes128Gcm, Sha256)
            }
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => {
                (V12, Some(Rsa), Aes256Gcm, Sha384)
            }
            CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => {
                (V12, Some(Rsa), ChaCha20Poly1305, Sha256)
            }
            _ => return None,
        };
        Some(Self {
            id,
            version,
            authentication,
            aead,
            hash,
        })
    }
}

impl Config {
    /// Our suites for a version, in our order.
    pub(crate) fn suites(&self, version: ProtocolVersion) -> impl Iterator<Item = Suite> {
        let known = self.cipher_suites.iter().filter_map(|&id| Suite::of(id));
        known.filter(move |suite| suite.version == version)
    }

    /// Our suites for all allowed versions, in our order.
    pub(crate) fn all_suites(&self) -> impl Iterator<Item = Suite> {
        let known = self.cipher_suites.iter().filter_map(|&id| Suite::of(id));
        known.filter(|suite| match suite.version {
            ProtocolVersion::DTLS1_3 => self.dtls13,
            _ => self.dtls12,
        })
    }

    /// Our groups for a version, in our order.
    pub(crate) fn groups(&self, version: ProtocolVersion) -> impl Iterator<Item = NamedGroup> {
        let groups = self.groups.iter().copied();
        // A KEM has no place in the ServerKeyExchange of DTLS 1.2.
        groups.filter(move |&group| {
            version == ProtocolVersion::DTLS1_3 || group != NamedGroup::X25519MLKEM768
        })
    }

    /// Our groups for all allowed versions, in our order.
    pub(crate) fn all_groups(&self) -> impl Iterator<Item = NamedGroup> {
        let newest = if self.dtls13 {
            ProtocolVersion::DTLS1_3
        } else {
            ProtocolVersion::DTLS1_2
        };
        self.groups(newest)
    }

    /// What the provider has for a group that passed the check of the configuration.
    pub(crate) fn group(&self, group: NamedGroup) -> Result<&'static dyn KeyExchangeGroup, Error> {
        let known = self
            .provider
            .groups()
            .iter()
            .find(|known| known.name() == group);
        known.copied().ok_or(Error::UnofferedGroup(group))
    }

    /// Whether a handshake without SRTP profile is of no use.
    pub(crate) fn needs_srtp(&self) -> bool {
        self.srtp_required && !self.srtp_profiles.is_empty()
    }
}

/// The kind of certificate that DTLS 1.2 sees in a signing key.
pub(crate) fn authentication(key: &dyn SigningKey) -> Authentication {
    let rsa = key.schemes().iter().any(|&scheme| is_rsa(scheme));
    if rsa {
        Authentication::Rsa
    } else {
        Authentication::Ecdsa
    }
}

/// The group that a client must have to read keys of this kind in DTLS 1.2 (RFC 8422 §5.1.1).
pub(crate) fn curve(key: PublicKeyAlgorithm) -> Option<NamedGroup> {
    match key {
        PublicKeyAlgorithm::EcdsaP256 => Some(NamedGroup::SECP256R1),
        PublicKeyAlgorithm::EcdsaP384 => Some(NamedGroup::SECP384R1),
        _ => None,
    }
}

/// Whether a scheme may sign the handshake in a version.
pub(crate) fn scheme_allowed(scheme: SignatureScheme, version: ProtocolVersion) -> bool {
    // RFC 8446 §4.4.3: RSA signatures must use PSS, whatever signature_algorithms says.
    version != ProtocolVersion::DTLS1_3
        || !matches!(
            scheme,
            SignatureScheme::RSA_PKCS1_SHA256
                | SignatureScheme::RSA_PKCS1_SHA384
                | SignatureScheme::RSA_PKCS1_SHA512
        )
}

/// Whether a scheme may be used in a version with a key of this kind.
pub(crate) fn scheme_fits(
    scheme: SignatureScheme,
    version: ProtocolVersion,
    key: PublicKeyAlgorithm,
) -> bool {
    use PublicKeyAlgorithm::{EcdsaP256, EcdsaP384};
    let fits = match scheme {
        // RFC 8446 §4.2.3: the curve belongs to the scheme; RFC 5246 §7.4.1.4.1: it does not.
        SignatureScheme::ECDSA_SECP256R1_SHA256 | SignatureScheme::ECDSA_SECP384R1_SHA384
            if version == ProtocolVersion::DTLS1_2 =>
        {
            matches!(key, EcdsaP256 | EcdsaP384)
        }
        SignatureScheme::ECDSA_SECP256R1_SHA256 => key == EcdsaP256,
        SignatureScheme::ECDSA_SECP384R1_SHA384 => key == EcdsaP384,
        SignatureScheme::ED25519 => key == PublicKeyAlgorithm::Ed25519,
        scheme => is_rsa(scheme) && key == PublicKeyAlgorithm::Rsa,
    };
    fits && scheme_allowed(scheme, version)
}

/// Whether a scheme needs an RSA key.
fn is_rsa(scheme: SignatureScheme) -> bool {
    matches!(
        scheme,
        SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA512
            | SignatureScheme::RSA_PSS_RSAE_SHA256
            | SignatureScheme::RSA_PSS_RSAE_SHA384
            | SignatureScheme::RSA_PSS_RSAE_SHA512
    )
}
