//! HMAC, and HKDF as it is built on it.

use dtls::crypto::{CryptoProvider, HashAlgorithm, providers};

use crate::vectors::each;

const HASHES: [(HashAlgorithm, &str); 2] = [
    (HashAlgorithm::Sha256, "sha256"),
    (HashAlgorithm::Sha384, "sha384"),
];

#[test]
fn t_neg_12_hmac() {
    for (algorithm, name) in HASHES {
        for provider in providers() {
            let count = each(&format!("hmac_{name}_test"), |case| {
                let (key, message) = (case.bytes("key"), case.bytes("msg"));
                let (head, tail) = message.split_at(message.len() / 2);
                let mac = provider.hmac(algorithm, &key).sign(&[head, tail]);
                let tag = case.bytes("tag");
                let equal = mac.as_ref()[..tag.len()] == tag;
                assert_eq!(equal, case.is_valid(), "{} {}", provider.name(), case.id());
            });
            assert_eq!(count, 174);
        }
    }
}

#[test]
fn t_neg_12_hkdf() {
    for (algorithm, name) in HASHES {
        for provider in providers() {
            let count = each(&format!("hkdf_{name}_test"), |case| {
                let okm = hkdf(&*provider, algorithm, case);
                let expected = case.is_valid().then(|| case.bytes("okm"));
                assert_eq!(okm, expected, "{} {}", provider.name(), case.id());
            });
            assert!(count > 80);
        }
    }
}

/// RFC 5869.
fn hkdf(
    provider: &dyn CryptoProvider,
    algorithm: HashAlgorithm,
    case: &crate::vectors::Case<'_>,
) -> Option<Vec<u8>> {
    let size = case.number("size");
    if size > 255 * algorithm.output_len() {
        return None;
    }
    let extracted = provider
        .hmac(algorithm, &case.bytes("salt"))
        .sign(&[&case.bytes("ikm")]);
    let expand = provider.hmac(algorithm, extracted.as_ref());
    let (info, mut okm, mut block) = (case.bytes("info"), Vec::new(), Vec::new());
    for counter in 1..=255 {
        if okm.len() >= size {
            break;
        }
        block = expand.sign(&[&block, &info, &[counter]]).as_ref().to_vec();
        okm.extend_from_slice(&block);
    }
    okm.truncate(size);
    Some(okm)
}
