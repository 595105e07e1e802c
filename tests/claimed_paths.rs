//! Several sessions claim one path: somebody writes the source address of another call's peer, comes
//! before it, or two calls share a socket of their peer's.

mod support;

use std::time::Duration;

use ice_lite::stun::{AttributeType, IntegrityKey, MessageType, MessageWriter, TransactionId};
use portcullis::{Path, Session, SessionEvent, SessionId};
use support::served::Served;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What a call of the server was told of its paths.
fn told(served: &Served, index: usize) -> Vec<SessionEvent> {
    let events = &served.recorder(index).expect("the call goes on").events;
    let of_paths = |event: &&SessionEvent| {
        matches!(
            event,
            SessionEvent::PathLost { .. } | SessionEvent::PathRefused { .. }
        )
    };
    events.iter().filter(of_paths).cloned().collect()
}

/// The next check of caller `index`, of its own session and key, comes from the address of another:
/// the source address is forged, and what is sent there does not come to the forger.
fn forge(served: &mut Served, index: usize, path: Path) {
    let mut buf = [0; 1500];
    let peer = &mut served.callers[index].peer;
    let mut sent = false;
    while !sent {
        let at = peer.session.poll_timeout().expect("it asks for consent");
        served.now = served.now.max(at);
        peer.expire(served.now);
        while let Some(transmit) = peer.session.poll_transmit(served.now, &mut buf) {
            let bytes = &mut buf[..transmit.len];
            served.gate.handle_datagram(served.now, path, bytes);
            sent = true;
        }
    }
}

/// The attack: another call's single authentic check with the victim's source address. It costs the
/// victim nothing, neither then nor later.
#[test]
fn a_check_with_a_forged_source_takes_no_path() {
    let mut served = Served::with_calls(2);
    let victim = served.path(0);
    assert!(served.talks(0, 1) && served.hears(0, 1));
    assert!(served.talks(0, 2));
    forge(&mut served, 1, victim);
    assert!(served.talks(0, 3), "at once");
    assert_eq!(
        told(&served, 1),
        [SessionEvent::PathRefused { path: victim }]
    );
    assert_eq!(
        (served.gate.refused_paths(), served.gate.lost_paths()),
        (1, 0)
    );
    served.deliver_answers();
    for second in 0..60_u16 {
        served.run_for(ms(1000));
        assert!(served.talks(0, 4 + second), "{second}");
        assert!(served.hears(0, 4 + second), "{second}");
    }
    assert_eq!(told(&served, 0), []);
}

/// A victim that only receives is heard by its checks alone, seconds apart. The forger repeats itself,
/// and is told once.
#[test]
fn a_forger_that_goes_on_for_a_minute_takes_no_path_of_who_only_receives() {
    let mut served = Served::with_calls(2);
    let victim = served.path(0);
    for turn in 0..12_u16 {
        forge(&mut served, 1, victim);
        served.deliver_answers();
        // Its own call goes on meanwhile.
        served.run_for(ms(6000));
        assert!(served.hears(0, turn), "{turn}");
    }
    assert!(served.gate.refused_paths() >= 12);
    assert_eq!(served.gate.lost_paths(), 0);
    assert_eq!(told(&served, 1).len(), 1);
    assert!(served.talks(0, 1));
}

/// The forger comes before its victim: the path is given back as soon as the victim has proved to be
/// there, which takes a round trip.
#[test]
fn who_was_there_first_without_proof_gives_way_at_once() {
    let mut served = Served::with_calls(1);
    served.place_call(7);
    let victim = served.path(1);
    let victims = served.callers.remove(1);
    forge(&mut served, 0, victim);
    served.gate.outbox().clear();
    served.callers.push(victims);
    let start = served.now;
    while served.callers[1].peer.secured().is_none() {
        served.run_for(ms(10));
        assert!(served.now < start + ms(1000), "within a second");
    }
    served.run_for(ms(50));
    assert!(served.talks(1, 1) && served.hears(1, 1));
    assert_eq!(told(&served, 0), [SessionEvent::PathLost { path: victim }]);
    assert_eq!(served.gate.lost_paths(), 1);
    assert!(served.talks(0, 1), "over its own");
}

/// Two calls of one peer share its socket. The first keeps the path, and the second is told; when the
/// first has ended the second has it with its next check.
#[test]
fn of_two_calls_that_share_a_socket_the_first_keeps_the_path() {
    let mut served = Served::with_calls(2);
    let shared = served.path(0);
    let second = served.path(1);
    // From now on the second call sends from the socket of the first, and hears what comes there.
    served.callers[1].peer.address = shared.remote;
    let mut late = None;
    for turn in 0..30_u16 {
        served.run_for(ms(1000));
        assert!(served.talks(0, turn), "{turn}");
        late = late.or_else(|| told(&served, 1).pop());
    }
    assert_eq!(late, Some(SessionEvent::PathRefused { path: shared }));
    assert_eq!(told(&served, 0), []);
    assert!(!served.talks(1, 1), "its media is nobody's");
    let now = served.now;
    let id = served.callers[0].id;
    served.gate.with(now, id, |_, cx| cx.close());
    served.callers.remove(0);
    served.run_for(ms(6000));
    assert!(served.talks(0, 2));
    assert_ne!(shared, second);
}

