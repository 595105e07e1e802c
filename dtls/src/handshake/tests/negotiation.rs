//! What the two agree on, and answers that were not asked for.

use super::super::suite::Suite;
use super::harness::{Pair, Sent, VERSIONS, both_versions, certificate, client, config, server};
use super::harness::{with_answers, with_client_hello, with_server_hello};
use crate::config::Role;
use crate::error::Error;
use crate::wire::{
    AlertDescription, CertificateRequest12, CipherSuite, ClientHello, ExtensionType, HandshakeType,
    List, NamedGroup, ProtocolVersion, ServerHello, SignatureScheme, SrtpProfile, UseSrtp,
};

use ProtocolVersion as V;

/// The server's order decides, for every list.
#[test]
fn the_servers_order_decides() {
    use CipherSuite as C;
    let suites = [
        C::TLS_CHACHA20_POLY1305_SHA256,
        C::TLS_AES_256_GCM_SHA384,
        C::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        C::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ];
    let profiles = [
        SrtpProfile::AES128_CM_HMAC_SHA1_80,
        SrtpProfile::AEAD_AES_256_GCM,
    ];
    for version in VERSIONS {
        let ours = config(version)
            .cipher_suites(&suites)
            .srtp_profiles(&profiles);
        let ours = ours.groups(&[NamedGroup::X25519, NamedGroup::X25519MLKEM768]);
        let ours = ours.alpn(&[b"c-webrtc", b"webrtc"]);
        let theirs = config(version).alpn(&[b"webrtc", b"c-webrtc"]);
        let mut pair = Pair::with([theirs, ours]);
        assert_eq!(pair.run(|_, _| ()), Ok(()));
        for role in [Role::Client, Role::Server] {
            let info = &pair
                .end(role)
                .handshake
                .established()
                .expect("established")
                .info;
            let first = suites
                .iter()
                .find(|suite| Suite::of(**suite).is_some_and(|suite| suite.version == version));
            assert_eq!(Some(&info.cipher_suite), first);
            assert_eq!(info.group, NamedGroup::X25519);
            assert_eq!(info.srtp_profile, Some(SrtpProfile::AES128_CM_HMAC_SHA1_80));
            assert_eq!(info.alpn.as_deref(), Some(&b"c-webrtc"[..]));
        }
    }
}

/// Nothing in common: the error lists both offers.
#[test]
fn nothing_in_common() {
    use CipherSuite as C;
    let one = config(V::DTLS1_3).cipher_suites(&[C::TLS_AES_128_GCM_SHA256]);
    let other = config(V::DTLS1_3).cipher_suites(&[C::TLS_AES_256_GCM_SHA384]);
    let error = Error::NoCommonCipherSuite {
        ours: vec![C::TLS_AES_256_GCM_SHA384],
        theirs: vec![C::TLS_AES_128_GCM_SHA256],
    };
    assert_eq!(Pair::with([one, other]).run(|_, _| ()), server(error));
    for version in VERSIONS {
        let one = config(version).groups(&[NamedGroup::X25519]);
        let other = config(version).groups(&[NamedGroup::SECP384R1]);
        let error = Error::NoCommonGroup {
            ours: vec![NamedGroup::SECP384R1],
            theirs: vec![NamedGroup::X25519],
        };
        assert_eq!(Pair::with([one, other]).run(|_, _| ()), server(error));
        let one = config(version).signature_schemes(&[SignatureScheme::RSA_PSS_RSAE_SHA256]);
        let error = Error::NoCommonSignatureScheme {
            ours: certificate(Role::Server).signing_key().schemes().to_vec(),
            theirs: vec![SignatureScheme::RSA_PSS_RSAE_SHA256],
        };
        assert_eq!(
            Pair::with([one, config(version)]).run(|_, _| ()),
            server(error)
        );
    }
}

