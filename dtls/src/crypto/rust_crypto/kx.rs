//! Key exchange: X25519, P-256, P-384, and X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem).

use ml_kem::array::Array;
use ml_kem::kem::{Decapsulate as _, KeyExport as _};
use ml_kem::{DecapsulationKey, EncapsulationKey, MlKem768};
use p256::elliptic_curve::Generate as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use zeroize::Zeroizing;

use super::super::{ActiveKeyExchange, CryptoError, KeyExchangeGroup, SharedSecret};
use crate::wire::NamedGroup;

/// All groups, the preferred first.
pub(super) const GROUPS: &[&dyn KeyExchangeGroup] = &[&Hybrid, &X25519, &P256, &P384];

/// Lengths of ML-KEM-768 (FIPS 203 table 3).
const ENCAPSULATION_KEY: usize = 1184;
const CIPHERTEXT: usize = 1088;

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, CryptoError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes).map_err(|_| CryptoError::Random)?;
    Ok(bytes)
}

/// Diffie-Hellman on Curve25519.
#[derive(Debug)]
struct X25519;

struct ActiveX25519 {
    private: Zeroizing<[u8; 32]>,
    share: [u8; 32],
}

impl ActiveX25519 {
    fn generate() -> Result<Self, CryptoError> {
        let private = random()?;
        let share = x25519_dalek::x25519(*private, x25519_dalek::X25519_BASEPOINT_BYTES);
        Ok(Self { private, share })
    }

    fn agree(&self, peer_share: &[u8]) -> Result<SharedSecret, CryptoError> {
        let peer = peer_share
            .try_into()
            .map_err(|_| CryptoError::InvalidShare)?;
        let secret = Zeroizing::new(x25519_dalek::x25519(*self.private, peer));
        // RFC 7748 §6.1: an all-zero result comes of a point of small order.
        if secret.iter().fold(0, |all, byte| all | byte) == 0 {
            return Err(CryptoError::InvalidShare);
        }
        Ok(SharedSecret::new(secret.to_vec()))
    }
}

impl KeyExchangeGroup for X25519 {
    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }

    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        Ok(Box::new(ActiveX25519::generate()?))
    }

    fn respond(&self, peer_share: &[u8]) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
        let active = ActiveX25519::generate()?;
        Ok((active.share.to_vec(), active.agree(peer_share)?))
    }
}

impl ActiveKeyExchange for ActiveX25519 {
    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }

    fn share(&self) -> &[u8] {
        &self.share
    }

    fn complete(self: Box<Self>, peer_share: &[u8]) -> Result<SharedSecret, CryptoError> {
        self.agree(peer_share)
    }
}

/// Declares Diffie-Hellman on a NIST curve.
macro_rules! nist_curve {
    ($group:ident, $active:ident, $krate:ident, $name:ident, $share:literal) => {
        #[derive(Debug)]
        struct $group;

        struct $active {
            private: $krate::ecdh::EphemeralSecret,
            share: Vec<u8>,
        }

        impl $active {
            fn generate() -> Result<Self, CryptoError> {
                let private = $krate::ecdh::EphemeralSecret::try_generate()
                    .map_err(|_| CryptoError::Random)?;
                let share = private
                    .public_key()
                    .to_sec1_point(false)
                    .as_bytes()
                    .to_vec();
                Ok(Self { private, share })
            }

            fn agree(&self, peer_share: &[u8]) -> Result<SharedSecret, CryptoError> {
                // RFC 8446 §4.2.8.2, RFC 8422 §5.4: only the uncompressed form.
                if peer_share.len() != $share {
                    return Err(CryptoError::InvalidShare);
                }
                let peer = $krate::PublicKey::from_sec1_bytes(peer_share)
                    .map_err(|_| CryptoError::InvalidShare)?;
                let secret = self.private.diffie_hellman(&peer);
                Ok(SharedSecret::new(secret.raw_secret_bytes().to_vec()))
            }
        }

        impl KeyExchangeGroup for $group {
            fn name(&self) -> NamedGroup {
                NamedGroup::$name
            }

            fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
                Ok(Box::new($active::generate()?))
            }

            fn respond(&self, peer_share: &[u8]) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
                let active = $active::generate()?;
                let secret = active.agree(peer_share)?;
                Ok((active.share, secret))
            }
        }

        impl ActiveKeyExchange for $active {
            fn group(&self) -> NamedGroup {
                NamedGroup::$name
            }

            fn share(&self) -> &[u8] {
                &self.share
            }

            fn complete(self: Box<Self>, peer_share: &[u8]) -> Result<SharedSecret, CryptoError> {
                self.agree(peer_share)
            }
        }
    };
}

nist_curve!(P256, ActiveP256, p256, SECP256R1, 65);
nist_curve!(P384, ActiveP384, p384, SECP384R1, 97);

/// ML-KEM-768 and X25519 side by side, ML-KEM first in shares and secret.
#[derive(Debug)]
struct Hybrid;

struct ActiveHybrid {
    decapsulation: DecapsulationKey<MlKem768>,
    classical: ActiveX25519,
    share: Vec<u8>,
}

impl KeyExchangeGroup for Hybrid {
    fn name(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }

    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let seed = random::<64>()?;
        let decapsulation = DecapsulationKey::<MlKem768>::from_seed(Array(*seed));
        let classical = ActiveX25519::generate()?;
        let mut share = decapsulation.encapsulation_key().to_bytes().to_vec();
        share.extend_from_slice(&classical.share);
        Ok(Box::new(ActiveHybrid {
            decapsulation,
            classical,
            share,
        }))
    }

    fn respond(&self, peer_share: &[u8]) -> Result<(Vec<u8>, SharedSecret), CryptoError> {
        let (key, x25519) = peer_share
            .split_at_checked(ENCAPSULATION_KEY)
            .ok_or(CryptoError::InvalidShare)?;
        let key = Array::try_from(key).map_err(|_| CryptoError::InvalidShare)?;
        // FIPS 203 §7.2: the modulus check is part of parsing the key.
        let key = EncapsulationKey::<MlKem768>::new(&key).map_err(|_| CryptoError::InvalidShare)?;
        let active = ActiveX25519::generate()?;
        let classical = active.agree(x25519)?;
        let message = random::<32>()?;
        let (ciphertext, secret) = key.encapsulate_deterministic(&Array(*message));
        let share = [&ciphertext[..], &active.share].concat();
        Ok((share, joined(&secret, &classical)))
    }
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
            .decapsulate_slice(ciphertext)
            .map_err(|_| CryptoError::InvalidShare)?;
        Ok(joined(&secret, &self.classical.agree(x25519)?))
    }

    fn component(&self) -> Option<(NamedGroup, &[u8])> {
        Some((NamedGroup::X25519, &self.classical.share))
    }

    fn complete_component(self: Box<Self>, peer_share: &[u8]) -> Result<SharedSecret, CryptoError> {
        self.classical.agree(peer_share)
    }
}

fn joined(post_quantum: &[u8], classical: &SharedSecret) -> SharedSecret {
    SharedSecret::new([post_quantum, classical.as_bytes()].concat())
}
