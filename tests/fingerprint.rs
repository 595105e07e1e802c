//! The peer's certificate must be the one of the SDP, before there is any key (RFC 5763 §5).

mod support;

use std::time::Duration;

use dtls::{Certificate, Error, Fingerprint};
use portcullis::{IceMode, RemoteParameters, SendError, SessionError};
use support::{Conditions, Terms, World, caller_address, rtp, server_address, session};

/// Someone else's.
fn stranger() -> Fingerprint {
    Certificate::generate(&*dtls::crypto::default_provider())
        .expect("a certificate")
        .fingerprint_sha256()
}

/// A call in which `tamper` changes the offer, or the answer, on its way.
fn tampered(
    terms: Terms,
    offer_too: bool,
    answer_too: bool,
    tamper: impl Fn(&mut Vec<Fingerprint>),
) -> World {
    let mut world = World::new(terms, Conditions::FAIR);
    let now = world.now;
    let mut caller = session(now, terms.config(IceMode::Controlling, caller_address()));
    let mut server = session(now, terms.config(IceMode::Lite, server_address()));
    let mut offer = RemoteParameters::from(caller.local_parameters());
    if offer_too {
        tamper(&mut offer.fingerprints);
    }
    server.set_remote(now, offer).expect("they fit");
    let mut answer = RemoteParameters::from(server.local_parameters());
    if answer_too {
        tamper(&mut answer.fingerprints);
    }
    caller.set_remote(now, answer).expect("they fit");
    world.caller.session = caller;
    world.server.session = server;
    world
}

/// T-NEG-01: both versions, both roles, and either side's fingerprint.
#[test]
fn t_neg_01_a_wrong_fingerprint_ends_the_call_and_is_named() {
    for terms in Terms::all() {
        for of_caller in [true, false] {
            let wrong = stranger();
            let replace = |told: &mut Vec<Fingerprint>| *told = vec![wrong];
            let mut world = tampered(terms, of_caller, !of_caller, replace);
            world.run_for(Duration::from_secs(3));
            let (deceived, presenter) = match of_caller {
                true => (&mut world.server, &mut world.caller),
                false => (&mut world.caller, &mut world.server),
            };
            let mismatch = Error::FingerprintMismatch {
                expected: vec![wrong],
                presented: presenter.session.local_fingerprint(),
            };
            assert_eq!(
                deceived.error,
                Some(SessionError::Dtls(mismatch)),
                "{terms:?}"
            );
            assert_eq!(deceived.secured(), None);
            assert_eq!(deceived.session.connection_info(), None);
            let (mut buf, len) = rtp::packet(7, 1);
            assert_eq!(
                deceived.session.protect_rtp(world.now, &mut buf, len),
                Err(SendError::Closed)
            );
            assert_eq!(buf, rtp::packet(7, 1).0, "the packet is as it was");
            assert!(deceived.rtp.is_empty());
            assert!(
                matches!(
                    presenter.error,
                    Some(SessionError::Dtls(Error::AlertReceived(_)))
                ),
                "{:?}",
                presenter.error
            );
        }
    }
}

/// RFC 8122 §5: one right one among several of the strongest hash function is enough.
#[test]
fn one_of_several_fingerprints_is_enough() {
    for terms in Terms::all() {
        let add = |told: &mut Vec<Fingerprint>| told.insert(0, stranger());
        let mut world = tampered(terms, true, true, add);
        assert!(world.secure(), "{terms:?}");
    }
}
