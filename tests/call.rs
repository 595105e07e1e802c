//! A whole call: offer, answer, ICE, DTLS, SRTP both ways.

mod support;

use std::time::Duration;

use dtls::{ProtocolVersion, Role, SrtpProfile};
use portcullis::{CloseReason, SessionEvent};
use support::rtp;
use support::{Conditions, Terms, World, default_suite};

/// Exchanges media and checks that nothing is lost on a fair network.
fn talk(world: &mut World) {
    world.network.conditions = Conditions::FAIR;
    for sequence in 0..50 {
        world.send_rtp(true, sequence);
        world.send_rtp(false, sequence);
        world.run_for(Duration::from_millis(20));
    }
    world.send_rtcp(true);
    world.send_rtcp(false);
    world.run_for(Duration::from_millis(100));
    for peer in [&world.caller, &world.server] {
        let statistics = peer.session.statistics();
        assert_eq!(statistics.packets_sent, 51);
        let least = 50 * rtp::RTP_LEN + rtp::REPORT_LEN;
        assert!(statistics.bytes_sent > least as u64);
        let sent: Vec<_> = (0..50)
            .map(|sequence| rtp::packet(7, sequence).0[..rtp::RTP_LEN].to_vec())
            .collect();
        assert_eq!(peer.rtp, sent);
        assert_eq!(peer.rtcp, [rtp::report(7).0[..rtp::REPORT_LEN].to_vec()]);
    }
}

#[test]
fn a_call_is_secured_and_carries_media_both_ways() {
    for terms in Terms::all() {
        let mut world = World::new(terms, Conditions::FAIR);
        assert!(world.secure(), "{terms:?}");
        let (caller, server) = (&world.caller, &world.server);
        let [ours, theirs] = [caller, server].map(|peer| peer.secured().expect("secured"));
        for summary in [ours, theirs] {
            let connection = &summary.connection;
            assert_eq!(connection.version, terms.version);
            assert_eq!(connection.cipher_suite, default_suite(terms.version));
            assert_eq!(connection.srtp_profile, Some(terms.profile));
        }
        let presented = |summary: &portcullis::Summary| summary.connection.peer_fingerprint;
        assert_eq!(presented(ours), Some(server.session.local_fingerprint()));
        assert_eq!(presented(theirs), Some(caller.session.local_fingerprint()));
        talk(&mut world);
        let timeline = world.server.session.timeline();
        assert!(timeline.ice_connected >= timeline.first_stun);
        assert!(timeline.secured > timeline.dtls_started);
        let [began, ended] = [timeline.dtls_started, timeline.secured].map(|it| it.expect("it is"));
        assert_eq!(timeline.handshake_time(), Some(ended - began));
        assert!(timeline.setup_time() > timeline.handshake_time());
        assert!(
            timeline
                .setup_time()
                .is_some_and(|time| time < Duration::from_secs(1))
        );
        assert!(world.caller.session.round_trip_time().is_some());
        let lite = world.server.session.round_trip_time();
        assert_eq!(lite, Some(Duration::from_millis(20)));
    }
}

#[test]
fn every_profile_carries_media() {
    for profile in [
        SrtpProfile::AEAD_AES_128_GCM,
        SrtpProfile::AEAD_AES_256_GCM,
        SrtpProfile::AES128_CM_HMAC_SHA1_80,
    ] {
        let terms = Terms {
            profile,
            ..Terms::DEFAULT
        };
        let mut world = World::new(terms, Conditions::FAIR);
        assert!(world.secure(), "{profile:?}");
        talk(&mut world);
    }
}

#[test]
fn a_call_comes_about_over_a_foul_network() {
    for terms in Terms::all() {
        for seed in 0..20 {
            let mut world = World::new(terms, Conditions::foul(seed));
            assert!(world.secure(), "{terms:?}, seed {seed}");
            talk(&mut world);
        }
    }
}

