//! New ICE credentials in the midst of a call; the DTLS association and its keys live on.

mod support;

use std::time::Duration;

use dtls::{Certificate, Role};
use ice_lite::Credentials;
use portcullis::{
    IceMode, OnConsentExpired, ParametersError, RemoteParameters, Router, Session, SessionEvent,
    UfragInUse,
};
use support::served::Served;
use support::{Conditions, Terms, World};

const NEW: (&str, &str) = ("abcdefgh", "0123456789012345678901");

/// What this session would tell, with other ICE credentials.
fn with_credentials(session: &Session, ufrag: &str, password: &str) -> RemoteParameters {
    let mut told = RemoteParameters::from(session.local_parameters());
    told.credentials = Credentials::from_sdp(ufrag, password).expect("they are well-formed");
    told
}

/// RFC 8445 §9, RFC 8842 §5.3: everything of ICE is new, the role and the fingerprint are the same.
/// RFC 8839 §4.4.3.1.1: either of the credentials is enough.
#[test]
fn new_credentials_restart_ice_and_nothing_else() {
    let both = Terms::all().flat_map(|terms| [(terms, true), (terms, false)]);
    for (terms, new_ufrag) in both {
        let mut world = World::new(terms, Conditions::FAIR);
        assert!(world.secure());
        let before = world.server.session.local_parameters();
        let ufrag = match new_ufrag {
            true => NEW.0,
            false => world.caller.session.local_ufrag(),
        };
        let offer = with_credentials(&world.caller.session, ufrag, NEW.1);
        let accepted = world.server.session.set_remote(world.now, offer);
        accepted.expect("good parameters");
        world.server.collect();
        let after = world.server.session.local_parameters();
        assert_ne!(after.credentials.ufrag(), before.credentials.ufrag());
        assert_ne!(after.credentials.password(), before.credentials.password());
        assert_eq!(
            after.credentials.ufrag(),
            world.server.session.local_ufrag()
        );
        assert_eq!(after.fingerprints, before.fingerprints);
        assert_eq!(after.tls_id, before.tls_id);
        assert_eq!(after.dtls_role, Some(terms.answerer));
        assert_eq!(
            world.server.events.last(),
            Some(&SessionEvent::IceRestarted)
        );
        // Until a check comes with the new ones, media goes on over the old path.
        world.send_rtp(false, 1);
        world.send_rtp(true, 1);
        world.run_for(Duration::from_millis(100));
        assert_eq!((world.caller.rtp.len(), world.server.rtp.len()), (1, 1));
        // T-STN-10: requests with the old credentials are nothing any more.
        let requests = checks(&world);
        world.run_for(Duration::from_secs(10));
        assert_eq!(checks(&world), requests);
    }
}

#[test]
fn the_same_credentials_restart_nothing() {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    assert!(world.secure());
    let (server, caller) = (&mut world.server.session, &world.caller.session);
    let (ufrag, digest) = (server.local_ufrag().to_owned(), server.state_digest());
    let again = caller.local_parameters().into();
    server.set_remote(world.now, again).expect("as before");
    assert_eq!(
        (server.local_ufrag(), server.state_digest()),
        (&*ufrag, digest)
    );
}

/// T-NEG-07, RFC 8842 §5.1: it is refused in a way that keeps the call.
#[test]
fn t_neg_07_another_association_needs_another_session() {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    assert!(world.secure());
    let offer = with_credentials(&world.caller.session, NEW.0, NEW.1);
    let other = Certificate::generate(&*dtls::crypto::default_provider()).expect("a certificate");
    let change = |change: &dyn Fn(&mut RemoteParameters)| {
        let mut changed = offer.clone();
        change(&mut changed);
        changed
    };
    let fingerprint = other.fingerprint_sha256();
    let another = change(&|it| it.fingerprints = vec![fingerprint]);
    let one_more = change(&|it| it.fingerprints.push(fingerprint));
    let tls_id = change(&|it| it.tls_id = Some("another-tls-id-of-20-characters".to_owned()));
    let no_tls_id = change(&|it| it.tls_id = None);
    let role = change(&|it| it.dtls_role = Some(Role::Server));
    for (changed, error) in [
        (another, ParametersError::NewAssociation),
        (one_more, ParametersError::NewAssociation),
        (tls_id, ParametersError::NewAssociation),
        (no_tls_id, ParametersError::NewAssociation),
        (role, ParametersError::RoleTaken),
    ] {
        let before = world.server.session.state_digest();
        let answer = world.server.session.set_remote(world.now, changed);
        assert_eq!(answer, Err(error.into()));
        assert_eq!(world.server.session.state_digest(), before);
    }
    world.send_rtp(true, 1);
    world.send_rtp(false, 1);
    world.run_for(Duration::from_secs(1));
    assert_eq!((world.caller.rtp.len(), world.server.rtp.len()), (1, 1));
}

