//! T-NEG-15: certificates that nobody would issue, shown to a client by somebody on the path. Through every provider that is
//! built in.

#[path = "../network/chance.rs"]
mod chance;
mod der;
mod mutation;
mod victim;

use std::collections::BTreeSet;
use std::sync::Arc;

use chance::Chance;
use der::{
    ATTRIBUTE, EC_PUBLIC_KEY, EXTENSIONS, P256, P521, RSA, SEQUENCE, SET, certificate, nested,
    spki, tlv,
};
use dtls::crypto::{CryptoProvider, providers};
use dtls::{Certificate, DecodeError, Error, Fingerprint, HandshakeType, PeerIdentity};
use mutation::mutate;
use victim::{Stage, message};

/// Mutations of each certificate if `PORTCULLIS_CERTIFICATE_MUTATIONS` does not say another number.
const MUTATIONS: usize = 1000;

/// One of so many mutations goes to a client who takes any certificate, and so as far as to a
/// signature, which costs a thousand times as much as reading.
const VERIFIED: usize = 64;

/// The longest handshake message that is taken.
const MAX_MESSAGE: usize = 1 << 14;

/// A certificate of each kind with which every provider can be a server.
fn certificates(provider: &dyn CryptoProvider) -> Vec<Arc<Certificate>> {
    macro_rules! load {
        ($name:literal) => {
            Certificate::from_pem(
                include_str!(concat!("../network/certificates/", $name, ".pem")),
                include_str!(concat!("../network/certificates/", $name, ".key.pem")),
                provider,
            )
        };
    }
    let all = [
        Certificate::generate(provider),
        load!("p384"),
        load!("ed25519"),
        load!("unsigned"),
    ];
    all.map(|certificate| Arc::new(certificate.expect("a certificate")))
        .into()
}

/// Whoever expects a fingerprint takes no changed certificate; whoever takes any takes none with
/// another key. Nothing panics, and the heap grows with what was sent alone.
#[test]
fn t_neg_15_mutated_certificates() {
    let wanted = std::env::var("PORTCULLIS_CERTIFICATE_MUTATIONS").ok();
    let wanted = wanted.and_then(|count| count.parse().ok());
    let mut chance = Chance::new(15);
    for provider in providers() {
        for own in certificates(&*provider) {
            let stage = Stage::new(&provider, &own);
            let mut verdicts = BTreeSet::new();
            for nth in 0..wanted.unwrap_or(MUTATIONS) {
                let changed = mutate(own.end_entity(), &mut chance);
                verdicts.insert(expecting_a_fingerprint(&stage, &own, &changed));
                if nth % VERIFIED == 0 {
                    taking_any(&stage, &own, &changed);
                }
            }
            // The changes were such that each verdict came up.
            assert_eq!(verdicts.len(), 3, "{verdicts:?} of {}", provider.name());
        }
    }
}

fn expecting_a_fingerprint(stage: &Stage, own: &Certificate, changed: &[u8]) -> &'static str {
    let expected = vec![own.fingerprint_sha256()];
    let peer = PeerIdentity::Fingerprints(expected.clone());
    let (result, growth) = stage.present(peer, &message(&[changed]));
    assert!(growth <= 3 * changed.len() + 2048, "{growth} bytes");
    let mismatch = Error::FingerprintMismatch {
        expected,
        presented: Fingerprint::sha256(changed),
    };
    match result {
        Err(Error::MalformedCertificate) => "malformed",
        Err(Error::UnsupportedCertificateKey) => "of another kind",
        Err(error) if error == mismatch => "another fingerprint",
        other => panic!("{other:?} for {changed:02x?}"),
    }
}

fn taking_any(stage: &Stage, own: &Certificate, changed: &[u8]) {
    let (result, _) = stage.present(PeerIdentity::DangerousAny, &message(&[changed]));
    match result {
        // The server's signature was verified: then with the server's key.
        Ok(()) => {
            let key = public_key(own.end_entity());
            let kept = changed.windows(key.len()).any(|bytes| bytes == key);
            assert!(kept, "{changed:02x?}");
        }
        Err(
            Error::MalformedCertificate
            | Error::UnsupportedCertificateKey
            | Error::BadSignature
            | Error::WrongSignatureScheme(_),
        ) => {}
        Err(other) => panic!("{other:?} for {changed:02x?}"),
    }
}

/// The key of a certificate of [`certificates`], found by the head of its bit string.
fn public_key(der: &[u8]) -> &[u8] {
    const HEADS: [(&[u8], usize); 3] = [
        (&[0x03, 0x42, 0, 4], 64),
        (&[0x03, 0x62, 0, 4], 96),
        (&[0x03, 0x21, 0], 32),
    ];
    let find = |(head, length): &(&[u8], usize)| {
        let at = der.windows(head.len()).position(|bytes| bytes == *head)?;
        der.get(at + head.len()..)?.get(..*length)
    };
    HEADS.iter().find_map(find).expect("a public key")
}

