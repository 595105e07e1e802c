//! A flood is counted whole, and makes no line in a log.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ice_lite::stun::MessageType;
use portcullis::{Gate, Path, RouteDrop};
use rand::rngs::SmallRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use support::served::{Recorder, Served};
use support::{forged, server_address};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Counts the events and spans that a log at the most talkative level would have to write.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<AtomicU64>);

impl Lines {
    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        self.0.fetch_add(1, Ordering::Relaxed);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// How many datagrams the flood has.
const FLOOD: u64 = 1_000_000;

/// What the gate says it has dropped, at its router and in its calls.
fn dropped(gate: &Gate<Recorder>) -> u64 {
    let routed = RouteDrop::ALL
        .iter()
        .map(|&reason| gate.router().dropped(reason));
    let totals = gate.totals();
    let inside = totals.discards().map(|(_, _, count)| count);
    routed.chain(inside).sum()
}

/// STUN that nobody with a password has sent: for the calls there are, for none, and for nobody.
fn forged_stun(served: &Served) -> Vec<Vec<u8>> {
    let calls = served.gate.calls();
    let mut ufrags: Vec<_> = calls.map(|(_, session, _)| session.local_ufrag()).collect();
    ufrags.push("nobody");
    let mut messages = Vec::new();
    for kind in [MessageType::BINDING_REQUEST, MessageType::BINDING_SUCCESS] {
        for ufrag in &ufrags {
            messages.push(forged::message(kind, [1; 12], Some(ufrag)));
        }
        messages.push(forged::message(kind, [2; 12], None));
    }
    messages
}

/// Noise of which DTLS makes one record: it counts records, of which a datagram may hold many.
fn noise(random: &mut SmallRng) -> Vec<u8> {
    let mut noise = vec![0; 48];
    random.fill_bytes(&mut noise);
    if noise[0] & 0xE0 == 0x20 {
        // RFC 9147 §4: without a length, the record is the rest of the datagram.
        noise[0] &= !0x04;
    }
    noise
}

/// T-DOS-10: a million datagrams that are dropped, of every protocol, from strangers and under the
/// callers' own addresses: no event, no span, and every one of them in exactly one counter.
#[test]
fn t_dos_10_a_million_drops_are_counted_and_logged_nowhere() {
    // More than one source may ask for at a time: then its own ration is spent before theirs.
    let mut served = Served::with_calls(8);
    let lines = Lines::default();
    let mut random = SmallRng::seed_from_u64(10);
    let stun = forged_stun(&served);
    let digest = served.gate.state_digest();
    let before = dropped(&served.gate);
    tracing::subscriber::with_default(lines.clone(), || {
        for number in 0..FLOOD {
            // Some get as far as the DTLS, the SRTP or the ICE of a call.
            let path = match number % 32 {
                0 => served.path(random.random_range(0..2)),
                _ => {
                    let [.., a, b, c] = number.to_be_bytes();
                    let port = u16::from_be_bytes([b, c]);
                    Path::udp(server_address(), ([203, 0, 113, a], port).into())
                }
            };
            let mut datagram = match number % 5 {
                0 => stun[random.random_range(0..stun.len())].clone(),
                _ => noise(&mut random),
            };
            served.gate.handle_datagram(served.now, path, &mut datagram);
        }
        assert_eq!(lines.count(), 0);
        assert!(served.gate.outbox().is_empty());
        assert_eq!(served.gate.state_digest(), digest);
        // The subscriber does listen: what a call does on purpose is an event.
        let id = served.callers[0].id;
        let closed = served.gate.with(served.now, id, |_, cx| cx.close());
        assert_eq!(closed, Some(()));
        assert!(lines.count() > 0);
    });
    for reason in RouteDrop::ALL {
        assert!(served.gate.router().dropped(*reason) > 1000, "{reason:?}");
    }
    assert_eq!(dropped(&served.gate) - before, FLOOD);
    assert!(served.talks(1, 0));
}

/// T-DOS-10, of the driver: what comes in by the socket is counted by the gate, and logged nowhere.
#[cfg(feature = "tokio")]
#[test]
fn t_dos_10_the_driver_logs_no_noise() {
    use std::net::UdpSocket;
    use std::time::{Duration, Instant};

    let lines = Lines::default();
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().expect("a runtime");
    let counted = runtime.block_on(async {
        // It may warn of a small receive buffer, which is no noise.
        let address = "127.0.0.1:0".parse().expect("an address");
        let driver = portcullis::driver::Driver::<Recorder>::bind(address).expect("a port");
        let address = driver.local_addr().expect("bound");
        let handle = driver.handle();
        tokio::spawn(driver.run());
        let _listening = tracing::subscriber::set_default(lines.clone());
        let stranger = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let mut random = SmallRng::seed_from_u64(11);
        let mut counted = 0;
        // No more at a time than any kernel's buffer takes.
        for sent in (50..=20_000).step_by(50) {
            for _ in 0..50 {
                let noise = noise(&mut random);
                stranger.send_to(&noise, address).expect("sent");
            }
            let start = Instant::now();
            while counted < sent && start.elapsed() < Duration::from_secs(20) {
                counted = handle
                    .gate(0, |gate, _| dropped(gate))
                    .await
                    .expect("served");
            }
        }
        counted
    });
    assert_eq!(counted, 20_000);
    assert_eq!(lines.count(), 0);
}
