//! New ICE credentials in the midst of a call; the DTLS association and its keys live on.

mod support;

use std::time::Duration;

use dtls::Certificate;
use portcullis::sdp::{RemoteDescription, SdpError};
use portcullis::{IceMode, Router, Session, SessionError, SessionEvent, UfragInUse};
use support::served::{Caller, Served};
use support::{Conditions, Terms, World};

const CHROMIUM_OFFER: &str = include_str!("data/sdp/chromium-offer-av-dc.sdp");

/// An offer of the caller as it would be today, from its first one.
fn reoffer(world: &World, ufrag: &str, password: &str) -> String {
    describe(&world.caller.session, &world.tls_id, ufrag, password)
}

/// An offer of this session.
fn describe(session: &Session, tls_id: &str, ufrag: &str, password: &str) -> String {
    let fingerprint = session.local_fingerprint();
    format!(
        "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtcp-mux\r\n\
         a=rtpmap:111 opus/48000/2\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n\
         a=fingerprint:{fingerprint}\r\na=setup:actpass\r\na=tls-id:{tls_id}\r\n"
    )
}

const NEW: (&str, &str) = ("abcdefgh", "0123456789012345678901");

/// RFC 8445 §9, RFC 8842 §5.3: everything of ICE is new, the role and the fingerprint are the same.
#[test]
fn new_credentials_restart_ice_and_nothing_else() {
    for terms in Terms::all() {
        let mut world = World::new(terms, Conditions::FAIR);
        assert!(world.secure());
        let before = world.server.session.local_ufrag().to_owned();
        let offer = reoffer(&world, NEW.0, NEW.1);
        let answer = world.server.session.accept_offer(world.now, &offer);
        let answer = answer.expect("a good offer");
        world.server.collect();
        let ufrag = world.server.session.local_ufrag();
        assert_ne!(ufrag, before);
        assert!(answer.contains(&format!("a=ice-ufrag:{ufrag}\r\n")));
        let fingerprint = world.server.session.local_fingerprint();
        assert!(answer.contains(&format!("a=fingerprint:{fingerprint}\r\n")));
        let setup = match terms.answerer {
            dtls::Role::Client => "active",
            dtls::Role::Server => "passive",
        };
        assert!(
            answer.contains(&format!("a=setup:{setup}\r\n")),
            "{terms:?}"
        );
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
        let answered = |world: &World| world.server.session.statistics().ice.requests_received;
        let requests = answered(&world);
        world.run_for(Duration::from_secs(10));
        assert_eq!(answered(&world), requests);
    }
}

#[test]
fn the_same_credentials_restart_nothing() {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    assert!(world.secure());
    let ufrag = world.server.session.local_ufrag().to_owned();
    let offer = reoffer(&world, &world.caller_ufrag.clone(), NEW.1);
    let offer = offer.replace("a=mid:0", "a=mid:0\r\na=recvonly");
    let answer = world.server.session.accept_offer(world.now, &offer);
    assert!(answer.is_ok_and(|answer| answer.contains("a=sendonly\r\n")));
    assert_eq!(world.server.session.local_ufrag(), ufrag);
}

/// T-NEG-07, RFC 8842 §5.1.
#[test]
fn t_neg_07_another_fingerprint_needs_another_session() {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    assert!(world.secure());
    let offer = reoffer(&world, NEW.0, NEW.1);
    let other = Certificate::generate(&*dtls::crypto::default_provider()).expect("a certificate");
    let own = world.caller.session.local_fingerprint().to_string();
    let fingerprint = offer.replace(&own, &other.fingerprint_sha256().to_string());
    let tls_id = offer.replace(&world.tls_id, "another-tls-id-of-20-characters");
    let role = offer.replace("setup:actpass", "setup:passive");
    for changed in [fingerprint, tls_id, role] {
        let before = world.server.session.state_digest();
        let answer = world.server.session.accept_offer(world.now, &changed);
        let refused = SessionError::Sdp(SdpError::NewAssociation);
        assert_eq!(answer, Err(refused), "{changed}");
        assert_eq!(world.server.session.state_digest(), before);
    }
}

/// A secured call, and the answer that set it up.
fn answered_call(terms: Terms) -> (World, String) {
    let (mut world, (server, answer)) = World::offered(
        [IceMode::Controlling, IceMode::Lite],
        terms,
        Conditions::FAIR,
        std::time::Instant::now(),
    );
    world.server.session = server;
    let accepted = world.caller.session.accept_answer(world.now, &answer);
    accepted.expect("an answer that fits");
    assert!(world.secure());
    (world, answer)
}

/// How many checks of the peer the server has answered.
fn checks(world: &World) -> u64 {
    world.server.session.statistics().ice.requests_received
}

