//! T-DOS-07: a hundred thousand sessions that come and go, and a clock that jumps, leave nothing behind.

mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use dtls::Certificate;
use ice_lite::stun::{AttributeType, IntegrityKey, MessageType, MessageWriter, TransactionId};
use portcullis::{Call, Context, Gate, IceMode, Path, Session, SessionConfig};
use support::served::Served;
use support::{Terms, server_address};

struct Nothing;

impl Call for Nothing {
    fn handle_rtp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}
    fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}
}

/// A check with USE-CANDIDATE for this session, from who knows its password.
fn check(session: &Session, number: u32, buf: &mut [u8]) -> usize {
    let local = session.local_parameters().credentials;
    let mut id = [5; 12];
    id[..4].copy_from_slice(&number.to_be_bytes());
    let kind = MessageType::BINDING_REQUEST;
    let mut writer = MessageWriter::new(buf, kind, TransactionId(id)).expect("room");
    writer.username(local.ufrag(), "peer").expect("room");
    let mut put = |kind, value: &[u8]| writer.attribute(kind, value).expect("room");
    put(AttributeType::PRIORITY, &[0x7E, 0, 0, 1]);
    put(AttributeType::ICE_CONTROLLING, &[1; 8]);
    put(AttributeType::USE_CANDIDATE, &[]);
    let key = IntegrityKey::new(local.password().as_bytes());
    writer.seal(&key).expect("room")
}

/// So many sessions, each with a path; then an hour passes at once, and they go.
fn round(gate: &mut Gate<Nothing>, now: &mut Instant, config: &Arc<SessionConfig>, count: u32) {
    let mut buf = [0; 256];
    let mut ids = Vec::new();
    for number in 0..count {
        let session = Session::new(Arc::clone(config), *now).expect("a session");
        let len = check(&session, number, &mut buf);
        let id = gate.insert(*now, session, Nothing).expect("a new ufrag");
        let remote = SocketAddr::new(Ipv4Addr::from(number + 1).into(), 1000);
        let path = Path::udp(server_address(), remote);
        gate.handle_datagram(*now, path, &mut buf[..len]);
        gate.outbox().clear();
        ids.push(id);
    }
    assert_eq!(gate.calls().count(), count as usize);
    assert!(gate.poll_timeout().is_some());
    *now += Duration::from_secs(3600);
    gate.handle_timeout(*now);
    gate.outbox().clear();
    for id in ids {
        gate.with(*now, id, |_, cx| cx.close());
    }
    gate.outbox().clear();
}

#[test]
fn t_dos_07_100_000_sessions_leave_no_table_alarm_or_byte() {
    const AT_ONCE: u32 = 1000;
    let mut config = Terms::DEFAULT.config(IceMode::Lite, server_address());
    let certificate = Certificate::generate(&*dtls::crypto::default_provider());
    config.certificate = Some(Arc::new(certificate.expect("a certificate")));
    let config = Arc::new(config);
    let mut gate = Gate::<Nothing>::new([7; 16]);
    gate.router_mut().limit_sources(None);
    let digest = gate.state_digest();
    let mut now = Instant::now();
    // The outbox keeps its buffer, and statistics the names of what they count.
    round(&mut gate, &mut now, &config, AT_ONCE);
    let held = measure(|| {
        for _ in 1..100 {
            round(&mut gate, &mut now, &config, AT_ONCE);
            assert_eq!(gate.poll_timeout(), None);
            assert_eq!(gate.state_digest(), digest);
        }
    });
    assert_eq!(held.bytes_current, 0);
    assert_eq!(gate.totals().sessions, 100_000);
    assert!(gate.router().is_empty());
}

const HOUR: Duration = Duration::from_secs(3600);

/// Calls with keys and media: some move to another address, some claim the path of another, some hang up, and
/// some are never heard again. The clock goes back an hour, and on again.
fn eventful(served: &mut Served) {
    for number in 0..8 {
        served.place_call(number);
    }
    served.run_for(Duration::from_millis(500));
    assert!(served.callers.iter().all(|it| it.peer.secured().is_some()));
    for index in 0..8 {
        assert!(served.talks(index, 1));
    }
    // The second claims what the first has, and two have new addresses.
    served.callers[1].peer.address = served.callers[0].peer.address;
    for (index, port) in [(2, 4000), (3, 4001)] {
        let moved = SocketAddr::new(Ipv4Addr::new(192, 0, 2, 77).into(), port);
        served.callers[index].peer.address = moved;
    }
    let refused = served.gate.refused_paths();
    served.run_for(Duration::from_secs(7));
    assert!(served.gate.refused_paths() > refused);
    let now = served.now;
    for index in 4..6 {
        let id = served.callers[index].id;
        served.gate.with(now, id, |_, cx| cx.close());
    }
    served.deliver_answers();
    let ago = now.checked_sub(HOUR).expect("it began late enough");
    served.gate.handle_timeout(ago);
    assert_eq!(served.gate.calls().count(), 6, "an hour ago nothing is due");
    served.now = now + HOUR;
    served.gate.handle_timeout(served.now);
    served.gate.handle_timeout(served.now);
    served.gate.outbox().clear();
    served.callers.clear();
    served.ends.lock().expect("no panic").clear();
}

#[test]
fn t_dos_07_calls_of_every_end_and_a_clock_that_jumps_both_ways_leave_nothing() {
    let mut served = Served::with_calls(0);
    served.now += 2 * HOUR;
    let digest = served.gate.state_digest();
    eventful(&mut served);
    let held = measure(|| {
        for _ in 0..4 {
            eventful(&mut served);
            assert_eq!(served.gate.poll_timeout(), None);
            assert_eq!(served.gate.state_digest(), digest);
            assert_eq!(served.gate.calls().count(), 0);
        }
    });
    assert_eq!(held.bytes_current, 0);
    assert!(served.gate.router().is_empty());
}
