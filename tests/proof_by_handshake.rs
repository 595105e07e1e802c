//! Who finishes a handshake proves the address that our flights of it went to.

mod support;

use dtls::{ProtocolVersion, SrtpProfile};
use ice_lite::stun::Message;
use support::{Conditions, Terms, World, rtp, server_address};

/// A call whose caller answers no checks of the server's.
fn call(version: ProtocolVersion) -> World {
    let terms = Terms {
        version,
        profile: SrtpProfile::AEAD_AES_128_GCM,
        ..Terms::DEFAULT
    };
    let mut world = World::new(terms, Conditions::FAIR);
    world.network.lost = Some(|path, datagram| {
        let answers = Message::parse(datagram).is_ok_and(|it| it.class().is_response());
        path.local != server_address() && answers
    });
    world
}

/// How many packets of a kilobyte the server may send at once, of a hundred.
fn sends(world: &mut World) -> usize {
    let mut may_send = |sequence: u16| {
        let mut buf = [0; 1200];
        buf[..12].copy_from_slice(&rtp::packet(7, sequence).0[..12]);
        let sealed = world.server.session.protect_rtp(world.now, &mut buf, 1000);
        sealed.is_ok()
    };
    (0..100).filter(|&sequence| may_send(sequence)).count()
}

#[test]
fn a_finished_handshake_proves_where_its_flights_went() {
    for version in [ProtocolVersion::DTLS1_2, ProtocolVersion::DTLS1_3] {
        let mut world = call(version);
        assert!(world.secure());
        assert_eq!(world.server.session.statistics().ice.addresses_proved, 0);
        assert_eq!(sends(&mut world), 100, "{version:?}");
    }
}
