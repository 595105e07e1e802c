//! Who the peer is: fingerprints known, wrong, late; other judges; signatures that prove the key.

use std::sync::{Arc, Mutex};

use super::harness::{
    End, Pair, Sent, VERSIONS, certificate, client, config, expects, other, server,
};
use crate::config::{ClientAuth, Config, ConfigError, PeerIdentity, Role};
use crate::crypto::HashAlgorithm;
use crate::error::Error;
use crate::event::Event;
use crate::fingerprint::Fingerprint;
use crate::handshake::{CertificateVerifier, Handshake};
use crate::wire::{
    AlertDescription, Certificate12, Certificate13, CertificateVerify, DecodeError, HandshakeType,
    ProtocolVersion, ServerKeyExchange, SignatureScheme,
};

use HandshakeType as T;
use ProtocolVersion as V;

const ROLES: [Role; 2] = [Role::Client, Role::Server];

/// A pair in which `role` expects `identity` and the other the right fingerprint.
fn pair_with(version: ProtocolVersion, role: Role, identity: PeerIdentity) -> Pair {
    let mut pair = Pair::new(config(version));
    *pair.end(role) = End::new(role, config(version), identity);
    pair
}

fn wrong() -> Fingerprint {
    Fingerprint::sha256(b"somebody else")
}

fn right(role: Role) -> Fingerprint {
    certificate(other(role)).fingerprint_sha256()
}

/// T-NEG-01: another certificate than expected, for both roles and versions.
#[test]
fn t_neg_01_wrong_fingerprint() {
    for version in VERSIONS {
        for role in ROLES {
            let expected = vec![wrong()];
            let identity = PeerIdentity::Fingerprints(expected.clone());
            let mut pair = pair_with(version, role, identity);
            let error = Error::FingerprintMismatch {
                expected,
                presented: right(role),
            };
            assert_eq!(error.alert(), Some(AlertDescription::BAD_CERTIFICATE));
            assert_eq!(pair.run(|_, _| ()), Err((role, error)));
            assert!(!pair.end(role).is_established());
            assert_eq!(pair.end(role).events, []);
        }
    }
}

/// RFC 8122 §5: one of several; of several hash functions the strongest.
#[test]
fn several_fingerprints() {
    for version in VERSIONS {
        for role in ROLES {
            let der = certificate(other(role)).end_entity().to_vec();
            let strong = Fingerprint::of(HashAlgorithm::Sha512, &der);
            for expected in [vec![wrong(), right(role)], vec![wrong(), strong]] {
                let mut pair = pair_with(version, role, PeerIdentity::Fingerprints(expected));
                assert_eq!(pair.run(|_, _| ()), Ok(()));
                assert!(pair.is_established());
            }
        }
    }
}

/// T-NEG-02, RFC 5763 §5: without fingerprints the handshake runs on the wire, and nothing comes
/// out of it before they are given.
#[test]
fn t_neg_02_fingerprints_come_late() {
    for version in VERSIONS {
        for role in ROLES {
            let mut pair = pair_with(version, role, PeerIdentity::Later);
            assert_eq!(pair.run(|_, _| ()), Ok(()));
            assert!(pair.end(other(role)).is_established());
            let end = pair.end(role);
            assert!(!end.is_established());
            assert_eq!(end.events, [Event::FingerprintsNeeded]);
            assert_eq!(end.set_fingerprints(vec![right(role)]), Ok(()));
            assert!(end.is_established());
            assert!(matches!(&end.events[1], Event::Connected(_)));
        }
    }
}

