//! Media that overtakes the last flight of the handshake is not lost, and costs next to nothing.

mod support;

use std::time::Duration;

use allocation_counter::measure;
use dtls::{ProtocolVersion, Role};
use portcullis::{Arrival, Discard, IceMode, Path, SessionEvent};
use support::served::Served;
use support::{Conditions, Terms, World, caller_address, connected, rtp, server_address};

/// What may wait: 64 packets, 64 KiB, 2 s.
const PACKETS: usize = 64;
const BYTES: usize = 64 * 1024;
const AGE: Duration = Duration::from_secs(2);

/// The caller has its keys; its last flight is under way to the server.
fn last_flight_under_way() -> World {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    let secured = world.run_until(Duration::from_secs(30), |it| it.caller.secured().is_some());
    assert!(secured && world.server.secured().is_none());
    world
}

/// Media of the caller's that comes to the server at once.
fn overtake(world: &mut World, sequence: u16) {
    let (mut buf, len) = rtp::packet(7, sequence);
    let sealed = world.caller.session.protect_rtp(world.now, &mut buf, len);
    let len = sealed.expect("there are keys").len;
    let path = world.server_path();
    world.server.handle(world.now, path, &mut buf[..len]);
}

fn forge(world: &mut World, count: usize, len: usize) {
    let path = world.server_path();
    let mut packet = vec![0x80; len];
    for _ in 0..count {
        world.server.handle(world.now, path, &mut packet);
    }
}

fn dropped(world: &World, reason: Discard) -> u64 {
    world.server.session.statistics().discarded(reason)
}

#[test]
fn media_that_overtakes_the_last_flight_is_heard_in_order() {
    let mut world = last_flight_under_way();
    let before = world.server.session.state_digest();
    for sequence in 1..=3 {
        overtake(&mut world, sequence);
    }
    assert_ne!(world.server.session.state_digest(), before);
    let (mut buf, len) = rtp::report(7);
    let sealed = world.caller.session.protect_rtcp(world.now, &mut buf, len);
    let (path, len) = (world.server_path(), sealed.expect("there are keys").len);
    world.server.handle(world.now, path, &mut buf[..len]);
    assert_eq!((world.server.rtp.len(), world.server.rtcp.len()), (0, 0));

    assert!(world.secure());
    let expected = [1, 2, 3].map(|sequence| {
        let (packet, len) = rtp::packet(7, sequence);
        packet[..len].to_vec()
    });
    assert_eq!(world.server.rtp, expected);
    assert_eq!(world.server.rtcp.len(), 1);
    assert!(world.server.session.timeline().first_media.is_some());
    assert_eq!(dropped(&world, Discard::EarlyMedia), 0);
}

/// In DTLS 1.2 it is the server whose flight is the last.
#[test]
fn media_that_overtakes_the_server_s_last_flight_is_heard() {
    let terms = Terms {
        version: ProtocolVersion::DTLS1_2,
        ..Terms::DEFAULT
    };
    let mut world = World::new(terms, Conditions::FAIR);
    let secured = world.run_until(Duration::from_secs(30), |it| it.server.secured().is_some());
    assert!(secured && world.caller.secured().is_none());
    let (mut buf, len) = rtp::packet(7, 1);
    let sealed = world.server.session.protect_rtp(world.now, &mut buf, len);
    let len = sealed.expect("there are keys").len;
    let path = Path::udp(world.caller.address, world.server.address);
    world.caller.handle(world.now, path, &mut buf[..len]);
    assert_eq!(world.caller.rtp.len(), 0);
    assert!(world.secure());
    assert_eq!(world.caller.rtp.len(), 1);
}

#[test]
fn more_packets_than_may_wait_are_dropped_and_change_nothing() {
    let mut world = last_flight_under_way();
    for sequence in 1..=PACKETS as u16 {
        overtake(&mut world, sequence);
    }
    assert_eq!(dropped(&world, Discard::EarlyMedia), 0);
    let before = world.server.session.state_digest();
    overtake(&mut world, 1000);
    assert_eq!(dropped(&world, Discard::EarlyMedia), 1);
    assert_eq!(world.server.session.state_digest(), before);
    assert!(world.secure());
    assert_eq!(world.server.rtp.len(), PACKETS);
}

