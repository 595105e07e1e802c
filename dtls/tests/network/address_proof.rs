//! Handshakes behind the proof of an address: what it costs, and that it always completes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dtls::{
    AddressProof, Certificate, Config, ConfigBuilder, Connection, NamedGroup, PostQuantumRetry,
    ProtocolVersion, Role, Verdict,
};

use crate::chance::Chance;
use crate::pair::{FLAVOURS, Flavour, MS, Side, certificate, config, expects};

/// A client, a server that begins as no more than an [`AddressProof`], and the network.
struct Bench {
    now: Instant,
    client: Connection,
    config: Arc<Config>,
    proof: AddressProof,
    server: Option<Connection>,
    /// Instead of the usual one.
    server_certificate: Option<Arc<Certificate>>,
    /// On their way, by time of arrival and order of sending.
    in_flight: BTreeMap<(Instant, usize), (Side, Vec<u8>)>,
    /// Which datagrams get lost.
    is_lost: Box<dyn FnMut(usize) -> bool>,
    /// Sender and length of every datagram.
    log: Vec<(Side, usize)>,
}

impl Bench {
    fn new([client, server]: [ConfigBuilder; 2]) -> Self {
        let now = Instant::now();
        let [client, config] = [client, server].map(|c| Arc::new(c.build().expect("config")));
        let (ours, peer) = (certificate(Side::Client), expects(Side::Client));
        Self {
            now,
            client: Connection::new(client, Role::Client, ours, peer, now).expect("client"),
            proof: AddressProof::new(Arc::clone(&config), now).expect("random"),
            config,
            server: None,
            server_certificate: None,
            in_flight: BTreeMap::new(),
            is_lost: Box::new(|_| false),
            log: Vec::new(),
        }
    }

    fn send(&mut self, from: Side, datagram: Vec<u8>) {
        let number = self.log.len();
        self.log.push((from, datagram.len()));
        if !(self.is_lost)(number) {
            let arrival = (self.now + MS, number);
            self.in_flight.insert(arrival, (from.peer(), datagram));
        }
    }

    fn flush(&mut self) {
        let mut buf = [0; 1500];
        let mut sent = Vec::new();
        while let Some(length) = self.client.poll_transmit(self.now, &mut buf) {
            sent.push((Side::Client, buf[..length].to_vec()));
        }
        if let Some(server) = &mut self.server {
            while let Some(length) = server.poll_transmit(self.now, &mut buf) {
                sent.push((Side::Server, buf[..length].to_vec()));
            }
        }
        for (from, datagram) in sent {
            self.send(from, datagram);
        }
    }

    fn deliver(&mut self, to: Side, mut datagram: Vec<u8>) {
        match (to, &mut self.server) {
            (Side::Client, _) => {
                let result = self.client.handle_datagram(self.now, &mut datagram);
                assert_eq!(result, Ok(()));
            }
            (Side::Server, Some(server)) => {
                assert_eq!(server.handle_datagram(self.now, &mut datagram), Ok(()));
            }
            (Side::Server, None) => self.prove(&datagram),
        }
    }

    fn prove(&mut self, datagram: &[u8]) {
        let address: SocketAddr = ([192, 0, 2, 1], 5000).into();
        match self.proof.handle_datagram(self.now, address, datagram) {
            Verdict::Dropped(reason) => panic!("a datagram of the client is dropped: {reason}"),
            Verdict::Refused { error, .. } => panic!("the client is refused: {error}"),
            Verdict::Incomplete => {}
            Verdict::Ask(answer) => {
                let answer = answer.to_vec();
                self.send(Side::Server, answer);
            }
            Verdict::Proven(hello) => {
                let config = Arc::clone(&self.config);
                let usual = || certificate(Side::Server);
                let ours = self.server_certificate.clone().unwrap_or_else(usual);
                let peer = expects(Side::Server);
                let server = Connection::accept(config, ours, peer, hello, self.now);
                self.server = Some(server.expect("server"));
            }
        }
    }

