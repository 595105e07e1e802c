//! HelloRetryRequest and HelloVerifyRequest: the second ClientHello and what may go wrong with it.

use super::harness::{Outcome, Pair, Sent, both_versions, client, config, server};
use crate::config::Role;
use crate::error::Error;
use crate::wire::{
    CipherSuite, ClientHello, ExtensionType, HandshakeType, HelloVerifyRequest, KeyShareEntry,
    KeyShares, List, NamedGroup, ProtocolVersion, ServerHello, ServerKeyShare,
};

use HandshakeType as T;
use ProtocolVersion as V;

/// A pair in which the server has to ask for a share of P-384.
fn retrying() -> Pair {
    let theirs = config(V::DTLS1_3).groups(&[NamedGroup::X25519, NamedGroup::SECP384R1]);
    Pair::with([theirs, config(V::DTLS1_3).groups(&[NamedGroup::SECP384R1])])
}

/// Runs a pair and changes the `n`th message of a type, counted from 0.
fn change_nth(
    mut pair: Pair,
    message_type: HandshakeType,
    n: usize,
    change: impl Fn(&Sent) -> Sent,
) -> Outcome {
    let mut seen = 0;
    pair.run(|_, flight| {
        for sent in flight
            .iter_mut()
            .filter(|sent| sent.message_type == message_type)
        {
            if seen == n {
                *sent = change(sent);
            }
            seen += 1;
        }
    })
}

/// How many messages of a type there are in a handshake that completes.
fn count(mut pair: Pair, message_type: HandshakeType) -> usize {
    let mut count = 0;
    let outcome = pair.run(|_, flight| {
        count += flight
            .iter()
            .filter(|sent| sent.message_type == message_type)
            .count();
    });
    assert_eq!(outcome, Ok(()));
    assert!(pair.is_established());
    count
}

/// Without a usable share the server asks once; with one it does not, even if it would rather have
/// another group.
#[test]
fn a_retry_is_for_want_of_a_share_alone() {
    assert_eq!(count(retrying(), T::CLIENT_HELLO), 2);
    let theirs = config(V::DTLS1_3).groups(&[NamedGroup::X25519, NamedGroup::SECP384R1]);
    let ours = config(V::DTLS1_3).groups(&[NamedGroup::SECP384R1, NamedGroup::X25519]);
    assert_eq!(count(Pair::with([theirs, ours]), T::CLIENT_HELLO), 1);
}

/// The hybrid's classic part is a share of its own: no retry with a server without ML-KEM.
#[test]
fn the_hybrid_brings_x25519_along() {
    let mut pair = Pair::with([
        config(V::DTLS1_3),
        config(V::DTLS1_3).groups(&[NamedGroup::SECP256R1, NamedGroup::X25519]),
    ]);
    assert_eq!(pair.run(|_, _| ()), Ok(()));
    let info = &pair
        .end(Role::Client)
        .handshake
        .established()
        .expect("established")
        .info;
    assert_eq!(info.group, NamedGroup::X25519);
    assert_eq!(count(Pair::new(config(V::DTLS1_3)), T::CLIENT_HELLO), 1);
}

/// T-D13-01: what a HelloRetryRequest may not ask for. The ServerHello is turned into one.
fn with_retry_request(group: Option<NamedGroup>) -> Outcome {
    let change = |sent: &Sent| {
        sent.change::<ServerHello<'_>>(|hello| {
            hello.random = ServerHello::RETRY_RANDOM;
            hello.extensions.key_share = group.map(ServerKeyShare::Retry);
        })
    };
    Pair::new(config(V::DTLS1_3)).run_with(Role::Client, T::SERVER_HELLO, change)
}

#[test]
fn t_d13_01_unoffered_group() {
    let group = NamedGroup(0x0200);
    assert_eq!(
        with_retry_request(Some(group)),
        client(Error::UnofferedGroup(group))
    );
}

#[test]
fn t_d13_01_group_with_a_share() {
    for group in [NamedGroup::X25519MLKEM768, NamedGroup::X25519] {
        let error = Error::HelloRetryRequestForSharedGroup(group);
        assert_eq!(with_retry_request(Some(group)), client(error));
    }
}

#[test]
fn t_d13_01_no_change() {
    assert_eq!(
        with_retry_request(None),
        client(Error::HelloRetryRequestWithoutChange)
    );
}

#[test]
fn t_d13_01_second_retry() {
    let outcome = change_nth(retrying(), T::SERVER_HELLO, 1, |sent| {
        sent.change::<ServerHello<'_>>(|hello| {
            hello.random = ServerHello::RETRY_RANDOM;
            hello.extensions.key_share = Some(ServerKeyShare::Retry(NamedGroup::X25519));
        })
    });
    assert_eq!(outcome, client(Error::SecondHelloRetryRequest));
}

