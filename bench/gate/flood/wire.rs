//! Calls over loopback while somebody floods the server's port.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use bench::memory;
use portcullis::driver::{Driver, Handle};
use portcullis::ice_lite::Candidate;
use portcullis::{Call, IceMode, Session, SessionConfig, dtls};
use serde_json::{Value, json};

use super::calls::{Echo, Talker, Tally};
use super::sender::{self, Manner};
use super::{CALLS, mix};

/// Both sides, each a driver on a thread of its own.
struct Calls {
    server: SocketAddr,
    /// The receive buffer of the server's socket, in bytes.
    buffer: usize,
    serving: Handle<Echo>,
    dialing: Handle<Talker>,
    served: Arc<Tally>,
    calling: Arc<Tally>,
    callers: SocketAddr,
    ufrags: Vec<String>,
}

/// What was counted so far.
#[derive(Clone, Copy)]
struct Counts {
    /// Sent by callers, heard by the server, sent back by it, heard by callers.
    way: [u64; 4],
    /// Lost in the sockets' buffers, of the server and of the callers.
    overflow: [u64; 2],
    flood: u64,
    live: i64,
    resident: i64,
    at: Instant,
}

/// The server has a core of its own. The callers and whoever floods share the other one, as far
/// away from it as this machine allows.
const SERVER_CORE: usize = 1;
const OTHER_CORE: usize = 0;

/// The calls settle before anything is counted.
const SETTLING: Duration = Duration::from_secs(3);

/// Pauses the calls for so long that what waits somewhere arrives, or is lost.
const DRAINING: Duration = Duration::from_millis(500);

/// The calls alone, then the same in each manner of flood, then alone again.
pub(super) fn run(time: Duration) -> Value {
    let calls = Calls::set_up();
    let mix = mix::datagrams(&calls.ufrags);
    thread::sleep(SETTLING);
    let phases = [
        None,
        Some(Manner::Scattered),
        None,
        Some(Manner::Bursts(32)),
        None,
    ];
    let phases: Vec<_> = phases
        .map(|manner| calls.phase(&mix, manner, time))
        .into_iter()
        .collect();
    let lost = calls.lost();
    let buffer = calls.buffer;
    println!(
        "calls lost: {lost}; the server's receive buffer: {buffer} bytes, as the system counts"
    );
    json!({ "calls": CALLS, "packets_per_second_each_way": 50, "calls_lost": lost,
        "receive_buffer": buffer, "phases": phases })
}

impl Calls {
    fn set_up() -> Self {
        let (served, calling) = (Arc::<Tally>::default(), Arc::<Tally>::default());
        let (serving, server, buffer) =
            drive("server", SERVER_CORE, (Ipv4Addr::LOCALHOST, 0).into());
        let (dialing, callers, _) = drive("callers", OTHER_CORE, (Ipv4Addr::UNSPECIFIED, 0).into());
        let config =
            dtls::Config::new(dtls::crypto::default_provider()).expect("the defaults work");
        let config = SessionConfig::new(Arc::new(config));
        let start = Instant::now();
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let ufrags = runtime.expect("a runtime").block_on(async {
            let mut ufrags = Vec::new();
            for number in 0..CALLS {
                // Each caller has an address of its own on the loopback device.
                let ip = Ipv4Addr::from(0x7F01_0000 | number as u32);
                let address = SocketAddr::new(ip.into(), callers.port());
                let (caller, session) = signal(&config, address, server);
                ufrags.push(session.local_ufrag().to_owned());
                let echo = Echo(Arc::clone(&served));
                serving.insert(session, echo).await.expect("it serves");
                let talker = Talker::new(&calling, start);
                dialing.insert(caller, talker).await.expect("it serves");
            }
            ufrags
        });
        while calling.secured.load(Relaxed) < CALLS as u64 {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "the calls are set up"
            );
            thread::sleep(Duration::from_millis(10));
        }
        Self {
            server,
            buffer,
            serving,
            dialing,
            served,
            calling,
            callers,
            ufrags,
        }
    }

    /// How many have ended on either side.
    fn lost(&self) -> usize {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(async {
            let served = self.serving.gate(0, |gate, _| gate.calls().count()).await;
            let calling = self.dialing.gate(0, |gate, _| gate.calls().count()).await;
            2 * CALLS - served.expect("it serves") - calling.expect("it serves")
        })
    }

    /// Counts for a time, in a flood or without one.
    fn phase(&self, mix: &[Vec<u8>], manner: Option<Manner>, time: Duration) -> Value {
        let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
        self.calling.delays.clear();
        let [before, after] = thread::scope(|scope| {
            if let Some(manner) = manner {
                let (stop, sent) = (&stop, &sent);
                scope.spawn(move || {
                    pin(OTHER_CORE);
                    give_way();
                    sender::flood(self.server, mix, manner, stop, sent).expect("it can send");
                });
                // What is allocated once, such as room for a burst, belongs to no phase.
                thread::sleep(Duration::from_millis(500));
            }
            let before = self.counts(&sent);
            thread::sleep(time);
            let after = self.counts(&sent);
            stop.store(true, Relaxed);
            [before, after]
        });
        let name = manner.map_or("no flood", Manner::name);
        report(name, &before, &after, &self.calling)
    }

    /// Counts while nothing is on its way.
    fn counts(&self, flood: &AtomicU64) -> Counts {
        self.calling.paused.store(true, Relaxed);
        thread::sleep(DRAINING);
        let counts = self.counts_now(flood);
        self.calling.paused.store(false, Relaxed);
        counts
    }

    fn counts_now(&self, flood: &AtomicU64) -> Counts {
        let (calling, served) = (&self.calling, &self.served);
        let way = [&calling.sent, &served.heard, &served.sent, &calling.heard];
        Counts {
            way: way.map(|count| count.load(Relaxed)),
            overflow: [self.server, self.callers].map(|address| overflow(address.port())),
            flood: flood.load(Relaxed),
            live: memory::live() as i64,
            resident: memory::resident() as i64,
            at: Instant::now(),
        }
    }
}

