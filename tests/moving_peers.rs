//! Media and handshakes follow a peer that moves: another address of its NAT, another pair nominated
//! before DTLS is complete, a better pair that is dead.

mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ice_lite::stun::{Class, IntegrityKey, Message, MessageType, MessageWriter, TransactionId};
use portcullis::{Path, classify};
use support::{Conditions, Terms, World, caller_address, server_address};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A packet each 20 ms from the side or sides that send.
fn talk(world: &mut World, time: Duration, sequence: &mut u16, both: bool) {
    let end = world.now + time;
    while world.now < end {
        *sequence += 1;
        world.send_rtp(false, *sequence);
        if both {
            world.send_rtp(true, *sequence);
        }
        world.run_for(ms(20));
    }
}

/// A NAT gives a caller that never nominates again another address in mid-call. From its first
/// authenticated datagram there, which is a check, downstream resumes within a second: with a caller that
/// sends media, and with one that only receives.
#[test]
fn after_a_rebinding_downstream_resumes_within_a_second_of_the_first_check() {
    for (terms, both) in Terms::all().flat_map(|terms| [(terms, true), (terms, false)]) {
        let mut world = World::new(terms, Conditions::FAIR);
        assert!(world.secure());
        let mut sequence = 0;
        talk(&mut world, ms(3000), &mut sequence, both);
        let moved: SocketAddr = "192.0.2.77:7777".parse().expect("an address");
        world.network.nat = Some(moved);
        let checks = |world: &World| world.server.session.statistics().ice.requests_received;
        let before = checks(&world);
        let rebound = world.now;
        while checks(&world) == before {
            talk(&mut world, ms(20), &mut sequence, both);
            assert!(world.now < rebound + ms(6100), "consent is asked for");
        }
        let (first, heard) = (world.now, world.caller.rtp.len());
        while world.caller.rtp.len() == heard {
            talk(&mut world, ms(20), &mut sequence, both);
            assert!(world.now < first + ms(1000), "{terms:?}, {both}");
        }
        let path = Path::udp(server_address(), moved);
        assert_eq!(world.server.session.selected_path(), Some(path));
        let (heard, sent) = (world.caller.rtp.len(), sequence);
        talk(&mut world, ms(30_000), &mut sequence, both);
        let lost = usize::from(sequence - sent) - (world.caller.rtp.len() - heard);
        assert!(lost <= 1, "{lost} on their way at the end");
    }
}

/// Another address of the caller's, over which it checks and hears, by hand, what a test lets it.
struct Other {
    path: Path,
    number: u16,
    /// It answers the checks of the server.
    answers: bool,
    /// What comes of the handshake is the caller's, though it answers over its own path.
    hears: bool,
}

impl Other {
    fn new(answers: bool) -> Self {
        let remote = "192.0.2.99:999".parse().expect("an address");
        Self {
            path: Path::udp(server_address(), remote),
            number: 0,
            answers,
            hears: false,
        }
    }

    /// Nominates this path, with a priority above that of the caller's own.
    fn nominate(&mut self, world: &mut World) {
        self.number += 1;
        let mut check = world.check(self.number, true);
        world.server.handle(world.now, self.path, &mut check);
        self.hear(world);
    }

    /// Takes what the server sends to this address.
    fn hear(&mut self, world: &mut World) {
        world.flush();
        for (path, datagram) in std::mem::take(&mut world.network.elsewhere) {
            assert_eq!(path, self.path);
            if self.hears && classify(&datagram) == portcullis::Class::Dtls {
                let own = Path::udp(caller_address(), server_address());
                world.caller.handle(world.now, own, &mut datagram.clone());
            }
            if let Ok(message) = Message::parse(&datagram)
                && message.class() == Class::Request
                && self.answers
            {
                self.answer(world, message.transaction_id());
            }
        }
        world.flush();
    }

