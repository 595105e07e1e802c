//! DTLS inside STUN (SPED): the handshake begins with the first check.

mod support;

use std::time::Duration;

use dtls::{ProtocolVersion, Role};
use ice_lite::stun::{AttributeType, Message, MessageType};
use portcullis::{IceMode, Path, Session};
use support::{Conditions, Terms, World, caller_address, server_address, session};

/// 50 ms each way: a round trip of 100 ms.
const FAR: Conditions = Conditions {
    delay: Duration::from_millis(50),
    ..Conditions::FAIR
};

/// A call whose sides have DTLS inside STUN, or have not.
fn call(terms: Terms, [caller, server]: [bool; 2], conditions: Conditions) -> World {
    World::with(conditions, |now| {
        let mut calling = terms.config(IceMode::Controlling, caller_address());
        let mut serving = terms.config(IceMode::Lite, server_address());
        (calling.sped, serving.sped) = (caller, server);
        support::connected(now, calling, serving)
    })
}

/// When the server has opened the caller's first packet of media.
fn media_after(world: &mut World) -> Duration {
    let secured = world.run_until(Duration::from_secs(30), |world| {
        world.caller.secured().is_some()
    });
    assert!(secured);
    world.send_rtp(true, 1);
    let arrived = world.run_until(Duration::from_secs(30), |world| {
        !world.server.rtp.is_empty()
    });
    assert!(arrived, "{:?}", world.server.events);
    world.now - world.start
}

fn carried(session: &Session) -> (u64, u64) {
    let statistics = session.statistics();
    (
        statistics.dtls_in_stun_sent,
        statistics.dtls_in_stun_received,
    )
}

/// The ClientHello comes with the first checks, so that the server has media after two round trips: its
/// flight answers the check that completes the hello, half a round trip and one Ta after the first.
#[test]
fn media_arrives_within_two_round_trips() {
    let terms = Terms::DEFAULT;
    let mut with = call(terms, [true; 2], FAR);
    let with_it = media_after(&mut with);
    let without_it = media_after(&mut call(terms, [false; 2], FAR));
    assert!(with_it <= Duration::from_millis(200), "{with_it:?}");
    assert!(without_it >= Duration::from_millis(250), "{without_it:?}");
    let (sent, _) = carried(&with.caller.session);
    let (_, received) = carried(&with.server.session);
    assert_eq!((sent, received), (2, 2), "a ClientHello with ML-KEM");
}

/// In no version and role it takes longer than without, whichever side does not know of it.
#[test]
fn it_is_never_later_than_without() {
    for terms in Terms::all() {
        let without = media_after(&mut call(terms, [false; 2], FAR));
        for sides in [[true; 2], [true, false], [false, true]] {
            let with = media_after(&mut call(terms, sides, FAR));
            assert!(with <= without, "{terms:?} {sides:?} {with:?} {without:?}");
        }
    }
}

/// A peer that has offered it and does not do it: the first answer shows it, and the whole flight goes
/// by itself at once.
#[test]
fn a_peer_that_does_not_do_what_it_offers_costs_nothing() {
    let terms = Terms::DEFAULT;
    let mut world = World::with(FAR, |now| {
        let mut calling = terms.config(IceMode::Controlling, caller_address());
        calling.sped = true;
        let serving = terms.config(IceMode::Lite, server_address());
        let [mut caller, mut server] = [session(now, calling), session(now, serving)];
        let offer = caller.local_parameters().into();
        server.set_remote(now, offer).expect("they fit");
        let mut answer = portcullis::RemoteParameters::from(server.local_parameters());
        answer.sped = true;
        caller.set_remote(now, answer).expect("they fit");
        [caller, server]
    });
    let with = media_after(&mut world);
    let without = media_after(&mut call(terms, [false; 2], FAR));
    assert_eq!(with, without);
    assert!(carried(&world.caller.session).0 > 0);
    assert_eq!(carried(&world.server.session), (0, 0));
}

/// Checks are what carries the flight again: the DTLS timer rests until there is a path.
#[test]
fn a_lost_check_is_repeated_with_what_it_carried() {
    for lost in 0..3 {
        let mut world = call(Terms::DEFAULT, [true; 2], FAR);
        world.network.lost_places = vec![lost];
        assert!(world.secure());
        let statistics = world.caller.session.statistics();
        assert!(statistics.dtls_in_stun_sent >= 2);
        assert_eq!(world.server.rtp.len(), 0);
    }
}

/// Both roles and versions complete on a bad network, and the median is sooner than without.
#[test]
fn calls_over_a_bad_network_are_set_up_and_sooner() {
    for terms in Terms::all() {
        let median = |sped| {
            let mut times: Vec<_> = (0..41)
                .map(|seed| {
                    let conditions = Conditions {
                        delay: Duration::from_millis(50),
                        ..Conditions::foul(seed)
                    };
                    let mut world = call(terms, [sped; 2], conditions);
                    assert!(world.secure(), "{terms:?} {seed}");
                    world.now - world.start
                })
                .collect();
            times.sort();
            times[times.len() / 2]
        };
        let (with, without) = (median(true), median(false));
        assert!(with <= without, "{terms:?} {with:?} {without:?}");
    }
}

