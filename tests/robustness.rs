//! Whatever is put in, in whatever order: no panic, and bounded queues (rules R4, R8).

mod support;

use std::time::{Duration, Instant};

use portcullis::{Discard, MAX_OVERHEAD, Path, SendError, SessionEvent};
use rand::rngs::SmallRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use support::served::Served;
use support::{Conditions, Terms, World, caller_address, rtp, server_address};

/// T-DMX-06, T-DMX-07: every first byte, lengths from nothing to the longest datagram.
#[test]
fn t_dmx_06_07_any_datagram_from_anywhere_is_dropped() {
    let mut served = Served::with_calls(1);
    let stranger = Path::udp(
        server_address(),
        "203.0.113.1:1".parse().expect("an address"),
    );
    let own = served.path(0);
    let mut random = SmallRng::seed_from_u64(6);
    for first in 0..=255 {
        for length in [1, 2, 3, 4, 8, 12, 13, 19, 20, 28, 40, 64, 1200] {
            let mut datagram = vec![0; length];
            random.fill_bytes(&mut datagram);
            datagram[0] = first;
            served.drops(stranger, &datagram);
            served.drops(own, &datagram);
        }
    }
    for path in [stranger, own] {
        served.drops(path, &[]);
        served.drops(path, &vec![0x80; 65_507]);
        // 5,000 records of no length, in one datagram.
        let record = [22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0];
        let before = looked_at(&served);
        served.drops(path, &record.repeat(5000));
        let records = looked_at(&served) - before;
        assert!(records <= 65, "{records} records were looked at");
    }
    assert!(served.talks(0, 1));
}

/// How many datagrams and records the only call has dropped.
fn looked_at(served: &Served) -> u64 {
    let (_, session, _) = served.gate.calls().next().expect("the call");
    session
        .statistics()
        .discards()
        .map(|(.., count)| count)
        .sum()
}

/// T-API-01: buffers too small, calls in any order, before anything and after the end.
#[test]
fn t_api_01_misuse_gets_errors() {
    for terms in Terms::all() {
        let mut world = World::new(terms, Conditions::FAIR);
        let (mut buf, len) = rtp::packet(7, 1);
        let now = world.now;
        let session = &mut world.server.session;
        assert_eq!(
            session.protect_rtp(now, &mut buf, len),
            Err(SendError::NotSecured)
        );
        assert_eq!(
            session.send_application_data(now, b"?"),
            Err(SendError::NotSecured)
        );
        assert_eq!(session.handle_timeout(now), Ok(()));
        assert!(world.secure());
        let now = world.now;
        let session = &mut world.caller.session;
        for room in 0..MAX_OVERHEAD {
            let sealed = session.protect_rtp(now, &mut buf[..len + room], len);
            // What the profile needs, it needs; more does no harm.
            assert_eq!(sealed.is_ok(), room == 16, "{room}");
            if room == 16 {
                break;
            }
        }
        assert!(matches!(
            session.protect_rtp(now, &mut buf, len + MAX_OVERHEAD + 1),
            Err(SendError::Srtp(srtp::ProtectError::LengthBeyondBuffer))
        ));
        assert!(matches!(
            session.protect_rtcp(now, &mut [], 0),
            Err(SendError::Srtp(_))
        ));
        session.close(now);
        session.close(now);
        assert_eq!(session.poll_transmit(now, &mut []), None);
        assert_eq!(
            session.send_application_data(now, b"?"),
            Err(SendError::Closed)
        );
    }
}

/// T-API-02: a clock that stands, goes back, or jumps.
#[test]
fn t_api_02_clocks_may_do_anything() {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    assert!(world.secure());
    let (now, path) = (world.now, world.server_path());
    let earlier = world.start.checked_sub(Duration::from_secs(3600));
    for when in [earlier.unwrap_or(world.start), now, now] {
        assert_eq!(world.server.session.handle_timeout(when), Ok(()));
        world.server.handle(when, path, &mut [0; 20]);
        world.server.handle(when, path, &mut [0x80; 100]);
    }
    let expired = |event: &SessionEvent| matches!(event, SessionEvent::ConsentExpired { .. });
    assert!(!world.server.events.iter().any(expired));
    world.send_rtp(false, 1);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.caller.rtp.len(), 1);
    let year = Duration::from_secs(365 * 86_400);
    assert_eq!(world.server.session.handle_timeout(now + year), Ok(()));
    world.server.collect();
    assert!(world.server.events.iter().any(expired));
    assert_eq!(world.server.session.handle_timeout(now), Ok(()));
}

