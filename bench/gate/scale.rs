//! What a packet costs where there are many calls, so that what its call holds is in no cache.
//!
//! Packets go to the calls in random order, each to another one until all have had one. Only the gate is timed: its packets were
//! sealed before, which has put other things into the caches.

use std::time::{Duration, Instant};

use bench::samples::Samples;
use portcullis::dtls::{Config, SrtpProfile, crypto};
use portcullis::{Arrival, Call, Context, SessionId};
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom as _;
use serde_json::{Value, json};

use super::world::{SERVER, World, caller};

/// Numbers of calls, unless one is told.
const CALLS: [usize; 3] = [1_000, 10_000, 50_000];

/// Length of a protected packet in bytes: 20 ms of audio.
const LEN: usize = 182;

/// The profiles, and what each adds to a packet.
const PROFILES: [(&str, SrtpProfile, usize); 2] = [
    ("AEAD_AES_128_GCM", SrtpProfile::AEAD_AES_128_GCM, 16),
    (
        "AES128_CM_HMAC_SHA1_80",
        SrtpProfile::AES128_CM_HMAC_SHA1_80,
        10,
    ),
];

/// Packets between two looks at the clock: their buffers fit the second level of the caches.
const CHUNK: usize = 512;

/// Packets that each way takes at least.
const PACKETS: usize = 60_000;

/// Datagrams that are handed over together, and receivers of one packet.
const BATCH: usize = 32;
const RECEIVERS: usize = 64;

/// How often a call's own alarm rings.
const ALARM: Duration = Duration::from_millis(20);

/// A call with an alarm of its own, once it is wound up.
#[derive(Debug, Default)]
struct Ticking {
    next: Option<Instant>,
}

impl Call for Ticking {
    fn handle_rtp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}

    fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}

    fn handle_timeout(&mut self, _: &mut Context<'_>) {
        self.next = self.next.map(|next| next + ALARM);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }
}

/// Each profile at each number of calls, or at `count`.
pub(crate) fn run(count: Option<usize>) -> Value {
    let counts = count.map_or(CALLS.to_vec(), |count| vec![count]);
    println!("ns a packet, minimum (median)");
    let mut rows = Vec::new();
    for (name, profile, overhead) in PROFILES {
        let mut scale = Scale::new(profile, LEN - overhead);
        for &calls in &counts {
            scale.grow(calls);
            for (what, times) in scale.measure() {
                let (minimum, median) = (times.minimum(), times.median());
                println!("{name:22} {calls:6} calls  {what:20} {minimum:7.0} ({median:.0})");
                rows.push(json!({
                    "profile": name, "calls": calls, "what": what, "minimum_ns": minimum, "median_ns": median,
                }));
            }
        }
    }
    Value::Array(rows)
}

/// Many calls under one profile.
struct Scale {
    world: World<Ticking>,
    ids: Vec<SessionId>,
    /// Length of a packet in the clear.
    len: usize,
    /// Of the packets of this turn, both ways.
    sequence: u16,
    rng: SmallRng,
}

impl Scale {
    fn new(profile: SrtpProfile, len: usize) -> Self {
        let config = Config::builder(crypto::default_provider())
            .srtp_profiles(&[profile])
            .build()
            .expect("a profile that both have");
        let mut world = World::at(SERVER, Box::new(caller), config);
        // So that all are there before the consent of the first ones expires.
        world.pace = Duration::from_micros(200);
        Self {
            world,
            ids: Vec::new(),
            len,
            sequence: 0,
            rng: SmallRng::seed_from_u64(7),
        }
    }

    fn grow(&mut self, calls: usize) {
        while self.ids.len() < calls {
            self.ids.push(self.world.call());
            self.world.follow_timers();
        }
        self.world.rest();
        self.world.gate.outbox().clear();
    }

