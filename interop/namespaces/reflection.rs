//! Calls whose callers write a bystander's address: it gets at most three times what was sent in its name.

use std::io::Read as _;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use interop::namespace::Namespace;
use portcullis::IceMode;
use socket2::{Domain, Protocol, Socket, Type};

use super::forger::Forger;
use super::inside::inside;
use super::peer::{Peer, VERSIONS, connect, run_until, run_with};
use super::street::{PRIORITY, Street};

/// Bytes to an unproved address for each that came from it.
const LIMIT: f64 = 3.0;

const BYSTANDER: &str = "10.78.2.2:5000";

/// A host that only counts.
struct Bystander(UdpSocket);

impl Bystander {
    fn new(host: &Namespace) -> Self {
        let socket = inside(host, || UdpSocket::bind(BYSTANDER).expect("a port"));
        socket.set_nonblocking(true).expect("a socket");
        Self(socket)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("it is bound")
    }

    /// The bytes that have come.
    fn received(&self) -> usize {
        let mut buf = [0; 2048];
        let mut bytes = 0;
        while let Ok((len, _)) = self.0.recv_from(&mut buf) {
            bytes += len;
        }
        bytes
    }
}

/// What comes from the bystander's address: a check with USE-CANDIDATE and SRTP of the attacker's own, once;
/// then four times a second. At first the call goes on over the attacker's own address, then it is silent
/// there, so that who follows the peer would follow it. Gives the worst ratio of bytes at any time.
fn reflect(peers: &mut [&mut Peer], to: SocketAddr, street: &Street) -> f64 {
    let bystander = Bystander::new(&street.bystander);
    let mut forger = Forger::new(&street.stranger);
    let (mut received, mut worst, mut priority) = (0, 0.0_f64, PRIORITY);
    for (often, silent) in [(false, false), (true, false), (true, true), (false, true)] {
        if silent {
            peers[0].dead.push(to);
        }
        let mut next = Some(Instant::now());
        run_with(peers, Duration::from_secs(4), |peers| {
            received += bystander.received();
            worst = worst.max(received as f64 / forger.sent.max(1) as f64);
            if next.is_none_or(|at| Instant::now() < at) {
                return;
            }
            next = often.then(|| Instant::now() + Duration::from_millis(250));
            priority += 1;
            let attacker = &mut peers[0];
            let check = attacker.nomination(priority);
            forger.send(bystander.address(), to, &check);
            let (_, media) = attacker.sealed().expect("it is secured");
            forger.send(bystander.address(), to, &media);
        });
    }
    let sent = forger.sent;
    println!("{received} bytes for {sent} forged ones, {worst:.2} times as many at worst");
    assert!(received > 0, "it is spoken to");
    worst
}

#[test]
fn a_reflection_by_a_lite_host_gets_at_most_three_times_its_bytes() {
    let Some(street) = Street::new(&[]) else {
        return;
    };
    let mut attacker = street.thief();
    connect(&mut [&mut attacker]);
    let server = attacker.server.expect("a candidate");
    let ratio = reflect(&mut [&mut attacker], server, &street);
    assert!(ratio <= LIMIT, "{ratio}");
}

/// The attacker is who is called, and the caller's agent sends checks wherever it is told to.
#[test]
fn a_reflection_by_a_controlling_caller_gets_at_most_three_times_its_bytes() {
    let Some(street) = Street::new(&[]) else {
        return;
    };
    let near = &street.link.near;
    let mut caller = Peer::new(near, "10.78.0.1:0", IceMode::Controlling, &VERSIONS);
    let mut attacker = Peer::new(&street.stranger, "10.78.1.2:0", IceMode::Lite, &VERSIONS);
    attacker.set_remote(caller.session.local_parameters().into());
    caller.set_remote(attacker.session.local_parameters().into());
    connect(&mut [&mut caller, &mut attacker]);
    let to = caller.address;
    let ratio = reflect(&mut [&mut attacker, &mut caller], to, &street);
    assert!(ratio <= LIMIT, "{ratio}");
}

/// Connections in a bystander's name: what opens one, and data behind it that guesses what was answered.
#[test]
fn a_reflection_by_tcp_gets_at_most_three_times_its_bytes() {
    let Some(street) = Street::new(&["--media-tcp", "10.78.0.1:4433"]) else {
        return;
    };
    let mut attacker = street.thief();
    connect(&mut [&mut attacker]);
    let to: SocketAddr = "10.78.0.1:4433".parse().expect("an address");
    let from: SocketAddr = BYSTANDER.parse().expect("an address");
    // A copy of all segments that come, with their IP header.
    let make = || Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::TCP)).expect("root may");
    let tap = inside(&street.bystander, make);
    tap.set_nonblocking(true).expect("a socket");
    let mut forger = Forger::new(&street.stranger);
    let check = attacker.nomination(PRIORITY);
    let mut frame = u16::try_from(check.len())
        .expect("short")
        .to_be_bytes()
        .to_vec();
    frame.extend_from_slice(&check);
    for number in 0..20_u16 {
        let from = SocketAddr::new(from.ip(), from.port() + number);
        forger.send_syn(from, to, 1000);
        thread::sleep(Duration::from_millis(50));
        forger.send_blind(from, to, 1001, &frame);
        let done = run_until(&mut [&mut attacker], Duration::from_millis(150), |_| false);
        assert_eq!(done, None);
    }
    thread::sleep(Duration::from_secs(3));
    let mut buf = [0; 2048];
    let mut received = 0;
    while let Ok(len) = (&tap).read(&mut buf) {
        received += len;
    }
    let ratio = received as f64 / forger.sent as f64;
    println!(
        "{received} bytes of IP for {} forged ones: {ratio:.2}",
        forger.sent
    );
    assert!(received > 0 && ratio <= LIMIT, "{ratio}");
}
