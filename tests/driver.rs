//! Calls over real sockets, through the driver.
#![cfg(feature = "tokio")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use portcullis::driver::{Driver, Gone, Handle};
use portcullis::{
    Call, CloseReason, Context, Ecn, IceMode, Session, SessionConfig, SessionEvent, SessionId,
};
use support::{Terms, rtp};
use tokio::sync::watch;

/// How far a call has come.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Placed,
    Secured,
    Ended(CloseReason),
}

/// A call that sends a packet every 5 ms and counts what it gets.
struct Ticking {
    sequence: u16,
    next: Option<Instant>,
    received: Arc<AtomicU64>,
    /// Of these, those with the mark that they were sent with.
    marked: Arc<AtomicU64>,
    stage: watch::Sender<Stage>,
}

impl Call for Ticking {
    fn handle_rtp(&mut self, cx: &mut Context<'_>, packet: &mut [u8]) {
        assert_eq!(packet.len(), rtp::RTP_LEN);
        let marked = u64::from(cx.received_ecn() == Ecn::Ect1);
        self.marked.fetch_add(marked, Ordering::Relaxed);
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}

    fn handle_event(&mut self, cx: &mut Context<'_>, event: SessionEvent) {
        match event {
            SessionEvent::Secured(_) => {
                self.next = Some(cx.now());
                self.stage.send_replace(Stage::Secured);
            }
            SessionEvent::Closed(reason) => {
                self.next = None;
                self.stage.send_replace(Stage::Ended(reason));
            }
            _ => {}
        }
    }

    fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        let (packet, len) = rtp::packet(7, self.sequence);
        cx.mark(Ecn::Ect1);
        cx.send_rtp(&packet[..len]).expect("the call is secured");
        self.sequence += 1;
        self.next = Some(cx.now() + Duration::from_millis(5));
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    fn handle_end(&mut self, _: SessionId, _: &Session, reason: &CloseReason) {
        assert!(!matches!(reason, CloseReason::Failed(_)), "{reason}");
    }
}

/// One side of a call, for the test to look at.
struct Seen {
    received: Arc<AtomicU64>,
    marked: Arc<AtomicU64>,
    stage: watch::Receiver<Stage>,
}

impl Seen {
    async fn reach(&mut self, wanted: Stage) {
        let reached = self.stage.wait_for(|stage| *stage == wanted);
        let limit = Duration::from_secs(20);
        let reached = tokio::time::timeout(limit, reached).await;
        reached.expect("in time").expect("the call is there");
    }

