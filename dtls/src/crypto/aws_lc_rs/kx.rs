//! Key exchange: X25519, P-256, P-384, and X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem).

use aws_lc_rs::agreement::{self, Algorithm, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_768};

use super::super::{ActiveKeyExchange, CryptoError, KeyExchangeGroup, SharedSecret};
use crate::wire::NamedGroup;

/// All groups, the preferred first.
pub(super) const GROUPS: &[&dyn KeyExchangeGroup] = &[&Hybrid, &X25519, &P256, &P384];

const X25519: Curve = Curve {
    name: NamedGroup::X25519,
    algorithm: &agreement::X25519,
    share: 32,
};
const P256: Curve = Curve {
    name: NamedGroup::SECP256R1,
    algorithm: &agreement::ECDH_P256,
    share: 65,
};
const P384: Curve = Curve {
    name: NamedGroup::SECP384R1,
    algorithm: &agreement::ECDH_P384,
    share: 97,
};

/// Lengths of ML-KEM-768 (FIPS 203 table 3).
const ENCAPSULATION_KEY: usize = 1184;
const CIPHERTEXT: usize = 1088;

/// Diffie-Hellman on a curve.
#[derive(Debug)]
struct Curve {
    name: NamedGroup,
    algorithm: &'static Algorithm,
    /// The length of a share: a u-coordinate, or an uncompressed point.
    share: usize,
}

impl Curve {
    fn generate(&self) -> Result<(PrivateKey, agreement::PublicKey), CryptoError> {
        let private = PrivateKey::generate(self.algorithm).map_err(|_| CryptoError::Random)?;
        let public = private
            .compute_public_key()
            .map_err(|_| CryptoError::Random)?;
        Ok((private, public))
    }

    fn agree(&self, private: &PrivateKey, peer_share: &[u8]) -> Result<SharedSecret, CryptoError> {
        // RFC 8446 §4.2.8.2, RFC 8422 §5.4: only the uncompressed form.
        if peer_share.len() != self.share {
            return Err(CryptoError::InvalidShare);
        }
        // RFC 7748 §6.1: an all-zero result is an error, here as in every curve of the library.
        let peer = UnparsedPublicKey::new(self.algorithm, peer_share);
        agreement::agree(private, peer, CryptoError::InvalidShare, |secret| {
            Ok(SharedSecret::new(secret.to_vec()))
        })
    }
}

impl KeyExchangeGroup for Curve {
    fn name(&self) -> NamedGroup {
        self.name
    }

    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let curve = match self.name {
            NamedGroup::X25519 => &X25519,
            NamedGroup::SECP256R1 => &P256,
            _ => &P384,
        };
        let (private, share) = self.generate()?;
        Ok(Box::new(ActiveCurve {
            curve,
            private,
            share,
        }))
    }

    fn respond(&self, peer_share: &[u8]) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
        let (private, share) = self.generate()?;
        let secret = self.agree(&private, peer_share)?;
        Ok((share.as_ref().to_vec(), secret))
    }
}

struct ActiveCurve {
    curve: &'static Curve,
    private: PrivateKey,
    share: agreement::PublicKey,
}

impl ActiveKeyExchange for ActiveCurve {
    fn group(&self) -> NamedGroup {
        self.curve.name
    }

    fn share(&self) -> &[u8] {
        self.share.as_ref()
    }

    fn complete(self: Box<Self>, peer_share: &[u8]) -> Result<SharedSecret, CryptoError> {
        self.curve.agree(&self.private, peer_share)
    }
}

/// ML-KEM-768 and X25519 side by side, ML-KEM first in shares and secret.
#[derive(Debug)]
struct Hybrid;

impl KeyExchangeGroup for Hybrid {
    fn name(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }

    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let decapsulation =
            DecapsulationKey::generate(&ML_KEM_768).map_err(|_| CryptoError::Random)?;
        let encapsulation = decapsulation
            .encapsulation_key()
            .and_then(|key| key.key_bytes().map(|bytes| bytes.as_ref().to_vec()))
            .map_err(|_| CryptoError::Random)?;
        let (private, public) = X25519.generate()?;
        let mut share = encapsulation;
        share.extend_from_slice(public.as_ref());
        Ok(Box::new(ActiveHybrid {
            decapsulation,
            private,
            share,
        }))
    }

    fn respond(&self, peer_share: &[u8]) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
        let (key, x25519) = peer_share
            .split_at_checked(ENCAPSULATION_KEY)
            .ok_or(CryptoError::InvalidShare)?;
        // FIPS 203 §7.2: the modulus check is part of parsing the key.
        let key = EncapsulationKey::new(&ML_KEM_768, key).map_err(|_| CryptoError::InvalidShare)?;
        let (private, public) = X25519.generate()?;
        let classical = X25519.agree(&private, x25519)?;
        let (ciphertext, secret) = key.encapsulate().map_err(|_| CryptoError::InvalidShare)?;
        let share = [ciphertext.as_ref(), public.as_ref()].concat();
        Ok((share, joined(secret.as_ref(), &classical)))
    }
}

struct ActiveHybrid {
    decapsulation: DecapsulationKey,
    private: PrivateKey,
    share: Vec<u8>,
}

impl ActiveKeyExchange for ActiveHybrid {
    fn group(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }

    fn share(&self) -> &[u8] {
        &self.share
    }

    fn complete(self: Box<Self>, peer_share: &[u8]) -> Result<SharedSecret, CryptoError> {
        let (ciphertext, x25519) = peer_share
            .split_at_checked(CIPHERTEXT)
            .ok_or(CryptoError::InvalidShare)?;
        let secret = self
            .decapsulation
            .decapsulate(Ciphertext::from(ciphertext))
            .map_err(|_| CryptoError::InvalidShare)?;
        let classical = X25519.agree(&self.private, x25519)?;
        Ok(joined(secret.as_ref(), &classical))
    }

    fn component(&self) -> Option<(NamedGroup, &[u8])> {
        self.share
            .get(ENCAPSULATION_KEY..)
            .map(|share| (NamedGroup::X25519, share))
    }

    fn complete_component(self: Box<Self>, peer_share: &[u8]) -> Result<SharedSecret, CryptoError> {
        X25519.agree(&self.private, peer_share)
    }
}

fn joined(post_quantum: &[u8], classical: &SharedSecret) -> SharedSecret {
    SharedSecret::new([post_quantum, classical.as_bytes()].concat())
}
