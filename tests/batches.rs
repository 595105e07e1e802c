//! Many datagrams at once give what they give one by one.

mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use dtls::{Certificate, SrtpProfile};
use portcullis::{Arrival, Gate, Layer, Path, RouteDrop, SendError, Session, SessionConfig};
use rand::rngs::SmallRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use support::served::{Recorder, Served};
use support::{Terms, rtp, server_address};

const CALLS: usize = 6;

const PROFILES: [SrtpProfile; 2] = [
    SrtpProfile::AEAD_AES_128_GCM,
    SrtpProfile::AES128_CM_HMAC_SHA1_80,
];

fn served(profile: SrtpProfile) -> Served {
    let terms = Terms {
        profile,
        ..Terms::DEFAULT
    };
    Served::with_calls_of(CALLS as u16, terms)
}

/// Calls beside those that are looked at, of which a gate with so many asks ahead for memory.
const CROWD: usize = 2100;

/// The same server, among calls whose peers never come.
fn crowded(profile: SrtpProfile) -> Served {
    let mut served = served(profile);
    let dtls = dtls::Config::new(dtls::crypto::default_provider()).expect("randomness");
    let mut config = SessionConfig::new(Arc::new(dtls));
    let certificate = Certificate::generate(&**config.dtls.provider()).expect("a certificate");
    config.certificate = Some(Arc::new(certificate));
    let config = Arc::new(config);
    for _ in 0..CROWD {
        let session = Session::new(Arc::clone(&config), served.now).expect("a session");
        let inserted = served.gate.insert(served.now, session, Recorder::default());
        inserted.expect("a new ufrag");
    }
    served
}

/// Datagrams to a server, as a seed makes them: two servers get the same from the same seed, but for
/// what keys and random numbers make different.
struct Mix {
    random: SmallRng,
    sequences: [u16; CALLS],
    /// A check of each caller that has not been sent yet.
    checks: Vec<Vec<u8>>,
    sent: Vec<(Path, Vec<u8>)>,
}

impl Mix {
    fn new(seed: u64, served: &mut Served) -> Self {
        Self {
            random: SmallRng::seed_from_u64(seed),
            sequences: [0; CALLS],
            checks: (0..CALLS).map(|index| check(served, index)).collect(),
            sent: Vec::new(),
        }
    }

    fn datagrams(&mut self, served: &mut Served, count: usize) -> Vec<(Path, Vec<u8>)> {
        (0..count).map(|_| self.datagram(served)).collect()
    }

    fn datagram(&mut self, served: &mut Served) -> (Path, Vec<u8>) {
        let index = self.random.random_range(0..CALLS);
        let path = served.path(index);
        let datagram = match self.random.random_range(0..20) {
            0..10 => (path, self.rtp(served, index)),
            10 => (path, report(served, index)),
            11 => (path, self.checks[index].clone()),
            12 => (path, damaged(self.rtp(served, index))),
            13 => (stranger(), self.rtp(served, index)),
            14 => (served.path((index + 1) % CALLS), self.rtp(served, index)),
            15 => (path, self.noise()),
            // DTLS that nobody's keys made.
            16 => (
                path,
                vec![23, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0],
            ),
            _ if self.sent.is_empty() => (path, Vec::new()),
            _ => self.sent[self.random.random_range(0..self.sent.len())].clone(),
        };
        self.sent.push(datagram.clone());
        datagram
    }

    fn rtp(&mut self, served: &mut Served, index: usize) -> Vec<u8> {
        self.sequences[index] += 1;
        served.sealed(index, self.sequences[index])
    }

    fn noise(&mut self) -> Vec<u8> {
        let mut noise = vec![0; self.random.random_range(0..100)];
        self.random.fill_bytes(&mut noise);
        noise
    }
}

fn report(served: &mut Served, index: usize) -> Vec<u8> {
    let (mut buf, len) = rtp::report(7);
    let session = &mut served.callers[index].peer.session;
    let transmit = session.protect_rtcp(served.now, &mut buf, len);
    buf[..transmit.expect("the call is secured").len].to_vec()
}

fn damaged(mut datagram: Vec<u8>) -> Vec<u8> {
    datagram[20] ^= 1;
    datagram
}

fn stranger() -> Path {
    let remote = SocketAddr::new(Ipv4Addr::new(203, 0, 113, 9).into(), 9);
    Path::udp(server_address(), remote)
}

/// A genuine check of a caller, held back.
fn check(served: &mut Served, index: usize) -> Vec<u8> {
    let mut buf = [0; 1500];
    let session = &mut served.callers[index].peer.session;
    let mut now = served.now;
    loop {
        now += Duration::from_millis(100);
        session.handle_timeout(now).expect("all goes well");
        if let Some(transmit) = session.poll_transmit(now, &mut buf) {
            return buf[..transmit.len].to_vec();
        }
    }
}

fn one_by_one(served: &mut Served, datagrams: &mut [(Path, Vec<u8>)]) {
    for (path, datagram) in datagrams {
        served.gate.handle_datagram(served.now, *path, datagram);
    }
}

