//! Signatures: Wycheproof's, and those of one provider verified by the other.

use dtls::SignatureScheme;
use dtls::crypto::{CryptoError, PublicKeyAlgorithm, SubjectPublicKey};

use crate::providers;
use crate::vectors::{Case, each, hex};

#[test]
fn t_neg_12_ecdsa_p256() {
    let scheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
    let count = check(
        "ecdsa_secp256r1_sha256_test",
        scheme,
        PublicKeyAlgorithm::EcdsaP256,
        |case| {
            hex(case.group["publicKey"]["uncompressed"]
                .as_str()
                .expect("a point"))
        },
    );
    assert_eq!(count, 484);
}

#[test]
fn t_neg_12_rsa_pss() {
    let scheme = SignatureScheme::RSA_PSS_RSAE_SHA256;
    let count = check(
        "rsa_pss_2048_sha256_mgf1_32_test",
        scheme,
        PublicKeyAlgorithm::Rsa,
        rsa_key,
    );
    assert!(count > 100);
}

#[test]
fn t_neg_12_rsa_pkcs1() {
    let scheme = SignatureScheme::RSA_PKCS1_SHA256;
    let count = check(
        "rsa_signature_2048_sha256_test",
        scheme,
        PublicKeyAlgorithm::Rsa,
        rsa_key,
    );
    assert!(count > 200);
}

fn rsa_key(case: &Case<'_>) -> Vec<u8> {
    hex(case.group["publicKeyAsn"]
        .as_str()
        .expect("an RSAPublicKey"))
}

fn check(
    file: &str,
    scheme: SignatureScheme,
    algorithm: PublicKeyAlgorithm,
    key: impl Fn(&Case<'_>) -> Vec<u8>,
) -> usize {
    let mut count = 0;
    for provider in providers() {
        count = each(file, |case| {
            let bytes = key(case);
            let public_key = SubjectPublicKey {
                algorithm,
                bytes: &bytes,
            };
            let (message, signature) = (case.bytes("msg"), case.bytes("sig"));
            let result = provider.verify_signature(scheme, public_key, &message, &signature);
            // A missing NULL is BER that RFC 8017 A.2.4 asks to be taken; both answers are right.
            if !case.has_flag("MissingNull") {
                assert_eq!(
                    result.is_ok(),
                    case.is_valid(),
                    "{} {}",
                    provider.name(),
                    case.id()
                );
            }
        });
    }
    count
}

/// T-NEG-14: a scheme must fit the key.
#[test]
fn t_neg_14_schemes_do_not_fit_foreign_keys() {
    for provider in providers() {
        let key = provider.generate_signing_key().expect("a key");
        let scheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
        let signature = key.sign(scheme, b"message").expect("a signature");
        let spki = key.spki_der();
        let point = &spki[spki.len() - 65..];
        let verify = |scheme, algorithm, message: &[u8]| {
            let public_key = SubjectPublicKey {
                algorithm,
                bytes: point,
            };
            provider.verify_signature(scheme, public_key, message, &signature)
        };
        use PublicKeyAlgorithm::{EcdsaP256, EcdsaP384, Ed25519, Rsa};
        assert_eq!(verify(scheme, EcdsaP256, b"message"), Ok(()));
        assert_eq!(
            verify(scheme, EcdsaP256, b"another"),
            Err(CryptoError::BadSignature)
        );
        for algorithm in [EcdsaP384, Ed25519, Rsa] {
            assert_eq!(
                verify(scheme, algorithm, b"message"),
                Err(CryptoError::BadSignature)
            );
        }
        for scheme in [
            SignatureScheme::ED25519,
            SignatureScheme::ECDSA_SHA1,
            SignatureScheme(0),
        ] {
            assert_eq!(
                verify(scheme, EcdsaP256, b"message"),
                Err(CryptoError::BadSignature)
            );
            assert_eq!(
                key.sign(scheme, b"message"),
                Err(CryptoError::UnsupportedScheme)
            );
        }
    }
}

/// What one provider signs, each verifies.
#[test]
fn providers_verify_each_other() {
    let scheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
    for signer in providers() {
        let key = signer.generate_signing_key().expect("a key");
        let signature = key.sign(scheme, b"message").expect("a signature");
        let spki = key.spki_der();
        let point = &spki[spki.len() - 65..];
        let public_key = SubjectPublicKey {
            algorithm: PublicKeyAlgorithm::EcdsaP256,
            bytes: point,
        };
        for verifier in providers() {
            let result = verifier.verify_signature(scheme, public_key, b"message", &signature);
            assert_eq!(result, Ok(()), "{} for {}", verifier.name(), signer.name());
        }
    }
}
