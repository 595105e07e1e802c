//! That packets cost no allocation.

mod support;

use std::net::Ipv4Addr;

use allocation_counter::measure;
use dtls::ProtocolVersion;
use portcullis::{Arrival, Path, RouteDrop};
use support::hello::client_hello;
use support::served::Served;
use support::server_address;

/// How many allocations `run` makes on this thread.
fn allocations(run: impl FnOnce()) -> u64 {
    measure(run).count_total
}

/// One packet of each caller in turn, sealed.
fn datagrams(served: &mut Served, sequences: std::ops::Range<u16>) -> Vec<(Path, Vec<u8>)> {
    let callers = 0..served.callers.len();
    sequences
        .flat_map(|sequence| callers.clone().map(move |index| (index, sequence)))
        .map(|(index, sequence)| (served.path(index), served.sealed(index, sequence)))
        .collect()
}

/// T-DOS-01: a million ClientHellos, each from another address: no byte of memory or of answer.
#[test]
fn t_dos_01_hellos_from_everywhere_allocate_nothing() {
    let mut served = Served::with_calls(1);
    let mut hellos = client_hello(ProtocolVersion::DTLS1_3);
    let digest = served.gate.state_digest();
    let count = allocations(|| {
        for number in 0..1_000_000_u32 {
            let source = (Ipv4Addr::from(0x0B00_0000 | number >> 4), number as u16);
            let path = Path::udp(server_address(), source.into());
            let hello = &mut hellos[number as usize % 2];
            served.gate.handle_datagram(served.now, path, hello);
        }
    });
    assert_eq!(count, 0);
    assert!(served.gate.outbox().is_empty());
    assert_eq!(served.gate.state_digest(), digest);
    let dropped = served.gate.router().dropped(RouteDrop::UnvalidatedDtls);
    assert_eq!(dropped, 1_000_000);
    assert!(served.talks(0, 1));
}

/// Each caller's packets go to the next one.
fn relay(served: &mut Served) {
    let ids: Vec<_> = served.callers.iter().map(|caller| caller.id).collect();
    for (index, &id) in ids.iter().enumerate() {
        let next = ids[(index + 1) % ids.len()];
        let now = served.now;
        served
            .gate
            .with(now, id, |call, _| call.relays_to = vec![next]);
    }
}

fn take(served: &mut Served, datagrams: &mut [(Path, Vec<u8>)]) {
    let arrivals = datagrams.iter_mut();
    let arrivals = arrivals.map(|(path, bytes)| Arrival::new(*path, bytes));
    let now = served.now;
    served.gate.handle_datagrams(now, arrivals, |_, _| {});
    assert_eq!(served.gate.outbox().len(), datagrams.len());
    served.gate.outbox().clear();
}

#[test]
fn media_that_comes_and_goes_in_batches_allocates_nothing() {
    let mut served = Served::with_calls(8);
    relay(&mut served);
    // The first packet of a stream makes its entry, and the first batch the outbox.
    let mut first = datagrams(&mut served, 1..11);
    take(&mut served, &mut first);
    let mut batches: Vec<_> = (0..20)
        .map(|batch| datagrams(&mut served, 11 + 10 * batch..21 + 10 * batch))
        .collect();
    let count = allocations(|| {
        for batch in &mut batches {
            take(&mut served, batch);
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn media_that_comes_one_by_one_allocates_nothing() {
    let mut served = Served::with_calls(2);
    relay(&mut served);
    let mut first = datagrams(&mut served, 1..11);
    take(&mut served, &mut first);
    let mut rest = datagrams(&mut served, 11..200);
    let count = allocations(|| {
        for (path, datagram) in &mut rest {
            served.gate.handle_datagram(served.now, *path, datagram);
            assert_eq!(served.gate.outbox().len(), 1);
            served.gate.outbox().clear();
        }
    });
    assert_eq!(count, 0);
}

/// The same through the driver, over real sockets, all on this thread.
#[cfg(feature = "tokio")]
mod driver {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, Instant};

    use portcullis::driver::Driver;
    use portcullis::{Call, Context, IceMode, SessionEvent};
    use tokio::runtime::Builder;

    use super::allocations;
    use super::support::{Terms, rtp};

    /// Sends a packet each millisecond, and counts what comes.
    #[derive(Default)]
    struct Metronome {
        sequence: u16,
        next: Option<Instant>,
        heard: Arc<AtomicU64>,
    }

    impl Call for Metronome {
        fn handle_rtp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {
            self.heard.fetch_add(1, Ordering::Relaxed);
        }

        fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}

        fn handle_event(&mut self, cx: &mut Context<'_>, event: SessionEvent) {
            if let SessionEvent::Secured(_) = event {
                self.next = Some(cx.now());
            }
        }

        fn handle_timeout(&mut self, cx: &mut Context<'_>) {
            let (packet, len) = rtp::packet(7, self.sequence);
            let queued = cx.queue_rtp(cx.id(), &packet[..len]);
            assert_eq!(queued, Ok(()));
            self.sequence += 1;
            self.next = Some(cx.now() + Duration::from_millis(1));
        }

        fn poll_timeout(&self) -> Option<Instant> {
            self.next
        }
    }

    #[test]
    fn packets_over_the_driver_allocate_nothing() {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let heard = runtime.block_on(connect());
        runtime.block_on(reach(&heard, 50));
        let count = allocations(|| runtime.block_on(reach(&heard, 550)));
        // A check comes now and then, and may.
        assert!(count < 50, "{count} for 1,000 packets");
    }

    /// Two drivers with a call between them, and what each side counts.
    async fn connect() -> [Arc<AtomicU64>; 2] {
        let address = || "127.0.0.1:0".parse().expect("an address");
        let drivers = [(); 2].map(|()| Driver::bind(address()).expect("a port"));
        let [here, there] = drivers.each_ref().map(|driver| {
            let local = driver.local_addr().expect("bound");
            (driver.handle(), local)
        });
        for driver in drivers {
            tokio::spawn(driver.run());
        }
        let now = Instant::now();
        let calling = Terms::DEFAULT.config(IceMode::Controlling, here.1);
        let serving = Terms::DEFAULT.config(IceMode::Lite, there.1);
        let [caller, server] = crate::support::connected(now, calling, serving);
        let (first, second) = (Metronome::default(), Metronome::default());
        let heard = [Arc::clone(&first.heard), Arc::clone(&second.heard)];
        there.0.insert(server, second).await.expect("it serves");
        here.0.insert(caller, first).await.expect("it serves");
        heard
    }

    /// Waits until both sides have heard as many packets.
    async fn reach(heard: &[Arc<AtomicU64>], count: u64) {
        let reached = |heard: &Arc<AtomicU64>| heard.load(Ordering::Relaxed) >= count;
        while !heard.iter().all(reached) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
