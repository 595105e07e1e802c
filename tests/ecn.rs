//! The ECN field of datagrams, both ways, and datagrams that are no call's.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use dtls::ProtocolVersion;
use portcullis::{
    Arrival, Call, Class, CloseReason, Context, Ecn, Gate, IceMode, Path, RouteDrop, Session,
    SessionId,
};
use support::hello::client_hello;
use support::{Conditions, Terms, World, caller_address, rtp, server_address};

/// Notes what its packets bear, and answers each with the next mark.
#[derive(Default)]
struct Marking {
    received: Vec<(Ecn, usize)>,
    sequence: u16,
}

impl Marking {
    fn next(&mut self) -> Vec<u8> {
        self.sequence += 1;
        let (packet, len) = rtp::packet(9, self.sequence);
        packet[..len].to_vec()
    }
}

impl Call for Marking {
    fn handle_rtp(&mut self, cx: &mut Context<'_>, packet: &mut [u8]) {
        self.received.push((cx.received_ecn(), packet.len()));
        cx.mark(Ecn::Ect1);
        cx.send_rtp(&self.next()).expect("secured");
        cx.queue_rtp(cx.id(), &self.next()).expect("secured");
        cx.mark(Ecn::NotEct);
        cx.send_rtp(&self.next()).expect("secured");
    }

    fn handle_rtcp(&mut self, cx: &mut Context<'_>, packet: &mut [u8]) {
        self.received.push((cx.received_ecn(), packet.len()));
        cx.send_rtcp(packet).expect("secured");
    }

    fn handle_end(&mut self, _: SessionId, _: &Session, reason: &CloseReason) {
        assert!(!matches!(reason, CloseReason::Failed(_)), "{reason}");
    }
}

/// A secured call between a caller and a gate, and the path.
fn secured() -> (World, Gate<Marking>, Path) {
    let mut world = World::new(Terms::DEFAULT, Conditions::FAIR);
    assert!(world.secure());
    let mut gate = Gate::new([3; 16]);
    let spare = Terms::DEFAULT.config(IceMode::Lite, server_address());
    let spare = Session::new(Arc::new(spare), world.now).expect("a session");
    let session = std::mem::replace(&mut world.server.session, spare);
    let inserted = gate.insert(world.now, session, Marking::default());
    let id = inserted.expect("a new ufrag");
    let path = Path::udp(server_address(), caller_address());
    gate.router_mut().validate(id, path);
    gate.outbox().clear();
    (world, gate, path)
}

#[test]
fn marks_reach_the_application_and_what_it_sends_bears_them() {
    let (mut world, mut gate, path) = secured();
    let mut seal = |sequence| {
        let (mut buf, len) = rtp::packet(7, sequence);
        let transmit = world.caller.session.protect_rtp(world.now, &mut buf, len);
        buf[..transmit.expect("secured").len].to_vec()
    };
    let marks = [Ecn::Ect1, Ecn::Ce, Ecn::NotEct, Ecn::Ect0];
    let mut packets: Vec<_> = (0..4).map(&mut seal).collect();
    let arrivals = packets.iter_mut().zip(marks);
    let arrivals = arrivals.map(|(bytes, ecn)| Arrival { path, bytes, ecn });
    gate.handle_datagrams(world.now, arrivals, |_, _| {});
    let (_, _, call) = gate.calls().next().expect("the call");
    let received: Vec<_> = call.received.iter().map(|(ecn, _)| *ecn).collect();
    assert_eq!(received, marks);
    let sent: Vec<_> = gate.outbox().datagrams().map(|it| it.ecn).collect();
    assert_eq!(sent, [Ecn::Ect1, Ecn::Ect1, Ecn::NotEct].repeat(4));
    let runs = gate.outbox().runs(64).count();
    assert_eq!(runs, 8, "a run has one mark");
    gate.outbox().group();
    assert_eq!(gate.outbox().datagrams().count(), 12);
    gate.outbox().clear();
    // One datagram by itself has none that is known, and what answers it none that was not asked for.
    gate.handle_datagram(world.now, path, &mut seal(4));
    let (_, _, call) = gate.calls().next().expect("the call");
    assert_eq!(call.received.last().map(|(ecn, _)| *ecn), Some(Ecn::NotEct));
}

