//! When a handshake sends again: what the round trip says, of checks or of a flight that was answered
//! (RFC 9147 §5.8.2).

mod support;

use std::time::{Duration, Instant};

use dtls::{ProtocolVersion, Role};
use ice_lite::stun;
use portcullis::{Class, Path, classify};
use support::{Conditions, Terms, World, server_address};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Ways to the peer of so many milliseconds, and the first wait that follows from the round trip: it is
/// 400 ms where nothing is known, and goes down and up from there.
const WAYS: [(u64, u64); 4] = [(10, 200), (100, 300), (150, 450), (190, 570)];

/// The same for a flight after one that was answered: who has done its public-key operations is quicker.
const LATER: [(u64, u64); 4] = [(10, 100), (100, 300), (150, 450), (190, 570)];

/// The server is the DTLS client, of the version whose hello is short.
const UNPROVED: Terms = Terms {
    version: ProtocolVersion::DTLS1_2,
    answerer: Role::Client,
    ..Terms::DEFAULT
};

/// A side of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Caller,
    Server,
}

impl Side {
    fn sent(self, path: &Path) -> bool {
        (path.local == server_address()) == (self == Self::Server)
    }
}

/// How many datagrams of DTLS a side has sent.
fn sent(world: &World, side: Side) -> usize {
    let log = world.network.log.iter();
    let own = log.filter(|(path, datagram)| side.sent(path) && classify(datagram) == Class::Dtls);
    own.count()
}

/// When a side sends its next datagram of DTLS after these.
fn next(world: &mut World, side: Side, before: usize) -> Instant {
    while sent(world, side) == before {
        assert!(world.step(), "there is something to come");
    }
    world.now
}

fn is_dtls(_: &Path, datagram: &[u8]) -> bool {
    classify(datagram) == Class::Dtls
}

fn is_answer(path: &Path, datagram: &[u8]) -> bool {
    let message = stun::Message::parse(datagram);
    Side::Caller.sent(path) && message.is_ok_and(|message| message.class().is_response())
}

fn call(terms: Terms, way: u64) -> World {
    let delay = ms(way);
    World::new(
        terms,
        Conditions {
            delay,
            ..Conditions::FAIR
        },
    )
}

/// The first flight of either side gets no answer, and checks were answered.
#[test]
fn the_round_trip_of_checks_moves_the_first_wait_up_and_down() {
    for terms in Terms::all() {
        for side in [Side::Server, Side::Caller] {
            for (way, wait) in WAYS {
                let mut world = call(terms, way);
                let first = next(&mut world, side, 0);
                world.network.lost = Some(is_dtls);
                let before = sent(&world, side);
                let again = next(&mut world, side, before);
                let context = format!("{terms:?}, {side:?}, {way} ms");
                assert_eq!(again - first, ms(wait), "{context}");
            }
        }
    }
}

/// A server that is the DTLS client, and whose peer answers no checks: its first flight is answered, and the
/// next one is not. The hello of DTLS 1.3 is more than three times what has come from such a peer, and waits.
#[test]
fn the_round_trip_of_a_flight_moves_the_wait_of_the_next_up_and_down() {
    for (way, wait) in LATER {
        let mut world = call(UNPROVED, way);
        world.network.lost = Some(is_answer);
        next(&mut world, Side::Server, 0);
        assert_eq!(world.server.session.round_trip_time(), None);
        let before = sent(&world, Side::Server);
        let second = next(&mut world, Side::Server, before);
        world.network.lost = Some(is_dtls);
        let before = sent(&world, Side::Server);
        let again = next(&mut world, Side::Server, before);
        assert_eq!(again - second, ms(wait), "{way} ms");
    }
}

/// The setting is what counts as long as nothing is known of the way.
#[test]
fn without_a_round_trip_the_first_wait_is_the_setting() {
    let mut world = call(UNPROVED, 10);
    world.network.lost =
        Some(|path, datagram| is_answer(path, datagram) || is_dtls(path, datagram));
    let first = next(&mut world, Side::Server, 0);
    let before = sent(&world, Side::Server);
    let again = next(&mut world, Side::Server, before);
    assert_eq!(again - first, ms(400));
}
