//! What a later offer does to the transport of a call: ICE begins anew, DTLS never.

mod support;

use portcullis::{ParametersError, SessionEvent};
use support::negotiation::{Call, Side, browser, read, value};

/// RFC 8839 §4.4.3.1.1: a change of the ufrag, or of the password, is a restart; both sides change.
#[test]
fn either_side_restarts_ice() {
    let mut call = Call::connected();
    for (sequence, from_caller) in [(1, true), (2, false), (3, true)] {
        let now = call.now;
        let before = call.server.session.local_ufrag().to_owned();
        let (from, to) = match from_caller {
            true => (&mut call.caller, &mut call.server),
            false => (&mut call.server, &mut call.caller),
        };
        let old = from.session.local_ufrag().to_owned();
        let offer = from
            .signalling
            .restart_ice(&mut from.session)
            .expect("an offer");
        assert_ne!(value(&offer, "a=ice-ufrag:"), old);
        assert_eq!(from.session.local_ufrag(), old, "until the answer comes");
        let answer = to
            .signalling
            .accept_offer(&mut to.session, now, &read(&offer), &browser())
            .expect("an answer");
        from.signalling
            .accept_answer(&mut from.session, now, &read(&answer))
            .expect("it fits");
        for side in call.drain() {
            assert_eq!(side, [SessionEvent::IceRestarted]);
        }
        assert_ne!(call.server.session.local_ufrag(), before);
        for _ in 0..10 {
            call.run();
        }
        call.drain();
        call.goes_on(sequence);
    }
}

#[test]
fn a_new_password_alone_is_a_restart() {
    let mut call = Call::connected();
    let offer = call
        .caller
        .signalling
        .offer_again(&call.caller.session)
        .expect("an offer");
    let password = value(&offer, "a=ice-pwd:");
    let other = offer.replace(&password, "0123456789012345678901");
    let Side {
        session,
        signalling,
    } = &mut call.server;
    let ours = session.local_ufrag().to_owned();
    signalling
        .accept_offer(session, call.now, &read(&other), &browser())
        .expect("an answer");
    assert_ne!(session.local_ufrag(), ours);
    assert_eq!(call.drain()[1], [SessionEvent::IceRestarted]);
}

/// A restart that is withdrawn leaves the answer to the peer's offer as it was.
#[test]
fn a_restart_is_rolled_back() {
    let mut call = Call::connected();
    let now = call.now;
    let Side {
        session,
        signalling,
    } = &mut call.server;
    let ours = session.local_ufrag().to_owned();
    signalling.restart_ice(session).expect("an offer");
    signalling.rollback(session);
    let (_, answer) = call.caller_offers();
    assert_eq!(value(&answer, "a=ice-ufrag:"), ours);
    assert_eq!(call.now, now);
    call.goes_on(1);
}

/// RFC 8842 §5.5: a new DTLS association is refused, and the call goes on with the old one.
#[test]
fn a_new_association_is_refused_and_the_call_goes_on() {
    let mut call = Call::connected();
    let offer = call
        .caller
        .signalling
        .offer_again(&call.caller.session)
        .expect("an offer");
    let (now, before) = (call.now, call.server.session.state_digest());
    let tls_id = value(&offer, "a=tls-id:");
    let fingerprint = value(&offer, "a=fingerprint:");
    let other =
        dtls::Certificate::generate(&*dtls::crypto::default_provider()).expect("a certificate");
    let other = other.fingerprint_sha256().to_string();
    for text in [
        offer.replace(&tls_id, "0123456789012345678901"),
        offer.replace(&format!("a=tls-id:{tls_id}\r\n"), ""),
        offer.replace(&fingerprint, &other),
    ] {
        let Side {
            session,
            signalling,
        } = &mut call.server;
        let refused = signalling.accept_offer(session, now, &read(&text), &browser());
        assert_eq!(refused, Err(ParametersError::NewAssociation.into()));
    }
    assert_eq!(call.server.session.state_digest(), before);
    call.caller.signalling.rollback(&mut call.caller.session);
    call.caller_offers();
    call.goes_on(1);
}
