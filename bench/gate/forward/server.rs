//! A server with one call that talks and others that listen.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use portcullis::dtls::{self, SrtpProfile};
use portcullis::{Call, Context, MAX_OVERHEAD, SessionId};

use super::port::{Manner, Port};
use super::{BURST, PACKET_LEN};
use crate::world::World;

/// What each stage of one burst took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stages {
    pub(super) receive: Duration,
    /// And everything up to the call.
    pub(super) unprotect: Duration,
    /// Copies and new headers, too.
    pub(super) protect: Duration,
    pub(super) send: Duration,
}

impl Stages {
    pub(super) fn total(&self) -> Duration {
        self.receive + self.unprotect + self.protect + self.send
    }
}

/// Sends what it hears on to others.
#[derive(Default)]
struct Relay {
    to: Vec<SessionId>,
    spent: Duration,
}

impl Call for Relay {
    fn handle_rtp(&mut self, cx: &mut Context<'_>, packet: &mut [u8]) {
        let start = Instant::now();
        let queued = cx.fan_out_rtp(&self.to, packet, |to, copy| {
            // Each receiver knows the stream by an SSRC of its own.
            copy[8..12].copy_from_slice(&(to.index() as u32).to_be_bytes());
        });
        assert_eq!(queued, self.to.len());
        self.spent += start.elapsed();
    }

    fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}
}

/// A server, the one who talks, and the socket of all its peers.
pub(super) struct Server {
    world: World<Relay>,
    port: Port,
    peers: Port,
    talker: SessionId,
    sequence: u16,
    /// Sealed packets, back to back.
    burst: Vec<u8>,
    manner: Manner,
}

impl Server {
    pub(super) fn new(profile: SrtpProfile, receivers: usize, manner: Manner) -> Self {
        let port = Port::bind((Ipv4Addr::LOCALHOST, 0).into(), manner).expect("a port");
        // It sends from any address of the loopback device, whichever manner the server has.
        let peers = Port::bind((Ipv4Addr::UNSPECIFIED, 0).into(), Manner::Offload).expect("a port");
        let peers_port = peers.address.port();
        let address = move |number| {
            let ip = Ipv4Addr::from(0x7F01_0001 + number);
            SocketAddr::new(ip.into(), peers_port)
        };
        let config = dtls::Config::builder(dtls::crypto::default_provider());
        let config = config.srtp_profiles(&[profile]).build().expect("it works");
        let mut world = World::<Relay>::at(port.address, Box::new(address), config);
        for _ in 0..=receivers {
            world.call();
        }
        let ids: Vec<_> = world.gate.calls().map(|(id, ..)| id).collect();
        let (&talker, to) = ids.split_first().expect("there are calls");
        world
            .gate
            .with(world.now, talker, |call, _| call.to = to.to_vec());
        Self {
            world,
            port,
            peers,
            talker,
            sequence: 0,
            burst: Vec::new(),
            manner,
        }
    }

    /// Forwards bursts for a time.
    pub(super) fn turn(&mut self, time: Duration, bursts: &mut Vec<Stages>) {
        let start = Instant::now();
        while start.elapsed() < time {
            self.talk();
            bursts.push(self.forward());
            // What the receivers get is of no interest here.
            while self.peers.receive() > 0 {}
        }
    }

    /// Sends a burst to the server.
    fn talk(&mut self) {
        self.burst.clear();
        let mut sealed_len = 0;
        for _ in 0..BURST {
            self.sequence = self.sequence.wrapping_add(1);
            let mut packet = [0; PACKET_LEN + MAX_OVERHEAD];
            packet[..2].copy_from_slice(&[0x80, 111]);
            packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
            packet[11] = 1;
            let session = &mut self.world.callers[0].session;
            let sealed = session.protect_rtp(self.world.now, &mut packet, PACKET_LEN);
            sealed_len = sealed.expect("it is secured").len;
            self.burst.extend_from_slice(&packet[..sealed_len]);
        }
        let path = self.world.callers[0].path;
        // A network card hands them over one by one to a plain socket.
        let at_a_time = match self.manner {
            Manner::Plain => sealed_len,
            Manner::Offload => self.burst.len(),
        };
        for datagrams in self.burst.chunks(at_a_time) {
            let source = Some(path.remote.ip());
            self.peers
                .send_as(source, path.local, datagrams, sealed_len);
        }
    }

    fn forward(&mut self) -> Stages {
        let Self { world, port, .. } = self;
        let start = Instant::now();
        let count = port.receive();
        let received = Instant::now();
        let nobody = |_, _: portcullis::Arrival<'_>| unreachable!("there is one shard");
        world
            .gate
            .handle_datagrams(world.now, port.arrivals(count), nobody);
        let handled = Instant::now();
        let outbox = world.gate.outbox();
        let sent = outbox.len();
        let sealed = Instant::now();
        port.send(outbox);
        let done = Instant::now();
        let (talker, now) = (self.talker, world.now);
        let taken = |call: &mut Relay, _: &mut Context<'_>| {
            (std::mem::take(&mut call.spent), call.to.len())
        };
        let (spent, receivers) = world.gate.with(now, talker, taken).expect("it lives");
        assert_eq!(sent, BURST * receivers, "nothing is lost on the way");
        Stages {
            receive: received - start,
            unprotect: (handled - received).saturating_sub(spent),
            protect: spent + (sealed - handled),
            send: done - sealed,
        }
    }
}
