//! The peer's certificate must be the one of the SDP, before there is any key (RFC 5763 §5).

mod support;

use std::sync::Arc;
use std::time::Duration;

use dtls::{Certificate, Error, Fingerprint};
use portcullis::{IceMode, SendError, Session, SessionError};
use support::{Conditions, Terms, World, rtp};

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
    tamper: impl Fn(&str, Fingerprint) -> String,
) -> World {
    let mut world = World::new(terms, Conditions::FAIR);
    let now = world.now;
    let config = terms.config(IceMode::Controlling, world.caller.address);
    let (caller, mut offer) = Session::offer(Arc::new(config), now).expect("an offer");
    if offer_too {
        offer = tamper(&offer, caller.local_fingerprint());
    }
    let config = terms.config(IceMode::Lite, world.server.address);
    let (server, mut answer) = Session::answer(Arc::new(config), now, &offer).expect("an answer");
    if answer_too {
        answer = tamper(&answer, server.local_fingerprint());
    }
    world.caller.session = caller;
    world.server.session = server;
    let accepted = world.caller.session.accept_answer(now, &answer);
    accepted.expect("an answer that fits");
    world
}

/// T-NEG-01: both versions, both roles, and either side's fingerprint.
#[test]
fn t_neg_01_a_wrong_fingerprint_ends_the_call_and_is_named() {
    for terms in Terms::all() {
        for of_caller in [true, false] {
            let wrong = stranger();
            let replace =
                |sdp: &str, right: Fingerprint| sdp.replace(&right.to_string(), &wrong.to_string());
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
        let add = |sdp: &str, right: Fingerprint| {
            let right = format!("a=fingerprint:{right}\r\n");
            sdp.replace(&right, &format!("a=fingerprint:{}\r\n{right}", stranger()))
        };
        let mut world = tampered(terms, true, true, add);
        assert!(world.secure(), "{terms:?}");
    }
}