/// RFC 8842 §5.1: fingerprints are a set; that they come in another order, or twice, is no change.
#[test]
fn fingerprints_are_a_set() {
    let modes = [IceMode::Controlling, IceMode::Lite];
    let (mut world, mut answer) = World::offered(modes, Terms::DEFAULT, Conditions::FAIR);
    let other = Certificate::generate(&*dtls::crypto::default_provider()).expect("a certificate");
    answer.fingerprints.push(other.fingerprint_sha256());
    let caller = &mut world.caller.session;
    let accepted = caller.set_remote(world.now, answer.clone());
    accepted.expect("good parameters");
    answer.fingerprints.reverse();
    answer.fingerprints.extend_from_within(..);
    let accepted = caller.set_remote(world.now, answer);
    accepted.expect("the same as before");
    assert!(world.secure());
}

/// How many checks of the peer the server has answered.
fn checks(world: &World) -> u64 {
    world.server.session.statistics().ice.requests_received
}

/// RFC 8445 §9 from our side: the server asks, or the caller does. Nothing changes before the answer.
#[test]
fn either_side_asks_for_a_restart() {
    for (terms, server_asks) in Terms::all().flat_map(|it| [(it, true), (it, false)]) {
        let mut world = World::new(terms, Conditions::FAIR);
        assert!(world.secure());
        let now = world.now;
        let (asks, gives) = match server_asks {
            true => (&mut world.server.session, &mut world.caller.session),
            false => (&mut world.caller.session, &mut world.server.session),
        };
        let (before, digest) = (asks.local_ufrag().to_owned(), asks.state_digest());
        let offer = asks.restart_ice().expect("the call stands");
        assert_eq!(
            (asks.local_ufrag(), asks.state_digest()),
            (&*before, digest)
        );
        let ufrag = offer.credentials.ufrag().to_owned();
        assert_ne!(ufrag, before);
        gives.set_remote(now, offer.into()).expect("good ones");
        let answer = gives.local_parameters().into();
        asks.set_remote(now, answer).expect("good ones");
        assert_eq!(asks.local_ufrag(), ufrag);
        let requests = checks(&world);
        // Before the first of them media flows over the old path.
        world.send_rtp(true, 0);
        world.send_rtp(false, 0);
        world.run_for(Duration::from_secs(10));
        assert_eq!((world.caller.rtp.len(), world.server.rtp.len()), (1, 1));
        assert!(checks(&world) > requests, "checks with the new credentials");
        for (peer, sequence) in [(true, 1), (false, 1)] {
            world.send_rtp(peer, sequence);
        }
        world.run_for(Duration::from_secs(40));
        assert_eq!((world.caller.rtp.len(), world.server.rtp.len()), (2, 2));
        for peer in [&world.caller, &world.server] {
            let count = |wanted: fn(&SessionEvent) -> bool| {
                peer.events.iter().filter(|event| wanted(event)).count()
            };
            assert_eq!(count(|event| *event == SessionEvent::IceRestarted), 1);
            assert_eq!(count(|event| matches!(event, SessionEvent::Secured(_))), 1);
            let lost = |event: &SessionEvent| matches!(event, SessionEvent::ConsentExpired { .. });
            assert_eq!(count(lost), 0, "{terms:?}");
        }
    }
}

/// RFC 7675 §5.2: consent that was revoked comes back with new credentials only.
#[test]
fn a_restart_brings_a_call_back_whose_consent_was_revoked() {
    for (terms, server_revokes) in Terms::all().flat_map(|it| [(it, true), (it, false)]) {
        // The side that has not revoked it is to wait too.
        let terms = Terms {
            on_consent_expired: OnConsentExpired::WaitForRestart,
            ..terms
        };
        let mut world = World::new(terms, Conditions::FAIR);
        assert!(world.secure());
        let now = world.now;
        match server_revokes {
            true => world.server.session.revoke_consent(now),
            false => world.caller.session.revoke_consent(now),
        }
        world.run_for(Duration::from_secs(35));
        assert_eq!(world.caller.session.selected_path(), None);
        assert_eq!(world.server.session.selected_path(), None);
        let (asks, gives) = (&mut world.server.session, &mut world.caller.session);
        asks.restart_ice().expect("the call is there");
        support::introduce(world.now, asks, gives);
        world.run_for(Duration::from_secs(2));
        world.send_rtp(true, 1);
        world.send_rtp(false, 1);
        world.run_for(Duration::from_secs(1));
        assert_eq!((world.caller.rtp.len(), world.server.rtp.len()), (1, 1));
    }
}

