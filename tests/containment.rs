//! A call that goes wrong takes nobody with it (rule R8).

mod support;

use std::time::{Duration, Instant};

use dtls::ProtocolVersion;
use portcullis::{
    Call, CloseReason, Context, Gate, IceMode, Path, Session, SessionEvent, SessionId,
};
use support::hello::client_hello;
use support::served::Served;
use support::{Terms, server_address, session};

/// CVE-2026-55950: a panic in one call ends that call only.
#[test]
fn t_dmx_10_a_panic_ends_its_own_call_only() {
    let mut served = Served::with_calls(3);
    let id = served.callers[1].id;
    let (now, path) = (served.now, served.path(1));
    served.gate.with(now, id, |call, _| call.fragile = true);
    let packet = served.sealed(1, 1);
    served.gate.handle_datagram(now, path, &mut packet.clone());
    assert_eq!(served.gate.panics(), 1);
    assert!(served.recorder(1).is_none(), "it has ended");
    served.drops(path, &packet);
    for sequence in 1..20 {
        served.run_for(Duration::from_secs(1));
        assert!(served.talks(0, sequence) && served.talks(2, sequence));
    }
}

/// CVE-2026-55950: a call ends in the midst of 10,000 ClientHellos and of its peer's packets, all at one
/// time and from one address; its peer calls again at once, from the same port.
#[test]
fn t_dmx_04_a_rapid_reconnect_is_a_call_like_any_other() {
    let mut served = Served::with_calls(2);
    let (now, path) = (served.now, served.path(1));
    let packets: Vec<_> = (1..100)
        .map(|sequence| served.sealed(1, sequence))
        .collect();
    let hellos = client_hello(ProtocolVersion::DTLS1_3);
    for number in 0..10_000 {
        if number == 5_000 {
            let id = served.callers[1].id;
            served.gate.with(now, id, |_, cx| cx.close());
            served.gate.outbox().clear();
        }
        served.drops(path, &hellos[number % hellos.len()]);
        if let Some(packet) = packets.get(number / 100) {
            served.gate.handle_datagram(now, path, &mut packet.clone());
        }
    }
    assert!(served.talks(0, 0), "nobody else's concern");
    assert!(served.recorder(1).is_none() && served.gate.outbox().is_empty());
    served.callers.pop();
    served.place_call(1);
    served.run_for(Duration::from_secs(2));
    assert_eq!(served.path(1), path);
    assert!(served.talks(0, 1) && served.talks(1, 1));
}

/// CVE-2026-50585: what comes after a call in its place finds nothing of it.
#[test]
fn t_api_07_a_place_used_again_is_as_new() {
    let mut served = Served::with_calls(1);
    let first = served.callers[0].id;
    served.run_for(Duration::from_secs(1));
    let now = served.now;
    served.gate.with(now, first, |_, cx| cx.close());
    served.gate.outbox().clear();
    let second = served.place_call(9);
    assert_eq!(second.index(), first.index(), "the place is used again");
    assert_ne!(second, first);
    assert_eq!(
        served.gate.with(now, first, |_, _| ()),
        None,
        "the old name means nothing"
    );
    let (_, session, call) = served.gate.calls().next().expect("the new call");
    assert!(call.rtp.is_empty() && call.events.is_empty());
    assert_eq!(
        session
            .statistics()
            .discards()
            .map(|(.., count)| count)
            .sum::<u64>(),
        0
    );
    assert_eq!(session.selected_path(), None);
    // The old peer does not know yet; it is nobody now.
    let packet = served.sealed(0, 1);
    served.drops(served.path(0), &packet);
}

