//! Messages out of turn.

use super::harness::{End, Pair, Sent, VERSIONS, config, expects};
use crate::config::{ClientAuth, Role};
use crate::error::Error;
use crate::wire::{HandshakeType, ProtocolVersion};

use HandshakeType as T;

/// The messages that a role receives in a whole handshake, in their order: at each place the one
/// that comes, and what else may come there.
fn automaton(
    role: Role,
    version: ProtocolVersion,
) -> &'static [(HandshakeType, &'static [HandshakeType])] {
    // A client that may speak DTLS 1.2 ignores HelloRequest (RFC 5246 §7.4.1.1).
    const HELLO: &[HandshakeType] = &[T::HELLO_REQUEST];
    match (role, version) {
        (Role::Client, ProtocolVersion::DTLS1_2) => &[
            (
                T::SERVER_HELLO,
                &[T::HELLO_VERIFY_REQUEST, T::HELLO_REQUEST],
            ),
            (T::CERTIFICATE, HELLO),
            (T::SERVER_KEY_EXCHANGE, HELLO),
            (
                T::CERTIFICATE_REQUEST,
                &[T::SERVER_HELLO_DONE, T::HELLO_REQUEST],
            ),
            (T::SERVER_HELLO_DONE, HELLO),
            (T::FINISHED, HELLO),
        ],
        (Role::Client, _) => &[
            // A HelloVerifyRequest comes from a server of DTLS 1.2, and is refused as such.
            (
                T::SERVER_HELLO,
                &[T::HELLO_VERIFY_REQUEST, T::HELLO_REQUEST],
            ),
            (T::ENCRYPTED_EXTENSIONS, &[]),
            (T::CERTIFICATE_REQUEST, &[T::CERTIFICATE]),
            (T::CERTIFICATE, &[]),
            (T::CERTIFICATE_VERIFY, &[]),
            (T::FINISHED, &[]),
        ],
        (Role::Server, ProtocolVersion::DTLS1_2) => &[
            (T::CLIENT_HELLO, &[]),
            (T::CERTIFICATE, &[]),
            (T::CLIENT_KEY_EXCHANGE, &[]),
            (T::CERTIFICATE_VERIFY, &[]),
            (T::FINISHED, &[]),
        ],
        (Role::Server, _) => &[
            (T::CLIENT_HELLO, &[]),
            (T::CERTIFICATE, &[]),
            (T::CERTIFICATE_VERIFY, &[]),
            (T::FINISHED, &[]),
        ],
    }
}

/// Every type that we know, and two that nobody knows.
const ALPHABET: [HandshakeType; 17] = [
    T::HELLO_REQUEST,
    T::CLIENT_HELLO,
    T::SERVER_HELLO,
    T::HELLO_VERIFY_REQUEST,
    T::NEW_SESSION_TICKET,
    T::ENCRYPTED_EXTENSIONS,
    T::CERTIFICATE,
    T::SERVER_KEY_EXCHANGE,
    T::CERTIFICATE_REQUEST,
    T::SERVER_HELLO_DONE,
    T::CERTIFICATE_VERIFY,
    T::CLIENT_KEY_EXCHANGE,
    T::FINISHED,
    T::KEY_UPDATE,
    T::MESSAGE_HASH,
    HandshakeType(9),
    HandshakeType(67),
];

/// What `role` answers to `intruder` in the place of its `place`th message.
fn intrude(
    role: Role,
    version: ProtocolVersion,
    place: usize,
    intruder: HandshakeType,
) -> Result<(), (Role, Error)> {
    let mut received = 0;
    Pair::new(config(version)).run(|receiver, flight| {
        if receiver == role {
            if let Some(sent) = flight.get_mut(place.wrapping_sub(received)) {
                sent.message_type = intruder;
            }
            received += flight.len();
        }
    })
}

/// T-HSK-09: the whole transition table against the automaton. A failed handshake takes nothing
/// more, so this also speaks for every longer sequence.
#[test]
fn t_hsk_09_each_state_takes_its_message_and_no_other() {
    for version in VERSIONS {
        for role in [Role::Client, Role::Server] {
            for (place, &(expected, others)) in automaton(role, version).iter().enumerate() {
                for received in ALPHABET {
                    if received == expected || others.contains(&received) {
                        continue;
                    }
                    let due = others.iter().find(|other| **other != T::HELLO_REQUEST);
                    let expected = match due {
                        // The error names the last of those that may come.
                        Some(&due) if expected == T::CERTIFICATE_REQUEST => due,
                        _ => expected,
                    };
                    assert_eq!(
                        intrude(role, version, place, received),
                        Err((role, Error::UnexpectedMessage { expected, received })),
                        "{role:?} {version:?} place {place}"
                    );
                }
            }
        }
    }
}

/// T-HSK-09: after an error nothing is taken.
#[test]
fn t_hsk_09_a_failed_handshake_takes_nothing() {
    let mut server = End::new(Role::Server, config(VERSIONS[0]), expects(Role::Server));
    let finished = Sent {
        message_type: T::FINISHED,
        message_seq: 0,
        body: vec![0; 12],
    };
    server.receive(&finished).expect_err("out of turn");
    assert_eq!(server.receive(&finished), Err(Error::Closed));
}

