//! Signatures: ECDSA and Ed25519 both ways, RSA to verify.

use std::fmt;
use std::sync::Arc;

use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
use p256::ecdsa::signature::{DigestVerifier as _, Signer as _};
use p256::elliptic_curve::Generate as _;
use rsa::signature::Verifier as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, RsaPublicKey};
use sha2::{Digest as _, Sha256, Sha384};

use super::super::{CryptoError, PublicKeyAlgorithm, SigningKey, SubjectPublicKey};
use crate::wire::SignatureScheme;

/// The schemes that can be verified, the preferred first.
pub(super) const VERIFIABLE: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

/// The moduli that are taken, in bits: shorter ones are broken, longer ones cost too much.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

pub(super) fn verify(
    scheme: SignatureScheme,
    public_key: SubjectPublicKey<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    let valid = match public_key.algorithm {
        PublicKeyAlgorithm::EcdsaP256 => ecdsa_p256(scheme, public_key.bytes, message, signature),
        PublicKeyAlgorithm::EcdsaP384 => ecdsa_p384(scheme, public_key.bytes, message, signature),
        PublicKeyAlgorithm::Ed25519 => ed25519(scheme, public_key.bytes, message, signature),
        PublicKeyAlgorithm::Rsa => rsa(scheme, public_key.bytes, message, signature),
    };
    valid.ok_or(CryptoError::BadSignature)
}

/// Declares ECDSA verification on a curve. In DTLS 1.2 the scheme names the hash alone, so that
/// either curve goes with either hash.
macro_rules! ecdsa {
    ($name:ident, $krate:ident) => {
        fn $name(
            scheme: SignatureScheme,
            key: &[u8],
            message: &[u8],
            signature: &[u8],
        ) -> Option<()> {
            let key = $krate::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
            let signature = $krate::ecdsa::Signature::from_der(signature).ok()?;
            match scheme {
                SignatureScheme::ECDSA_SECP256R1_SHA256 => key
                    .verify_digest(|hash: &mut Sha256| Ok(hash.update(message)), &signature)
                    .ok(),
                SignatureScheme::ECDSA_SECP384R1_SHA384 => key
                    .verify_digest(|hash: &mut Sha384| Ok(hash.update(message)), &signature)
                    .ok(),
                _ => None,
            }
        }
    };
}

ecdsa!(ecdsa_p256, p256);
ecdsa!(ecdsa_p384, p384);

fn ed25519(scheme: SignatureScheme, key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    if scheme != SignatureScheme::ED25519 {
        return None;
    }
    let key = ed25519_dalek::VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
    let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
    key.verify_strict(message, &signature).ok()
}

fn rsa(scheme: SignatureScheme, key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    use SignatureScheme as S;
    use rsa::sha2::{Sha256, Sha384, Sha512};
    use rsa::{pkcs1v15, pss};
    let key = rsa_key(key)?;
    macro_rules! check {
        ($scheme:ident, $hash:ty) => {{
            let signature = $scheme::Signature::try_from(signature).ok()?;
            $scheme::VerifyingKey::<$hash>::new(key)
                .verify(message, &signature)
                .ok()
        }};
    }
    match scheme {
        S::RSA_PSS_RSAE_SHA256 => check!(pss, Sha256),
        S::RSA_PSS_RSAE_SHA384 => check!(pss, Sha384),
        S::RSA_PSS_RSAE_SHA512 => check!(pss, Sha512),
        S::RSA_PKCS1_SHA256 => check!(pkcs1v15, Sha256),
        S::RSA_PKCS1_SHA384 => check!(pkcs1v15, Sha384),
        S::RSA_PKCS1_SHA512 => check!(pkcs1v15, Sha512),
        _ => None,
    }
}

/// Reads an RSAPublicKey of a length that is taken. The crate's own reader stops at 4096 bits.
fn rsa_key(der: &[u8]) -> Option<RsaPublicKey> {
    let key = rsa::pkcs1::RsaPublicKey::try_from(der).ok()?;
    let [n, e] = [key.modulus, key.public_exponent].map(|n| BigUint::from_bytes_be(n.as_bytes()));
    let key = RsaPublicKey::new_with_max_size(n, e, *RSA_BITS.end()).ok()?;
    RSA_BITS.contains(&key.n().bits()).then_some(key)
}

