//! Nothing but STUN is heard from a path that no authenticated check has come over (rules R1 to R3).

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use dtls::ProtocolVersion;
use ice_lite::stun::{AttributeType, IntegrityKey, MessageType, MessageWriter, TransactionId};
use portcullis::{Path, RouteDrop, SessionEvent};
use support::hello::client_hello;
use support::served::Served;
use support::{Conditions, Terms, World, rtp, server_address};

fn attacker() -> Path {
    let remote: SocketAddr = "203.0.113.66:6666".parse().expect("an address");
    Path::udp(server_address(), remote)
}

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::DTLS1_2, ProtocolVersion::DTLS1_3];

/// CVE-2023-49786: before ICE, and from elsewhere, a ClientHello gets nothing.
#[test]
fn t_dmx_01_a_client_hello_from_elsewhere_gets_nothing() {
    let mut served = Served::with_calls(1);
    served.place_call(1);
    let waiting = served.path(1);
    for version in VERSIONS {
        let mut hellos = client_hello(version);
        // One that offers nothing but suites of no use is no different.
        let mut useless = hellos[0].clone();
        useless
            .iter_mut()
            .skip(60)
            .take(30)
            .for_each(|byte| *byte = 0);
        hellos.push(useless);
        for hello in hellos {
            served.drops(attacker(), &hello);
            served.drops(waiting, &hello);
        }
    }
    let dropped = served.gate.router().dropped(RouteDrop::UnvalidatedDtls);
    assert!(dropped >= 10, "{dropped}");
    assert!(served.talks(0, 1));
}

/// CVE-2023-51443: whoever sprays ClientHellos between the check and the victim's own has no effect.
#[test]
fn t_dmx_02_a_race_of_client_hellos_is_won_by_the_peer() {
    for terms in Terms::all() {
        let mut world = World::new(terms, Conditions::FAIR);
        let spray = client_hello(terms.version);
        while world.server.secured().is_none() || world.caller.secured().is_none() {
            assert!(world.step(), "{terms:?}");
            for hello in &spray {
                let before = world.server.session.state_digest();
                world
                    .server
                    .handle(world.now, attacker(), &mut hello.clone());
                assert_eq!(world.server.session.state_digest(), before);
                let mut buf = [0; 1500];
                assert_eq!(
                    world.server.session.poll_transmit(world.now, &mut buf),
                    None
                );
            }
            assert!(
                world.now < world.start + Duration::from_secs(5),
                "{terms:?}"
            );
        }
    }
}

/// RFC 6347 §4.2.8: a new ClientHello on a live association is not answered; the keys stay.
#[test]
fn t_dmx_03_a_client_hello_in_a_call_changes_nothing() {
    for terms in Terms::all() {
        let mut world = World::new(terms, Conditions::FAIR);
        assert!(world.secure());
        world.run_for(Duration::from_secs(1));
        for hello in VERSIONS.into_iter().flat_map(client_hello) {
            let before = world.server.session.state_digest();
            let path = world.server_path();
            world.server.handle(world.now, path, &mut hello.clone());
            assert_eq!(world.server.session.state_digest(), before, "{terms:?}");
            let mut buf = [0; 1500];
            assert_eq!(
                world.server.session.poll_transmit(world.now, &mut buf),
                None
            );
        }
        world.send_rtp(true, 1);
        world.run_for(Duration::from_secs(1));
        assert_eq!(world.server.rtp.len(), 1, "{terms:?}");
    }
}

/// CVE-2017-14099, CVE-2025-53399: genuine packets over a path that is not the call's.
#[test]
fn t_dmx_05_media_over_another_path_is_nobodys() {
    let mut served = Served::with_calls(2);
    let packet = served.sealed(0, 1);
    let (own, other) = (served.path(0), served.path(1));
    served.drops(attacker(), &packet);
    served.drops(other, &packet);
    assert!(served.recorder(1).is_some_and(|call| call.rtp.is_empty()));
    let session = |served: &Served, index: usize| {
        let id = served.callers[index].id;
        let mut calls = served.gate.calls();
        let found = calls.find(|(other, ..)| *other == id);
        found.and_then(|(_, session, _)| session.selected_path())
    };
    assert_eq!(session(&served, 0), Some(own));
    assert_eq!(session(&served, 1), Some(other));
    // It was not spent: over its own path it is still good.
    served
        .gate
        .handle_datagram(served.now, own, &mut packet.clone());
    assert_eq!(served.recorder(0).map(|call| call.rtp.len()), Some(1));
}

/// RFC 8844: a record of one association is nothing in another.
#[test]
fn t_dmx_09_records_of_another_call_are_dropped() {
    let mut served = Served::with_calls(2);
    let (now, other) = (served.now, served.path(1));
    served.callers[0].peer.session.close(now);
    let mut buf = [0; 1500];
    let session = &mut served.callers[0].peer.session;
    let transmit = session
        .poll_transmit(now, &mut buf)
        .expect("a close_notify");
    served.drops(other, &buf[..transmit.len]);
    served.drops(attacker(), &buf[..transmit.len]);
    assert!(served.talks(1, 1));
    assert_eq!(served.gate.calls().count(), 2, "nobody has hung up");
}