#[test]
fn more_bytes_than_may_wait_are_dropped() {
    let mut world = last_flight_under_way();
    let len = 1400;
    forge(&mut world, PACKETS, len);
    let fit = BYTES / len;
    assert_eq!(dropped(&world, Discard::EarlyMedia), (PACKETS - fit) as u64);
}

#[test]
fn thousands_of_forged_packets_hold_no_more_than_the_bound() {
    let mut world = last_flight_under_way();
    let held = measure(|| forge(&mut world, 5000, 1024)).bytes_current;
    // A packet's place in the queue is no bigger than 256 bytes.
    let bound = BYTES + PACKETS * 256;
    assert!((BYTES as i64..bound as i64).contains(&held), "{held}");
    assert_eq!(
        dropped(&world, Discard::EarlyMedia),
        (5000 - PACKETS) as u64
    );

    assert!(world.secure());
    assert_eq!(world.server.rtp.len(), 0);
}

#[test]
fn media_that_waits_in_vain_is_dropped_by_time() {
    let mut world = last_flight_under_way();
    overtake(&mut world, 1);
    let due = world.now + AGE;
    assert!(world.server.session.poll_timeout() <= Some(due));
    world.server.expire(due - Duration::from_millis(1));
    assert_eq!(dropped(&world, Discard::EarlyMedia), 0);
    assert_eq!(world.server.session.poll_timeout(), Some(due));
    world.server.expire(due);
    assert_eq!(dropped(&world, Discard::EarlyMedia), 1);
    assert!(world.secure());
    assert_eq!(world.server.rtp.len(), 0);
}

/// What waited too long gives back the room that it took, and no more.
#[test]
fn media_that_waited_in_vain_gives_its_room_back() {
    let mut world = last_flight_under_way();
    let (len, half) = (1400, 23);
    forge(&mut world, half, len);
    let first = world.now;
    world.now += AGE / 2;
    forge(&mut world, half, len);
    assert_eq!(dropped(&world, Discard::EarlyMedia), 0);
    world.now = first + AGE;
    world.server.expire(world.now);
    assert_eq!(dropped(&world, Discard::EarlyMedia), half as u64);
    forge(&mut world, PACKETS - half, len);
    let fit = BYTES / len - half;
    let refused = PACKETS - half - fit;
    assert_eq!(
        dropped(&world, Discard::EarlyMedia),
        (half + refused) as u64
    );
}

#[test]
fn media_over_a_path_that_is_not_valid_never_waits() {
    let mut world = last_flight_under_way();
    let before = world.server.session.state_digest();
    let stranger = "203.0.113.9:9".parse().expect("an address");
    let path = Path::udp(world.server.address, stranger);
    world.server.handle(world.now, path, &mut [0x80; 100]);
    assert_eq!(dropped(&world, Discard::UnvalidatedPath), 1);
    assert_eq!(world.server.session.state_digest(), before);
}

#[test]
fn media_that_waits_goes_with_its_path() {
    let mut world = last_flight_under_way();
    overtake(&mut world, 1);
    world.server.session.revoke_consent(world.now);
    assert_eq!(dropped(&world, Discard::UnvalidatedPath), 1);
}

/// What goes with its path gives back the room that it took, and no more.
#[test]
fn media_that_goes_with_its_path_gives_its_room_back() {
    let consent = Duration::from_millis(1500);
    let mut world = World::with(Conditions::FAIR, |now| {
        let [calling, mut serving] = [
            Terms::DEFAULT.config(IceMode::Controlling, caller_address()),
            Terms::DEFAULT.config(IceMode::Lite, server_address()),
        ];
        serving.consent_timeout = consent;
        connected(now, calling, serving)
    });
    world.run_until(Duration::from_secs(30), |it| it.caller.secured().is_some());
    assert!(world.server.secured().is_none());
    let (path, start) = (world.server_path(), world.now);
    let other = Path::udp(path.local, "192.0.2.99:999".parse().expect("an address"));
    let forge = |world: &mut World, path: Path, count: usize| {
        for _ in 0..count {
            world.server.handle(world.now, path, &mut [0x80; 1400]);
        }
    };
    let mut check = world.check(1, false);
    world.server.handle(world.now, other, &mut check);
    forge(&mut world, other, 23);
    world.now = start + consent - Duration::from_millis(100);
    let mut check = world.check(2, false);
    world.server.handle(world.now, path, &mut check);
    forge(&mut world, path, 23);
    let before = dropped(&world, Discard::EarlyMedia);
    world.now = start + consent;
    world.server.expire(world.now);
    assert_eq!(dropped(&world, Discard::UnvalidatedPath), 23);
    forge(&mut world, path, 30);
    assert_eq!(dropped(&world, Discard::EarlyMedia) - before, 7);
}