pub(super) fn generate() -> Result<Arc<dyn SigningKey>, CryptoError> {
    let key = p256::ecdsa::SigningKey::try_generate().map_err(|_| CryptoError::Random)?;
    Key::load(Pair::P256(key))
}

pub(super) fn load(pkcs8: &[u8]) -> Result<Arc<dyn SigningKey>, CryptoError> {
    if let Ok(key) = p256::ecdsa::SigningKey::from_pkcs8_der(pkcs8) {
        return Key::load(Pair::P256(key));
    }
    if let Ok(key) = p384::ecdsa::SigningKey::from_pkcs8_der(pkcs8) {
        return Key::load(Pair::P384(key));
    }
    match ed25519_dalek::SigningKey::from_pkcs8_der(pkcs8) {
        Ok(key) => Key::load(Pair::Ed25519(key)),
        Err(_) => Err(CryptoError::UnsupportedKey),
    }
}

struct Key {
    pair: Pair,
    scheme: [SignatureScheme; 1],
    spki: Vec<u8>,
}

enum Pair {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

impl Key {
    fn load(pair: Pair) -> Result<Arc<dyn SigningKey>, CryptoError> {
        let (scheme, spki) = match &pair {
            Pair::P256(key) => {
                let spki = key.verifying_key().to_public_key_der();
                (SignatureScheme::ECDSA_SECP256R1_SHA256, spki)
            }
            Pair::P384(key) => {
                let spki = key.verifying_key().to_public_key_der();
                (SignatureScheme::ECDSA_SECP384R1_SHA384, spki)
            }
            Pair::Ed25519(key) => (
                SignatureScheme::ED25519,
                key.verifying_key().to_public_key_der(),
            ),
        };
        let spki = spki.map_err(|_| CryptoError::UnsupportedKey)?.to_vec();
        Ok(Arc::new(Self {
            pair,
            scheme: [scheme],
            spki,
        }))
    }
}

impl SigningKey for Key {
    fn schemes(&self) -> &[SignatureScheme] {
        &self.scheme
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        if self.scheme != [scheme] {
            return Err(CryptoError::UnsupportedScheme);
        }
        let failed = |_| CryptoError::SigningFailed;
        Ok(match &self.pair {
            Pair::P256(key) => {
                let signature: p256::ecdsa::Signature = key.try_sign(message).map_err(failed)?;
                signature.to_der().as_bytes().to_vec()
            }
            Pair::P384(key) => {
                let signature: p384::ecdsa::Signature = key.try_sign(message).map_err(failed)?;
                signature.to_der().as_bytes().to_vec()
            }
            Pair::Ed25519(key) => key.try_sign(message).map_err(failed)?.to_bytes().to_vec(),
        })
    }

    fn spki_der(&self) -> &[u8] {
        &self.spki
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("schemes", &self.scheme)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An RSAPublicKey with an odd modulus of `bits`, a multiple of eight.
    fn rsa_public_key(bits: usize) -> Vec<u8> {
        let length = bits / 8;
        let long = |tag: u8, length: usize| [tag, 0x82, (length >> 8) as u8, length as u8];
        let mut body = long(0x02, length + 1).to_vec();
        body.push(0);
        body.extend(vec![0xff; length]);
        body.extend([0x02, 0x03, 0x01, 0x00, 0x01]);
        [&long(0x30, body.len())[..], &body].concat()
    }

    /// The same lengths as with the other provider.
    #[test]
    fn lengths_of_rsa_keys() {
        for (bits, taken) in [(2040, false), (2048, true), (8192, true), (8200, false)] {
            assert_eq!(
                rsa_key(&rsa_public_key(bits)).is_some(),
                taken,
                "{bits} bits"
            );
        }
    }
}