fn all_at_once(served: &mut Served, datagrams: &mut [(Path, Vec<u8>)]) {
    let arrivals = datagrams
        .iter_mut()
        .map(|(path, bytes)| Arrival::new(*path, bytes));
    let now = served.now;
    served
        .gate
        .handle_datagrams(now, arrivals, |_, _| panic!("there is one shard"));
}

/// What can be seen of a call: what it heard, how much it was told, and what was dropped of it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    heard: Vec<(bool, Vec<u8>)>,
    events: usize,
    received: u64,
    discards: Vec<(Layer, &'static str, u64)>,
}

fn seen(gate: &Gate<Recorder>) -> Vec<Seen> {
    gate.calls()
        .map(|(_, session, call)| {
            let statistics = session.statistics();
            let discards = statistics.discards().filter(|&(.., count)| count > 0);
            Seen {
                heard: call.heard.clone(),
                events: call.events.len(),
                received: statistics.datagrams_received,
                discards: discards.collect(),
            }
        })
        .collect()
}

/// Not `assert_eq` of the whole: nobody could read what it prints.
fn assert_same(single: &Gate<Recorder>, batched: &Gate<Recorder>) {
    let (single_seen, batched_seen) = (seen(single), seen(batched));
    assert_eq!(single_seen.len(), batched_seen.len());
    for (single, batched) in single_seen.iter().zip(&batched_seen) {
        assert_eq!(single.received, batched.received);
        assert_eq!(single.discards, batched.discards);
        assert_eq!(single.events, batched.events);
        for (one, other) in single.heard.iter().zip(&batched.heard) {
            assert_eq!(one, other);
        }
        assert_eq!(single.heard.len(), batched.heard.len());
    }
    assert_eq!(dropped(single), dropped(batched));
}

/// Of all calls together.
fn bytes_received(gate: &Gate<Recorder>) -> u64 {
    let calls = gate.calls();
    calls
        .map(|(_, session, _)| session.statistics().bytes_received)
        .sum()
}

fn dropped(gate: &Gate<Recorder>) -> Vec<u64> {
    let router = gate.router();
    RouteDrop::ALL
        .iter()
        .map(|&reason| router.dropped(reason))
        .collect()
}

/// Where to, and how long: the bytes are random.
fn outgoing(gate: &mut Gate<Recorder>) -> Vec<(Path, usize)> {
    let mut outgoing: Vec<_> = gate
        .outbox()
        .datagrams()
        .map(|datagram| (datagram.path, datagram.bytes.len()))
        .collect();
    // Between calls, the order may be another.
    outgoing.sort();
    gate.outbox().clear();
    outgoing
}

#[test]
fn a_batch_is_what_its_datagrams_are_one_by_one() {
    for (seed, profile) in (0..6).zip(PROFILES.into_iter().cycle()) {
        let make = if seed < 2 { crowded } else { served };
        let mut pair = [make(profile), make(profile)];
        let mut mixes = pair.each_mut().map(|served| Mix::new(seed, served));
        let mut sizes = SmallRng::seed_from_u64(seed);
        let before = pair.each_ref().map(|served| bytes_received(&served.gate));
        for _ in 0..30 {
            let count = sizes.random_range(1..200);
            let [single, batched] = &mut pair;
            let mut datagrams = mixes[0].datagrams(single, count);
            one_by_one(single, &mut datagrams);
            let mut datagrams = mixes[1].datagrams(batched, count);
            all_at_once(batched, &mut datagrams);
            assert_same(&single.gate, &batched.gate);
            assert_eq!(outgoing(&mut single.gate), outgoing(&mut batched.gate));
        }
        let heard: usize = seen(&pair[1].gate)
            .iter()
            .map(|seen| seen.heard.len())
            .sum();
        let [single, batched] = pair.each_ref().map(|served| bytes_received(&served.gate));
        assert_eq!(single - before[0], batched - before[1]);
        assert!(heard > 1000, "the mix has packets to hear: {heard}");
    }
}

/// A call that ends in the midst of a batch hears nothing more of it, and the others all of it.
#[test]
fn a_call_may_end_within_a_batch() {
    type Make = fn(SrtpProfile) -> Served;
    let few = (served as Make, CALLS);
    let many = (crowded as Make, CALLS + CROWD);
    for (panics, (make, calls)) in [(false, few), (true, few), (false, many), (true, many)] {
        let mut pair = PROFILES.map(|_| make(PROFILES[1]));
        let after = pair.each_mut().map(|served| {
            let id = served.callers[2].id;
            served.gate.with(served.now, id, |call, _| {
                (call.fragile, call.hangs_up) = (panics, !panics);
            });
            let mut mix = Mix::new(7, served);
            mix.datagrams(served, 150)
        });
        let [mut first, mut second] = after;
        one_by_one(&mut pair[0], &mut first);
        all_at_once(&mut pair[1], &mut second);
        let [single, batched] = &mut pair;
        assert_eq!(batched.gate.calls().count(), calls - 1);
        assert_same(&single.gate, &batched.gate);
        assert_eq!(outgoing(&mut single.gate), outgoing(&mut batched.gate));
        assert_eq!(batched.gate.panics(), u64::from(panics));
    }
}