/// T-DMX-08: a session gives up what is its own, and nothing else.
#[test]
fn a_session_invalidates_no_path_of_another() {
    let mut served = Served::with_calls(2);
    let (path, other) = (served.path(0), served.callers[1].id);
    served.gate.router_mut().invalidate(other, &path);
    assert!(served.talks(0, 1));
    let own = served.callers[0].id;
    served.gate.router_mut().invalidate(own, &path);
    assert!(!served.talks(0, 2));
}

/// T-DOS-05: a path that is another session's exempts from no ration.
#[test]
fn checks_over_another_sessions_path_are_rationed() {
    let mut served = Served::with_calls(2);
    served.gate.router_mut().limit_sources(None);
    let ufrag = ufrag(&served, 0);
    let (own, other) = (served.path(0), served.path(1));
    for (path, admitted) in [(other, 64), (own, 1000)] {
        let before = dropped(&served);
        served.now += ms(250);
        for number in 0..1000_u16 {
            let check = unsigned(&ufrag, number);
            served.drops(path, &check);
        }
        assert_eq!(dropped(&served) - before, 1000 - admitted, "{path:?}");
    }
}

/// T-DOS-05: one host has the share of four sessions, and what is refused to it for one of them it still has for
/// the others. Another host has its own.
#[test]
fn a_session_that_is_spent_spends_nothing_of_a_hosts_ration() {
    let mut served = Served::with_calls(6);
    served.now += ms(250);
    let ufrags: Vec<_> = (0..6).map(|index| ufrag(&served, index)).collect();
    let mut number = 0;
    let mut admitted = |served: &mut Served, host: &str, ufrag: &str| {
        let before = (dropped(served), refused(served));
        let remote = format!("{host}:999").parse().expect("an address");
        let path = Path::udp(served.path(0).local, remote);
        for _ in 0..1000 {
            number += 1;
            served.drops(path, &unsigned(ufrag, number));
        }
        1000 - (dropped(served) - before.0) - (refused(served) - before.1)
    };
    let mut of_host = |host| -> Vec<_> {
        let ufrags = ufrags.iter();
        ufrags
            .map(|ufrag| admitted(&mut served, host, ufrag))
            .collect()
    };
    assert_eq!(of_host("203.0.113.1"), [64, 64, 64, 64, 0, 0]);
    assert_eq!(of_host("203.0.113.2"), [0, 0, 0, 0, 64, 64]);
}

/// Our ufrag of a call.
fn ufrag(served: &Served, index: usize) -> String {
    let id: SessionId = served.callers[index].id;
    let mut calls = served.gate.calls();
    let found = calls.find(|(other, ..)| *other == id);
    let (_, session, _): (_, &Session, _) = found.expect("the call");
    session.local_ufrag().to_owned()
}

fn dropped(served: &Served) -> u64 {
    let router = served.gate.router();
    router.dropped(portcullis::RouteDrop::RequestRate)
}

fn refused(served: &Served) -> u64 {
    let router = served.gate.router();
    router.dropped(portcullis::RouteDrop::SourceRate)
}

/// A check for this ufrag under another password.
fn unsigned(ufrag: &str, number: u16) -> Vec<u8> {
    let mut id = [7; 12];
    id[..2].copy_from_slice(&number.to_be_bytes());
    let mut buf = [0; 256];
    let kind = MessageType::BINDING_REQUEST;
    let mut writer = MessageWriter::new(&mut buf, kind, TransactionId(id)).expect("room");
    writer.username(ufrag, "else").expect("room");
    let priority = writer.attribute(AttributeType::PRIORITY, &[1; 4]);
    priority.expect("room");
    let len = writer.seal(&IntegrityKey::new(b"guessed")).expect("room");
    buf[..len].to_vec()
}

/// RFC 5763 §6.7.1: a path that the router has for a session, and ICE does not know, opens no media, in
/// a batch as one by one.
#[test]
fn a_path_that_ice_does_not_know_opens_no_media() {
    let mut served = Served::with_calls(1);
    let stranger = Path::udp(served.path(0).local, "203.0.113.9:9".parse().expect("one"));
    let id = served.callers[0].id;
    served.gate.router_mut().validate(id, stranger);
    let packet = served.sealed(0, 1);
    let now = served.now;
    for batched in [true, false] {
        let mut copy = packet.clone();
        match batched {
            true => {
                let arrival = portcullis::Arrival::new(stranger, &mut copy);
                served.gate.handle_datagrams(now, [arrival], |_, _| {});
            }
            false => {
                served.gate.handle_datagram(now, stranger, &mut copy);
            }
        }
        let call = served.recorder(0).expect("the call");
        assert!(call.rtp.is_empty(), "{batched}");
    }
    let unknown = served.gate.totals();
    let mut unknown = unknown
        .discards()
        .filter(|(_, reason, _)| *reason == "unvalidated_path");
    assert_eq!(unknown.next().map(|(.., count)| count), Some(2));
    let own = served.path(0);
    let mut copy = packet;
    let arrival = portcullis::Arrival::new(own, &mut copy);
    served.gate.handle_datagrams(now, [arrival], |_, _| {});
    assert_eq!(served.recorder(0).map(|call| call.rtp.len()), Some(1));
}