/// The hybrid ClientHello is longer than this path's datagrams, and so are certificates.
#[test]
fn a_call_comes_about_over_a_narrow_path() {
    for terms in Terms::all() {
        let conditions = Conditions {
            mtu: 1200,
            ..Conditions::FAIR
        };
        let mut world = World::new(terms, conditions);
        assert!(world.secure(), "{terms:?}");
        talk(&mut world);
        let longest = world
            .network
            .log
            .iter()
            .map(|(_, datagram)| datagram.len())
            .max();
        assert!(
            longest.is_some_and(|longest| longest <= 1200),
            "{longest:?}"
        );
    }
}

/// RFC 5763 §5: whoever is active sends the ClientHello; nobody else does.
#[test]
fn the_answer_decides_who_is_the_client() {
    for terms in Terms::all() {
        let mut world = World::new(terms, Conditions::FAIR);
        assert!(world.secure());
        let client = match terms.answerer {
            Role::Client => world.server.address,
            Role::Server => world.caller.address,
        };
        let first = world
            .network
            .log
            .iter()
            .find(|(_, datagram)| datagram[0] == 22)
            .expect("there was a handshake");
        assert_eq!(first.0.local, client, "{terms:?}");
    }
}

#[test]
fn a_closed_call_is_closed_on_both_sides() {
    for terms in Terms::all() {
        let mut world = World::new(terms, Conditions::FAIR);
        assert!(world.secure());
        world.caller.session.close(world.now);
        world.run_for(Duration::from_secs(1));
        let closed = |reason| SessionEvent::Closed(reason);
        assert_eq!(
            world.caller.events.last(),
            Some(&closed(CloseReason::Local))
        );
        assert_eq!(world.server.events.last(), Some(&closed(CloseReason::Peer)));
        assert!(world.caller.session.is_closed() && world.server.session.is_closed());
        let (mut buf, len) = rtp::packet(7, 1);
        for session in [&mut world.caller.session, &mut world.server.session] {
            assert_eq!(
                session.protect_rtp(world.now, &mut buf, len),
                Err(portcullis::SendError::Closed)
            );
        }
    }
}

/// No common SRTP profile or version: both sides learn what both can do (RFC 5764 §4.1).
#[test]
fn without_common_ground_the_error_lists_both_offers() {
    use dtls::Error::{AlertReceived, NoCommonSrtpProfile, NoCommonVersion};
    use portcullis::SessionError::Dtls;
    let ours = Terms::DEFAULT;
    let profile = SrtpProfile::AES128_CM_HMAC_SHA1_80;
    let mut world = unlike(ours, Terms { profile, ..ours });
    let error = Dtls(NoCommonSrtpProfile {
        ours: vec![profile],
        theirs: vec![ours.profile],
    });
    assert!(world.run_until(Duration::from_secs(5), |world| world.caller.error.is_some()));
    assert_eq!(world.server.error, Some(error));
    assert!(matches!(world.caller.error, Some(Dtls(AlertReceived(_)))));

    let version = ProtocolVersion::DTLS1_2;
    let mut world = unlike(ours, Terms { version, ..ours });
    assert!(world.run_until(Duration::from_secs(5), |world| world.caller.error.is_some()));
    assert!(matches!(
        world.server.error,
        Some(Dtls(NoCommonVersion { .. }))
    ));
    assert!(matches!(world.caller.error, Some(Dtls(AlertReceived(_)))));
    assert!(world.caller.rtp.is_empty() && world.server.secured().is_none());
}

/// A call between sides of different configurations.
fn unlike(calling: Terms, serving: Terms) -> World {
    World::between(calling, serving, Conditions::FAIR)
}

/// RFC 9147 §5.8.2: over a path that ICE has found to be long, no flight is sent again too early.
#[test]
fn a_long_round_trip_repeats_no_flight_of_the_caller() {
    let conditions = Conditions {
        delay: Duration::from_millis(220),
        ..Conditions::FAIR
    };
    let mut world = World::new(Terms::DEFAULT, conditions);
    assert!(world.secure());
    let statistics = world.caller.session.statistics();
    assert_eq!(statistics.dtls.map(|dtls| dtls.retransmissions), Some(0));
}
