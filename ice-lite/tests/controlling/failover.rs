//! A caller whose pairs die, and a peer that plays with it: every transaction advances, backs off or
//! fails, and no request follows another sooner than Ta.

use ice_lite::stun::{AttributeType, Class, ErrorCode, Message, MessageType};
use ice_lite::{
    Candidate, ControllingAgent, ControllingConfig, Discard, Event, FailureReason, LiteAgent,
    LiteConfig, Path,
};
use std::time::{Duration, Instant};

use crate::near::{Near, address, call, lite_server, ms, reply};
use crate::support::{Peer, credentials, seeded};

/// RFC 8445 §14.2.
const TA: Duration = ms(50);

/// A caller with two pairs to a lite server, the better one first, that waits `rto` for an answer.
fn two_pairs(rto: Duration) -> (Near, LiteAgent, Path, Path) {
    let mut server = LiteAgent::new(credentials(1), LiteConfig::default());
    let mut config = ControllingConfig::new(Box::new(seeded(5)));
    config.rto = rto;
    let mut agent = ControllingAgent::new(credentials(105), config);
    server.set_remote(agent.local());
    let worse = Path::udp(address(1, 4000), address(2, 5000));
    let better = Path::udp(worse.local, address(3, 5000));
    agent.add_local_candidate(worse.local);
    agent.set_remote(server.local());
    for (path, priority) in [(better, u32::MAX), (worse, 1 << 30)] {
        agent.add_remote_candidate(&Candidate {
            priority,
            ..Candidate::host(path.remote, 0)
        });
    }
    (Near::new(agent), server, better, worse)
}

fn nominates(request: &[u8]) -> bool {
    let message = Message::parse(request).expect("a message");
    message.attribute(AttributeType::USE_CANDIDATE).is_some()
}

impl Near {
    /// The requests that were sent, held against the pace.
    fn assert_paced(&self) {
        let request = |datagram: &[u8]| {
            let message = Message::parse(datagram).expect("a message");
            message.class() == Class::Request
        };
        let requests = self.sent.iter().filter(|sent| request(&sent.2));
        let times: Vec<_> = requests.map(|sent| sent.0).collect();
        let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
        let least = gaps.min();
        assert!(least.is_none_or(|gap| gap >= TA), "{least:?}");
    }
}

#[test]
fn a_best_pair_that_dies_before_its_nomination_gives_way_within_3_s() {
    let (mut near, mut server, better, worse) = two_pairs(ms(500));
    let mut live = lite_server(&mut server);
    // It answers its check, and nothing after that.
    near.run(
        ms(3000),
        &mut |now, to, request| match to == better && nominates(request) {
            true => Vec::new(),
            false => live(now, to, request),
        },
    );
    drop(live);
    near.assert_paced();
    assert_eq!(near.agent.selected(), Some(worse));
    assert_eq!(
        server.selected(),
        Some(Path::udp(worse.remote, worse.local))
    );
    let nominated: Vec<_> = near.sent.iter().filter(|sent| nominates(&sent.2)).collect();
    assert_eq!(nominated.len(), 3, "two of the dead one, one of the other");
}

/// Over a path that only the peer has checked nothing can be sent, so no alarm rings to move there.
#[test]
fn a_path_that_does_not_answer_is_not_considered_again() {
    let (mut near, mut server, better, _) = two_pairs(ms(500));
    near.run(ms(1000), &mut lite_server(&mut server));
    assert_eq!(near.agent.selected(), Some(better));
    let now = near.now;
    near.agent.confirm(now, &better);
    let mut peer = Peer::new(credentials(1), near.agent.local());
    peer.role = AttributeType::ICE_CONTROLLED;
    let stranger = Path::udp(better.local, address(9, 9));
    let _ = near.agent.handle_datagram(now, stranger, &peer.request());
    assert!(near.agent.is_valid(&stranger));
    let mut buf = [0; ice_lite::MAX_MESSAGE];
    let mut alarms = Vec::new();
    while let Some(at) = near.agent.poll_timeout().filter(|at| *at < now + ms(7500)) {
        near.agent.handle_timeout(at);
        while near.agent.poll_transmit(at, &mut buf).is_some() {}
        alarms.push(at - now);
    }
    assert!(
        alarms.len() > 1 && !alarms.contains(&ms(7000)),
        "{alarms:?}"
    );
    assert_eq!(near.agent.selected(), Some(better));
}

