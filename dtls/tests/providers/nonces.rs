//! The nonces of ECDSA signatures, which a key's owner can compute: who learns a few bits of many of them has the key.

use std::collections::BTreeMap;

use dtls::SignatureScheme;
use dtls::crypto::providers;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::PrimeField as _;
use p256::elliptic_curve::ops::Reduce as _;
use p256::elliptic_curve::point::AffineCoordinates as _;
use p256::pkcs8::EncodePrivateKey as _;
use p256::{FieldBytes, ProjectivePoint, Scalar};
use sha2::{Digest as _, Sha256};

/// Signatures of each provider if `PORTCULLIS_SIGNATURES` does not say another number.
const SIGNATURES: u64 = 1000;

/// A bit is ones in half of the nonces, give or take so many standard deviations: passed by chance
/// in one of five hundred million bits. So a bit is found that is one with a probability of
/// 0.5 ± 3 / √signatures or further off: 0.095 for 1000 signatures, 0.0095 for 100,000.
const DEVIATIONS: f64 = 6.0;

/// T-CRY-05: no bit of the nonces leans to a side, none begins with as many zeros as chance does not
/// explain, and no two are the same but for the same signature.
#[test]
fn t_cry_05_nonces_of_ecdsa_show_no_bias() {
    let wanted = std::env::var("PORTCULLIS_SIGNATURES").ok();
    let count = wanted.map_or(SIGNATURES, |count| count.parse().expect("a number"));
    let own = SigningKey::from_slice(&[0x5a; 32]).expect("a number below the order");
    let pkcs8 = own.to_pkcs8_der().expect("a key");
    for provider in providers() {
        let key = provider.load_signing_key(pkcs8.as_bytes()).expect("a key");
        let mut ones = [0_u64; 256];
        let mut seen = BTreeMap::new();
        for message in 0..count {
            let message = message.to_be_bytes();
            let signature = key.sign(SignatureScheme::ECDSA_SECP256R1_SHA256, &message);
            let nonce = nonce(&own, &message, &signature.expect("a signature"));
            let earlier = seen.insert(nonce, message);
            assert_eq!(earlier, None, "{}: a nonce came twice", provider.name());
            for (bit, ones) in ones.iter_mut().enumerate() {
                *ones += u64::from(nonce[bit / 8] >> (7 - bit % 8) & 1);
            }
        }
        let bound = DEVIATIONS * (count as f64).sqrt() / 2.0;
        for (bit, &ones) in ones.iter().enumerate() {
            let off = (ones as f64 - count as f64 / 2.0).abs();
            assert!(
                off <= bound,
                "{}: bit {bit}: {ones} of {count}",
                provider.name()
            );
        }
        // The smallest of n numbers of 256 bits has about log2(n) zeros in front.
        let smallest = seen.keys().next().expect("a nonce");
        let head = u64::from_be_bytes(*smallest.first_chunk().expect("32 bytes"));
        let zeros = u64::from(head.leading_zeros());
        assert!(zeros <= u64::from(count.ilog2()) + 30, "{zeros} zeros");
    }
}

/// T-CRY-05: the same message twice. A random nonce differs; one that RFC 6979 derives from key and
/// message gives the same signature again, which tells nothing new.
#[test]
fn t_cry_05_a_message_signed_twice() {
    for provider in providers() {
        let key = provider.generate_signing_key().expect("a key");
        let sign = |message: &[u8]| {
            let signature = key.sign(SignatureScheme::ECDSA_SECP256R1_SHA256, message);
            Signature::from_der(&signature.expect("a signature")).expect("DER")
        };
        let mut values = BTreeMap::new();
        for message in [&b"message"[..], b"message", b"message", b"another"] {
            let signature = sign(message);
            let (r, s) = signature.split_bytes();
            let earlier = values.insert(r, (message, s));
            // r once more with another s would tell the key.
            assert!(earlier.is_none_or(|earlier| earlier == (message, s)));
        }
        let deterministic = provider.name() == "rust-crypto";
        let expected = if deterministic { 2 } else { 4 };
        assert_eq!(values.len(), expected, "{}", provider.name());
    }
}

/// What [`nonce`] computes is what r was made from.
#[test]
fn the_nonce_of_a_signature() {
    let own = SigningKey::from_slice(&[0x5a; 32]).expect("a number below the order");
    let pkcs8 = own.to_pkcs8_der().expect("a key");
    for provider in providers() {
        let key = provider.load_signing_key(pkcs8.as_bytes()).expect("a key");
        let signature = key.sign(SignatureScheme::ECDSA_SECP256R1_SHA256, b"message");
        let signature = signature.expect("a signature");
        let nonce = FieldBytes::from(nonce(&own, b"message", &signature));
        let point = (ProjectivePoint::GENERATOR * Scalar::reduce(&nonce)).to_affine();
        let (r, _) = Signature::from_der(&signature)
            .expect("DER")
            .split_scalars();
        assert_eq!(Scalar::reduce(&point.x()), *r.as_ref());
    }
}

/// k = (h + r d) / s, of which the signature tells no sign: k or n - k would do. Ours is the one
/// that was used, since neither library picks the smaller s.
fn nonce(key: &SigningKey, message: &[u8], signature: &[u8]) -> [u8; 32] {
    let signature = Signature::from_der(signature).expect("DER");
    let (r, s) = signature.split_scalars();
    let hash: [u8; 32] = Sha256::digest(message).into();
    let hash = Scalar::reduce(&FieldBytes::from(hash));
    let inverse = s.as_ref().invert().expect("not zero");
    let nonce = (hash + *r.as_ref() * key.as_nonzero_scalar().as_ref()) * inverse;
    nonce.to_repr().into()
}