    fn answer(&mut self, world: &mut World, id: TransactionId) {
        let own = world.caller.session.local_parameters().credentials;
        let mut buf = [0; 200];
        let kind = MessageType::BINDING_SUCCESS;
        let mut writer = MessageWriter::new(&mut buf, kind, id).expect("room");
        writer.xor_mapped_address(server_address()).expect("room");
        let key = IntegrityKey::new(own.password().as_bytes());
        let len = writer.seal(&key).expect("room");
        world.server.handle(world.now, self.path, &mut buf[..len]);
    }

    /// Runs for so long.
    fn turn(&mut self, world: &mut World, time: Duration) {
        self.hear(world);
        let next = world.now + time;
        while next_event(world).is_some_and(|at| at <= next) {
            world.step();
            self.hear(world);
        }
        world.now = next;
    }

    /// Runs until both sides are secured; says how long that took.
    fn secure(
        &mut self,
        world: &mut World,
        mut turn: impl FnMut(&mut Self, &mut World),
    ) -> Duration {
        let start = world.now;
        while world.caller.secured().is_none() || world.server.secured().is_none() {
            turn(self, world);
            self.turn(world, ms(5));
            assert!(world.now < start + ms(5000), "it does not come about");
        }
        world.now - start
    }
}

fn next_event(world: &World) -> Option<Instant> {
    let alarms = [&world.caller, &world.server].map(|peer| peer.session.poll_timeout());
    alarms
        .into_iter()
        .flatten()
        .chain(world.network.next_arrival())
        .min()
}

/// A better pair was nominated, was proved, and died; then the caller nominates the other one.
#[test]
fn a_nomination_before_dtls_over_a_dead_path_connects_within_1_5_s() {
    for terms in Terms::all() {
        let mut world = World::new(terms, Conditions::FAIR);
        let mut other = Other::new(true);
        other.nominate(&mut world);
        assert_eq!(world.server.session.selected_path(), Some(other.path));
        other.answers = false;
        let time = other.secure(&mut world, |_, _| {});
        assert!(time < ms(1500), "{terms:?}: {time:?}");
        // Media goes there too, as soon as the caller has nominated it.
        other.turn(&mut world, ms(60));
        assert_eq!(
            world.server.session.selected_path(),
            Some(world.server_path())
        );
    }
}

/// An aggressive nominator's better pair, over which the server's answers do not reach it: it goes on
/// checking and nominating there.
#[test]
fn a_one_way_path_of_higher_priority_does_not_stop_an_aggressive_nominator() {
    for terms in Terms::all() {
        let mut world = World::new(terms, Conditions::FAIR);
        let mut other = Other::new(false);
        other.nominate(&mut world);
        let mut turns = 0;
        let time = other.secure(&mut world, |other, world| {
            turns += 1;
            if turns % 20 == 0 {
                other.nominate(world);
            }
        });
        assert!(time < ms(1500), "{terms:?}: {time:?}");
        // Media goes there too, as soon as the caller has nominated it.
        other.turn(&mut world, ms(60));
        assert_eq!(
            world.server.session.selected_path(),
            Some(world.server_path())
        );
    }
}

/// The better pair lives, and is nominated again and again, but the caller's handshake goes over the other
/// one: what answers it goes there. What the server begins, it begins where it was told to; a peer hears all
/// its pairs (RFC 8445 §12.1).
#[test]
fn a_handshake_over_a_living_path_that_is_not_selected_is_answered_there() {
    for terms in Terms::all() {
        let mut world = World::new(terms, Conditions::FAIR);
        let mut other = Other::new(true);
        other.hears = true;
        other.nominate(&mut world);
        let mut turns = 0;
        let time = other.secure(&mut world, |other, world| {
            turns += 1;
            if turns % 10 == 0 {
                other.nominate(world);
            }
        });
        assert!(time < ms(1500), "{terms:?}: {time:?}");
        // Where media comes from, it goes.
        let mut sequence = 0;
        other.hears = false;
        talk(&mut world, ms(100), &mut sequence, true);
        assert_eq!(
            world.server.session.selected_path(),
            Some(world.server_path())
        );
    }
}