/// Nothing more goes to an address that is not proved than three times what came from there, and what
/// a check carries counts once: with the check.
#[test]
fn amplification_what_a_check_carries_counts_once() {
    for version in [ProtocolVersion::DTLS1_2, ProtocolVersion::DTLS1_3] {
        let terms = Terms {
            version,
            ..Terms::DEFAULT
        };
        let mut world = call(terms, [true; 2], FAR);
        // The caller's checks arrive; nothing that the server sends does.
        world.network.deaf = Some(caller_address());
        world.run_for(Duration::from_secs(20));
        let bytes = |from| {
            let sent = world.network.log.iter();
            let sent = sent.filter(|(path, _)| path.local == from);
            sent.map(|(_, datagram)| datagram.len()).sum::<usize>()
        };
        let (came, went) = (bytes(caller_address()), bytes(server_address()));
        assert!(went > 0 && went <= 3 * came, "{went} for {came}");
    }
}

/// The addresses that the signalling names need not be the peer's: they get no more than a stated number
/// of long checks.
#[test]
fn addresses_that_never_answer_are_not_flooded_with_flights() {
    let mut world = call(Terms::DEFAULT, [true; 2], FAR);
    world.network.deaf = Some(server_address());
    world.run_for(Duration::from_secs(60));
    assert_eq!(carried(&world.caller.session).0, 16);
}

/// A message without a valid MESSAGE-INTEGRITY carries nothing, and a replay from elsewhere neither.
#[test]
fn what_is_not_authentic_carries_nothing() {
    let mut world = call(Terms::DEFAULT, [true; 2], FAR);
    world.flush();
    let (_, mut check) = world.network.log[0].clone();
    let message = Message::parse(&check).expect("a check");
    let carried = message
        .attribute(AttributeType::DTLS_IN_STUN)
        .expect("a datagram")
        .to_vec();
    let at = check
        .windows(carried.len())
        .position(|window| window == carried)
        .expect("it is there");
    let genuine = check.clone();
    check[at + 20] ^= 1;
    let path = Path::udp(server_address(), caller_address());
    let before = world.server.session.state_digest();
    world.server.handle(world.now, path, &mut check);
    assert_eq!(world.server.session.state_digest(), before);
    assert_eq!(world.server.session.timeline().dtls_started, None);

    world.server.handle(world.now, path, &mut genuine.clone());
    assert!(world.server.session.timeline().dtls_started.is_some());
    let before = world.server.session.state_digest();
    let elsewhere = Path::udp(
        server_address(),
        "203.0.113.9:9".parse().expect("an address"),
    );
    world
        .server
        .handle(world.now, elsewhere, &mut genuine.clone());
    assert_eq!(world.server.session.state_digest(), before);
}

/// Both sides stop when the handshake is over: consent checks carry nothing.
#[test]
fn nothing_of_it_is_left_after_the_handshake() {
    let mut world = call(Terms::DEFAULT, [true; 2], FAR);
    assert!(world.secure());
    world.run_for(Duration::from_secs(30));
    world.network.log.clear();
    world.run_for(Duration::from_secs(30));
    let messages = world.network.log.iter();
    let messages: Vec<_> = messages
        .filter_map(|(_, datagram)| Message::parse(datagram).ok())
        .collect();
    assert!(messages.len() > 4);
    for message in messages {
        assert_eq!(message.attribute(AttributeType::DTLS_IN_STUN_ACK), None);
    }
}

/// Who has not spoken of it in a check gets an answer without it.
#[test]
fn an_answer_speaks_of_it_only_to_who_does() {
    let mut world = call(Terms::DEFAULT, [false, true], FAR);
    assert!(world.secure());
    for (_, datagram) in &world.network.log {
        let Ok(message) = Message::parse(datagram) else {
            continue;
        };
        if message.kind() == MessageType::BINDING_SUCCESS {
            assert_eq!(message.attribute(AttributeType::DTLS_IN_STUN_ACK), None);
        }
    }
}

/// Two agents that check, of which neither may have a path yet, carry for each other; whose role wins is
/// left to chance, so that many calls are compared.
#[test]
fn two_agents_that_check_carry_for_each_other() {
    let terms = Terms {
        answerer: Role::Client,
        ..Terms::DEFAULT
    };
    let [with, without] = [true, false].map(|sped| {
        let soonest = (0..16).map(|_| {
            let mut world = World::with(FAR, |now| {
                let [calling, serving] = [caller_address(), server_address()].map(|address| {
                    let mut config = terms.config(IceMode::Controlling, address);
                    config.sped = sped;
                    config
                });
                support::connected(now, calling, serving)
            });
            assert!(world.secure());
            let sides = [&world.caller.session, &world.server.session];
            assert_eq!(sides.into_iter().any(|side| carried(side).1 > 0), sped);
            world.now - world.start
        });
        soonest.min()
    });
    assert!(with <= without, "{with:?} {without:?}");
}