/// T-API-03: an owner that polls nothing gets bounded queues, and the oldest is dropped and counted.
#[test]
fn t_api_03_queues_are_bounded() {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    assert!(world.secure());
    let (path, now) = (world.server_path(), world.now);
    let mut buf = [0; 1500];
    for number in 0..1000_u32 {
        let caller = &mut world.caller.session;
        let sent = caller.send_application_data(now, &number.to_be_bytes());
        assert_eq!(sent, Ok(()));
        while let Some(transmit) = caller.poll_transmit(now, &mut buf) {
            let datagram = &mut buf[..transmit.len];
            let received = world.server.session.handle_datagram(now, path, datagram);
            assert_eq!(received, Ok(portcullis::Received::Nothing));
        }
    }
    let statistics = world.server.session.statistics();
    let lost = statistics.discarded(Discard::EventOverflow);
    world.server.collect();
    let last = SessionEvent::ApplicationData(999_u32.to_be_bytes().to_vec());
    assert_eq!(world.server.events.last(), Some(&last));
    let data = |event: &&SessionEvent| matches!(event, SessionEvent::ApplicationData(_));
    let kept = world.server.events.iter().filter(data).count() as u64;
    assert_eq!(kept + lost, 1000);
    assert!(kept <= 64, "{kept}");
}

/// T-API-03: data takes the place of data alone. What the router has to know, and that the session has
/// ended, outlives any number of records that nobody reads.
#[test]
fn t_api_03_data_pushes_out_no_other_event() {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    let [caller, server] = [&mut world.caller.session, &mut world.server.session];
    let (mut now, mut buf) = (world.now, [0; 1500]);
    let (sent, came) = (
        Path::udp(server_address(), caller_address()),
        Path::udp(caller_address(), server_address()),
    );
    let mut secured = false;
    for number in 0..2000_u32 {
        now += Duration::from_millis(1);
        let _ = (caller.handle_timeout(now), server.handle_timeout(now));
        while let Some(event) = caller.poll_event() {
            secured |= matches!(event, SessionEvent::Secured(_));
        }
        if secured {
            let record = caller.send_application_data(now, &number.to_be_bytes());
            assert_eq!(record, Ok(()));
        }
        while let Some(transmit) = caller.poll_transmit(now, &mut buf) {
            let _ = server.handle_datagram(now, sent, &mut buf[..transmit.len]);
        }
        while let Some(transmit) = server.poll_transmit(now, &mut buf) {
            let _ = caller.handle_datagram(now, came, &mut buf[..transmit.len]);
        }
    }
    server.close(now);
    let lost = server.statistics().discarded(Discard::EventOverflow);
    assert!(lost > 1000, "{lost}");
    world.server.collect();
    let mut others = world.server.events.iter();
    let mut told = |wanted: fn(&SessionEvent) -> bool| others.any(wanted);
    assert!(told(|it| matches!(it, SessionEvent::PathValidated { .. })));
    assert!(told(|it| matches!(it, SessionEvent::Secured(_))));
    assert!(told(|it| matches!(it, SessionEvent::Closed(_))));
}

/// Datagrams of a real call, cut, flipped and mixed up, at every stage of it. The genuine ones follow
/// and the call comes about.
#[test]
fn mangled_datagrams_of_a_call_do_not_stop_it() {
    for terms in Terms::all() {
        for seed in 0..5 {
            let mut random = SmallRng::seed_from_u64(seed);
            let mut world = World::new(terms, Conditions::foul(seed));
            let mut seen = 0;
            while world.server.secured().is_none() || world.caller.secured().is_none() {
                assert!(world.step(), "{terms:?}, seed {seed}");
                for index in seen..world.network.log.len() {
                    let (path, datagram) = world.network.log[index].clone();
                    mangle(&mut world, &mut random, path, datagram);
                }
                seen = world.network.log.len();
                assert!(world.now < world.start + Duration::from_secs(60));
            }
            assert_eq!((&world.caller.error, &world.server.error), (&None, &None));
        }
    }
}

/// Gives the receiver of a datagram a changed copy.
fn mangle(world: &mut World, random: &mut SmallRng, path: Path, mut datagram: Vec<u8>) {
    // Plaintext handshake messages can be changed by anybody on the path, with success: what is
    // left for this test is everything that is authenticated, and lengths of the rest.
    let plaintext = (20..=22).contains(&datagram[0]) && datagram.get(3..5) == Some(&[0, 0]);
    if plaintext {
        datagram.truncate(random.random_range(0..13));
    } else if random.random_bool(0.5) {
        let len = datagram.len();
        datagram.truncate(random.random_range(0..len));
    } else {
        let place = random.random_range(0..datagram.len());
        datagram[place] ^= 1 << random.random_range(0..8);
    }
    let seen = Path::udp(path.remote, path.local);
    let peer = match seen.local == world.caller.address {
        true => &mut world.caller,
        false => &mut world.server,
    };
    peer.handle(world.now, seen, &mut datagram);
}

/// The clock of the tests is the real one's type; a session made later than its peer is no matter.
#[test]
fn sessions_need_no_common_clock() {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    world.now = Instant::now() + Duration::from_secs(1);
    assert!(world.secure());
}