#[test]
fn consent_is_kept_on_every_pair_that_works() {
    let (mut near, mut server, better, worse) = two_pairs(ms(100));
    // The better one is slow, so that the other is valid before.
    near.run(ms(60_000), &mut slow(&mut server, better));
    near.assert_paced();
    assert_eq!(near.agent.selected(), Some(better));
    assert!(near.agent.is_valid(&worse));
    for path in [better, worse] {
        let checks = near.sent.iter().filter(|(_, to, _)| *to == path).count();
        assert!((10..=17).contains(&checks), "{checks}");
    }
}

/// A lite server whose answer to the first check over `path` comes late.
fn slow(
    server: &mut LiteAgent,
    path: Path,
) -> impl FnMut(Instant, Path, &[u8]) -> Vec<(Path, Vec<u8>)> {
    let mut live = lite_server(server);
    let mut first = true;
    move |now, to, request| {
        let answers = live(now, to, request);
        match std::mem::take(&mut first) && to == path {
            true => Vec::new(),
            false => answers,
        }
    }
}

#[test]
fn the_pair_to_fall_back_on_is_used_and_nominated() {
    let (mut near, mut server, better, worse) = two_pairs(ms(100));
    near.run(ms(2000), &mut slow(&mut server, better));
    assert_eq!(near.agent.selected(), Some(better));
    near.sent.clear();
    let mut live = lite_server(&mut server);
    near.run(ms(20_000), &mut |now, to, request| match to == better {
        true => Vec::new(),
        false => live(now, to, request),
    });
    drop(live);
    near.assert_paced();
    assert_eq!(near.agent.selected(), Some(worse));
    assert_eq!(
        server.selected(),
        Some(Path::udp(worse.remote, worse.local))
    );
    let mut nominated = near.sent.iter().filter(|sent| nominates(&sent.2));
    assert!(nominated.all(|sent| sent.1 == worse));
    assert!(near.agent.poll_timeout().is_some_and(|at| at > near.now));
}

/// The nomination is answered when consent has run out: it was answered too late, and is not repeated
/// once a round trip for ever.
#[test]
fn a_nomination_that_is_answered_too_late_fails() {
    let (mut near, mut server, path) = call();
    let mut live = lite_server(&mut server);
    near.run(ms(200_000), &mut |now, to, request| {
        let message = Message::parse(request).expect("a message");
        let plain = message.attribute(AttributeType::USE_CANDIDATE).is_none();
        let consent = now.duration_since(near_start(now)) > ms(100) && plain;
        match !consent && (plain || now >= near_start(now) + ms(31_000)) {
            true => live(now, to, request),
            false => Vec::new(),
        }
    });
    drop(live);
    near.assert_paced();
    assert!(near.sent.len() < 30, "{} requests", near.sent.len());
    let failed = Event::Failed {
        reason: FailureReason::NoAnswer,
    };
    assert_eq!(near.events().last(), Some(&failed));
    assert!(!near.agent.is_valid(&path));
    assert_eq!(near.agent.poll_timeout(), None);
}

thread_local! {
    static START: std::cell::OnceCell<Instant> = const { std::cell::OnceCell::new() };
}

/// The first instant that this test has seen.
fn near_start(now: Instant) -> Instant {
    START.with(|start| *start.get_or_init(|| now))
}