/// T-NEG-11: suites that were not offered, that belong to the other version, that are unknown.
#[test]
fn t_neg_11_unoffered_suite() {
    for version in VERSIONS {
        let suites: [fn(&mut ServerHello<'_>); 3] = [
            |hello| hello.cipher_suite = CipherSuite::TLS_CHACHA20_POLY1305_SHA256,
            |hello| {
                hello.cipher_suite = CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;
            },
            |hello| hello.cipher_suite = CipherSuite(0x002f),
        ];
        let offered = [
            CipherSuite::TLS_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        ];
        let ids = [0x1303, 0xcca9, 0x002f].map(CipherSuite);
        for (change, id) in suites.into_iter().zip(ids) {
            let config = config(version).cipher_suites(&offered);
            let outcome = with_server_hello(config, change);
            assert_eq!(outcome, client(Error::UnofferedCipherSuite(id)));
        }
        // Offered, but for the other version.
        let both = both_versions().versions(&[version]);
        let outcome = with_server_hello(both, |hello| {
            hello.cipher_suite = match hello.extensions.selected_version {
                Some(_) => CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                None => CipherSuite::TLS_AES_128_GCM_SHA256,
            };
        });
        assert!(matches!(
            outcome,
            Err((Role::Client, Error::UnofferedCipherSuite(_)))
        ));
    }
}

/// T-NEG-11: extensions that answer nothing, or stand in the wrong message.
#[test]
fn t_neg_11_unsolicited_extensions() {
    for version in VERSIONS {
        let config = config(version).srtp_profiles(&[]);
        let outcome = with_answers(config, |answers| {
            let profiles = List::Values(&[SrtpProfile::AEAD_AES_128_GCM]);
            answers.use_srtp = Some(UseSrtp { profiles, mki: &[] });
        });
        assert_eq!(
            outcome,
            client(Error::UnsolicitedExtension(ExtensionType::USE_SRTP))
        );
    }
    let outcome = with_server_hello(config(V::DTLS1_3), |hello| {
        hello.extensions.extended_master_secret = true;
    });
    // A client of DTLS 1.3 alone may have offered it for DTLS 1.2; it has no place here.
    let kind = ExtensionType::EXTENDED_MASTER_SECRET;
    assert_eq!(outcome, client(Error::MisplacedExtension(kind)));
    let outcome = with_server_hello(config(V::DTLS1_3), |hello| {
        hello.extensions.key_share = None;
    });
    assert_eq!(
        outcome,
        client(Error::MissingExtension(ExtensionType::KEY_SHARE))
    );
}

/// RFC 8446 §9.2: what DTLS 1.3 can't do without.
#[test]
fn missing_extensions() {
    let without = |kind| {
        Pair::new(config(V::DTLS1_3)).run_with(Role::Server, HandshakeType::CLIENT_HELLO, |sent| {
            sent.change::<ClientHello<'_>>(|hello| match kind {
                ExtensionType::SUPPORTED_GROUPS => hello.extensions.supported_groups = None,
                ExtensionType::KEY_SHARE => hello.extensions.key_shares = None,
                _ => hello.extensions.signature_algorithms = None,
            })
        })
    };
    for kind in [
        ExtensionType::SUPPORTED_GROUPS,
        ExtensionType::KEY_SHARE,
        ExtensionType::SIGNATURE_ALGORITHMS,
    ] {
        assert_eq!(without(kind), server(Error::MissingExtension(kind)));
    }
}

/// T-NEG-09, RFC 7627 §5.2 and §5.3: no DTLS 1.2 without the extended master secret.
#[test]
fn t_neg_09_extended_master_secret() {
    let outcome = with_client_hello(config(V::DTLS1_2), |hello| {
        hello.extensions.extended_master_secret = false;
    });
    assert_eq!(outcome, server(Error::ExtendedMasterSecretMissing));
    let outcome = with_server_hello(config(V::DTLS1_2), |hello| {
        hello.extensions.extended_master_secret = false;
    });
    assert_eq!(outcome, client(Error::ExtendedMasterSecretMissing));
}