/// T-NEG-02: wrong ones end it, whether they come before the certificate or after the handshake.
#[test]
fn t_neg_02_late_fingerprints_are_wrong() {
    for version in VERSIONS {
        for role in ROLES {
            let expected = vec![wrong()];
            let presented = right(role);
            let error = Error::FingerprintMismatch {
                expected: expected.clone(),
                presented,
            };
            for early in [true, false] {
                let mut pair = pair_with(version, role, PeerIdentity::Later);
                if !early {
                    assert_eq!(pair.run(|_, _| ()), Ok(()));
                }
                let given = pair.end(role).set_fingerprints(expected.clone());
                if early {
                    assert_eq!(given, Ok(()));
                    assert_eq!(pair.run(|_, _| ()), Err((role, error.clone())));
                } else {
                    assert_eq!(given, Err(error.clone()));
                }
                assert!(!pair.end(role).is_established());
            }
        }
    }
}

/// T-NEG-07, RFC 8842 §5.1: other fingerprints for a connection that stands end it.
#[test]
fn t_neg_07_changed_fingerprints() {
    for version in VERSIONS {
        let mut pair = Pair::new(config(version));
        assert_eq!(pair.run(|_, _| ()), Ok(()));
        let end = pair.end(Role::Server);
        assert_eq!(end.set_fingerprints(vec![right(Role::Server)]), Ok(()));
        let expected = vec![wrong()];
        let presented = right(Role::Server);
        let error = Error::FingerprintMismatch {
            expected: expected.clone(),
            presented,
        };
        assert_eq!(end.set_fingerprints(expected), Err(error));
    }
}

/// T-NEG-06: a client that shows no certificate passes only where nobody expects a fingerprint.
#[test]
fn t_neg_06_no_client_certificate() {
    let nobody = |version, client_auth, identity| {
        let ours = config(version).client_auth(client_auth);
        let mut pair = Pair::new(config(version));
        *pair.end(Role::Server) = End::new(Role::Server, ours, identity);
        pair.run(|role, flight| {
            flight.retain_mut(|sent| {
                let shown = role == Role::Server && sent.message_type == T::CERTIFICATE;
                if shown {
                    sent.body = vec![0; if version == V::DTLS1_2 { 3 } else { 4 }];
                }
                role == Role::Client || sent.message_type != T::CERTIFICATE_VERIFY
            });
        })
    };
    for version in VERSIONS {
        let missing = server(Error::ClientCertificateMissing(version));
        for client_auth in [ClientAuth::Required, ClientAuth::Optional] {
            let outcome = nobody(version, client_auth, expects(Role::Server));
            assert_eq!(outcome, missing);
            assert_eq!(nobody(version, client_auth, PeerIdentity::Later), missing);
        }
        let required = nobody(version, ClientAuth::Required, PeerIdentity::DangerousAny);
        assert_eq!(required, missing);
        // Without it the server goes on to Finished, over another transcript than the client's.
        let optional = nobody(version, ClientAuth::Optional, PeerIdentity::DangerousAny);
        assert_eq!(optional, server(Error::BadFinished));
    }
}

/// RFC 5763 §5: fingerprints that come once a client has shown no certificate have nothing to match,
/// before the handshake is complete as well as after it.
#[test]
fn fingerprints_after_no_certificate_do_not_connect() {
    let meet = |version, client_auth, until| {
        let mut pair = Pair::new(config(version));
        let ours = config(version).client_auth(client_auth);
        *pair.end(Role::Server) = End::new(Role::Server, ours, PeerIdentity::DangerousAny);
        let outcome = pair.run(|role, flight| {
            if let Some(last) = flight.iter().position(|sent| sent.message_type == until)
                && role == Role::Server
            {
                // Of the client's flight no more than what shows that there is no certificate.
                flight.truncate(last + 1);
                if until == T::CERTIFICATE {
                    flight[last].body = vec![0; if version == V::DTLS1_2 { 3 } else { 4 }];
                }
            }
        });
        assert_eq!(outcome, Ok(()));
        let server = pair.end(Role::Server);
        let before = server.is_established();
        (before, server.set_fingerprints(vec![right(Role::Server)]))
    };
    for version in VERSIONS {
        let missing = Err(Error::ClientCertificateMissing(version));
        let asked = meet(version, ClientAuth::Optional, T::CERTIFICATE);
        assert_eq!(asked, (false, missing.clone()));
        let exchange = match version {
            V::DTLS1_2 => T::CLIENT_KEY_EXCHANGE,
            _ => T::CLIENT_HELLO,
        };
        let not_asked = meet(version, ClientAuth::None, exchange);
        assert_eq!(not_asked.1, missing);
        let complete = meet(version, ClientAuth::None, T::FINISHED);
        assert_eq!(complete, (true, missing));
    }
}