/// What the callers got of what the server sent: RTP, then RTCP, of each.
fn received(served: &mut Served) -> Vec<Vec<Vec<u8>>> {
    served.deliver_answers();
    let peers = served.callers.iter().map(|caller| &caller.peer);
    peers
        .flat_map(|peer| [peer.rtp.clone(), peer.rtcp.clone()])
        .collect()
}

#[test]
fn queued_packets_are_what_packets_sealed_at_once_are() {
    for profile in PROFILES {
        let mut pair = [served(profile), served(profile)];
        let mut random = SmallRng::seed_from_u64(1);
        for round in 0..3 {
            for number in 0..100 {
                let to = random.random_range(0..CALLS);
                let (packet, len) = rtp::packet(5, round * 100 + number);
                let (report, report_len) = rtp::report(5);
                let in_place = random.random_range(0..10) == 0;
                for (queues, served) in pair.iter_mut().enumerate() {
                    let (from, to) = (served.callers[0].id, served.callers[to].id);
                    let sent = served.gate.with(served.now, from, |_, cx| match queues {
                        0 => (
                            cx.forward_rtp(to, &packet[..len]),
                            cx.forward_rtcp(to, &report[..report_len]),
                        ),
                        // Both ways may be mixed.
                        _ if in_place => (
                            cx.forward_rtp(to, &packet[..len]),
                            cx.queue_rtcp(to, &report[..report_len]),
                        ),
                        _ => (
                            cx.queue_rtp(to, &packet[..len]),
                            cx.queue_rtcp(to, &report[..report_len]),
                        ),
                    });
                    assert_eq!(sent, Some((Ok(()), Ok(()))));
                }
            }
            let [at_once, queued] = pair.each_mut().map(received);
            assert_eq!(at_once, queued);
        }
    }
}

/// One packet to all, each with its own SSRC and sequence number; who can't be reached is left out.
#[test]
fn a_packet_fans_out_to_many_calls() {
    let mut served = served(PROFILES[0]);
    let ids: Vec<_> = served.callers.iter().map(|caller| caller.id).collect();
    let now = served.now;
    served.gate.with(now, ids[3], |_, cx| cx.close());
    served.gate.outbox().clear();
    let (packet, len) = rtp::packet(5, 1);
    let queued = served.gate.with(now, ids[0], |_, cx| {
        cx.fan_out_rtp(&ids, &packet[..len], |to, copy| {
            copy[3] = 100 + to.index() as u8;
        })
    });
    assert_eq!(queued, Some(CALLS - 1));
    served.deliver_answers();
    for (index, caller) in served.callers.iter().enumerate() {
        let mut expected = packet[..len].to_vec();
        expected[3] = 100 + index as u8;
        let expected = if index == 3 { vec![] } else { vec![expected] };
        assert_eq!(caller.peer.rtp, expected);
    }
}

/// What SRTP does not take costs its place in the outbox and nothing else.
#[test]
fn a_queued_packet_that_can_not_be_sealed_is_counted() {
    let mut served = served(PROFILES[0]);
    let (now, id) = (served.now, served.callers[1].id);
    let (packet, len) = rtp::packet(5, 1);
    let sent = served.gate.with(now, id, |_, cx| {
        [
            cx.queue_rtp(id, &packet[..len]),
            cx.queue_rtp(id, &[0x80; 4]),
            cx.queue_rtp(id, &[0x80, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 5]),
        ]
    });
    assert_eq!(sent, Some([Ok(()); 3]), "that it is no RTP shows later");
    assert_eq!(served.gate.outbox().len(), 2);
    let (_, session, _) = served.gate.calls().nth(1).expect("the call");
    let statistics = session.statistics();
    assert_eq!(statistics.packets_sent, 2);
    assert_eq!(statistics.discarded(portcullis::Discard::NotSealed), 1);
    served.deliver_answers();
    assert_eq!(served.callers[1].peer.rtp.len(), 2);
}

/// A call's last words are sealed before its session goes.
#[test]
fn what_a_call_queued_before_its_end_is_sent() {
    let mut served = served(PROFILES[0]);
    let (now, id) = (served.now, served.callers[1].id);
    let (packet, len) = rtp::packet(5, 1);
    served.gate.with(now, id, |_, cx| {
        cx.queue_rtp(id, &packet[..len])
            .expect("the call is secured");
        cx.close();
        assert_eq!(cx.queue_rtp(id, &packet[..len]), Err(SendError::Closed));
    });
    assert_eq!(served.gate.calls().count(), CALLS - 1);
    served.deliver_answers();
    assert_eq!(served.callers[1].peer.rtp.len(), 1);
}
