//! AEADs and the mask of record numbers.

use dtls::crypto::{AeadAlgorithm, CryptoError, providers};

use crate::vectors::each;

#[test]
fn t_neg_12_aes_gcm() {
    for provider in providers() {
        let mut tried = 0;
        each("aes_gcm_test", |case| {
            let algorithm = match case.group["keySize"].as_u64() {
                Some(128) => AeadAlgorithm::Aes128Gcm,
                Some(256) => AeadAlgorithm::Aes256Gcm,
                _ => return,
            };
            // DTLS has nonces of 96 bits and whole tags only.
            if case.group["ivSize"] == 96 && case.group["tagSize"] == 128 {
                check(&*provider, algorithm, case);
                tried += 1;
            }
        });
        assert!(tried > 100, "{}: only {tried} vectors fit", provider.name());
    }
}

#[test]
fn t_neg_12_chacha20_poly1305() {
    for provider in providers() {
        let mut tried = 0;
        each("chacha20_poly1305_test", |case| {
            if case.group["ivSize"] == 96 {
                check(&*provider, AeadAlgorithm::ChaCha20Poly1305, case);
                tried += 1;
            }
        });
        assert!(tried > 200, "{}: only {tried} vectors fit", provider.name());
    }
}

fn check(
    provider: &dyn dtls::crypto::CryptoProvider,
    algorithm: AeadAlgorithm,
    case: &crate::vectors::Case<'_>,
) {
    let key = provider.aead(algorithm, &case.bytes("key"));
    let nonce = case.bytes("iv").try_into().expect("96 bits");
    let (aad, message) = (case.bytes("aad"), case.bytes("msg"));
    let sealed = [case.bytes("ct"), case.bytes("tag")].concat();
    let mut opened = sealed.clone();
    let result = key.open_in_place(&nonce, &aad, &mut opened);
    if !case.is_valid() {
        assert_eq!(
            result,
            Err(CryptoError::BadTag),
            "{} {}",
            provider.name(),
            case.id()
        );
        // T-CRY-03: nothing decrypted is left.
        assert!(
            opened.iter().all(|byte| *byte == 0),
            "{} {}",
            provider.name(),
            case.id()
        );
        return;
    }
    assert_eq!(
        result,
        Ok(message.len()),
        "{} {}",
        provider.name(),
        case.id()
    );
    assert_eq!(
        opened[..message.len()],
        message,
        "{} {}",
        provider.name(),
        case.id()
    );
    let mut again = message;
    let tag = key.seal_in_place(&nonce, &aad, &mut again);
    assert_eq!(
        [&again[..], &tag].concat(),
        sealed,
        "{} {}",
        provider.name(),
        case.id()
    );
}

/// RFC 9147 §4.2.3: RFC 9001 A.2 and A.5 make the same mask for QUIC.
#[test]
fn masks_are_those_of_the_quic_vectors() {
    use crate::vectors::hex;
    let aes = (
        "9f50449e04a0e810283a1e9933adedd2",
        "d1b1c98dd7689fb8ec11d242b123dc9b",
        "437b",
    );
    let chacha = (
        "25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4",
        "5e5cd55c41f69080575d7999c25a5bfb",
        "aefe",
    );
    let algorithms = [AeadAlgorithm::Aes128Gcm, AeadAlgorithm::ChaCha20Poly1305];
    for (algorithm, (key, sample, mask)) in algorithms.into_iter().zip([aes, chacha]) {
        for provider in providers() {
            let key = provider.record_number_key(algorithm, &hex(key));
            let sample = hex(sample).try_into().expect("16 bytes");
            assert_eq!(key.mask(&sample)[..], hex(mask), "{}", provider.name());
        }
    }
}