/// What can't work is refused before the first byte.
#[test]
fn impossible_expectations() {
    let make = |role, client_auth, identity| {
        let config = config(V::DTLS1_3)
            .client_auth(client_auth)
            .build()
            .expect("configuration");
        Handshake::new(&config, role, certificate(role).into(), identity).map(drop)
    };
    let none = PeerIdentity::Fingerprints(Vec::new());
    let error = Err(Error::Config(ConfigError::NoFingerprint));
    assert_eq!(make(Role::Client, ClientAuth::Required, none), error);
    let error = Err(Error::Config(ConfigError::NothingToVerify));
    for identity in [expects(Role::Server), PeerIdentity::Later] {
        assert_eq!(make(Role::Server, ClientAuth::None, identity), error);
    }
    assert_eq!(
        make(Role::Server, ClientAuth::None, PeerIdentity::DangerousAny),
        Ok(())
    );
}

/// A judge who remembers what was shown.
#[derive(Debug)]
struct Judge {
    verdict: Result<(), AlertDescription>,
    shown: Mutex<Vec<Vec<u8>>>,
}

impl CertificateVerifier for Judge {
    fn verify(&self, end_entity: &[u8], chain: &[&[u8]]) -> Result<(), AlertDescription> {
        assert!(chain.is_empty());
        self.shown
            .lock()
            .expect("no panic under the lock")
            .push(end_entity.to_vec());
        self.verdict
    }
}

/// The application judges: its alert is what the peer gets.
#[test]
fn the_application_judges() {
    for version in VERSIONS {
        for role in ROLES {
            for verdict in [Ok(()), Err(AlertDescription::UNKNOWN_CA)] {
                let judge = Arc::new(Judge {
                    verdict,
                    shown: Mutex::default(),
                });
                let identity = PeerIdentity::Verifier(Arc::clone(&judge) as _);
                let outcome = pair_with(version, role, identity).run(|_, _| ());
                let refused = verdict.map_err(|alert| (role, Error::CertificateRefused(alert)));
                assert_eq!(outcome, refused);
                let shown = judge.shown.lock().expect("no panic under the lock");
                assert_eq!(shown[..], [certificate(other(role)).end_entity().to_vec()]);
            }
        }
    }
}

/// The messages with a signature that a role receives, and a change of the scheme in them.
fn with_scheme(version: ProtocolVersion, role: Role, scheme: SignatureScheme) -> Sent {
    let mut pair = Pair::new(config(version));
    let mut found = None;
    let outcome = pair.run(|receiver, flight| {
        for sent in flight.iter_mut().filter(|_| receiver == role) {
            match sent.message_type {
                T::CERTIFICATE_VERIFY => {
                    *sent = sent.change::<CertificateVerify<'_>>(|m| m.scheme = scheme);
                }
                T::SERVER_KEY_EXCHANGE => {
                    *sent = sent.change::<ServerKeyExchange<'_>>(|m| m.scheme = scheme);
                }
                _ => continue,
            }
            found = Some(sent.clone());
        }
    });
    let error = Error::WrongSignatureScheme(scheme);
    assert_eq!(outcome, Err((role, error)), "{version:?}");
    found.expect("a signature")
}