/// T-HSK-10: who shows a certificate proves it.
#[test]
fn t_hsk_10_certificate_without_verify() {
    for version in VERSIONS {
        let mut pair = Pair::new(config(version));
        let result = pair.run(|_, flight| {
            flight.retain(|sent| sent.message_type != T::CERTIFICATE_VERIFY);
        });
        let victim = match version {
            ProtocolVersion::DTLS1_2 => Role::Server,
            _ => Role::Client,
        };
        let error = Error::UnexpectedMessage {
            expected: T::CERTIFICATE_VERIFY,
            received: T::FINISHED,
        };
        assert_eq!(result, Err((victim, error)));
        assert!(!pair.end(victim).is_established());
    }
}

/// T-HSK-10: a client without a certificate, which must show one.
#[test]
fn t_hsk_10_empty_certificate() {
    for version in VERSIONS {
        let mut pair = Pair::new(config(version));
        let result = pair.run(|role, flight| {
            for sent in flight.iter_mut().filter(|_| role == Role::Server) {
                if sent.message_type == T::CERTIFICATE {
                    // An empty list, behind an empty context in DTLS 1.3.
                    sent.body = match version {
                        ProtocolVersion::DTLS1_2 => vec![0; 3],
                        _ => vec![0; 4],
                    };
                }
            }
        });
        assert_eq!(
            result,
            Err((Role::Server, Error::ClientCertificateMissing(version)))
        );
    }
}

/// T-HSK-10: messages of a flight swapped.
#[test]
fn t_hsk_10_verify_before_key_exchange() {
    let mut pair = Pair::new(config(ProtocolVersion::DTLS1_2));
    let result = pair.run(|role, flight| {
        if role == Role::Server && flight.len() > 2 {
            flight.swap(1, 2);
        }
    });
    let error = Error::UnexpectedMessage {
        expected: T::CLIENT_KEY_EXCHANGE,
        received: T::CERTIFICATE_VERIFY,
    };
    assert_eq!(result, Err((Role::Server, error)));
}

/// T-HSK-12: a HelloRequest at any place of a DTLS 1.2 handshake changes nothing.
#[test]
fn t_hsk_12_hello_requests_are_ignored() {
    let mut pair = Pair::new(config(ProtocolVersion::DTLS1_2));
    let request = Sent {
        message_type: T::HELLO_REQUEST,
        message_seq: 0,
        body: Vec::new(),
    };
    let result = pair.run(|role, flight| {
        if role == Role::Client {
            let requested = flight.drain(..).flat_map(|sent| [request.clone(), sent]);
            *flight = requested.collect();
        }
    });
    assert_eq!(result, Ok(()));
    assert!(pair.is_established());
}

/// T-HSK-17, RFC 8827 §6.5: no renegotiation; the wish is ignored.
#[test]
fn t_hsk_17_renegotiation_is_ignored() {
    let mut hello = None;
    let mut pair = Pair::new(config(ProtocolVersion::DTLS1_2));
    let result = pair.run(|role, flight| {
        if role == Role::Server {
            hello = hello.take().or(flight.first().cloned());
        }
    });
    assert_eq!(result, Ok(()));
    let hello = hello.expect("a ClientHello");
    let request = Sent {
        message_type: T::HELLO_REQUEST,
        message_seq: 0,
        body: Vec::new(),
    };
    assert_eq!(pair.end(Role::Server).receive(&hello), Ok(()));
    assert_eq!(pair.end(Role::Client).receive(&request), Ok(()));
    assert_eq!(pair.end(Role::Server).take(), []);
    assert_eq!(pair.end(Role::Client).take(), []);
    assert!(pair.is_established());
}

/// T-D13-12: no message but KeyUpdate and, for a client, NewSessionTicket has a place after the
/// handshake of DTLS 1.3.
#[test]
fn t_d13_12_after_the_handshake() {
    for role in [Role::Client, Role::Server] {
        // 9 and 10 are RequestConnectionId and NewConnectionId (RFC 9147 §9).
        let known = ALPHABET.into_iter().chain([HandshakeType(10)]);
        for received in known.filter(|kind| *kind != T::KEY_UPDATE) {
            let mut pair = Pair::new(config(ProtocolVersion::DTLS1_3));
            assert_eq!(pair.run(|_, _| ()), Ok(()));
            let sent = Sent {
                message_type: received,
                message_seq: 9,
                body: TICKET.to_vec(),
            };
            let result = pair.end(role).receive(&sent);
            if (role, received) == (Role::Client, T::NEW_SESSION_TICKET) {
                assert_eq!(result, Ok(()));
            } else {
                let expected = T::KEY_UPDATE;
                assert_eq!(result, Err(Error::UnexpectedMessage { expected, received }));
            }
        }
    }
}

/// Lifetime, age_add, an empty nonce, a ticket of one byte, no extensions.
const TICKET: [u8; 14] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 7, 0, 0];

/// A server that does not ask for a certificate gets none.
#[test]
fn client_auth_is_an_option() {
    for version in VERSIONS {
        let client = End::new(Role::Client, config(version), expects(Role::Client));
        let server = config(version).client_auth(ClientAuth::None);
        let anyone = crate::config::PeerIdentity::DangerousAny;
        let mut pair = Pair {
            ends: [client, End::new(Role::Server, server, anyone)],
        };
        let result = pair.run(|role, flight| {
            let shown = flight
                .iter()
                .any(|sent| sent.message_type == T::CERTIFICATE);
            assert!(role == Role::Client || !shown);
        });
        assert_eq!(result, Ok(()));
        let server = pair
            .end(Role::Server)
            .handshake
            .established()
            .expect("established");
        assert_eq!(server.info.peer_certificate, None);
        assert!(pair.is_established());
    }
}
