//! What an owner demands of SRTP survives the negotiation.

mod support;

use std::sync::Arc;

use portcullis::{Cryptex, IceMode, Layer, ParametersError, Path, RemoteParameters, SessionConfig};
use srtp::CryptexPolicy;
use support::served::Served;
use support::{Conditions, Peer, Terms, World, caller_address, rtp, server_address, session};

/// A call between a caller and a server whose configurations these change.
fn call(change: [&dyn Fn(&mut SessionConfig); 2]) -> World {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    let now = world.now;
    let mut calling = Terms::DEFAULT.config(IceMode::Controlling, caller_address());
    let mut serving = Terms::DEFAULT.config(IceMode::Lite, server_address());
    change[0](&mut calling);
    change[1](&mut serving);
    let [caller, server] = support::connected(now, calling, serving);
    world.caller = Peer::new(caller, caller_address());
    world.server = Peer::new(server, server_address());
    world
}

/// An RTP packet with a header extension (RFC 8285).
fn with_extension(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x90, 111];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 1, 0, 0, 0, 7]);
    packet.extend([0xBE, 0xDE, 0, 1, 0x10, 0xAA, 0, 0]);
    packet.extend([0x55; 40]);
    packet
}

/// What the caller makes of the packet, and how it ends at the server: on the wire, and heard.
fn sent(world: &mut World, packet: &[u8]) -> (Vec<u8>, bool) {
    let mut buf = packet.to_vec();
    buf.resize(packet.len() + portcullis::MAX_OVERHEAD + MKI.len(), 0);
    let now = world.now;
    let sealed = world
        .caller
        .session
        .protect_rtp(now, &mut buf, packet.len());
    buf.truncate(sealed.expect("the call is secured").len);
    let wire = buf.clone();
    let before = world.server.rtp.len();
    let path = Path::udp(server_address(), caller_address());
    world.server.handle(now, path, &mut buf);
    (wire, world.server.rtp.len() > before)
}

/// RFC 9335 §4: who requires Cryptex gets it, whichever of the two settings says so.
#[test]
fn required_cryptex_stays_required() {
    let by_session = |config: &mut SessionConfig| config.cryptex = Cryptex::Require;
    let by_receiver = |config: &mut SessionConfig| config.receiver.cryptex = CryptexPolicy::Require;
    let demands: [&dyn Fn(&mut SessionConfig); 2] = [&by_session, &by_receiver];
    for demand in demands {
        let mut world = call([&|_| {}, demand]);
        assert!(world.secure());
        let (wire, heard) = sent(&mut world, &with_extension(1));
        assert!(heard && wire[12..14] == [0xC0, 0xDE]);

        // The caller has promised it, and does not keep its word.
        let mut world = call([&|_| {}, demand]);
        let caller = &mut world.caller.session;
        let now = world.now;
        let mut off = Terms::DEFAULT.config(IceMode::Controlling, caller_address());
        off.cryptex = Cryptex::Off;
        *caller = session(now, off);
        let mut told = RemoteParameters::from(caller.local_parameters());
        let mut serving = Terms::DEFAULT.config(IceMode::Lite, server_address());
        demand(&mut serving);
        let mut server = session(now, serving);
        let refused = server.set_remote(now, told.clone());
        assert_eq!(refused, Err(ParametersError::CryptexRequired.into()));
        told.cryptex = true;
        server.set_remote(now, told).expect("it says it can");
        let answer = server.local_parameters().into();
        caller.set_remote(now, answer).expect("they fit");
        world.server = Peer::new(server, server_address());
        assert!(world.secure());
        let (wire, heard) = sent(&mut world, &with_extension(1));
        assert!(!heard && wire[12..14] == [0xBE, 0xDE]);
        let statistics = world.server.session.statistics();
        let dropped = |(layer, reason, count): (Layer, &str, u64)| {
            (layer, reason, count) == (Layer::Srtp, "not_cryptex", 1)
        };
        assert!(statistics.discards().any(dropped));
    }
}

/// What is only offered is used if both can, and nobody is refused for it.
#[test]
fn offered_cryptex_is_used_if_both_can() {
    for (server, used) in [(Cryptex::Offer, true), (Cryptex::Off, false)] {
        let mut world = call([&|_| {}, &|config| config.cryptex = server]);
        assert!(world.secure());
        let (wire, heard) = sent(&mut world, &with_extension(1));
        assert!(heard);
        assert_eq!(wire[12..14] == [0xC0, 0xDE], used);
    }
}

const MKI: [u8; 3] = [0xA1, 0xA2, 0xA3];

/// RFC 5764 §4.1.3: an MKI that was agreed on stands in every packet, both ways.
#[test]
fn a_negotiated_mki_reaches_srtp() {
    let with_mki = |config: &mut SessionConfig| {
        let dtls = config.dtls.to_builder().mki(&MKI).build();
        config.dtls = Arc::new(dtls.expect("a configuration that works"));
    };
    for (calling, serving) in [(true, true), (true, false), (false, true)] {
        let change = |mki| -> &dyn Fn(&mut SessionConfig) { if mki { &with_mki } else { &|_| {} } };
        let agreed = calling && serving;
        let mut world = call([change(calling), change(serving)]);
        assert!(world.secure());
        // RFC 7714 §8.1: with AES-GCM it is what a packet ends with.
        let (wire, heard) = sent(&mut world, &with_extension(1));
        assert!(heard);
        assert_eq!(wire.ends_with(&MKI), agreed);
        let (report, len) = rtp::report(7);
        for (from_caller, rtcp) in [(false, false), (false, true), (true, true)] {
            let (from, to) = match from_caller {
                true => (&mut world.caller, &mut world.server),
                false => (&mut world.server, &mut world.caller),
            };
            let packet = match rtcp {
                true => report[..len].to_vec(),
                false => with_extension(2),
            };
            let mut buf = packet.clone();
            buf.resize(packet.len() + portcullis::MAX_OVERHEAD + MKI.len(), 0);
            let sealed = match rtcp {
                true => from.session.protect_rtcp(world.now, &mut buf, packet.len()),
                false => from.session.protect_rtp(world.now, &mut buf, packet.len()),
            };
            buf.truncate(sealed.expect("the call is secured").len);
            assert_eq!(buf.ends_with(&MKI), agreed);
            let path = Path::udp(to.address, from.address);
            to.handle(world.now, path, &mut buf);
            let heard = if rtcp { &to.rtcp } else { &to.rtp };
            assert_eq!(heard.last(), Some(&packet));
        }
    }
}

/// There is room for it in what a gate sends, however it is sent.
#[test]
fn a_gate_has_room_for_a_negotiated_mki() {
    let terms = Terms {
        mki: &[0xA5; 128],
        ..Terms::DEFAULT
    };
    let mut served = Served::with_calls_of(1, terms);
    let (now, id) = (served.now, served.callers[0].id);
    served.gate.with(now, id, |_, cx| {
        cx.send_rtp(&with_extension(1)).expect("there is room");
        cx.queue_rtp(id, &with_extension(2)).expect("there is room");
        let (bye, len) = rtp::bye(7);
        cx.send_rtcp(&bye[..len]).expect("there is room");
    });
    served.deliver_answers();
    let peer = &served.callers[0].peer;
    assert_eq!(peer.rtp, [with_extension(1), with_extension(2)]);
    assert_eq!(peer.rtcp.len(), 1);
}