#[test]
fn media_that_waits_goes_with_its_session() {
    let mut world = last_flight_under_way();
    overtake(&mut world, 1);
    world.server.session.close(world.now);
    assert_eq!(dropped(&world, Discard::EarlyMedia), 1);
    assert_eq!(
        world
            .server
            .session
            .poll_received(world.now, &mut Vec::new()),
        None
    );
}

#[test]
fn a_handshake_that_fails_drops_what_waits_for_it() {
    let terms = Terms {
        answerer: Role::Client,
        ..Terms::DEFAULT
    };
    let modes = [IceMode::Lite, IceMode::Controlling];
    let (mut world, mut answer) = World::offered(modes, terms, Conditions::FAIR);
    world.run_for(Duration::from_secs(1));
    let path = Path::udp(world.caller.address, world.server.address);
    world.caller.handle(world.now, path, &mut [0x80; 100]);
    answer.fingerprints = vec![world.caller.session.local_fingerprint()];
    let session = &mut world.caller.session;
    assert_eq!(session.statistics().discarded(Discard::EarlyMedia), 0);
    assert!(session.set_remote(world.now, answer).is_err());
    assert_eq!(session.statistics().discarded(Discard::EarlyMedia), 1);
    assert_eq!(session.poll_received(world.now, &mut Vec::new()), None);
}

/// A call at a gate whose caller has its keys; the caller's last flight has yet to come.
fn served() -> (Served, Vec<Vec<u8>>) {
    let mut served = Served::with_calls(0);
    served.place_call(0);
    let (mut buf, mut last) = ([0; 1500], Vec::new());
    let path = served.path(0);
    for _ in 0..200 {
        served.now += Duration::from_millis(10);
        served.gate.handle_timeout(served.now);
        served.deliver_answers();
        served.callers[0].peer.expire(served.now);
        loop {
            let peer = &mut served.callers[0].peer;
            let Some(transmit) = peer.session.poll_transmit(served.now, &mut buf) else {
                break;
            };
            let datagram = &mut buf[..transmit.len];
            if peer.secured().is_some() {
                last.push(datagram.to_vec());
                continue;
            }
            served.gate.handle_datagram(served.now, path, datagram);
            served.deliver_answers();
        }
        if !last.is_empty() {
            return (served, last);
        }
    }
    panic!("the caller is secured");
}

/// Media before the last flight, and behind it.
fn heard_by_call(deliver: impl FnOnce(&mut Served, Vec<Vec<u8>>)) {
    let (mut served, last) = served();
    let mut datagrams: Vec<_> = [1, 2].map(|it| served.sealed(0, it)).into();
    datagrams.extend(last);
    datagrams.push(served.sealed(0, 3));
    deliver(&mut served, datagrams);
    let (_, session, call) = served.gate.calls().next().expect("the call lives");
    let sequences: Vec<_> = call.rtp.iter().map(|packet| packet[3]).collect();
    assert_eq!(sequences, [1, 2, 3]);
    assert_eq!(session.statistics().discarded(Discard::EarlyMedia), 0);
    let before = call.events_before.expect("media was heard");
    let secured = |event: &SessionEvent| matches!(event, SessionEvent::Secured(_));
    assert!(call.events[..before].iter().any(secured));
}

#[test]
fn a_call_hears_early_media_after_its_keys() {
    heard_by_call(|served, datagrams| {
        let path = served.path(0);
        for mut datagram in datagrams {
            served.gate.handle_datagram(served.now, path, &mut datagram);
        }
    });
}

#[test]
fn a_call_hears_early_media_of_a_batch_after_its_keys() {
    heard_by_call(|served, mut datagrams| {
        let path = served.path(0);
        let arrivals = datagrams.iter_mut().map(|it| Arrival::new(path, it));
        served
            .gate
            .handle_datagrams(served.now, arrivals, |_, _| panic!("one shard"));
    });
}