    fn measure(&mut self) -> [(&'static str, Samples); 4] {
        // What each call does once: its streams come to be.
        self.receive(1, 1);
        self.fan_out(1);
        let turns = PACKETS.div_ceil(self.ids.len());
        [
            ("one by one", self.receive(turns, 1)),
            ("batches of 32", self.receive(turns, BATCH)),
            ("fan-out to 64", self.fan_out(turns)),
            ("alarms of calls", self.ring(turns)),
        ]
    }

    /// All calls, in a new order.
    fn shuffled(&mut self) -> Vec<usize> {
        let mut order: Vec<_> = (0..self.ids.len()).collect();
        order.shuffle(&mut self.rng);
        self.sequence += 1;
        order
    }

    fn receive(&mut self, turns: usize, batch: usize) -> Samples {
        let mut samples = Samples::default();
        for _ in 0..turns {
            for calls in self.shuffled().chunks(CHUNK) {
                let mut packets: Vec<_> = calls.iter().map(|&call| self.sealed(call)).collect();
                let paths: Vec<_> = calls
                    .iter()
                    .map(|&call| self.world.callers[call].path)
                    .collect();
                let (now, gate) = (self.world.now, &mut self.world.gate);
                let start = Instant::now();
                if batch == 1 {
                    for (path, packet) in paths.iter().zip(&mut packets) {
                        gate.handle_datagram(now, *path, packet);
                    }
                } else {
                    let both = paths.chunks(batch).zip(packets.chunks_mut(batch));
                    for (paths, packets) in both {
                        let arrivals = paths.iter().zip(packets);
                        let arrivals = arrivals.map(|(path, packet)| Arrival::new(*path, packet));
                        gate.handle_datagrams(now, arrivals, |_, _| unreachable!("one shard"));
                    }
                }
                samples.push(per(start.elapsed(), calls.len()));
            }
        }
        samples
    }

    /// The packet of this turn from a call's peer.
    fn sealed(&mut self, call: usize) -> Vec<u8> {
        let mut packet = self.packet(1);
        packet.resize(self.len + portcullis::MAX_OVERHEAD, 0);
        let session = &mut self.world.callers[call].session;
        let transmit = session.protect_rtp(self.world.now, &mut packet, self.len);
        packet.truncate(transmit.expect("it is secured").len);
        packet
    }

    fn packet(&self, ssrc: u32) -> Vec<u8> {
        let mut packet = vec![0; self.len];
        packet[..2].copy_from_slice(&[0x80, 111]);
        packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
        packet
    }

    /// Per packet that is sent.
    fn fan_out(&mut self, turns: usize) -> Samples {
        let mut samples = Samples::default();
        for _ in 0..turns {
            let order = self.shuffled();
            let packet = self.packet(2);
            for calls in order.chunks_exact(RECEIVERS) {
                let to: Vec<_> = calls.iter().map(|&call| self.ids[call]).collect();
                let (now, gate) = (self.world.now, &mut self.world.gate);
                let start = Instant::now();
                let sent = gate.with(now, to[0], |_, cx| cx.fan_out_rtp(&to, &packet, |_, _| {}));
                let queued = gate.outbox().datagrams().count();
                samples.push(per(start.elapsed(), to.len()));
                assert_eq!((sent, queued), (Some(to.len()), to.len()));
                gate.outbox().clear();
            }
        }
        samples
    }

    /// Per alarm; each call has one every 20 ms, and all are spread over that time.
    fn ring(&mut self, turns: usize) -> Samples {
        let (start, count) = (self.world.now, self.ids.len() as u32);
        for (place, call) in (1..).zip(self.shuffled()) {
            let first = start + ALARM * place / count;
            let gate = &mut self.world.gate;
            gate.with(start, self.ids[call], |ticking, _| {
                ticking.next = Some(first)
            });
        }
        let mut samples = Samples::default();
        let gate = &mut self.world.gate;
        gate.outbox().clear();
        let step = ALARM * CHUNK as u32 / count;
        for _ in 0..turns * self.ids.len() / CHUNK {
            self.world.now += step;
            let begun = Instant::now();
            gate.handle_timeout(self.world.now);
            samples.push(per(begun.elapsed(), CHUNK));
            gate.outbox().clear();
        }
        for &id in &self.ids {
            gate.with(self.world.now, id, |ticking, _| ticking.next = None);
        }
        gate.outbox().clear();
        samples
    }
}

fn per(time: Duration, packets: usize) -> f64 {
    time.as_nanos() as f64 / packets as f64
}