/// RFC 8839 §4.4.3: an answer without new credentials restarts nothing, and the old path goes on.
#[test]
fn a_restart_that_is_refused_changes_nothing() {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    assert!(world.secure());
    let answer = RemoteParameters::from(world.server.session.local_parameters());
    let session = &mut world.caller.session;
    let digest = session.state_digest();
    session.restart_ice().expect("the call stands");
    let mut stranger = answer.clone();
    stranger.fingerprints = vec![session.local_fingerprint()];
    for (changed, error) in [
        (answer.clone(), ParametersError::IceNotRestarted),
        (stranger, ParametersError::NewAssociation),
    ] {
        let accepted = session.set_remote(world.now, changed);
        assert_eq!(accepted, Err(error.into()));
    }
    assert_eq!(session.state_digest(), digest);
    session.withdraw_restart();
    let accepted = session.set_remote(world.now, answer);
    accepted.expect("nothing is asked for any more");
    assert_eq!(session.state_digest(), digest);
    world.run_for(Duration::from_secs(60));
    world.send_rtp(true, 1);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.server.rtp.len(), 1);
}

#[test]
fn there_is_nothing_to_restart_before_the_peer_is_known_and_after_the_end() {
    let modes = [IceMode::Controlling, IceMode::Lite];
    let (mut world, answer) = World::offered(modes, Terms::DEFAULT, Conditions::FAIR);
    let session = &mut world.caller.session;
    let refused = session.restart_ice().map(|_| ());
    assert_eq!(refused, Err(ParametersError::NoRemote));
    session.close(world.now);
    let refused = session.restart_ice().map(|_| ());
    assert_eq!(refused, Err(ParametersError::Closed));
    let refused = session.set_remote(world.now, answer);
    assert_eq!(refused, Err(ParametersError::Closed.into()));
}

/// Of two sides that ask at once, one gives way: it takes its own back and follows the other.
#[test]
fn a_restart_of_the_peer_goes_before_ours() {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    assert!(world.secure());
    let (server, caller) = (&mut world.server.session, &mut world.caller.session);
    let ours = server.restart_ice().expect("the call stands");
    let theirs = caller.restart_ice().expect("the call stands");
    server.withdraw_restart();
    let accepted = server.set_remote(world.now, theirs.into());
    accepted.expect("good parameters");
    assert_ne!(ours.credentials.ufrag(), server.local_ufrag());
    let given = server.local_parameters().into();
    caller
        .set_remote(world.now, given)
        .expect("good parameters");
    let requests = checks(&world);
    world.run_for(Duration::from_secs(10));
    assert!(checks(&world) > requests);
}

/// The gate hears checks with the new ufrag.
#[test]
fn a_gate_follows_a_restart_that_its_call_asked_for() {
    let mut served = Served::with_calls(2);
    let (now, id) = (served.now, served.callers[0].id);
    let offer = served.gate.with(now, id, |_, cx| {
        cx.session_mut().restart_ice().expect("the call stands")
    });
    let caller = &mut served.callers[0].peer.session;
    let offer = offer.expect("it is there").into();
    caller.set_remote(now, offer).expect("good parameters");
    let answer = caller.local_parameters().into();
    served.gate.with(now, id, |_, cx| {
        let told = cx.session_mut().set_remote(now, answer);
        told.expect("good parameters");
    });
    served.run_for(Duration::from_secs(40));
    assert!(served.talks(0, 1) && served.talks(1, 1));
    let lost = |event: &SessionEvent| matches!(event, SessionEvent::ConsentExpired { .. });
    let events = &served.recorder(0).expect("it lives").events;
    assert!(events.contains(&SessionEvent::IceRestarted) && !events.iter().any(lost));
}

/// However often a call restarts, its last two ufrags are known.
#[test]
fn a_router_forgets_the_ufrags_of_earlier_restarts() {
    let mut router = Router::new([7; 16]);
    let id = router.insert("the-first").expect("a new ufrag");
    for ufrag in ["the-second", "the-third"] {
        router.add_ufrag(id, ufrag).expect("a new ufrag");
    }
    for known in ["the-second", "the-third"] {
        assert_eq!(router.insert(known), Err(UfragInUse));
    }
    assert!(router.insert("the-first").is_ok());
}