    /// Lets the next thing happen; false if nothing will.
    fn step(&mut self) -> bool {
        self.flush();
        let arrival = self.in_flight.first_key_value().map(|(key, _)| key.0);
        let client = self.client.poll_timeout();
        let server = self.server.as_ref().and_then(Connection::poll_timeout);
        let Some(next) = arrival.into_iter().chain(client).chain(server).min() else {
            return false;
        };
        self.now = self.now.max(next);
        while let Some(entry) = self.in_flight.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let (to, datagram) = entry.remove();
            self.deliver(to, datagram);
        }
        for end in [Some(&mut self.client), self.server.as_mut()] {
            if let Some(end) = end.filter(|end| end.poll_timeout().is_some_and(|t| t <= self.now)) {
                assert_eq!(end.handle_timeout(self.now), Ok(()), "{:?}", self.log);
            }
        }
        true
    }

    fn is_connected(&self) -> bool {
        let server = self.server.as_ref();
        self.client.info().is_some() && server.is_some_and(|server| server.info().is_some())
    }

    /// Goes on until both ends are connected and have the same keys.
    fn connect(&mut self) {
        while !self.is_connected() {
            assert!(self.step(), "{:?}", self.log);
        }
        let server = self.server.as_ref().expect("connected");
        let keys = |end: &Connection| {
            let keys = end.srtp_keying_material().expect("SRTP keys");
            keys.as_bytes().to_vec()
        };
        assert_eq!(keys(&self.client), keys(server));
    }

    fn bytes(&self, from: Side) -> usize {
        let sent = self.log.iter().filter(|entry| entry.0 == from);
        sent.map(|entry| entry.1).sum()
    }
}

fn both(flavour: Flavour) -> [ConfigBuilder; 2] {
    [config(flavour), config(flavour)]
}

/// T-HSK-15, T-DOS-02: one more round trip, no longer than its ClientHello, and then a handshake
/// like any other, in which the server waits for nothing.
#[test]
fn t_hsk_15_cookies() {
    for flavour in FLAVOURS {
        let mut bench = Bench::new(both(flavour));
        let start = bench.now;
        bench.connect();
        let proof = bench.proof.statistics();
        assert_eq!((proof.asked, proof.proven), (1, 1));
        // Request, server's flight, client's flight, and the answer to that at most.
        assert!(bench.now - start <= 6 * MS, "{flavour:?}: {:?}", bench.log);
        let info = bench.client.info().expect("connected");
        assert_eq!((info.version, info.group), (flavour.version, flavour.group));
        let answer = bench.log.iter().find(|entry| entry.0 == Side::Server);
        assert!(answer.expect("a request").1 <= 160, "{:?}", bench.log);
    }
}

/// The HelloRetryRequest asks for another group too.
#[test]
fn another_group() {
    let version = ProtocolVersion::DTLS1_3;
    let [mut client, server] = both(Flavour {
        version,
        group: NamedGroup::SECP384R1,
    });
    client = client.groups(&[NamedGroup::X25519, NamedGroup::SECP384R1]);
    let mut bench = Bench::new([client, server]);
    bench.connect();
    let info = bench.client.info().expect("connected");
    assert_eq!(info.group, NamedGroup::SECP384R1);
}

/// The HelloRetryRequest for a cookie asks for a post-quantum share too, unless that is not wanted.
#[test]
fn a_post_quantum_share_with_the_cookie() {
    let [_, _, hybrid] = FLAVOURS;
    for (retry, group) in [
        (PostQuantumRetry::Never, NamedGroup::X25519),
        (PostQuantumRetry::IfFree, hybrid.group),
        (PostQuantumRetry::Always, hybrid.group),
    ] {
        let groups = [hybrid.group, NamedGroup::X25519];
        let [client, server] = both(hybrid);
        let client = client.groups(&groups).small_client_hello();
        let server = server.groups(&groups).post_quantum_retry(retry);
        let mut bench = Bench::new([client, server]);
        bench.connect();
        assert_eq!(bench.client.info().expect("connected").group, group);
    }
}

/// Where a tenth of the datagrams gets lost, with flights much longer than three ClientHellos: neither
/// side ever waits for the other for good. RSA-2048 and RSA-4096, alone and in chains.
/// `PORTCULLIS_PROOF_RUNS=1000` for the long run.
#[cfg(feature = "aws-lc-rs")]
#[test]
fn long_flights_in_spite_of_loss() {
    let runs = std::env::var("PORTCULLIS_PROOF_RUNS").ok();
    let runs: u64 = runs.map_or(5, |runs| runs.parse().expect("a number"));
    let short = (
        include_str!("certificates/rsa.pem"),
        include_str!("certificates/rsa.key.pem"),
    );
    let long = (
        include_str!("certificates/rsa4096.pem"),
        include_str!("certificates/rsa4096.key.pem"),
    );
    for ((pem, key), chain) in [(short, 1), (short, 8), (long, 1), (long, 4)] {
        let certificate = Certificate::from_pem(&pem.repeat(chain), key, &**crate::pair::PROVIDER);
        let certificate = Arc::new(certificate.expect("certificate"));
        for flavour in FLAVOURS {
            for loss in [0.0, 0.05, 0.1] {
                for seed in 0..runs {
                    let mut bench = Bench::new(both(flavour));
                    let ours = certificate.fingerprint_sha256();
                    let expected = dtls::PeerIdentity::Fingerprints(vec![ours]);
                    bench.server_certificate = Some(Arc::clone(&certificate));
                    let config = Arc::new(config(flavour).build().expect("config"));
                    let shown = crate::pair::certificate(Side::Client);
                    let client = Connection::new(config, Role::Client, shown, expected, bench.now);
                    bench.client = client.expect("client");
                    let mut chance = Chance::new(seed);
                    bench.is_lost = Box::new(move |_| chance.hits(loss));
                    bench.connect();
                }
            }
        }
    }
}