/// T-D13-02: after a HelloRetryRequest, a ServerHello without share, of another suite, group or
/// version.
#[test]
fn t_d13_02_server_hello_after_retry() {
    let with = |change: fn(&mut ServerHello<'_>)| {
        change_nth(retrying(), T::SERVER_HELLO, 1, |sent| {
            sent.change::<ServerHello<'_>>(change)
        })
    };
    let error = Error::MissingExtension(ExtensionType::KEY_SHARE);
    assert_eq!(
        with(|hello| hello.extensions.key_share = None),
        client(error)
    );
    let outcome = with(|hello| hello.cipher_suite = CipherSuite::TLS_AES_256_GCM_SHA384);
    assert_eq!(outcome, client(Error::CipherSuiteChanged));
    let outcome = with(|hello| {
        let (group, key_exchange) = (NamedGroup::X25519, &[9; 32][..]);
        let entry = KeyShareEntry {
            group,
            key_exchange,
        };
        hello.extensions.key_share = Some(ServerKeyShare::Share(entry));
    });
    assert_eq!(outcome, client(Error::UnofferedGroup(NamedGroup::X25519)));

    let groups = [NamedGroup::X25519, NamedGroup::SECP384R1];
    let configs = [
        both_versions().groups(&groups),
        both_versions().groups(&[NamedGroup::SECP384R1]),
    ];
    let outcome = change_nth(Pair::with(configs), T::SERVER_HELLO, 1, |sent| {
        sent.change::<ServerHello<'_>>(|hello| hello.extensions.selected_version = None)
    });
    assert_eq!(outcome, client(Error::VersionChanged));
}

/// T-D13-02: a cookie in the second ClientHello that was not asked for.
#[test]
fn t_d13_02_unsolicited_cookie() {
    let outcome = change_nth(retrying(), T::CLIENT_HELLO, 1, |sent| {
        sent.change::<ClientHello<'_>>(|hello| hello.extensions.cookie = Some(&[7]))
    });
    assert_eq!(outcome, server(Error::CookieMismatch));
}

/// T-D13-02: the second ClientHello changed in another field, or without the share asked for.
#[test]
fn t_d13_02_second_client_hello() {
    let with = |change: fn(&mut ClientHello<'_>)| {
        change_nth(retrying(), T::CLIENT_HELLO, 1, |sent| {
            sent.change::<ClientHello<'_>>(change)
        })
    };
    let changes: [fn(&mut ClientHello<'_>); 5] = [
        |hello| hello.random[0] ^= 1,
        |hello| hello.session_id = &[1],
        |hello| hello.cipher_suites = List::Values(&[CipherSuite::TLS_AES_128_GCM_SHA256]),
        |hello| hello.extensions.use_srtp = None,
        |hello| {
            let groups = &[NamedGroup::SECP384R1];
            hello.extensions.supported_groups = Some(List::Values(groups));
        },
    ];
    for change in changes {
        assert_eq!(with(change), server(Error::ClientHelloChanged));
    }
    let outcome = with(|hello| hello.extensions.key_shares = Some(KeyShares::None));
    assert_eq!(outcome, server(Error::InconsistentKeyShares));
    let outcome = with(|hello| {
        hello.extensions.supported_versions = Some(List::Values(&[V::DTLS1_2]));
    });
    let (ours, theirs) = (vec![V::DTLS1_3], vec![V::DTLS1_2]);
    assert_eq!(outcome, server(Error::NoCommonVersion { ours, theirs }));
}

/// RFC 6347 §4.2.1: the second ClientHello equals the first but for the cookie.
#[test]
fn the_second_hello_equals_the_first() {
    let mut pair = Pair::new(both_versions());
    let client = pair.end(Role::Client);
    let first = client.take();
    assert_eq!(client.receive(&verify_request()), Ok(()));
    let second = client.take();
    let ([first], [second]) = (&first[..], &second[..]) else {
        panic!("a hello each");
    };
    let second = second.change::<ClientHello<'_>>(|hello| {
        assert_eq!(hello.cookie, [1; 20]);
        hello.cookie = &[];
    });
    assert_eq!(second.body, first.body);
}

fn verify_request() -> Sent {
    let request = HelloVerifyRequest {
        version: V::DTLS1_2,
        cookie: &[1; 20],
    };
    Sent::new(T::HELLO_VERIFY_REQUEST, &request)
}

/// RFC 9147 §5.1: a HelloVerifyRequest does not go with DTLS 1.3; a second one has no place.
#[test]
fn hello_verify_request_out_of_place() {
    let request = verify_request();
    let mut pair = Pair::new(both_versions());
    pair.end(Role::Client).take();
    assert_eq!(pair.end(Role::Client).receive(&request), Ok(()));
    assert_eq!(pair.run(|_, _| ()), server(Error::NonEmptyLegacyCookie));

    let mut pair = Pair::new(both_versions());
    let mut answer = Vec::new();
    let outcome = pair.run(|role, flight| {
        if role == Role::Client {
            answer.append(flight);
        }
    });
    assert_eq!(outcome, Ok(()));
    let client = pair.end(Role::Client);
    assert_eq!(client.receive(&request), Ok(()));
    assert_eq!(
        client.receive(&answer[0]),
        Err(Error::HelloVerifyRequestInDtls13)
    );

    let mut pair = Pair::new(config(V::DTLS1_3));
    let (ours, theirs) = (vec![V::DTLS1_3], vec![V::DTLS1_2]);
    let error = Error::NoCommonVersion { ours, theirs };
    assert_eq!(pair.end(Role::Client).receive(&request), Err(error));

    let mut pair = Pair::new(config(V::DTLS1_2));
    let client = pair.end(Role::Client);
    assert_eq!(client.receive(&request), Ok(()));
    let received = T::HELLO_VERIFY_REQUEST;
    let error = Error::UnexpectedMessage {
        expected: T::SERVER_HELLO,
        received,
    };
    assert_eq!(client.receive(&request), Err(error));
}