/// RFC 8445 §9 from our side: the server asks, or the caller does. Nothing changes before the answer.
#[test]
fn either_side_asks_for_a_restart() {
    for (terms, server_asks) in Terms::all().flat_map(|it| [(it, true), (it, false)]) {
        let (mut world, answer) = answered_call(terms);
        let latest = match server_asks {
            true => reoffer(&world, &world.caller_ufrag, NEW.1),
            false => answer,
        };
        let World {
            now,
            caller,
            server,
            ..
        } = &mut world;
        let (asks, gives) = match server_asks {
            true => (&mut server.session, &mut caller.session),
            false => (&mut caller.session, &mut server.session),
        };
        let (before, digest) = (asks.local_ufrag().to_owned(), asks.state_digest());
        let offer = asks.restart_ice(&latest).expect("the call stands");
        assert_eq!(
            (asks.local_ufrag(), asks.state_digest()),
            (&*before, digest)
        );
        assert!(offer.contains("a=setup:actpass\r\n") && !offer.contains(&before));
        let answer = gives.accept_offer(*now, &offer).expect("a good offer");
        asks.accept_answer(*now, &answer).expect("a good answer");
        assert!(offer.contains(&format!("a=ice-ufrag:{}\r\n", asks.local_ufrag())));
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
        let (mut world, _) = answered_call(terms);
        let now = world.now;
        match server_revokes {
            true => world.server.session.revoke_consent(now),
            false => world.caller.session.revoke_consent(now),
        }
        world.run_for(Duration::from_secs(35));
        assert_eq!(world.caller.session.selected_path(), None);
        assert_eq!(world.server.session.selected_path(), None);
        let latest = reoffer(&world, &world.caller_ufrag, NEW.1);
        let now = world.now;
        let offer = world.server.session.restart_ice(&latest);
        let offer = offer.expect("the call is there");
        let answer = world.caller.session.accept_offer(now, &offer);
        let answer = answer.expect("a good offer");
        let accepted = world.server.session.accept_answer(now, &answer);
        accepted.expect("a good answer");
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
    let (mut world, answer) = answered_call(Terms::DEFAULT);
    let session = &mut world.caller.session;
    let wrong = session.accept_answer(world.now, &answer);
    assert_eq!(
        wrong,
        Err(SdpError::WrongState.into()),
        "nothing was offered"
    );
    let digest = session.state_digest();
    session.restart_ice(&answer).expect("the call stands");
    let fingerprint = session.local_fingerprint().to_string();
    let own = answer
        .lines()
        .find_map(|line| line.strip_prefix("a=fingerprint:"));
    let stranger = answer.replace(own.expect("there is one"), &fingerprint);
    let rejected = answer.replace("m=audio", "m=video 0 UDP/TLS/RTP/SAVPF 0\r\nm=audio");
    for (changed, error) in [
        (&answer, SdpError::IceNotRestarted),
        (&stranger, SdpError::NewAssociation),
        (&rejected, SdpError::MediaMismatch),
    ] {
        let accepted = session.accept_answer(world.now, changed);
        assert_eq!(accepted, Err(error.into()), "{changed}");
    }
    assert_eq!(session.state_digest(), digest);
    assert_eq!(
        session.restart_ice(CHROMIUM_OFFER),
        Err(SdpError::WrongState.into())
    );
    world.run_for(Duration::from_secs(60));
    world.send_rtp(true, 1);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.server.rtp.len(), 1);
}

/// RFC 8829 §4.1.8.2: of two offers at once, ours gives way.
#[test]
fn an_offer_of_the_peer_withdraws_ours() {
    let (mut world, answer) = answered_call(Terms::DEFAULT);
    let latest = reoffer(&world, &world.caller_ufrag, NEW.1);
    let server = &mut world.server.session;
    let ours = server.restart_ice(&latest).expect("the call stands");
    let theirs = world.caller.session.restart_ice(&answer);
    let given = server.accept_offer(world.now, &theirs.expect("the call stands"));
    let given = given.expect("a good offer");
    assert!(!ours.contains(server.local_ufrag()) && given.contains(server.local_ufrag()));
    assert_eq!(
        server.accept_answer(world.now, &answer),
        Err(SdpError::WrongState.into())
    );
    world
        .caller
        .session
        .accept_answer(world.now, &given)
        .expect("a good answer");
    let requests = checks(&world);
    world.run_for(Duration::from_secs(10));
    assert!(checks(&world) > requests);
}

/// RFC 3264 §8: the sections of a call stay, the rejected ones too.
#[test]
fn an_offer_to_restart_repeats_the_sections() {
    let now = std::time::Instant::now();
    let config = Terms::DEFAULT.config(IceMode::Lite, support::server_address());
    let answered = Session::answer(std::sync::Arc::new(config), now, CHROMIUM_OFFER);
    let (mut session, answer) = answered.expect("a good offer");
    let offer = session
        .restart_ice(CHROMIUM_OFFER)
        .expect("the call stands");
    let lines = |sdp: &str, kind: &str| -> Vec<_> {
        sdp.lines()
            .filter(|line| line.starts_with(kind))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(lines(&offer, "m="), lines(&answer, "m="));
    assert_eq!(lines(&offer, "a=mid:"), lines(&answer, "a=mid:"));
    let read = RemoteDescription::parse(&offer).expect("a good offer");
    assert_eq!((read.sections.len(), read.audio), (3, 0));
    let version = |sdp: &str| {
        sdp.split(' ')
            .nth(2)
            .and_then(|word| word.parse::<u64>().ok())
    };
    assert_eq!(version(&offer), version(&answer).map(|it| it + 1));
}

/// The gate hears checks with the new ufrag.
#[test]
fn a_gate_follows_a_restart_that_its_call_asked_for() {
    let mut served = Served::with_calls(2);
    let (now, id) = (served.now, served.callers[0].id);
    let Caller { peer, tls_id, .. } = &served.callers[0];
    let latest = describe(&peer.session, tls_id, peer.session.local_ufrag(), NEW.1);
    let offered = served.gate.with(now, id, |_, cx| {
        let session = cx.session_mut().expect("it is its own");
        session.restart_ice(&latest).expect("the call stands")
    });
    let caller = &mut served.callers[0].peer.session;
    let answer = caller.accept_offer(now, &offered.expect("it is there"));
    let answer = answer.expect("a good offer");
    served.gate.with(now, id, |_, cx| {
        let session = cx.session_mut().expect("it is its own");
        session.accept_answer(now, &answer).expect("a good answer");
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