/// A client that offers both versions gets the one that the server has.
#[test]
fn either_version() {
    for flavour in FLAVOURS {
        let [client, server] = both(flavour);
        let versions = [ProtocolVersion::DTLS1_3, ProtocolVersion::DTLS1_2];
        let mut bench = Bench::new([client.versions(&versions), server]);
        bench.connect();
        let info = bench.client.info().expect("connected");
        assert_eq!(info.version, flavour.version);
    }
}

/// Whichever two datagrams get lost.
#[test]
fn any_two_drops() {
    for flavour in FLAVOURS {
        for first in 0..10 {
            for second in first..10 {
                let mut bench = Bench::new(both(flavour));
                bench.is_lost = Box::new(move |number| number == first || number == second);
                bench.connect();
            }
        }
    }
}

/// A fifth of the datagrams gets lost.
#[test]
fn losses() {
    for flavour in FLAVOURS {
        for seed in 0..100 {
            let mut bench = Bench::new(both(flavour));
            let mut chance = Chance::new(seed);
            bench.is_lost = Box::new(move |_| chance.hits(0.2));
            bench.connect();
        }
    }
}

/// RFC 9147 §5.1: the cookie proved the address, so that nothing is held back for want of credit: a
/// client that falls silent is still sent the flight until the timer gives up.
#[test]
fn a_proven_cookie_is_believed() {
    for flavour in FLAVOURS {
        let mut bench = Bench::new(both(flavour));
        while bench.server.is_none() {
            assert!(bench.step());
        }
        // The client is gone; the server does what it can.
        let server = bench.server.as_mut().expect("proven");
        let mut buf = [0; 1500];
        let (mut now, end) = (bench.now, bench.now + Duration::from_secs(29));
        let mut sent = 0;
        while now < end {
            while let Some(length) = server.poll_transmit(now, &mut buf) {
                sent += length;
            }
            now += MS * 100;
            assert_eq!(server.handle_timeout(now), Ok(()));
        }
        // 400 ms, doubled until 29 s are over: the flight and its first six retransmissions.
        let retransmissions = server.statistics().retransmissions;
        assert!(retransmissions >= 6, "{retransmissions} retransmissions");
        let received = bench.bytes(Side::Client);
        assert!(sent > 3 * received, "{sent} bytes for {received}");
    }
}

/// T-DOS-09: however many handshakes could not even begin, the next one is as the first.
#[test]
fn t_dos_09_refused_hellos_leave_nothing_behind() {
    const REFUSED: u64 = 20_000;
    let [older, newer, _] = FLAVOURS;
    let mut bench = Bench::new([config(older), config(newer)]);
    let mut buf = [0; 1500];
    let length = bench.client.poll_transmit(bench.now, &mut buf);
    let hello = &buf[..length.expect("a ClientHello")];
    for number in 0..REFUSED {
        let address = ([192, 0, 2, (number >> 16) as u8], number as u16).into();
        let verdict = bench.proof.handle_datagram(bench.now, address, hello);
        assert!(matches!(verdict, Verdict::Refused { .. }), "{verdict:?}");
    }
    assert_eq!(bench.proof.statistics().refused, REFUSED);

    let mut good = Bench::new(both(newer));
    std::mem::swap(&mut good.proof, &mut bench.proof);
    std::mem::swap(&mut good.config, &mut bench.config);
    good.connect();
    let statistics = good.proof.statistics();
    assert_eq!((statistics.proven, statistics.refused), (1, REFUSED));
}

/// T-DOS-02: before the proof it is never more than what came.
#[test]
fn t_dos_02_amplification_before_the_proof() {
    for flavour in FLAVOURS {
        let mut bench = Bench::new(both(flavour));
        // Nothing ever arrives at the client, which tries again and again.
        for _ in 0..40 {
            if bench.proof.statistics().asked < 4 {
                assert!(bench.step());
                bench.in_flight.retain(|_, (to, _)| *to == Side::Server);
            }
        }
        assert_eq!(bench.proof.statistics().asked, 4);
        let (sent, received) = (bench.bytes(Side::Server), bench.bytes(Side::Client));
        assert!(sent <= received, "{sent} bytes for {received}");
    }
}
