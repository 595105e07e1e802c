//! Nominations before the handshake: what a caller's agent may do, and ours does not.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use dtls::{ProtocolVersion, Role};
use portcullis::{Class, classify};

use super::inside::inside;
use super::peer::{Peer, VERSIONS, run_until};
use super::street::{PRIORITY, Street, URL};

/// From the first nomination over the path that works to the first media.
const LIMIT: Duration = Duration::from_millis(1500);

/// How often an agent repeats itself that nominates aggressively (RFC 5245 §8.1.1.2).
const AGAIN: Duration = Duration::from_millis(50);

/// What becomes of the path that was nominated first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Old {
    /// Nothing comes over it or goes over it any more.
    Dead,
    /// All that comes over it is heard, and it is checked again and again.
    Living,
    /// The caller's checks get through and nominate it; nothing comes back.
    OneWay,
}

/// The other address of a caller.
struct Other {
    socket: UdpSocket,
    server: SocketAddr,
    next: Instant,
}

impl Other {
    fn nominate(&self, caller: &Peer) {
        // Higher than the caller's own.
        let check = caller.nomination(PRIORITY + 0x0100_0000);
        self.socket.send_to(&check, self.server).expect("a route");
    }

    /// Hears what comes: checks are answered from here, the rest is the caller's.
    fn hear(&self, caller: &mut Peer) -> bool {
        let mut buf = [0; 2048];
        let mut proved = false;
        while let Ok((len, from)) = self.socket.recv_from(&mut buf) {
            let datagram = &mut buf[..len];
            if classify(datagram) != Class::Stun {
                caller.take(from, datagram);
            } else if let Some(answer) = caller.answer(datagram, from) {
                proved = true;
                let _ = self.socket.send_to(&answer, from);
            }
        }
        proved
    }
}

/// How long a call takes from when its caller begins to check its own address, after it has nominated
/// another one.
fn connect(street: &Street, version: ProtocolVersion, old: Old) -> Duration {
    let far = &street.link.far;
    let mut caller = Peer::calling(far, "10.78.0.2:0", URL, &[version]);
    let socket = inside(far, || UdpSocket::bind("10.78.0.2:0").expect("a port"));
    socket.set_nonblocking(true).expect("a socket");
    let mut other = Other {
        socket,
        server: caller.server.expect("a candidate"),
        next: Instant::now(),
    };
    other.nominate(&caller);
    // It works until the server has proved it.
    let end = Instant::now() + Duration::from_secs(2);
    while old != Old::OneWay && !other.hear(&mut caller) {
        assert!(Instant::now() < end, "the server asks who is there");
        std::thread::yield_now();
    }
    let took = run_until(&mut [&mut caller], Duration::from_secs(10), |peers| {
        let caller = &mut *peers[0];
        if old == Old::Living {
            other.hear(caller);
        }
        if old != Old::Dead && Instant::now() >= other.next {
            other.next = Instant::now() + AGAIN;
            other.nominate(caller);
        }
        caller.is_secured() && !caller.heard.is_empty()
    });
    took.unwrap_or(Duration::MAX)
}

/// For both roles and versions.
fn connects(old: Old) {
    for role in [Role::Server, Role::Client] {
        let name = match role {
            Role::Server => "server",
            Role::Client => "client",
        };
        let Some(street) = Street::new(&["--dtls-role", name]) else {
            return;
        };
        for version in VERSIONS {
            let took = connect(&street, version, old);
            println!("{old:?}, {version:?}, the host as {name}: {took:?}");
            assert!(took < LIMIT, "{old:?}, {version:?}, {role:?}: {took:?}");
        }
    }
}

#[test]
fn a_nomination_before_dtls_over_a_dead_path_connects_within_1_5_s() {
    connects(Old::Dead);
}

#[test]
fn a_nomination_before_dtls_over_a_living_path_connects_within_1_5_s() {
    connects(Old::Living);
}

#[test]
fn a_one_way_pair_of_higher_priority_does_not_stop_an_aggressive_nominator() {
    connects(Old::OneWay);
}