/// A certificate of a shape that is wrong, or costs whoever makes structures of all of it.
fn shapes() -> Vec<(&'static str, Vec<u8>, Error)> {
    let empty = tlv(SEQUENCE, &[]);
    let key = spki(&[EC_PUBLIC_KEY, P256], &[4; 65]);
    let with_issuer = |issuer: &[u8]| certificate(issuer, &key, &[]);
    let with_key =
        |algorithm: &[&[u8]], key: &[u8]| certificate(&empty, &spki(algorithm, key), &[]);
    let with_extensions =
        |all: &[&[u8]]| certificate(&empty, &key, &tlv(EXTENSIONS, &[&tlv(SEQUENCE, all)]));
    let extension = tlv(SEQUENCE, &[b"\x06\x01\x00", b"\x04\x00"]);
    let long_extension = tlv(SEQUENCE, &[b"\x06\x01\x00", &tlv(0x04, &[&[0; 15_000]])]);
    let name = tlv(SET, &[ATTRIBUTE]);
    let names = tlv(SEQUENCE, &vec![&name[..]; 1400]);
    let name_of_many = tlv(SEQUENCE, &[&tlv(SET, &vec![ATTRIBUTE; 1750])]);
    let deep = nested(SEQUENCE, 4000);
    let unused_bits = tlv(
        SEQUENCE,
        &[&tlv(SEQUENCE, &[EC_PUBLIC_KEY, P256]), b"\x03\x02\x01\x02"],
    );
    use Error::{
        BadSignature, MalformedCertificate as Malformed, UnsupportedCertificateKey as Kind,
    };
    vec![
        // What is not looked at leads to the key, with which the server's signature does not verify.
        ("many names", with_issuer(&names), BadSignature),
        (
            "a name of many attributes",
            with_issuer(&name_of_many),
            BadSignature,
        ),
        (
            "many extensions",
            with_extensions(&vec![&extension[..]; 2200]),
            BadSignature,
        ),
        (
            "a long extension",
            with_extensions(&[&long_extension]),
            BadSignature,
        ),
        ("deep names", with_issuer(&deep), BadSignature),
        ("deep extensions", with_extensions(&[&deep]), BadSignature),
        (
            "deep parameters",
            with_key(&[EC_PUBLIC_KEY, &deep], &[4; 65]),
            Kind,
        ),
        ("depth alone", deep.clone(), Malformed),
        (
            "no key",
            with_key(&[EC_PUBLIC_KEY, P256], &[]),
            BadSignature,
        ),
        (
            "an empty SubjectPublicKeyInfo",
            certificate(&empty, &empty, &[]),
            Malformed,
        ),
        (
            "a key of bits",
            certificate(&empty, &unused_bits, &[]),
            Malformed,
        ),
        ("P-521", with_key(&[EC_PUBLIC_KEY, P521], &[4; 133]), Kind),
        (
            "RSA in a suite for ECDSA",
            with_key(&[RSA, b"\x05\x00"], &[0x30; 140]),
            Kind,
        ),
        (
            "a longer key than any",
            with_key(&[RSA, b"\x05\x00"], &[0x30; 15_000]),
            Kind,
        ),
    ]
}

/// None of the shapes costs 16 KiB more than junk of its length, and none comes back through a
/// function that calls itself.
#[test]
fn t_neg_15_costly_shapes() {
    const STACK: usize = 256 << 10;
    for provider in providers() {
        let own = Arc::new(Certificate::generate(&*provider).expect("a certificate"));
        let stage = Stage::new(&provider, &own);
        let check = move || {
            let take = |chain: &[&[u8]]| stage.present(PeerIdentity::DangerousAny, &message(chain));
            for (name, der, error) in shapes() {
                let (refusal, junk) = take(&[&vec![0; der.len()]]);
                assert_eq!(refusal, Err(Error::MalformedCertificate));
                let (result, growth) = take(&[&der]);
                assert_eq!(result, Err(error), "{name}");
                assert!(growth <= junk + (16 << 10), "{name}: {growth} after {junk}");
            }
        };
        let small = std::thread::Builder::new().stack_size(STACK).spawn(check);
        small
            .expect("a thread")
            .join()
            .expect("a stack that suffices");
    }
}

/// A chain of 32 is taken, one of 33, 50 or thousands not; of a message too long nothing is held.
#[test]
fn t_neg_15_long_chains_and_messages() {
    let decode = Err(Error::Decode {
        message: HandshakeType::CERTIFICATE,
        error: DecodeError::OutOfRange,
    });
    for provider in providers() {
        let own = Arc::new(Certificate::generate(&*provider).expect("a certificate"));
        let stage = Stage::new(&provider, &own);
        let present = |message: &[u8]| stage.present(PeerIdentity::DangerousAny, message);
        let chain = |length: usize| {
            let mut chain = vec![&[0][..]; length];
            chain[0] = own.end_entity();
            present(&message(&chain))
        };
        assert_eq!(chain(32).0, Ok(()));
        for length in [33, 50, 3900] {
            let (result, growth) = chain(length);
            assert_eq!(result, decode, "{length}");
            assert!(growth <= 3 * 4 * length + 4096, "{length}: {growth} bytes");
        }
        let chain = vec![own.end_entity(); 50];
        assert_eq!(present(&message(&chain)).0, decode);

        const HEADS: usize = 6;
        let longest = message(&[&[0; MAX_MESSAGE - HEADS]]);
        assert_eq!(present(&longest).0, Err(Error::MalformedCertificate));
        let (result, growth) = present(&message(&[&[0; MAX_MESSAGE - HEADS + 1]]));
        assert_eq!(result, Err(Error::ExcessiveMessageSize));
        assert!(growth <= 2048, "{growth} bytes");
    }
}
