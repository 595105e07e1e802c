//! Key shares that break the rules of their group or of the hellos.

use super::harness::{Pair, Sent, VERSIONS, client, config, server};
use crate::config::Role;
use crate::error::Error;
use crate::wire::{
    ClientHello, ClientKeyExchange, HandshakeType, KeyShareEntry, KeyShares, List, NamedGroup,
    ProtocolVersion, ServerHello, ServerKeyExchange, ServerKeyShare,
};

use HandshakeType as T;
use ProtocolVersion as V;

/// Replaces the client's shares.
fn with_client_shares(
    group: NamedGroup,
    shares: &[KeyShareEntry<'_>],
) -> Result<(), (Role, Error)> {
    let mut pair = Pair::new(config(V::DTLS1_3).groups(&[group]));
    pair.run_with(Role::Server, T::CLIENT_HELLO, |sent| {
        sent.change::<ClientHello<'_>>(|hello| {
            hello.extensions.key_shares = Some(KeyShares::Some(List::Values(shares)));
        })
    })
}

/// RFC 8446 §4.2.8: one share for a group, and only for groups that are listed.
#[test]
fn inconsistent_shares() {
    let entry = |group| KeyShareEntry {
        group,
        key_exchange: &[9; 32],
    };
    let twice = [entry(NamedGroup::X25519), entry(NamedGroup::X25519)];
    let unlisted = [entry(NamedGroup(0x4444))];
    for shares in [&twice[..], &unlisted] {
        let outcome = with_client_shares(NamedGroup::X25519, shares);
        assert_eq!(outcome, server(Error::InconsistentKeyShares));
    }
}

/// Shares that the rules of their group forbid.
fn invalid_shares() -> Vec<(NamedGroup, Vec<u8>)> {
    let (x25519, p256) = (NamedGroup::X25519, NamedGroup::SECP256R1);
    vec![
        // A point of small order, which yields all zeros (RFC 7748 §6.1).
        (x25519, vec![0; 32]),
        (x25519, vec![9; 31]),
        // Off the curve, infinity, compressed (RFC 8446 §4.2.8.2: uncompressed alone).
        (p256, [&[4][..], &[1; 64]].concat()),
        (p256, vec![0]),
        (p256, vec![2; 33]),
        (NamedGroup::SECP384R1, [&[4][..], &[1; 96]].concat()),
        (NamedGroup::X25519MLKEM768, vec![9; 32]),
    ]
}

/// T-NEG-13: the client's share is invalid, in either version.
#[test]
fn t_neg_13_client_share() {
    let mut shares = invalid_shares();
    // Coefficients of 4095 are not reduced (FIPS 203 §7.2).
    shares.push((NamedGroup::X25519MLKEM768, vec![0xff; 1184 + 32]));
    for (group, share) in shares {
        let entry = KeyShareEntry {
            group,
            key_exchange: &share,
        };
        let outcome = with_client_shares(group, &[entry]);
        assert_eq!(outcome, server(Error::InvalidKeyShare(group)), "{share:?}");
        if group != NamedGroup::X25519MLKEM768 {
            let mut pair = Pair::new(config(V::DTLS1_2).groups(&with_curve(group)));
            let outcome = pair.run_with(Role::Server, T::CLIENT_KEY_EXCHANGE, |sent| {
                sent.change::<ClientKeyExchange<'_>>(|exchange| exchange.public = &share)
            });
            assert_eq!(outcome, server(Error::InvalidKeyShare(group)), "{share:?}");
        }
    }
}

/// T-NEG-13: the server's share is invalid. In DTLS 1.2 its signature is so first.
#[test]
fn t_neg_13_server_share() {
    let mut shares = invalid_shares();
    // A ciphertext may be anything, but the X25519 part is a point of small order.
    shares.push((NamedGroup::X25519MLKEM768, vec![0; 1088 + 32]));
    for (group, share) in shares {
        let mut pair = Pair::new(config(V::DTLS1_3).groups(&[group]));
        let outcome = pair.run_with(Role::Client, T::SERVER_HELLO, |sent| {
            sent.change::<ServerHello<'_>>(|hello| {
                let entry = KeyShareEntry {
                    group,
                    key_exchange: &share,
                };
                hello.extensions.key_share = Some(ServerKeyShare::Share(entry));
            })
        });
        assert_eq!(outcome, client(Error::InvalidKeyShare(group)), "{share:?}");
    }
    let mut pair = Pair::new(config(V::DTLS1_2));
    let outcome = pair.run_with(Role::Client, T::SERVER_KEY_EXCHANGE, |sent| {
        sent.change::<ServerKeyExchange<'_>>(|exchange| exchange.public = &[0; 32])
    });
    assert_eq!(outcome, client(Error::BadSignature));
}

/// The server uses a group that the client does not have; the hybrid does not exist in DTLS 1.2.
#[test]
fn unoffered_group() {
    for group in [NamedGroup::X25519MLKEM768, NamedGroup(0x001e)] {
        let mut pair = Pair::new(config(V::DTLS1_2));
        let outcome = pair.run_with(Role::Client, T::SERVER_KEY_EXCHANGE, |sent| {
            sent.change::<ServerKeyExchange<'_>>(|exchange| exchange.group = group)
        });
        assert_eq!(outcome, client(Error::UnofferedGroup(group)));
    }
    let mut pair = Pair::new(config(V::DTLS1_3));
    let outcome = pair.run_with(Role::Client, T::SERVER_HELLO, |sent: &Sent| {
        sent.change::<ServerHello<'_>>(|hello| {
            let (group, key_exchange) = (NamedGroup::SECP256R1, &[4; 65][..]);
            let entry = KeyShareEntry {
                group,
                key_exchange,
            };
            hello.extensions.key_share = Some(ServerKeyShare::Share(entry));
        })
    });
    assert_eq!(
        outcome,
        client(Error::UnofferedGroup(NamedGroup::SECP256R1))
    );
}

/// Every group, in every version that has it.
#[test]
fn every_group() {
    for version in VERSIONS {
        for group in [
            NamedGroup::X25519MLKEM768,
            NamedGroup::X25519,
            NamedGroup::SECP256R1,
            NamedGroup::SECP384R1,
        ] {
            if version == V::DTLS1_2 && group == NamedGroup::X25519MLKEM768 {
                continue;
            }
            let mut pair = Pair::new(config(version).groups(&with_curve(group)));
            assert_eq!(pair.run(|_, _| ()), Ok(()));
            for role in [Role::Client, Role::Server] {
                let established = pair.end(role).handshake.established().expect("established");
                assert_eq!(established.info.group, group);
            }
        }
    }
}

/// A group, and the curve of the certificates, which has to be listed in DTLS 1.2.
fn with_curve(group: NamedGroup) -> Vec<NamedGroup> {
    let mut groups = vec![group, NamedGroup::SECP256R1];
    groups.dedup();
    groups
}
