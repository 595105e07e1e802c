//! Sending stops when the peer's consent is gone (RFC 7675).

mod support;

use std::time::{Duration, Instant};

use ice_lite::{ConsentLoss, SendRefused};
use portcullis::{CloseReason, OnConsentExpired, RouteDrop, SendError, Session, SessionEvent};
use support::served::Served;
use support::{Conditions, Terms, World, rtp};

fn expired(reason: ConsentLoss) -> SessionEvent {
    SessionEvent::ConsentExpired { reason }
}

/// RFC 7675 §5.1: media that comes in is no consent; checks are.
#[test]
fn t_stn_10_without_checks_sending_stops_after_thirty_seconds() {
    for terms in Terms::all() {
        let terms = Terms {
            on_consent_expired: OnConsentExpired::WaitForRestart,
            ..terms
        };
        let mut world = World::new(terms, Conditions::FAIR);
        assert!(world.secure());
        world.run_for(Duration::from_secs(120));
        world.send_rtp(false, 1);
        assert!(!world.server.events.contains(&expired(ConsentLoss::NoCheck)));

        // From now on the caller's media arrives, and its checks don't.
        let silence = world.now;
        let path = world.server_path();
        let mut sequence = 1;
        while world.now < silence + Duration::from_secs(20) {
            world.now += Duration::from_millis(500);
            sequence += 1;
            let (mut buf, len) = rtp::packet(7, sequence);
            let transmit = world.caller.session.protect_rtp(world.now, &mut buf, len);
            let len = transmit.expect("the caller has consent").len;
            world.server.handle(world.now, path, &mut buf[..len]);
            world.server.expire(world.now);
        }
        assert!(world.server.rtp.len() > 30);
        world.now = silence + Duration::from_secs(31);
        world.server.expire(world.now);
        assert_eq!(
            world.server.events.last(),
            Some(&expired(ConsentLoss::NoCheck)),
            "{terms:?}"
        );
        let (mut buf, len) = rtp::packet(7, 1);
        assert!(matches!(
            world.server.session.protect_rtp(world.now, &mut buf, len),
            Err(SendError::Refused(_))
        ));
        assert_eq!(buf, rtp::packet(7, 1).0, "the packet is as it was");
    }
}

/// RFC 7675 §5.2: an authenticated close ends consent; what anybody can say does not.
#[test]
fn t_stn_11_only_an_authenticated_close_ends_the_session() {
    for terms in Terms::all() {
        let mut world = World::new(terms, Conditions::FAIR);
        assert!(world.secure());
        let path = world.server_path();
        // A close_notify in plaintext, and an RTCP BYE without a tag.
        let close_notify = [21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0];
        let bye = [0x81, 203, 0, 1, 0, 0, 0, 7];
        for forged in [&close_notify[..], &bye] {
            let before = world.server.session.state_digest();
            world.server.handle(world.now, path, &mut forged.to_vec());
            assert_eq!(world.server.session.state_digest(), before, "{terms:?}");
        }
        // With a tag, it is the media's to know what it means.
        let (mut buf, len) = rtp::bye(7);
        let transmit = world.caller.session.protect_rtcp(world.now, &mut buf, len);
        let sealed = &mut buf[..transmit.expect("the call is secured").len];
        world.server.handle(world.now, path, sealed);
        assert_eq!(world.server.rtcp, [rtp::bye(7).0[..len].to_vec()]);
        world.send_rtp(false, 1);
        world.caller.session.close(world.now);
        world.run_for(Duration::from_secs(1));
        let closed = SessionEvent::Closed(CloseReason::Peer);
        assert_eq!(world.server.events.last(), Some(&closed), "{terms:?}");
        let (mut buf, len) = rtp::packet(7, 2);
        assert_eq!(
            world.server.session.protect_rtp(world.now, &mut buf, len),
            Err(SendError::Closed)
        );
    }
}

/// A caller whose server has gone learns it, too.
#[test]
fn a_caller_without_answers_stops() {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    assert!(world.secure());
    world.network.conditions.drop = 100;
    world.run_for(Duration::from_secs(60));
    assert!(
        world
            .caller
            .events
            .contains(&expired(ConsentLoss::NoAnswer))
    );
    assert!(world.server.events.contains(&expired(ConsentLoss::NoCheck)));
}

/// Nobody answers at all: the call ends with the reason.
#[test]
fn a_call_to_nobody_fails() {
    let conditions = Conditions {
        drop: 100,
        ..Conditions::FAIR
    };
    let terms = Terms {
        connect_timeout: Duration::MAX,
        ..Terms::DEFAULT
    };
    let mut world = World::new(terms, conditions);
    world.run_for(Duration::from_secs(90));
    let failed = CloseReason::IceFailed(ice_lite::FailureReason::NoAnswer);
    assert_eq!(
        world.caller.events.last(),
        Some(&SessionEvent::Closed(failed))
    );
    assert!(world.caller.session.is_closed());
}