/// T-DOS-07: sessions that are signalled and then left alone hold nothing but themselves.
#[test]
fn t_dos_07_abandoned_calls_can_be_removed() {
    let mut served = Served::with_calls(0);
    let ids: Vec<_> = (0..200).map(|number| served.place_call(number)).collect();
    let now = served.now;
    let patience = now + Terms::DEFAULT.connect_timeout;
    assert_eq!(served.gate.poll_timeout(), Some(patience), "no other alarm");
    for id in ids {
        served.gate.with(now, id, |_, cx| cx.close());
    }
    assert_eq!(served.gate.poll_timeout(), None, "nobody has an alarm");
    assert!(served.gate.router().is_empty());
    assert_eq!(served.gate.calls().count(), 0);
    let stranger = Path::udp(
        server_address(),
        "203.0.113.1:1".parse().expect("an address"),
    );
    served.drops(stranger, &[22; 100]);
}

/// What a call has counted stays in the totals when it ends.
#[test]
fn totals_keep_what_ended_calls_have_counted() {
    let mut served = Served::with_calls(2);
    assert!(served.talks(0, 1) && served.talks(1, 1));
    let before = served.gate.totals();
    assert_eq!((before.sessions, before.secured), (2, 2));
    assert!(before.rtp_received >= 2, "{before:?}");
    let (now, id) = (served.now, served.callers[1].id);
    served.gate.with(now, id, |_, cx| cx.close());
    served.gate.outbox().clear();
    assert!(served.recorder(1).is_none());
    assert_eq!(served.gate.totals(), before);
}

/// A call that panics where the gate asks it for something, or is dropped.
struct Brittle {
    asked: bool,
    dropped: bool,
}

impl Call for Brittle {
    fn handle_rtp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}

    fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}

    fn poll_timeout(&self) -> Option<Instant> {
        assert!(!self.asked, "asked to");
        None
    }
}

impl Drop for Brittle {
    fn drop(&mut self) {
        assert!(!self.dropped, "asked to");
    }
}

/// R8: a call may panic wherever the gate calls it, which is also when it is asked for its time, and
/// when it is dropped.
#[test]
fn t_dmx_10_a_panic_when_asked_for_a_time_or_dropped_ends_its_own_call_only() {
    let now = Instant::now();
    let mut gate = Gate::new([7; 16]);
    let ids = [(); 3].map(|()| {
        let session = session(now, Terms::DEFAULT.config(IceMode::Lite, server_address()));
        let call = Brittle {
            asked: false,
            dropped: false,
        };
        gate.insert(now, session, call).expect("a new ufrag")
    });
    gate.with(now, ids[0], |call, _| call.asked = true);
    assert_eq!((gate.panics(), gate.calls().count()), (1, 2));
    gate.with(now, ids[1], |call, cx| {
        call.dropped = true;
        cx.close();
    });
    assert_eq!((gate.panics(), gate.calls().count()), (2, 1));
    assert_eq!(gate.with(now, ids[2], |_, _| ()), Some(()));
    assert_eq!(gate.router().len(), 1);
}

/// A call whose last words are a panic, and its end another.
struct Doomed;

impl Call for Doomed {
    fn handle_rtp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}

    fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}

    fn handle_event(&mut self, _: &mut Context<'_>, _: SessionEvent) {}

    fn handle_end(&mut self, _: SessionId, _: &Session, _: &CloseReason) {
        panic!("asked to");
    }
}

impl Drop for Doomed {
    fn drop(&mut self) {
        panic!("asked to");
    }
}

/// T-API-07: what a call does when it ends is contained, and each panic of its is counted.
#[test]
fn a_call_that_panics_at_its_end_ends_alone() {
    let now = Instant::now();
    let mut gate = Gate::new([7; 16]);
    let config = || Terms::DEFAULT.config(IceMode::Lite, server_address());
    let [first, second] = [(); 2].map(|()| session(now, config()));
    let first = gate.insert(now, first, Doomed).expect("a new ufrag");
    let second = gate.insert(now, second, Doomed).expect("a new ufrag");
    assert_eq!(gate.panics(), 0);
    gate.with(now, first, |_, cx| cx.close());
    assert_eq!(gate.panics(), 2);
    let left: Vec<_> = gate.calls().map(|(id, ..)| id).collect();
    assert_eq!(left, [second]);
    gate.with(now, second, |_, cx| cx.close());
    assert_eq!((gate.panics(), gate.calls().count()), (4, 0));
}
