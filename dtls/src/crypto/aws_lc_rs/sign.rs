//! Signatures: ECDSA, Ed25519, RSA.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair, UnparsedPublicKey,
    VerificationAlgorithm,
};

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

pub(super) fn verify(
    scheme: SignatureScheme,
    public_key: SubjectPublicKey<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    let algorithm = verification(scheme, public_key.algorithm).ok_or(CryptoError::BadSignature)?;
    UnparsedPublicKey::new(algorithm, public_key.bytes)
        .verify(message, signature)
        .map_err(|_| CryptoError::BadSignature)
}

/// In DTLS 1.2 the scheme names the hash alone, so that either curve goes with either hash.
fn verification(
    scheme: SignatureScheme,
    key: PublicKeyAlgorithm,
) -> Option<&'static dyn VerificationAlgorithm> {
    use PublicKeyAlgorithm::{EcdsaP256, EcdsaP384, Ed25519, Rsa};
    use SignatureScheme as S;
    Some(match (scheme, key) {
        (S::ECDSA_SECP256R1_SHA256, EcdsaP256) => &signature::ECDSA_P256_SHA256_ASN1,
        (S::ECDSA_SECP384R1_SHA384, EcdsaP256) => &signature::ECDSA_P256_SHA384_ASN1,
        (S::ECDSA_SECP256R1_SHA256, EcdsaP384) => &signature::ECDSA_P384_SHA256_ASN1,
        (S::ECDSA_SECP384R1_SHA384, EcdsaP384) => &signature::ECDSA_P384_SHA384_ASN1,
        (S::ED25519, Ed25519) => &signature::ED25519,
        (S::RSA_PSS_RSAE_SHA256, Rsa) => &signature::RSA_PSS_2048_8192_SHA256,
        (S::RSA_PSS_RSAE_SHA384, Rsa) => &signature::RSA_PSS_2048_8192_SHA384,
        (S::RSA_PSS_RSAE_SHA512, Rsa) => &signature::RSA_PSS_2048_8192_SHA512,
        (S::RSA_PKCS1_SHA256, Rsa) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (S::RSA_PKCS1_SHA384, Rsa) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (S::RSA_PKCS1_SHA512, Rsa) => &signature::RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    })
}

pub(super) fn generate() -> Result<Arc<dyn SigningKey>, CryptoError> {
    let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_ASN1_SIGNING)
        .map_err(|_| CryptoError::Random)?;
    Key::load(
        Pair::Ecdsa(pair),
        &[SignatureScheme::ECDSA_SECP256R1_SHA256],
    )
}

pub(super) fn load(pkcs8: &[u8]) -> Result<Arc<dyn SigningKey>, CryptoError> {
    let p256 = &signature::ECDSA_P256_SHA256_ASN1_SIGNING;
    if let Ok(pair) = EcdsaKeyPair::from_pkcs8(p256, pkcs8) {
        return Key::load(
            Pair::Ecdsa(pair),
            &[SignatureScheme::ECDSA_SECP256R1_SHA256],
        );
    }
    let p384 = &signature::ECDSA_P384_SHA384_ASN1_SIGNING;
    if let Ok(pair) = EcdsaKeyPair::from_pkcs8(p384, pkcs8) {
        return Key::load(
            Pair::Ecdsa(pair),
            &[SignatureScheme::ECDSA_SECP384R1_SHA384],
        );
    }
    if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8) {
        return Key::load(Pair::Ed25519(pair), &[SignatureScheme::ED25519]);
    }
    match RsaKeyPair::from_pkcs8(pkcs8) {
        Ok(pair) => Key::load(Pair::Rsa(pair), RSA_SCHEMES),
        Err(_) => Err(CryptoError::UnsupportedKey),
    }
}

const RSA_SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

struct Key {
    pair: Pair,
    schemes: &'static [SignatureScheme],
    spki: Vec<u8>,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    fn load(
        pair: Pair,
        schemes: &'static [SignatureScheme],
    ) -> Result<Arc<dyn SigningKey>, CryptoError> {
        let spki = match &pair {
            Pair::Ecdsa(pair) => der(pair.public_key()),
            Pair::Ed25519(pair) => der(pair.public_key()),
            Pair::Rsa(pair) => der(pair.public_key()),
        }?;
        Ok(Arc::new(Self {
            pair,
            schemes,
            spki,
        }))
    }
}

fn der(key: &impl AsDer<PublicKeyX509Der<'static>>) -> Result<Vec<u8>, CryptoError> {
    let der = key.as_der().map_err(|_| CryptoError::UnsupportedKey)?;
    Ok(der.as_ref().to_vec())
}

impl SigningKey for Key {
    fn schemes(&self) -> &[SignatureScheme] {
        self.schemes
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        if !self.schemes.contains(&scheme) {
            return Err(CryptoError::UnsupportedScheme);
        }
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| CryptoError::SigningFailed),
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(rsa_encoding(scheme), &random, message, &mut signature)
                    .map_err(|_| CryptoError::SigningFailed)?;
                Ok(signature)
            }
        }
    }

    fn spki_der(&self) -> &[u8] {
        &self.spki
    }
}

fn rsa_encoding(scheme: SignatureScheme) -> &'static dyn RsaEncoding {
    match scheme {
        SignatureScheme::RSA_PSS_RSAE_SHA384 => &signature::RSA_PSS_SHA384,
        SignatureScheme::RSA_PSS_RSAE_SHA512 => &signature::RSA_PSS_SHA512,
        SignatureScheme::RSA_PKCS1_SHA256 => &signature::RSA_PKCS1_SHA256,
        SignatureScheme::RSA_PKCS1_SHA384 => &signature::RSA_PKCS1_SHA384,
        SignatureScheme::RSA_PKCS1_SHA512 => &signature::RSA_PKCS1_SHA512,
        _ => &signature::RSA_PSS_SHA256,
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("schemes", &self.schemes)
            .finish_non_exhaustive()
    }
}
