//! A session ends by itself when nobody is there any more, and tells which one and why.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use dtls::{Certificate, Error};
use ice_lite::{Candidate, ConsentLoss};
use portcullis::{
    CloseReason, Gate, IceMode, OnConsentExpired, RemoteParameters, RouteDrop, Session,
    SessionError, SessionEvent,
};
use support::served::{Recorder, Served};
use support::{Conditions, Terms, World, server_address};

const PATIENCE: Duration = Duration::from_secs(30);

/// Offers that nobody follows: they end in time, and nothing of them is left.
#[test]
fn offers_that_nobody_followed_leave_nothing() {
    const OFFERS: usize = 1500;
    let mut config = Terms::DEFAULT.config(IceMode::Lite, server_address());
    let certificate = Certificate::generate(&*dtls::crypto::default_provider());
    config.certificate = Some(Arc::new(certificate.expect("a certificate")));
    let config = Arc::new(config);
    let mut gate = Gate::new([7; 16]);
    let mut now = Instant::now();
    let mut round = || {
        for _ in 0..OFFERS {
            let session = Session::new(Arc::clone(&config), now).expect("it works");
            let call = Recorder::default();
            gate.insert(now, session, call).expect("a new ufrag");
        }
        assert_eq!(gate.router().len(), OFFERS);
        gate.handle_timeout(now + PATIENCE - Duration::from_millis(1));
        assert_eq!(gate.calls().count(), OFFERS);
        let due = gate.poll_timeout().expect("they wait");
        assert_eq!(due, now + PATIENCE);
        now = due;
        gate.handle_timeout(now);
        let left = (gate.calls().count(), gate.router().len());
        assert_eq!(left, (0, 0));
        assert_eq!(gate.poll_timeout(), None);
        assert!(gate.outbox().is_empty(), "there is nobody to tell");
    };
    // The first makes the tables.
    round();
    let mut rounds = || (0..4).for_each(|_| round());
    // Where ufrags fall in a hash table is chance, and it may grow once more; an offer that left
    // anything would leave it 6,000 times.
    let left = measure(&mut rounds).bytes_current;
    assert!(left < 4 * OFFERS as i64 * 16, "{left} bytes");
}

/// A call that checks and begins no handshake ends too; one that has its keys does not.
#[test]
fn who_begins_no_handshake_has_not_connected() {
    let mut served = Served::with_calls(1);
    let id = served.place_call(1);
    // Its checks come, and nothing else.
    let begin = served.now;
    let path = served.path(1);
    let mut buf = [0; 1500];
    while served.now < begin + PATIENCE + Duration::from_secs(1) {
        served.run_caller_for(0, Duration::from_millis(100));
        let peer = &mut served.callers[1].peer;
        peer.expire(served.now);
        while let Some(transmit) = peer.session.poll_transmit(served.now, &mut buf) {
            if buf[0] < 4 {
                let datagram = &mut buf[..transmit.len];
                served.gate.handle_datagram(served.now, path, datagram);
            }
        }
        served.deliver_answers();
    }
    let ends = served.ends.lock().expect("no panic");
    assert_eq!(*ends, [(id, CloseReason::NotConnected)]);
    drop(ends);
    assert!(served.talks(0, 1));
}

/// Such as for a caller who has to find his glasses first.
#[test]
fn the_time_to_connect_is_the_applications() {
    let terms = Terms {
        connect_timeout: Duration::MAX,
        ..Terms::DEFAULT
    };
    let config = terms.config(IceMode::Lite, server_address());
    let now = Instant::now();
    let session = support::session(now, config);
    assert_eq!(session.poll_timeout(), None);
}

/// A publisher that was killed does not stay for ever: its server's call ends, as does its own.
#[test]
fn a_peer_that_is_gone_ends_the_call() {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    assert!(world.secure());
    world.network.conditions.drop = 100;
    world.run_for(Duration::from_secs(60));
    for (peer, loss) in [
        (&world.server, ConsentLoss::NoCheck),
        (&world.caller, ConsentLoss::NoAnswer),
    ] {
        let reason = CloseReason::ConsentExpired(loss);
        assert_eq!(peer.session.close_reason(), Some(&reason));
        assert_eq!(peer.events.last(), Some(&SessionEvent::Closed(reason)));
    }
}

