//! Signatures: Wycheproof's, and those of one provider verified by the other.

use dtls::SignatureScheme;
use dtls::crypto::{CryptoError, PublicKeyAlgorithm, SubjectPublicKey, providers};

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

/// T-NEG-15: a right signature by an RSA key of 1024 bits is no signature.
#[test]
fn t_neg_15_short_rsa_keys_do_not_count() {
    let key = hex(concat!(
        "30818902818100c8a0e112c04934d03bf1747932c58b8dcd81efd9e03dda08044cb115bd6292c9",
        "1008dc42169a86367f7ee807828263495bc1eb87e33d7421384deb0b798a864561ab8b69f29b56",
        "b43134c24a183e483ed24056468adc2a035c69879a99373258dd907473400123baea2ae8fa515b",
        "723e0712d14c6e184f21027059b573514ba50203010001",
    ));
    let signature = hex(concat!(
        "aac311512cb456a758d542d50c55fe509b7432b8e0729634185b4a8959423a1a457fa8a366c4c2",
        "4a756743405fc161b70d7366e720d02f7a22a03d135bd87123234a0b2441f214d02c6fde6468fa",
        "0e476209b8fedfa0547066eff6fac17490a5602e16fea9b5eb12d85e13d2b85a5196e7789955a2",
        "5e7412d8c52b4a68aa8ee4",
    ));
    #[cfg(feature = "aws-lc-rs")]
    {
        use aws_lc_rs::signature::{
            RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY as LEGACY, UnparsedPublicKey,
        };
        let right = UnparsedPublicKey::new(&LEGACY, &key).verify(b"message", &signature);
        assert_eq!(right, Ok(()));
    }
    let public_key = SubjectPublicKey {
        algorithm: PublicKeyAlgorithm::Rsa,
        bytes: &key,
    };
    for provider in providers() {
        let scheme = SignatureScheme::RSA_PKCS1_SHA256;
        let result = provider.verify_signature(scheme, public_key, b"message", &signature);
        assert_eq!(
            result,
            Err(CryptoError::BadSignature),
            "{}",
            provider.name()
        );
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
