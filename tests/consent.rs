//! Sending stops when the peer's consent is gone (RFC 7675).

mod support;

use std::time::Duration;

use ice_lite::ConsentLoss;
use portcullis::{CloseReason, SendError, SessionEvent};
use support::{Conditions, Terms, World, rtp};

fn expired(reason: ConsentLoss) -> SessionEvent {
    SessionEvent::ConsentExpired { reason }
}

/// RFC 7675 §5.1: media that comes in is no consent; checks are.
#[test]
fn t_stn_10_without_checks_sending_stops_after_thirty_seconds() {
    for terms in Terms::all() {
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
        world.send_rtcp(true);
        world.run_for(Duration::from_secs(1));
        assert_eq!(world.server.rtcp.len(), 1, "what RTCP says is the media's");
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
    let mut world = World::new(Terms::DEFAULT, conditions);
    world.run_for(Duration::from_secs(90));
    let failed = CloseReason::IceFailed(ice_lite::FailureReason::NoAnswer);
    assert_eq!(
        world.caller.events.last(),
        Some(&SessionEvent::Closed(failed))
    );
    assert!(world.caller.session.is_closed());
}