/// T-NEG-09: where it is not demanded, both sides still use it if both have it, and who takes it out of
/// a hello on the way is found out by Finished.
#[test]
fn t_neg_09_a_plain_master_secret_is_for_peers_that_have_no_other() {
    let lenient = || config(V::DTLS1_2).dangerous_allow_plain_master_secret();
    let mut pair = Pair::with([lenient(), lenient()]);
    assert_eq!(pair.run(|_, _| ()), Ok(()));
    for role in [Role::Client, Role::Server] {
        let established = pair.end(role).handshake.established();
        assert!(
            established
                .expect("established")
                .info
                .extended_master_secret
        );
    }
    let outcome = with_client_hello(lenient(), |hello| {
        hello.extensions.extended_master_secret = false;
    });
    assert_ne!(outcome, Ok(()));
    assert_ne!(outcome, server(Error::ExtendedMasterSecretMissing));
    let outcome = with_server_hello(lenient(), |hello| {
        hello.extensions.extended_master_secret = false;
    });
    assert_ne!(outcome, Ok(()));
    assert_ne!(outcome, client(Error::ExtendedMasterSecretMissing));
}

/// RFC 5746 §3.4 and §3.6: empty; a client may send the cipher suite instead; a server may be
/// silent.
#[test]
fn renegotiation_info() {
    let outcome = with_client_hello(config(V::DTLS1_2), |hello| {
        hello.extensions.renegotiation_info = Some(&[1]);
    });
    assert_eq!(outcome, server(Error::RenegotiationInfoMismatch));
    let outcome = with_server_hello(config(V::DTLS1_2), |hello| {
        hello.extensions.renegotiation_info = Some(&[1]);
    });
    assert_eq!(outcome, client(Error::RenegotiationInfoMismatch));
    let outcome = with_server_hello(config(V::DTLS1_2), |hello| {
        assert_eq!(hello.extensions.renegotiation_info, Some(&[][..]));
        hello.extensions.renegotiation_info = None;
    });
    assert_eq!(outcome, server(Error::BadSignature));
}

/// RFC 8422 §5.1.2.
#[test]
fn point_formats() {
    let outcome = with_client_hello(config(V::DTLS1_2), |hello| {
        hello.extensions.ec_point_formats = Some(&[1, 2]);
    });
    assert_eq!(outcome, server(Error::UncompressedPointsRefused));
    let outcome = with_server_hello(config(V::DTLS1_2), |hello| {
        hello.extensions.ec_point_formats = Some(&[1, 2]);
    });
    assert_eq!(outcome, client(Error::UncompressedPointsRefused));
}

/// RFC 5246 §7.2.2: who does not renegotiate says so, and the connection goes on.
#[test]
fn renegotiation_is_refused() {
    let wishes = [
        (Role::Client, HandshakeType::HELLO_REQUEST),
        (Role::Server, HandshakeType::CLIENT_HELLO),
    ];
    for (role, message_type) in wishes {
        let mut pair = Pair::new(config(ProtocolVersion::DTLS1_2));
        assert_eq!(pair.run(|_, _| ()), Ok(()));
        let end = pair.end(role);
        assert_eq!(end.warning, None);
        let wish = Sent {
            message_type,
            message_seq: 9,
            body: vec![],
        };
        assert_eq!(end.receive(&wish), Ok(()));
        assert_eq!(end.warning, Some(AlertDescription::NO_RENEGOTIATION));
        assert!(end.is_established());
    }
}

/// RFC 5246 §7.4.6: a client shows a certificate of a type that the server takes, or gives up.
#[test]
fn certificate_types() {
    let offer = |types: &'static [u8]| {
        Pair::new(config(ProtocolVersion::DTLS1_2)).run_with(
            Role::Client,
            HandshakeType::CERTIFICATE_REQUEST,
            move |sent| {
                sent.change::<CertificateRequest12<'_>>(|request| request.certificate_types = types)
            },
        )
    };
    let error = Error::NoCommonCertificateType {
        ours: 64,
        theirs: vec![1, 2],
    };
    assert_eq!(offer(&[1, 2]), client(error));
    // Here the transcripts differ at last, as a message was changed.
    assert_eq!(offer(&[2, 64]), server(Error::BadSignature));
}