#[test]
fn a_peer_that_finds_a_role_conflict_every_time_is_given_up() {
    let (mut near, _, _) = call();
    near.run(ms(120_000), &mut |_, to, request| {
        reply(request, MessageType::BINDING_ERROR, to, |writer| {
            writer.error_code(ErrorCode::ROLE_CONFLICT).expect("room");
        })
    });
    near.assert_paced();
    assert!(near.sent.len() <= 5, "{} requests", near.sent.len());
    let failed = Event::Failed {
        reason: FailureReason::Refused(487),
    };
    assert_eq!(near.events(), [failed]);
}

/// Our checks never arrive; the peer's do, all the time.
#[test]
fn a_peer_that_checks_and_never_answers_is_given_up() {
    let (mut near, _, path) = call();
    let mut peer = Peer::new(credentials(1), near.agent.local());
    peer.role = AttributeType::ICE_CONTROLLED;
    let mut failed = None;
    for turn in 1..2000_u64 {
        near.run(ms(100 * turn), &mut |_, _, _| Vec::new());
        let _ = near.agent.handle_datagram(near.now, path, &peer.request());
        let event = near
            .events()
            .into_iter()
            .find(|event| matches!(event, Event::Failed { .. }));
        if event.is_some() {
            failed = Some(near.now - near.start);
            break;
        }
    }
    assert!(failed.is_some_and(|at| at < ms(100_000)), "{failed:?}");
}

/// T-STN-08: who knows the password names a victim's address to an agent that checks.
#[test]
fn t_stn_08_checks_to_an_address_that_is_not_proved_count_against_the_limit() {
    let (mut near, mut server, _) = call();
    near.run(ms(1000), &mut lite_server(&mut server));
    near.sent.clear();
    let victim = Path::udp(address(1, 4000), address(66, 6666));
    let mut peer = Peer::new(credentials(1), near.agent.local());
    peer.role = AttributeType::ICE_CONTROLLED;
    let mut received = 0;
    for turn in 0..5_u64 {
        let request = peer.request();
        received += request.len();
        let _ = near.agent.handle_datagram(near.now, victim, &request);
        near.run(
            ms(2000 + 10_000 * turn),
            &mut lite_server_of(&mut server, victim),
        );
        let sent = near.sent.iter().filter(|(_, to, _)| *to == victim);
        let bytes: usize = sent.map(|(.., datagram)| datagram.len()).sum();
        assert!(bytes <= 3 * received, "{bytes} for {received}");
    }
    let statistics = near.agent.statistics();
    assert!(statistics.discarded(Discard::CheckLimited) > 0);
    assert_ne!(near.agent.selected(), Some(victim));
}

/// The server at its own address; nobody at the victim's.
fn lite_server_of(
    server: &mut LiteAgent,
    victim: Path,
) -> impl FnMut(Instant, Path, &[u8]) -> Vec<(Path, Vec<u8>)> {
    let mut live = lite_server(server);
    move |now, to, request| match to == victim {
        true => Vec::new(),
        false => live(now, to, request),
    }
}

/// A peer behind a NAT that gives it another address every few minutes, all day.
#[test]
fn a_peer_that_moves_a_hundred_times_is_found_each_time() {
    let (mut near, mut server, _) = call();
    near.run(ms(1000), &mut lite_server(&mut server));
    let mut peer = Peer::new(credentials(1), near.agent.local());
    peer.role = AttributeType::ICE_CONTROLLED;
    for turn in 1..=100_u64 {
        let moved = Path::udp(address(1, 4000), address(2, 6000 + turn as u16));
        let request = peer.request();
        let _ = near.agent.handle_datagram(near.now, moved, &request);
        near.run(
            ms(1000 + 60_000 * turn),
            &mut |_, to, request| match to == moved {
                true => reply(request, MessageType::BINDING_SUCCESS, to, |writer| {
                    writer.xor_mapped_address(to.local).expect("room");
                }),
                false => Vec::new(),
            },
        );
        assert_eq!(near.agent.selected(), Some(moved), "{turn}");
    }
    near.assert_paced();
}
