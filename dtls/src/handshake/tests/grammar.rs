//! Messages and hellos whose form is strange or wrong.

use super::harness::{Outcome, Pair, VERSIONS, client, config, server, signature_fails};
use super::harness::{with_client_hello, with_server_hello};
use crate::config::Role;
use crate::error::Error;
use crate::wire::{
    CipherSuite, ClientHello, DecodeError, ExtensionType, HandshakeType, List, NamedGroup,
    ProtocolVersion, Reader, SignatureScheme, SrtpProfile, UseSrtp, Wire as _, Writer,
};

use HandshakeType as T;
use ProtocolVersion as V;

/// T-D13-03, RFC 9147 §5.3 and §5.
#[test]
fn t_d13_03_remains_of_older_versions() {
    let outcome = with_client_hello(config(V::DTLS1_3), |hello| hello.cookie = &[1]);
    assert_eq!(outcome, server(Error::NonEmptyLegacyCookie));
    let outcome = with_server_hello(config(V::DTLS1_3), |hello| hello.session_id = &[1; 32]);
    assert_eq!(outcome, client(Error::SessionIdEchoed));
    let outcome = with_client_hello(config(V::DTLS1_3), |hello| {
        hello.compression_methods = &[0, 1];
    });
    assert_eq!(outcome, server(Error::IllegalCompressionMethod));
    let outcome = with_client_hello(config(V::DTLS1_2), |hello| hello.compression_methods = &[1]);
    assert_eq!(outcome, server(Error::IllegalCompressionMethod));
    for version in VERSIONS {
        let outcome = with_server_hello(config(version), |hello| hello.compression_method = 1);
        assert_eq!(outcome, client(Error::IllegalCompressionMethod));
    }
}

/// T-D13-11: early data, PSKs and tickets that a client offers are not taken up.
#[test]
fn t_d13_11_resumption_is_ignored() {
    let outcome = with_raw_extensions(V::DTLS1_3, |extensions| {
        for kind in [ExtensionType::EARLY_DATA, ExtensionType::SESSION_TICKET] {
            extension(extensions, kind, &[]);
        }
        extension(extensions, ExtensionType::PSK_KEY_EXCHANGE_MODES, &[1, 1]);
        extension(extensions, ExtensionType::PRE_SHARED_KEY, &[0; 40]);
    });
    // The client goes on without them; the transcripts differ.
    assert_eq!(outcome, client(Error::BadSignature));
}

/// T-HSK-18, RFC 8701: what nobody knows is skipped, as often as it comes.
#[test]
fn t_hsk_18_unknown_extensions_are_skipped() {
    for version in VERSIONS {
        let outcome = with_raw_extensions(version, |extensions| {
            for kind in 0..1000 {
                extension(extensions, ExtensionType(0x4000 + kind), &[0xaa; 3]);
            }
        });
        assert_eq!(outcome, signature_fails(version));
    }
}

/// T-HSK-18, RFC 8446 §4.2.
#[test]
fn t_hsk_18_an_extension_twice() {
    for version in VERSIONS {
        for kind in [ExtensionType(0x4a4a), ExtensionType::USE_SRTP] {
            let twice = |extensions: &mut Vec<u8>| {
                extension(extensions, kind, &[0, 2, 0, 7, 0]);
                extension(extensions, kind, &[0, 2, 0, 7, 0]);
            };
            let error = DecodeError::DuplicateExtension(kind);
            let error = Error::Decode {
                message: T::CLIENT_HELLO,
                error,
            };
            assert_eq!(with_raw_extensions(version, twice), server(error));
        }
    }
}