/// T-NEG-14: schemes that were not offered, that the version forbids, that don't fit the key.
#[test]
fn t_neg_14_wrong_scheme() {
    for version in VERSIONS {
        for role in ROLES {
            for scheme in [
                SignatureScheme::ECDSA_SHA1,
                SignatureScheme::RSA_PKCS1_SHA1,
                SignatureScheme::RSA_PKCS1_SHA256,
                SignatureScheme::RSA_PSS_RSAE_SHA256,
                SignatureScheme::ED25519,
                SignatureScheme::ECDSA_SECP521R1_SHA512,
                SignatureScheme(0x0a0a),
            ] {
                with_scheme(version, role, scheme);
            }
        }
    }
    // In DTLS 1.3 the curve belongs to the scheme; in DTLS 1.2 the signature is merely wrong.
    with_scheme(
        V::DTLS1_3,
        Role::Client,
        SignatureScheme::ECDSA_SECP384R1_SHA384,
    );
}

/// T-NEG-14: any change of a signature is found.
#[test]
fn t_neg_14_wrong_signature() {
    for version in VERSIONS {
        for role in ROLES {
            for message_type in [T::CERTIFICATE_VERIFY, T::SERVER_KEY_EXCHANGE] {
                let mut changed = false;
                let outcome = Pair::new(config(version)).run(|receiver, flight| {
                    for sent in flight.iter_mut().filter(|_| receiver == role) {
                        if sent.message_type == message_type {
                            *sent.body.last_mut().expect("a signature") ^= 1;
                            changed = true;
                        }
                    }
                });
                if changed {
                    assert_eq!(outcome, Err((role, Error::BadSignature)));
                }
            }
        }
    }
}

/// Finished of the other side, damaged or cut.
#[test]
fn wrong_finished() {
    for version in VERSIONS {
        for role in ROLES {
            let changes: [fn(&mut Vec<u8>); 3] =
                [|body| body[0] ^= 1, |body| body.truncate(11), Vec::clear];
            for change in changes {
                let mut pair = Pair::new(config(version));
                let outcome = pair.run_with(role, T::FINISHED, |sent| {
                    let mut sent = sent.clone();
                    change(&mut sent.body);
                    sent
                });
                assert_eq!(outcome, Err((role, Error::BadFinished)));
            }
        }
    }
}

/// A certificate that is none.
#[test]
fn malformed_certificate() {
    let junk = |version: ProtocolVersion| match version {
        V::DTLS1_2 => vec![0, 0, 5, 0, 0, 2, 0x30, 0x80],
        _ => vec![0, 0, 0, 7, 0, 0, 2, 0x30, 0x80, 0, 0],
    };
    for version in VERSIONS {
        for role in ROLES {
            let mut pair = Pair::new(config(version));
            let outcome = pair.run_with(role, T::CERTIFICATE, |sent| Sent {
                body: junk(version),
                ..sent.clone()
            });
            assert_eq!(outcome, Err((role, Error::MalformedCertificate)));
        }
    }
    let outcome =
        Pair::new(config(V::DTLS1_2)).run_with(Role::Client, T::CERTIFICATE, |sent| Sent {
            body: vec![0; 3],
            ..sent.clone()
        });
    assert_eq!(outcome, client(Error::ServerCertificateMissing));
}

/// T-NEG-15: more certificates than anyone has.
#[test]
fn t_neg_15_chain_of_50() {
    for version in VERSIONS {
        for role in ROLES {
            let mut pair = Pair::new(config(version));
            let outcome = pair.run_with(role, T::CERTIFICATE, |sent| match version {
                V::DTLS1_2 => {
                    sent.change::<Certificate12<'_>>(|m| m.chain = [m.chain[0]; 50].into())
                }
                _ => sent.change::<Certificate13<'_>>(|m| m.chain = [m.chain[0]; 50].into()),
            });
            let error = Error::Decode {
                message: T::CERTIFICATE,
                error: DecodeError::OutOfRange,
            };
            assert_eq!(outcome, Err((role, error)));
        }
    }
}

/// The default demands a client certificate.
#[test]
fn client_certificates_are_demanded_by_default() {
    let config: Config = config(V::DTLS1_3).build().expect("configuration");
    assert_eq!(config.client_auth, ClientAuth::Required);
}