/// It waits for a restart after consent was lost, and never had any.
#[test]
fn a_call_to_nobody_that_would_wait_for_a_restart_fails() {
    let conditions = Conditions {
        drop: 100,
        ..Conditions::FAIR
    };
    let terms = Terms {
        connect_timeout: Duration::MAX,
        on_consent_expired: OnConsentExpired::WaitForRestart,
        ..Terms::DEFAULT
    };
    let mut world = World::new(terms, conditions);
    world.run_for(Duration::from_secs(90));
    let failed = CloseReason::IceFailed(ice_lite::FailureReason::NoAnswer);
    assert_eq!(
        world.caller.events.last(),
        Some(&SessionEvent::Closed(failed))
    );
}

/// RFC 7675 §5.1 forbids it; the application has chosen it, and is told.
#[test]
fn consent_that_comes_back_with_a_check_is_told() {
    for (choice, returns) in [
        (OnConsentExpired::WaitForCheck, true),
        (OnConsentExpired::WaitForRestart, false),
    ] {
        let terms = Terms {
            on_consent_expired: choice,
            ..Terms::DEFAULT
        };
        let mut world = World::new(terms, Conditions::FAIR);
        assert!(world.secure());
        let path = world.server_path();
        world.now += Duration::from_secs(40);
        world.server.expire(world.now);
        let lost = world.server.events.len();
        assert_eq!(
            world.server.events.last(),
            Some(&expired(ConsentLoss::NoCheck))
        );
        let mut check = world.check(1, false);
        world.server.handle(world.now, path, &mut check);
        let told = &world.server.events[lost..];
        let regained = SessionEvent::ConsentRegained { path };
        assert_eq!(told.contains(&regained), returns, "{told:?}");
        assert_eq!(
            world.server.session.selected_path(),
            returns.then_some(path)
        );
    }
}

/// RFC 7675 §5.2: nothing is sent from the moment of revocation on, and the peer hears of it.
#[test]
fn revoked_consent_stops_everything_at_once() {
    for (terms, server_revokes) in Terms::all().flat_map(|it| [(it, true), (it, false)]) {
        let mut world = World::new(terms, Conditions::FAIR);
        assert!(world.secure());
        let now = world.now;
        let (revokes, other) = match server_revokes {
            true => (&mut world.server, &mut world.caller),
            false => (&mut world.caller, &mut world.server),
        };
        let path = revokes.session.selected_path().expect("the call stands");
        let mut media = sealed(&mut other.session, now);
        revokes.session.revoke_consent(now);
        revokes.collect();
        assert_eq!(
            revokes.events[revokes.events.len() - 2..],
            [
                SessionEvent::PathRemoved { path },
                expired(ConsentLoss::Revoked)
            ]
        );
        let (mut buf, len) = rtp::packet(7, 1);
        let refused = SendError::Refused(SendRefused::ConsentExpired);
        let session = &mut revokes.session;
        assert_eq!(session.protect_rtp(now, &mut buf, len), Err(refused));
        assert_eq!(session.protect_rtcp(now, &mut buf, len), Err(refused));
        session.send_application_data(now, b"late").expect("queued");
        assert_eq!(session.poll_transmit(now, &mut [0; 1500]), None);
        assert_eq!(session.selected_path(), None);
        revokes.handle(now, path, &mut media);
        assert!(revokes.rtp.is_empty(), "the path is not valid any more");

        world.run_for(Duration::from_secs(40));
        let reason = match server_revokes {
            // A lite agent says so to the next check; one that checks falls silent.
            true => ConsentLoss::Revoked,
            false => ConsentLoss::NoCheck,
        };
        let other = match server_revokes {
            true => &world.caller,
            false => &world.server,
        };
        assert!(other.events.contains(&expired(reason)), "{terms:?}");
    }
}

/// A sealed RTP packet of this session.
fn sealed(session: &mut Session, now: Instant) -> Vec<u8> {
    let (mut buf, len) = rtp::packet(7, 1);
    let transmit = session.protect_rtp(now, &mut buf, len);
    buf[..transmit.expect("the call is secured").len].to_vec()
}

/// A gate forgets the paths of such a call and keeps the call; the others go on.
#[test]
fn a_gate_hears_nothing_over_the_paths_of_revoked_consent() {
    let mut served = Served::with_calls(2);
    assert!(served.talks(0, 1) && served.talks(1, 1));
    let (now, id) = (served.now, served.callers[0].id);
    let done = served.gate.with(now, id, |_, cx| {
        cx.session_mut().revoke_consent(now);
    });
    assert_eq!(done, Some(()));
    let media = served.sealed(0, 2);
    served.drops(served.path(0), &media);
    let dropped = served.gate.router().dropped(RouteDrop::UnvalidatedMedia);
    assert_eq!(dropped, 1);
    assert!(served.talks(1, 2));
    served.run_for(Duration::from_secs(10));
    let told = &served.callers[0].peer.events;
    assert!(told.contains(&expired(ConsentLoss::Revoked)));
    assert!(served.recorder(0).is_some(), "the call is there yet");
}