/// T-HSK-18: code points that nobody knows are skipped in every list, however long.
#[test]
fn t_hsk_18_unknown_code_points_are_skipped() {
    let suites: Vec<_> = (0..0x7000).map(|n| CipherSuite(0x2000 + n)).collect();
    let suites = [&suites[..], &OUR_SUITES].concat();
    let groups: Vec<_> = (0..0x1000).map(|n| NamedGroup(0x2000 + n)).collect();
    let groups = [
        &groups[..],
        &[NamedGroup::X25519MLKEM768, NamedGroup::X25519],
        &[NamedGroup::SECP256R1],
    ]
    .concat();
    let schemes: Vec<_> = (0..0x1000).map(|n| SignatureScheme(0x2000 + n)).collect();
    let schemes = [&schemes[..], &[SignatureScheme::ECDSA_SECP256R1_SHA256]].concat();
    let profiles: Vec<_> = (0..0x1000).map(|n| SrtpProfile(0x2000 + n)).collect();
    let profiles = [&profiles[..], &[SrtpProfile::AEAD_AES_128_GCM]].concat();
    for version in VERSIONS {
        let outcome = Pair::new(config(version)).run_with(Role::Server, T::CLIENT_HELLO, |sent| {
            sent.change::<ClientHello<'_>>(|hello| {
                hello.cipher_suites = List::Values(&suites);
                hello.extensions.supported_groups = Some(List::Values(&groups));
                hello.extensions.signature_algorithms = Some(List::Values(&schemes));
                let profiles = List::Values(&profiles);
                hello.extensions.use_srtp = Some(UseSrtp { profiles, mki: &[] });
            })
        });
        assert_eq!(outcome, signature_fails(version));
    }
}

const OUR_SUITES: [CipherSuite; 2] = [
    CipherSuite::TLS_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
];

/// T-HSK-18: lists must not be empty.
#[test]
fn t_hsk_18_empty_lists() {
    let outcome = with_client_hello(config(V::DTLS1_3), |hello| {
        hello.extensions.supported_groups = Some(List::Values(&[]));
    });
    let error = DecodeError::MalformedExtension(ExtensionType::SUPPORTED_GROUPS);
    assert_eq!(
        outcome,
        server(Error::Decode {
            message: T::CLIENT_HELLO,
            error
        })
    );
    let outcome = with_client_hello(config(V::DTLS1_2), |hello| {
        hello.cipher_suites = List::Values(&[]);
    });
    let error = DecodeError::OutOfRange;
    assert_eq!(
        outcome,
        server(Error::Decode {
            message: T::CLIENT_HELLO,
            error
        })
    );
}

/// Bytes after a message's end are an error in every message but Finished, whose end is that of
/// its hash.
#[test]
fn trailing_bytes() {
    for version in VERSIONS {
        for role in [Role::Client, Role::Server] {
            for place in 0..6_usize {
                let mut changed = None;
                let mut received = 0;
                let outcome = Pair::new(config(version)).run(|receiver, flight| {
                    if receiver != role {
                        return;
                    }
                    let index = place.checked_sub(received);
                    if let Some(sent) = index.and_then(|index| flight.get_mut(index)) {
                        sent.body.push(0);
                        changed = Some(sent.message_type);
                    }
                    received += flight.len();
                });
                let error = match changed {
                    None => continue,
                    Some(T::FINISHED) => Error::BadFinished,
                    Some(message) => Error::Decode {
                        message,
                        error: DecodeError::TrailingData,
                    },
                };
                assert_eq!(
                    outcome,
                    Err((role, error)),
                    "{version:?} {role:?} {changed:?}"
                );
            }
        }
    }
}

/// A handshake whose ClientHello has more extensions.
fn with_raw_extensions(version: ProtocolVersion, add: impl Fn(&mut Vec<u8>)) -> Outcome {
    Pair::new(config(version)).run_with(Role::Server, T::CLIENT_HELLO, |sent| {
        let mut reader = Reader::new(&sent.body);
        reader.take(2 + 32).expect("version, random");
        reader.vector::<u8>().expect("session id");
        reader.vector::<u8>().expect("cookie");
        reader.vector::<u16>().expect("cipher suites");
        reader.vector::<u8>().expect("compression methods");
        let before = sent.body.len() - reader.remaining().len();
        let mut extensions = reader.vector::<u16>().expect("extensions").to_vec();
        add(&mut extensions);
        let mut sent = sent.clone();
        sent.body.truncate(before);
        Writer::new(&mut sent.body).vector::<u16>(&extensions);
        sent
    })
}

fn extension(out: &mut Vec<u8>, kind: ExtensionType, body: &[u8]) {
    let mut writer = Writer::new(out);
    kind.write(&mut writer);
    writer.vector::<u16>(body);
}