/// The port of a NAT goes from one peer to another: the path follows the peer that proves to be there,
/// once the former one was not heard for 8 s, and nothing else.
#[test]
fn t_dmx_08_a_path_follows_the_authenticated_check() {
    let mut served = Served::with_calls(2);
    let (first, second) = (served.path(0), served.path(1));
    // Caller 1 now comes from the address of caller 0.
    let packet = served.sealed(1, 1);
    served.drops(first, &packet);
    served.run_for(Duration::from_secs(10));
    // Its checks do too.
    let moved = served.callers[0].peer.address;
    let stale = std::mem::replace(&mut served.callers[1].peer.address, moved);
    served.callers.swap(0, 1);
    let gone = served.callers.pop().expect("the former owner");
    assert_eq!(served.path(0), first);
    let sent = |served: &mut Served| {
        let mut buf = [0; 1500];
        let (now, path) = (served.now, served.path(0));
        let session = &mut served.callers[0].peer.session;
        while let Some(transmit) = session.poll_transmit(now, &mut buf) {
            served
                .gate
                .handle_datagram(now, path, &mut buf[..transmit.len]);
        }
        served.deliver_answers();
    };
    for _ in 0..1500 {
        served.now += Duration::from_millis(10);
        let now = served.now;
        served.callers[0].peer.expire(now);
        sent(&mut served);
    }
    let packet = served.sealed(0, 2);
    let now = served.now;
    served.gate.handle_datagram(now, first, &mut packet.clone());
    let rtp = served.recorder(0).map(|call| call.rtp.len());
    assert_eq!(rtp, Some(1), "the path is the second caller's now");
    assert_eq!(Path::udp(server_address(), stale), second);
    // What the former owner sends there is nothing to the new one.
    let mut former = gone.peer.session;
    let (mut buf, len) = rtp::packet(7, 9);
    let transmit = former
        .protect_rtp(now, &mut buf, len)
        .expect("it does not know");
    served.drops(first, &buf[..transmit.len]);
}

/// A peer that knows the password claims a hundred addresses in turn: no more than 16 of them are valid
/// at a time, the path that carries media stays, and neither DTLS nor SRTP hears of it.
#[test]
fn t_stn_12_flipping_use_candidate_touches_neither_dtls_nor_srtp() {
    for terms in Terms::all() {
        let (mut world, password) = answered(terms);
        let own = world.server_path();
        let info = world.server.session.connection_info().cloned();
        let first = sealed(&mut world, 0);
        world.server.handle(world.now, own, &mut first.clone());
        for number in 0..1000_u16 {
            world.now += Duration::from_millis(10);
            let source: SocketAddr = ([203, 0, 113, (number % 100) as u8], 1000).into();
            let mut check = nomination(&world, &password, number);
            let path = Path::udp(server_address(), source);
            world.server.handle(world.now, path, &mut check);
            if number % 10 == 0 {
                let mut packet = sealed(&mut world, 1 + number / 10);
                world.server.handle(world.now, own, &mut packet);
            }
            let mut buf = [0; 1500];
            while world
                .server
                .session
                .poll_transmit(world.now, &mut buf)
                .is_some()
            {
                assert!(buf[0] < 4, "answers to checks alone");
            }
        }
        let count = |wanted: fn(&SessionEvent) -> bool| {
            let events = world.server.events.iter();
            events.filter(|event| wanted(event)).count()
        };
        let valid = count(|event| matches!(event, SessionEvent::PathValidated { .. }));
        let removed = count(|event| matches!(event, SessionEvent::PathRemoved { .. }));
        assert!(valid > 16 && valid - removed <= 16, "{valid}, {removed}");
        assert_eq!(world.server.session.selected_path(), Some(own));
        assert_eq!(world.server.rtp.len(), 101, "all that came");
        world.server.handle(world.now, own, &mut first.clone());
        assert_eq!(world.server.duplicates, 1, "known as such");
        let now = world.server.session.connection_info().cloned();
        assert_eq!(now, info, "{terms:?}");
    }
}

/// A secured call, and the password of its server.
fn answered(terms: Terms) -> (World, String) {
    let mut world = World::new(terms, Conditions::FAIR);
    assert!(world.secure());
    let local = world.server.session.local_parameters();
    let password = local.credentials.password().to_owned();
    (world, password)
}

/// An RTP packet of the caller's.
fn sealed(world: &mut World, sequence: u16) -> Vec<u8> {
    let (mut buf, len) = rtp::packet(7, sequence);
    let transmit = world.caller.session.protect_rtp(world.now, &mut buf, len);
    buf[..transmit.expect("the call is secured").len].to_vec()
}

/// A check with USE-CANDIDATE from who knows the password.
fn nomination(world: &World, password: &str, number: u16) -> Vec<u8> {
    let mut id = [7; 12];
    id[..2].copy_from_slice(&number.to_be_bytes());
    let mut buf = [0; 256];
    let kind = MessageType::BINDING_REQUEST;
    let mut writer = MessageWriter::new(&mut buf, kind, TransactionId(id)).expect("room");
    let ufrag = world.server.session.local_ufrag();
    writer
        .username(ufrag, world.caller.session.local_ufrag())
        .expect("room");
    let mut put = |kind, value: &[u8]| writer.attribute(kind, value).expect("room");
    put(AttributeType::PRIORITY, &[0x7E, 0, 0, 1]);
    put(AttributeType::ICE_CONTROLLING, &[1; 8]);
    put(AttributeType::USE_CANDIDATE, &[]);
    let key = IntegrityKey::new(password.as_bytes());
    let len = writer.seal(&key).expect("room");
    buf[..len].to_vec()
}