fn report(name: &str, before: &Counts, after: &Counts, calling: &Tally) -> Value {
    let seconds = (after.at - before.at).as_secs_f64();
    let [sent, heard, returned, back] =
        [0, 1, 2, 3].map(|place| after.way[place] - before.way[place]);
    let lost = |sent: u64, heard: u64| sent.saturating_sub(heard) as f64 / sent.max(1) as f64;
    let losses = [lost(sent, heard), lost(returned, back)];
    let overflow = [0, 1].map(|place| after.overflow[place] - before.overflow[place]);
    let talking = seconds - DRAINING.as_secs_f64();
    let flood = (after.flood - before.flood) as f64 / seconds;
    let (live, resident) = (after.live - before.live, after.resident - before.resident);
    let delays = [0.5, 0.99].map(|share| calling.delays.quantile(share));
    println!(
        "{name}: {:.0} flood datagrams/s; {:.0} + {:.0} packets/s; lost to the server {:.4} %, from it {:.4} %; \
         buffers overflowed {overflow:?}; there and back {:.1} ms median, {:.1} ms p99; \
         memory {live:+} bytes allocated, {resident:+} resident",
        flood,
        sent as f64 / talking,
        back as f64 / talking,
        losses[0] * 100.0,
        losses[1] * 100.0,
        delays[0],
        delays[1],
    );
    json!({
        "flood": name, "flood_per_second": flood, "seconds": talking,
        "packets_sent": sent, "packets_heard": heard, "packets_returned": returned, "packets_back": back,
        "loss_to_server": losses[0], "loss_from_server": losses[1],
        "overflow_server": overflow[0], "overflow_callers": overflow[1],
        "median_ms": delays[0], "p99_ms": delays[1],
        "grown_allocated": live, "grown_resident": resident,
    })
}

/// Both sides of a call, signalled.
fn signal(config: &SessionConfig, caller: SocketAddr, server: SocketAddr) -> (Session, Session) {
    let now = Instant::now();
    let config = |ice, address| {
        let mut config = config.clone();
        config.ice = ice;
        config.candidates = vec![Candidate::host(address, 0)];
        Arc::new(config)
    };
    let session = |ice, address| Session::new(config(ice, address), now).expect("a session");
    let mut calling = session(IceMode::Controlling, caller);
    let mut served = session(IceMode::Lite, server);
    let offer = calling.local_parameters().into();
    served.set_remote(now, offer).expect("they fit");
    let answer = served.local_parameters().into();
    calling.set_remote(now, answer).expect("they fit");
    (calling, served)
}

/// Runs a driver on a thread of its own. Returns its address and the size of its receive buffer
/// too.
fn drive<C: Call + Send + 'static>(
    name: &str,
    core: usize,
    address: SocketAddr,
) -> (Handle<C>, SocketAddr, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let driver = {
        let _inside = runtime.enter();
        Driver::bind(address).expect("a port")
    };
    let handle = driver.handle();
    let address = driver.local_addr().expect("bound");
    let buffer = driver.receive_buffer().expect("bound");
    let serve = move || {
        pin(core);
        runtime.block_on(driver.run()).expect("the socket works");
    };
    let named = thread::Builder::new().name(name.to_owned());
    named.spawn(serve).expect("a thread");
    (handle, address, buffer)
}

/// Keeps this thread on a core, if the system has the program for it.
fn pin(core: usize) {
    let thread = fs::read_link("/proc/thread-self").unwrap_or_default();
    let Some(id) = thread.file_name() else {
        return;
    };
    let pinned = Command::new("taskset")
        .args(["-cp", &core.to_string()])
        .arg(id)
        .output();
    if !pinned.is_ok_and(|output| output.status.success()) {
        eprintln!("not pinned: taskset is missing");
    }
}

/// Lets the callers go first on the core that they share with this thread: what they lose because
/// they have no time is no loss of the server.
fn give_way() {
    let thread = fs::read_link("/proc/thread-self").unwrap_or_default();
    if let Some(id) = thread.file_name() {
        let done = Command::new("renice")
            .args(["-n", "10", "-p"])
            .arg(id)
            .output();
        if !done.is_ok_and(|output| output.status.success()) {
            eprintln!("the flood has the callers' priority: renice is missing");
        }
    }
}

/// Datagrams that the system has dropped because the buffer of the socket at this port was full.
fn overflow(port: u16) -> u64 {
    let table = fs::read_to_string("/proc/net/udp").unwrap_or_default();
    let wanted = format!(":{port:04X}");
    let rows = table
        .lines()
        .map(|row| row.split_ascii_whitespace().collect::<Vec<_>>());
    let dropped = rows
        .filter(|row| row.get(1).is_some_and(|local| local.ends_with(&wanted)))
        .filter_map(|row| row.last()?.parse::<u64>().ok());
    dropped.sum()
}
