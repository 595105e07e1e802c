//! Certificates of every kind, on both sides. The files were made with OpenSSL; `unsigned.pem` was
//! put together by hand after RFC 9925.

use std::sync::Arc;

#[cfg(feature = "aws-lc-rs")]
use dtls::ProtocolVersion;
use dtls::{Certificate, PeerIdentity};

use crate::pair::{FLAVOURS, PROVIDER, Pair, Side, config};

macro_rules! certificate {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("certificates/", $name, ".pem")),
            include_str!(concat!("certificates/", $name, ".key.pem")),
        )
    };
}

/// Name, certificate, key.
const FILES: &[(&str, &str, &str)] = &[
    // RustCrypto verifies RSA, but does not sign with it.
    #[cfg(feature = "aws-lc-rs")]
    certificate!("rsa"),
    certificate!("p384"),
    certificate!("ed25519"),
    certificate!("unsigned"),
];

/// A kind of certificate on one side or both, the default kind on the other.
#[test]
fn every_kind_on_either_side() {
    for (name, chain, key) in FILES {
        let special = Certificate::from_pem(chain, key, &**PROVIDER);
        let special = special.unwrap_or_else(|error| panic!("{name}: {error}"));
        check_on_either_side(name, &Arc::new(special));
    }
}

/// RFC 9925: made by ourselves, and shorter than a self-signed one.
#[test]
fn unsigned_ones_of_our_own_making() {
    let unsigned = Certificate::generate_unsigned(&**PROVIDER).expect("certificate");
    let signed = Certificate::generate(&**PROVIDER).expect("certificate");
    assert!(unsigned.end_entity().len() + 60 < signed.end_entity().len());
    check_on_either_side("generated", &Arc::new(unsigned));
}

fn check_on_either_side(name: &str, special: &Arc<Certificate>) {
    for flavour in FLAVOURS {
        for sides in [&Side::BOTH[..], &[Side::Client], &[Side::Server]] {
            let certificates = Side::BOTH.map(|side| match sides.contains(&side) {
                true => Arc::clone(special),
                false => crate::pair::certificate(side),
            });
            let expected = Side::BOTH.map(|side| {
                let peer = &certificates[side.peer() as usize];
                PeerIdentity::Fingerprints(vec![peer.fingerprint_sha256()])
            });
            let configs = [config(flavour), config(flavour)];
            let mut pair = Pair::with_certificates(configs, certificates.clone(), expected);
            assert!(pair.connect(), "{name} on {sides:?}, {flavour:?}");
            pair.check_connected();
            for side in Side::BOTH {
                let info = pair.end(side).connection.info().expect("connected");
                let shown = certificates[side.peer() as usize].end_entity();
                assert_eq!(info.peer_certificate.as_deref(), Some(shown));
            }
        }
    }
}

/// RFC 5246 §7.4.2: in DTLS 1.2 the cipher suite fits the server's certificate.
#[cfg(feature = "aws-lc-rs")]
#[test]
fn the_suite_fits_the_certificate() {
    let (_, chain, key) = FILES[0];
    let rsa = Certificate::from_pem(chain, key, &**PROVIDER).expect("certificate");
    let certificates = [crate::pair::certificate(Side::Client), Arc::new(rsa)];
    let expected = [(); 2].map(|()| PeerIdentity::DangerousAny);
    let configs = [config(FLAVOURS[0]), config(FLAVOURS[0])];
    let mut pair = Pair::with_certificates(configs, certificates, expected);
    assert!(pair.connect());
    let info = pair.end(Side::Client).connection.info().expect("connected");
    assert_eq!(info.version, ProtocolVersion::DTLS1_2);
    assert_eq!(
        info.cipher_suite,
        dtls::CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    );
}