/// What was marked in one visit marks nothing in the next, nor what is not media.
#[test]
fn a_mark_ends_with_the_visit() {
    let (mut world, mut gate, path) = secured();
    let (mut buf, len) = rtp::report(7);
    let transmit = world.caller.session.protect_rtcp(world.now, &mut buf, len);
    let report = &mut buf[..transmit.expect("secured").len];
    let (id, ..) = gate.calls().next().expect("the call");
    gate.with(world.now, id, |_, cx| cx.mark(Ecn::Ce));
    let arrival = Arrival {
        path,
        bytes: report,
        ecn: Ecn::Ce,
    };
    gate.handle_datagrams(world.now, [arrival], |_, _| {});
    gate.with(world.now, id, |_, cx| {
        cx.mark(Ecn::Ect0);
        cx.close();
    });
    let sent: Vec<_> = gate.outbox().datagrams().map(|it| it.ecn).collect();
    assert_eq!(sent, [Ecn::NotEct, Ecn::NotEct], "a report, a close_notify");
}

/// A datagram that came: over which path, with which mark, what.
type Seen = (Path, Ecn, Vec<u8>);

/// RFC 9443: one port serves more than calls.
#[test]
fn what_is_no_calls_is_handed_to_who_claims_its_class() {
    let (world, mut gate, path) = secured();
    let now: Instant = world.now;
    let quic = [0xC3; 40];
    let zrtp = [16; 40];
    gate.handle_datagram(now, path, &mut quic.clone());
    assert_eq!(gate.router().dropped(RouteDrop::Quic), 1);
    assert!(gate.outbox().is_empty());

    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let sink = Arc::clone(&seen);
    gate.hand_out(
        &[Class::Quic, Class::TurnChannel],
        move |_, arrival, replies| {
            replies.send(arrival.path, Ecn::Ect0, b"answer");
            let Arrival { path, bytes, ecn } = arrival;
            sink.lock()
                .expect("sound")
                .push((path, ecn, bytes.to_vec()));
        },
    );
    let stranger = Path::udp(
        server_address(),
        "203.0.113.9:9".parse().expect("an address"),
    );
    let (mut first, mut second) = (quic, [64; 8]);
    let arrivals = [
        Arrival {
            path: stranger,
            bytes: &mut first,
            ecn: Ecn::Ce,
        },
        Arrival::new(path, &mut second),
    ];
    gate.handle_datagrams(now, arrivals, |_, _| {});
    gate.handle_datagram(now, path, &mut zrtp.clone());
    for hello in client_hello(ProtocolVersion::DTLS1_3) {
        gate.handle_datagram(now, stranger, &mut hello.clone());
    }
    let expected = [
        (stranger, Ecn::Ce, quic.to_vec()),
        (path, Ecn::NotEct, vec![64; 8]),
    ];
    assert_eq!(*seen.lock().expect("sound"), expected);
    let sent: Vec<_> = gate
        .outbox()
        .datagrams()
        .map(|it| (it.path, it.ecn, it.bytes.to_vec()))
        .collect();
    let answer = |path| (path, Ecn::Ect0, b"answer".to_vec());
    assert_eq!(sent, [answer(stranger), answer(path)]);
    let router = gate.router();
    assert_eq!(router.dropped(RouteDrop::Quic), 1, "no more");
    assert_eq!(router.dropped(RouteDrop::Zrtp), 1, "nobody wants it");
    gate.outbox().clear();
    gate.send_foreign(stranger, Ecn::NotEct, b"later");
    let later = gate.outbox().datagrams().next().map(|it| it.bytes.to_vec());
    assert_eq!(later.as_deref(), Some(&b"later"[..]));
}
