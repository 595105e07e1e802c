//! Which version is spoken, and what those do who want an older one to be.

use super::harness::{Pair, both_versions, client, config, server};
use super::harness::{with_client_hello, with_server_hello};
use crate::config::Role;
use crate::error::Error;
use crate::wire::{
    ClientHello, ExtensionType, HandshakeType, List, NamedGroup, ProtocolVersion, ServerHello,
};

use HandshakeType as T;
use ProtocolVersion as V;

/// T-NEG-08, RFC 8446 §4.1.3: who removes DTLS 1.3 from the offer is found out by the sentinel.
#[test]
fn t_neg_08_downgrade_is_detected() {
    let outcome = with_client_hello(both_versions(), |hello| {
        hello.extensions.supported_versions = None;
    });
    assert_eq!(outcome, client(Error::DowngradeDetected));
}

/// T-NEG-08: removing the sentinel too changes what the server signs.
#[test]
fn t_neg_08_the_sentinel_is_signed() {
    let outcome = Pair::new(both_versions()).run(|_, flight| {
        for sent in flight {
            if sent.message_type == T::CLIENT_HELLO {
                *sent = sent.change::<ClientHello<'_>>(|hello| {
                    hello.extensions.supported_versions = None;
                });
            }
            if sent.message_type == T::SERVER_HELLO {
                *sent = sent.change::<ServerHello<'_>>(|hello| hello.random[31] ^= 0x80);
            }
        }
    });
    assert_eq!(outcome, client(Error::BadSignature));
}

/// Each pair of version ranges: the newest common one, or an error that names both offers.
#[test]
fn the_newest_common_version_is_chosen() {
    let ranges: [&[V]; 3] = [&[V::DTLS1_2], &[V::DTLS1_3], &[V::DTLS1_3, V::DTLS1_2]];
    for ours in ranges {
        for theirs in ranges {
            let configs = [
                both_versions().versions(ours),
                both_versions().versions(theirs),
            ];
            let mut pair = Pair::with(configs);
            let outcome = pair.run(|_, _| ());
            let Some(&newest) = ours.iter().filter(|version| theirs.contains(version)).min() else {
                let (theirs, ours) = (ours.to_vec(), theirs.to_vec());
                assert_eq!(outcome, server(Error::NoCommonVersion { ours, theirs }));
                continue;
            };
            assert_eq!(outcome, Ok(()));
            let established = pair.end(Role::Client).handshake.established();
            assert_eq!(established.expect("established").info.version, newest);
        }
    }
}

/// RFC 8446 §4.2.1: unknown versions are skipped (Firefox lists 0x0303); without the extension
/// legacy_version counts as DTLS 1.2 at most.
#[test]
fn versions_that_nobody_knows() {
    let outcome = with_client_hello(config(V::DTLS1_2), |hello| {
        hello.version = ProtocolVersion(0xfe00);
    });
    // The server goes on with DTLS 1.2; the transcripts differ, of course.
    assert_eq!(outcome, server(Error::BadSignature));
    let outcome = with_client_hello(config(V::DTLS1_2), |hello| hello.version = V::DTLS1_0);
    let (ours, theirs) = (vec![V::DTLS1_2], vec![V::DTLS1_0]);
    assert_eq!(outcome, server(Error::NoCommonVersion { ours, theirs }));
    let outcome = with_client_hello(config(V::DTLS1_3), |hello| {
        let versions = &[ProtocolVersion(0x0a0a), V::DTLS1_3, ProtocolVersion(0x0303)];
        hello.extensions.supported_versions = Some(List::Values(versions));
    });
    assert_eq!(outcome, client(Error::BadSignature));
}

/// The server may choose only what was offered.
#[test]
fn the_client_checks_the_version() {
    let outcome = with_server_hello(config(V::DTLS1_3), |hello| {
        hello.extensions.selected_version = None;
    });
    assert_eq!(outcome, client(Error::UnofferedVersion(V::DTLS1_2)));
    let outcome = with_server_hello(config(V::DTLS1_3), |hello| {
        hello.extensions.selected_version = Some(V::DTLS1_2);
    });
    assert_eq!(outcome, client(Error::IllegalSelectedVersion(V::DTLS1_2)));
    let outcome = with_server_hello(config(V::DTLS1_2), |hello| {
        hello.extensions.selected_version = Some(V::DTLS1_3);
    });
    let kind = ExtensionType::SUPPORTED_VERSIONS;
    assert_eq!(outcome, client(Error::UnsolicitedExtension(kind)));
    let outcome = with_server_hello(config(V::DTLS1_3), |hello| hello.version = V::DTLS1_3);
    assert_eq!(outcome, client(Error::IllegalSelectedVersion(V::DTLS1_3)));
}

/// T-NEG-16: whichever byte of a ClientHello is damaged, the server finds the damage or goes on
/// with DTLS 1.3; if the damage took DTLS 1.3 out of the offer, the sentinel tells the client.
#[test]
fn t_neg_16_damage_is_no_downgrade() {
    let groups = [NamedGroup::X25519];
    let mut hello = Vec::new();
    let outcome = Pair::new(both_versions().groups(&groups)).run(|role, flight| {
        if role == Role::Server && hello.is_empty() {
            hello.extend(flight.first().map(|sent| sent.body.clone()));
        }
    });
    assert_eq!(outcome, Ok(()));
    for place in 0..hello[0].len() {
        let mut pair = Pair::new(both_versions().groups(&groups));
        let mut sent = pair.end(Role::Client).take().remove(0);
        sent.body[place] ^= 0x01;
        if pair.end(Role::Server).receive(&sent).is_err() {
            continue;
        }
        let answer = pair.end(Role::Server).take().remove(0);
        assert_eq!(answer.message_type, T::SERVER_HELLO);
        answer.change::<ServerHello<'_>>(|hello| {
            let sentinel = hello.random.ends_with(b"DOWNGRD\x01");
            assert!(
                hello.extensions.selected_version.is_some() || sentinel,
                "byte {place}"
            );
        });
    }
}
