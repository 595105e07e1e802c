//! New ICE credentials in the midst of a call; the DTLS association and its keys live on.

mod support;

use std::time::Duration;

use dtls::Certificate;
use portcullis::sdp::SdpError;
use portcullis::{SessionError, SessionEvent};
use support::{Conditions, Terms, World};

/// An offer of the caller as it would be today, from its first one.
fn reoffer(world: &World, ufrag: &str, password: &str) -> String {
    let fingerprint = world.caller.session.local_fingerprint();
    format!(
        "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtcp-mux\r\n\
         a=rtpmap:111 opus/48000/2\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n\
         a=fingerprint:{fingerprint}\r\na=setup:actpass\r\na=tls-id:{}\r\n",
        world.tls_id
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
