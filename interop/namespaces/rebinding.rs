//! A NAT that gives a caller another address in mid-call.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use interop::namespace::Namespace;
use interop::program::{Running, demo_call};
use portcullis::{Class, classify};
use socket2::{Domain, Protocol, Socket, Type};

use super::inside::{inside, set};
use super::{Link, RECORDING};

/// From the caller's first authenticated datagram at its new address until media comes again.
const LIMIT: Duration = Duration::from_secs(1);

/// Consent is asked for within this time (RFC 7675 §5.1).
const CHECK: Duration = Duration::from_secs(6);

/// All UDP that comes to a host.
struct Tap(Socket);

impl Tap {
    fn new(host: &Namespace) -> Self {
        let make = || Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::UDP)).expect("root may");
        let socket = inside(host, make);
        socket.set_nonblocking(true).expect("a socket");
        Self(socket)
    }

    /// Where the next datagram of a class comes from that has come since the last call.
    fn next(&self, wanted: Class) -> Option<SocketAddr> {
        let mut buf = [0; 2048];
        loop {
            let len = std::io::Read::read(&mut &self.0, &mut buf).ok()?;
            let packet = SlicedPacket::from_ip(&buf[..len]).expect("IP");
            let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Udp(udp))) =
                (packet.net, packet.transport)
            else {
                continue;
            };
            if classify(udp.payload()) == wanted {
                let source = ip.header().source_addr();
                return Some(SocketAddr::new(source.into(), udp.source_port()));
            }
        }
    }
}

/// `dial` never nominates again, and its consent checks are all that the host hears from its new address at
/// first. The old mapping is gone: what is sent there is lost.
#[test]
fn after_a_rebinding_downstream_resumes_within_a_second_of_the_first_check() {
    let nft = Command::new("nft")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if !nft.is_ok_and(|status| status.success()) {
        println!(
            "SKIPPED: the program `nft` is not here; install it with `apt-get install nftables`"
        );
        return;
    }
    // The far one is the NAT.
    let Some(Link { near, far: nat, .. }) = Link::new() else {
        return;
    };
    let Ok(home) = Namespace::new() else { return };
    nat.join_by("v1", "192.168.1.1/24", &home, "192.168.1.2/24");
    home.ip("route add default via 192.168.1.1");
    set(&nat, "/proc/sys/net/ipv4/ip_forward", "1");
    let rules = "add table ip nat; add chain ip nat out { type nat hook postrouting priority srcnat; }; \
                 add rule ip nat out oifname v0 masquerade";
    let ruled = nat.command("nft").arg(rules).status();
    assert!(ruled.is_ok_and(|status| status.success()), "nft");
    let mut command = near.command(demo_call());
    command.args(["listen", "--http", "10.78.0.1:8080", "--media", "0.0.0.0:0"]);
    let mut listen = Running::start(command.args(["--play", RECORDING]));
    listen.after("http://");
    let (host, caller) = (Tap::new(&near), Tap::new(&home));
    let mut command = home.command(demo_call());
    let _dial = Running::start(command.args(["dial", "http://10.78.0.1:8080", "--json"]));
    let wait = |limit: Duration, what: &dyn Fn() -> bool| {
        let start = Instant::now();
        while !what() {
            assert!(start.elapsed() < limit, "it comes about");
            std::thread::sleep(Duration::from_millis(1));
        }
        start.elapsed()
    };
    wait(Duration::from_secs(10), &|| {
        caller.next(Class::Rtp).is_some()
    });
    std::thread::sleep(Duration::from_secs(1));
    // Mappings go with the address that they map to.
    nat.ip("addr del 10.78.0.2/24 dev v0");
    nat.ip("addr add 10.78.0.3/24 dev v0");
    while caller.next(Class::Rtp).is_some() {}
    let moved = "10.78.0.3".parse::<std::net::IpAddr>().expect("an address");
    let unheard = wait(CHECK + LIMIT, &|| {
        host.next(Class::Stun)
            .is_some_and(|from| from.ip() == moved)
    });
    let resumed = wait(LIMIT, &|| caller.next(Class::Rtp).is_some());
    println!("the first check came {unheard:?} after the change, media {resumed:?} after that");
    // And it goes on.
    for _ in 0..100 {
        let gap = wait(LIMIT, &|| caller.next(Class::Rtp).is_some());
        assert!(gap < LIMIT);
    }
}