/// The same through the gate: the router forgets its path, and the call hears who has ended, and why.
#[test]
fn a_call_hears_who_has_ended_and_why() {
    let mut served = Served::with_calls(2);
    let (silent, path) = (served.callers[0].id, served.path(0));
    let media = served.sealed(0, 1);
    served.run_caller_for(1, Duration::from_secs(31));
    let ends = served.ends.lock().expect("no panic").clone();
    let expired = CloseReason::ConsentExpired(ConsentLoss::NoCheck);
    assert_eq!(ends, [(silent, expired)]);
    assert_eq!(served.gate.calls().count(), 1);
    served.drops(path, &media);
    let dropped = served.gate.router().dropped(RouteDrop::UnvalidatedMedia);
    assert_eq!(dropped, 1);
    assert!(served.talks(1, 1));

    let (now, closed) = (served.now, served.callers[1].id);
    served.gate.with(now, closed, |_, cx| cx.close());
    let ends = served.ends.lock().expect("no panic").clone();
    assert_eq!(ends[1..], [(closed, CloseReason::Local)]);
}

/// An error of the DTLS connection is told as what it is.
#[test]
fn a_call_hears_of_the_error_that_has_ended_it() {
    let mut served = Served::with_calls(0);
    let (now, id) = (served.now, served.place_call(0));
    let peer = &mut served.callers[0].peer;
    // Who knows the credentials of the caller and has another certificate.
    let config = Terms::DEFAULT.config(IceMode::Controlling, peer.address);
    let mut stranger = support::session(now, config);
    let presented = stranger.local_fingerprint();
    let expected = vec![peer.session.local_fingerprint()];
    let mut told = RemoteParameters::from(stranger.local_parameters());
    told.fingerprints.clone_from(&expected);
    told.tls_id = Some(peer.session.local_parameters().tls_id);
    served.gate.with(now, id, |_, cx| {
        let told = cx.session_mut().set_remote(now, told);
        told.expect("an ICE restart");
        let server = cx.session().local_parameters().into();
        stranger.set_remote(now, server).expect("they fit");
    });
    served.callers[0].peer.session = stranger;
    served.run_for(Duration::from_secs(2));
    let mismatch = Error::FingerprintMismatch {
        expected,
        presented,
    };
    let failed = CloseReason::Failed(SessionError::Dtls(mismatch));
    assert_eq!(*served.ends.lock().expect("no panic"), [(id, failed)]);
}

/// Who waits for a restart gets one, however late it comes.
#[test]
fn an_application_may_wait_for_a_restart() {
    let terms = Terms {
        on_consent_expired: OnConsentExpired::WaitForRestart,
        ..Terms::DEFAULT
    };
    let mut world = World::new(terms, Conditions::FAIR);
    assert!(world.secure());
    world.network.conditions.drop = 100;
    world.run_for(Duration::from_secs(600));
    assert_eq!(world.server.session.selected_path(), None);
    world.network.conditions.drop = 0;
    let (asks, gives) = (&mut world.server.session, &mut world.caller.session);
    asks.restart_ice().expect("it waits");
    support::introduce(world.now, asks, gives);
    world.run_for(Duration::from_secs(2));
    world.send_rtp(true, 1);
    world.send_rtp(false, 1);
    world.run_for(Duration::from_secs(1));
    assert_eq!((world.caller.rtp.len(), world.server.rtp.len()), (1, 1));
}

/// A wildcard address is for binding a socket, and of no use to a peer.
#[test]
fn a_candidate_with_an_unspecified_address_is_an_error_with_advice() {
    for address in ["0.0.0.0:3478", "[::]:3478"] {
        let address = address.parse().expect("an address");
        let mut config = Terms::DEFAULT.config(IceMode::Lite, server_address());
        config.candidates.push(Candidate::host(address, 1));
        let refused = Session::new(Arc::new(config), Instant::now());
        let error = refused.expect_err("it can't be used");
        assert_eq!(error, SessionError::UnspecifiedCandidate(address));
        assert!(error.to_string().contains("list the addresses"), "{error}");
    }
}