    async fn hear(&self, packets: u64) {
        let start = Instant::now();
        while self.received.load(Ordering::Relaxed) < packets {
            assert!(start.elapsed() < Duration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // RFC 9331: the mark of each packet arrives with it, where the system tells.
        if cfg!(target_os = "linux") {
            assert!(self.marked.load(Ordering::Relaxed) >= packets);
        }
    }
}

fn ticking() -> (Ticking, Seen) {
    let [received, marked] = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
    let (sender, stage) = watch::channel(Stage::Placed);
    let call = Ticking {
        sequence: 0,
        next: None,
        received: Arc::clone(&received),
        marked: Arc::clone(&marked),
        stage: sender,
    };
    let seen = Seen {
        received,
        marked,
        stage,
    };
    (call, seen)
}

/// A driver on a port of its own, serving, and a configuration for its sessions.
fn driver(ice: IceMode, address: &str) -> (Handle<Ticking>, SessionConfig) {
    let driver = Driver::bind(address.parse().expect("an address")).expect("a port");
    let mut local = driver.local_addr().expect("bound");
    if local.ip().is_unspecified() {
        local.set_ip("127.0.0.1".parse().expect("an address"));
    }
    let handle = driver.handle();
    tokio::spawn(driver.run());
    (handle, Terms::DEFAULT.config(ice, local))
}

/// The two sides of a call from a driver of its own to a server's.
struct Pair {
    dialing: Handle<Ticking>,
    caller_id: SessionId,
    here: Seen,
    server_id: SessionId,
    there: Seen,
}

impl Pair {
    /// Signals a call to a server, on this one of its shards or on the one of its ufrag.
    async fn dial(serving: &Handle<Ticking>, serve: &SessionConfig, shard: Option<u16>) -> Self {
        let (dialing, config) = driver(IceMode::Controlling, "127.0.0.1:0");
        let [caller, server] = support::connected(Instant::now(), config, serve.clone());
        let (served, there) = ticking();
        let inserted = match shard {
            Some(shard) => serving.insert_on(shard, server, served).await,
            None => serving.insert(server, served).await,
        };
        let (calling, here) = ticking();
        let caller_id = dialing.insert(caller, calling).await.expect("it serves");
        let server_id = inserted.expect("it serves");
        Self {
            dialing,
            caller_id,
            here,
            server_id,
            there,
        }
    }

    async fn talk(&mut self) {
        self.here.reach(Stage::Secured).await;
        self.there.reach(Stage::Secured).await;
        self.here.hear(100).await;
        self.there.hear(100).await;
    }

    async fn hang_up(mut self, serving: &Handle<Ticking>) {
        self.dialing.close(self.caller_id).await.expect("it lives");
        self.there.reach(Stage::Ended(CloseReason::Peer)).await;
        self.here.reach(Stage::Ended(CloseReason::Local)).await;
        // The driver removes it once its peer has answered nothing more.
        let close = serving.close(self.server_id).await;
        assert!(matches!(close, Ok(()) | Err(Gone)));
    }
}

async fn a_call(server_address: &str) {
    let (serving, serve) = driver(IceMode::Lite, server_address);
    let mut pair = Pair::dial(&serving, &serve, None).await;
    pair.talk().await;
    pair.hang_up(&serving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_loopback() {
    a_call("127.0.0.1:0").await;
}

/// The server needs not know its own address; answers go out from the one that was called.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_a_wildcard_port() {
    a_call("0.0.0.0:0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_a_wildcard_port_of_both_families() {
    a_call("[::]:0").await;
}

/// The system spreads the callers over the sockets by its own hash, so that some of them come in at
/// another shard than their call's: with 12 of them on 2 sockets, all but once in 4096 runs.
#[tokio::test(flavor = "multi_thread")]
async fn calls_to_shards_come_to_their_own() {
    let address = "127.0.0.1:0".parse().expect("an address");
    let drivers = Driver::bind_shards(address, 2).expect("ports");
    let local = drivers[0].local_addr().expect("bound");
    let serving: Handle<Ticking> = drivers[0].handle();
    for driver in drivers {
        assert_eq!(driver.local_addr().expect("bound"), local);
        tokio::spawn(driver.run());
    }
    assert_eq!(serving.shards(), 2);
    let serve = Terms::DEFAULT.config(IceMode::Lite, local);
    let mut pairs = Vec::new();
    for shard in [None, None, Some(0), Some(1)].into_iter().cycle().take(12) {
        let pair = Pair::dial(&serving, &serve, shard).await;
        assert!(shard.is_none_or(|shard| shard == pair.server_id.shard()));
        pairs.push(pair);
    }
    for pair in &mut pairs {
        pair.talk().await;
    }
    for pair in pairs {
        pair.hang_up(&serving).await;
    }
    assert_eq!(serving.overflow(), 0);
    let nobody = serving.gate(2, |gate, _| gate.calls().count()).await;
    assert_eq!(nobody, Err(Gone));
}

/// What a flood leaves room for in the kernel is decided when the socket is bound.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_receive_buffer_is_as_large_as_the_system_allows() {
    let limit = std::fs::read_to_string("/proc/sys/net/core/rmem_max").expect("Linux has it");
    let limit: usize = limit.trim().parse().expect("a number");
    let driver = Driver::<Ticking>::bind("127.0.0.1:0".parse().expect("an address"));
    let granted = driver.expect("a port").receive_buffer().expect("bound");
    assert!(granted >= limit.min(32 << 20), "{granted} of {limit} bytes");
}
