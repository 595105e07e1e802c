//! What comes first over a path, and what it begins: nothing, unless it is what a call begins with.

mod support;

use std::time::Duration;

use portcullis::{Discard, IceMode, ParametersError, Path, SessionEvent, SetRemoteError};
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use support::served::Served;
use support::{Conditions, Terms, World, forged, server_address, session};

/// ICE has a path, and nothing of DTLS has come.
fn path_without_handshake() -> World {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    let connected = world.run_until(Duration::from_secs(5), |it| {
        it.server.session.timeline().ice_connected.is_some()
    });
    assert!(connected && world.server.session.timeline().dtls_started.is_none());
    world
}

fn dropped(world: &World, reason: Discard) -> u64 {
    world.server.session.statistics().discarded(reason)
}

/// RFC 8445 §7.3: a check of which the key is wrong is no sign of the peer.
#[test]
fn a_forged_check_is_not_the_first_of_a_call() {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    let ufrag = world.server.session.local_ufrag().to_owned();
    let before = world.server.session.state_digest();
    let mut check = forged::check(&ufrag, &mut SmallRng::seed_from_u64(1));
    let path = world.server_path();
    world.server.handle(world.now, path, &mut check);
    assert_eq!(world.server.session.timeline().first_stun, None);
    assert_eq!(world.server.session.state_digest(), before);
    assert!(world.secure());
    assert!(world.server.session.timeline().first_stun.is_some());
    assert_ne!(world.server.session.state_digest(), before);
}

/// The digest of a session covers what ICE has come to know.
#[test]
fn a_path_changes_the_digest() {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    let before = world.server.session.state_digest();
    world.run_until(Duration::from_secs(5), |it| {
        it.server.session.timeline().first_stun.is_some()
    });
    world.server.collect();
    assert_eq!(world.server.session.timeline().dtls_started, None);
    assert_ne!(world.server.session.state_digest(), before);
}

/// RFC 9147 §5: an association begins with a handshake record in plaintext, and with nothing else.
#[test]
fn records_that_are_no_handshake_begin_no_association() {
    let mut world = path_without_handshake();
    let before = world.server.session.state_digest();
    let path = world.server_path();
    for (count, kind) in (1..).zip([20, 21, 23, 24, 0x2f]) {
        let mut record = [kind, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0];
        world.server.handle(world.now, path, &mut record);
        assert_eq!(dropped(&world, Discard::EarlyDtls), count, "{kind}");
    }
    assert_eq!(world.server.session.timeline().dtls_started, None);
    assert_eq!(world.server.session.state_digest(), before);
    assert!(world.secure());
}

/// Media waits for the keys of a handshake that runs. Where none does, it is dropped.
#[test]
fn media_before_a_handshake_does_not_wait() {
    let mut world = path_without_handshake();
    let before = world.server.session.state_digest();
    let path = world.server_path();
    world.server.handle(world.now, path, &mut [0x80; 100]);
    assert_eq!(dropped(&world, Discard::EarlyMedia), 1);
    assert_eq!(world.server.session.state_digest(), before);
}

/// What comes for a session that was closed is counted as that.
#[test]
fn media_for_a_closed_session_is_dropped_as_such() {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    assert!(world.secure());
    world.server.session.close(world.now);
    let path = world.server_path();
    world.server.handle(world.now, path, &mut [0x80; 100]);
    assert_eq!(dropped(&world, Discard::Closed), 1);
    assert_eq!(world.server.rtp.len(), 0);
}

/// RFC 8122 §5: without a fingerprint there is nobody to talk to.
#[test]
fn parameters_without_a_fingerprint_are_refused() {
    let now = std::time::Instant::now();
    let config = Terms::DEFAULT.config(IceMode::Controlling, support::caller_address());
    let caller = session(now, config);
    let config = Terms::DEFAULT.config(IceMode::Lite, server_address());
    let mut server = session(now, config);
    let mut remote: portcullis::RemoteParameters = caller.local_parameters().into();
    let fingerprint = remote.fingerprints[0];
    remote.fingerprints.clear();
    let refused = server.set_remote(now, remote.clone());
    let expected = SetRemoteError::Refused(ParametersError::NoFingerprint);
    assert_eq!(refused, Err(expected));
    remote.fingerprints.push(fingerprint);
    assert_eq!(server.set_remote(now, remote), Ok(()));
}

/// What Debug shows of a session: its name, its path and its end.
#[test]
fn debug_shows_which_session_it_is() {
    let world = path_without_handshake();
    let session = &world.server.session;
    let shown = format!("{session:?}");
    let name = format!("Session {{ ufrag: {:?}, path: Some(", session.local_ufrag());
    assert!(shown.starts_with(&name), "{shown}");
    assert!(shown.ends_with("ended: None, .. }"), "{shown}");
}

/// RFC 9147 §4.4: where the kernel has said what a path takes, a flight that goes again fits.
#[test]
fn a_flight_fits_the_path_s_mtu_once_it_is_known() {
    let mut served = Served::with_calls(0);
    served.place_call(0);
    let path = served.path(0);
    let mut buf = [0; 1500];
    let lengths = |served: &mut Served| -> Vec<usize> {
        let datagrams: Vec<_> = served
            .gate
            .outbox()
            .datagrams()
            .filter(|datagram| (20..64).contains(&datagram.bytes[0]))
            .map(|datagram| datagram.bytes.len())
            .collect();
        datagrams
    };
    // Until the server's first flight waits in the outbox.
    let mut first = Vec::new();
    while first.is_empty() {
        served.now += Duration::from_millis(10);
        served.deliver_answers();
        served.callers[0].peer.expire(served.now);
        let session = &mut served.callers[0].peer.session;
        while let Some(transmit) = session.poll_transmit(served.now, &mut buf) {
            let datagram = &mut buf[..transmit.len];
            served.gate.handle_datagram(served.now, path, datagram);
        }
        first = lengths(&mut served);
    }
    assert!(first.iter().any(|&len| len > 400), "{first:?}");
    served.gate.outbox().clear();
    served.gate.handle_path_mtu(&path, 400);
    let mut again = Vec::new();
    for _ in 0..1000 {
        served.now += Duration::from_millis(10);
        served.gate.handle_timeout(served.now);
        again = lengths(&mut served);
        if !again.is_empty() {
            break;
        }
    }
    assert!(!again.is_empty());
    assert!(again.iter().all(|&len| len <= 400), "{again:?}");
}

/// A peer that moves is followed, and the call is told where to.
#[test]
fn a_call_is_told_that_its_peer_has_moved() {
    let mut served = Served::with_calls(1);
    let old = served.path(0);
    let changed = |served: &Served| -> Vec<Path> {
        let events = &served.recorder(0).expect("the call").events;
        let paths = events.iter().filter_map(|event| match event {
            SessionEvent::PathChanged { path } => Some(*path),
            _ => None,
        });
        paths.collect()
    };
    assert_eq!(changed(&served), []);
    served.callers[0].peer.address = "198.51.100.77:4000".parse().expect("an address");
    let new = served.path(0);
    assert_ne!(new, old);
    for turn in 0..40 {
        served.run_for(Duration::from_millis(500));
        let _ = served.talks(0, turn);
    }
    assert_eq!(changed(&served), [new]);
}
