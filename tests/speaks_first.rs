//! An ICE-lite server that is the DTLS client: its ClientHello goes to an address that is not proved.

mod support;

use std::time::Duration;

use dtls::{NamedGroup, ProtocolVersion, Role};
use ice_lite::stun::{Class, Message};
use portcullis::Path;
use support::{Conditions, Terms, World};

const SERVER_SPEAKS: Terms = Terms {
    answerer: Role::Client,
    ..Terms::DEFAULT
};

/// What of the server's log is a STUN message of this class.
fn count(world: &World, class: Class) -> usize {
    let log = world.network.log.iter();
    let from_server = log.filter(|(path, _)| path.local == world.server.address);
    let messages = from_server.filter_map(|(_, datagram)| Message::parse(datagram).ok());
    messages.filter(|message| message.class() == class).count()
}

/// Secures a call, and says how long the server's handshake took: checks for consent, which give it
/// more to send, come every five seconds.
fn handshake_time(mut world: World) -> Duration {
    assert!(world.secure());
    world.server.secured().expect("secured").handshake_time
}

/// It is longer than three times a check.
#[test]
fn a_hybrid_client_hello_waits_for_one_round_trip() {
    let terms = Terms {
        group: Some(NamedGroup::X25519MLKEM768),
        ..SERVER_SPEAKS
    };
    let time = handshake_time(World::new(terms, Conditions::FAIR));
    assert!(time < Duration::from_millis(200), "{time:?}");
}

/// A TCP handshake has proved the address, so that the ClientHello may be a long one at once: it has a
/// post-quantum share, as every other client's.
#[test]
fn a_client_hello_to_a_proved_address_has_a_post_quantum_share() {
    for (proved, shares) in [(false, false), (true, true)] {
        let mut world = World::new(SERVER_SPEAKS, Conditions::FAIR);
        world.flush();
        let (_, mut check) = world.network.log[0].clone();
        let (here, there) = (world.server.address, world.caller.address);
        let path = match proved {
            true => Path::tcp(here, there),
            false => Path::udp(here, there),
        };
        world.server.handle(world.now, path, &mut check);
        let (mut buf, mut hello) = ([0; 1500], 0);
        while let Some(transmit) = world.server.session.poll_transmit(world.now, &mut buf) {
            let is_dtls = buf[0] == 22;
            hello += if is_dtls { transmit.len } else { 0 };
        }
        assert_eq!(hello > 1200, shares, "{hello} bytes");
    }
}

/// A caller sends it over a path that has answered its check.
#[test]
fn a_caller_s_client_hello_has_a_post_quantum_share() {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    world.run_until(Duration::from_secs(5), |it| {
        it.caller.session.timeline().dtls_started.is_some()
    });
    world.flush();
    let log = world.network.log.iter();
    let hello = log.filter(|(path, datagram)| {
        path.local == world.caller.address && datagram.first() == Some(&22)
    });
    let hello: usize = hello.map(|(_, datagram)| datagram.len()).sum();
    assert!(hello > 1200, "{hello} bytes");
}

/// Whoever speaks first: media needs a proved address too.
#[test]
fn a_lite_server_asks_once_for_proof_of_an_address() {
    for terms in Terms::all() {
        let mut world = World::new(terms, Conditions::FAIR);
        assert!(world.secure());
        world.run_for(Duration::from_secs(20));
        let checks = count(&world, Class::Request);
        assert_eq!(checks, 1, "{terms:?}");
        assert!(count(&world, Class::Success) > 2);
    }
}

/// Such as by a publisher that drops what comes before its DTLS is ready.
#[test]
fn a_lost_client_hello_is_sent_again_without_another_check() {
    for version in [ProtocolVersion::DTLS1_2, ProtocolVersion::DTLS1_3] {
        let terms = Terms {
            version,
            ..SERVER_SPEAKS
        };
        let mut world = World::new(terms, Conditions::FAIR);
        world.network.lost_handshake = 3;
        let time = handshake_time(world);
        assert!(time < Duration::from_secs(4), "{version:?}: {time:?}");
    }
}

/// RFC 8445 §9: an ICE restart while the ClientHello waits for the address to be proved. The check that
/// would have proved it is forgotten with its credentials, so that the new ones need one too.
#[test]
fn an_ice_restart_before_the_address_is_proved_does_not_stop_the_handshake() {
    let terms = Terms {
        group: Some(NamedGroup::X25519MLKEM768),
        ..SERVER_SPEAKS
    };
    let mut world = World::new(terms, Conditions::FAIR);
    // The caller's first check has come; the answer to that of the server has not.
    world.run_for(Duration::from_millis(15));
    assert_eq!(count(&world, Class::Request), 1);
    let now = world.now;
    let (asks, gives) = (&mut world.caller.session, &mut world.server.session);
    asks.restart_ice().expect("the call stands");
    support::introduce(now, asks, gives);
    let time = handshake_time(world);
    assert!(time < Duration::from_millis(500), "{time:?}");
}
