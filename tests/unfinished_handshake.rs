//! Peers that pass ICE's checks and then begin a handshake only to leave it: what that costs.

mod support;

use std::time::{Duration, Instant};

use allocation_counter::measure;
use dtls::{Error, ProtocolVersion};
use portcullis::{Path, Session, SessionError};
use support::served::Served;
use support::{Conditions, Terms, World};

/// The bytes that a session holds, itself included.
fn held(session: Session) -> i64 {
    size_of::<Session>() as i64 - measure(|| drop(session)).bytes_current
}

/// How long a handshake may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A server, and a peer of which it hears checks and what a test lets through of its handshake.
struct Scene {
    world: World,
    /// Bytes that came to the server, and that it sent.
    received: usize,
    sent: usize,
    /// Datagrams of DTLS among them.
    records: usize,
    /// What the peer said of its handshake.
    handshake: Vec<Vec<u8>>,
}

impl Scene {
    fn new(version: ProtocolVersion) -> Self {
        let terms = Terms {
            version,
            ..Terms::DEFAULT
        };
        Self {
            world: World::new(terms, Conditions::FAIR),
            received: 0,
            sent: 0,
            records: 0,
            handshake: Vec::new(),
        }
    }

    /// Lets the peer's checks through, and nothing of DTLS in either direction.
    fn check(&mut self) {
        let mut buf = [0; 1500];
        let now = self.world.now;
        self.world.caller.expire(now);
        while let Some(transmit) = self.world.caller.session.poll_transmit(now, &mut buf) {
            let datagram = buf[..transmit.len].to_vec();
            match datagram[0] {
                0..4 => self.deliver(datagram),
                _ => self.handshake.push(datagram),
            }
        }
        self.world.server.expire(now);
        self.drain();
    }

    /// Gives the server a datagram of the peer's.
    fn deliver(&mut self, mut datagram: Vec<u8>) {
        self.received += datagram.len();
        let (now, path) = (self.world.now, self.world.server_path());
        self.world.server.handle(now, path, &mut datagram);
        self.drain();
    }

    /// Takes what the server sends. RFC 9147 §5.1: three times what came at most.
    fn drain(&mut self) {
        let mut buf = [0; 1500];
        let now = self.world.now;
        while let Some(transmit) = self.world.server.session.poll_transmit(now, &mut buf) {
            self.sent += transmit.len;
            match buf[..2] {
                // It may be at an address that is not its own, and sees no question that is put there.
                [0, 1] => {}
                [0..4, _] => {
                    let path = Path::udp(transmit.path.remote, transmit.path.local);
                    let answer = &mut buf[..transmit.len];
                    self.world.caller.handle(now, path, answer);
                }
                _ => {
                    self.records += 1;
                    let alert = transmit.len < 100;
                    assert!(alert || self.world.server.error.is_none(), "it is over");
                }
            }
        }
        assert!(self.sent <= 3 * self.received, "{} sent", self.sent);
    }

    fn run_until(&mut self, end: Instant) {
        while self.world.now < end {
            self.world.now += Duration::from_millis(50);
            self.check();
        }
    }

    /// The peer's ClientHello, once its checks are through.
    fn client_hello(&mut self) -> Vec<Vec<u8>> {
        self.check();
        self.run_until(self.world.now + Duration::from_millis(50));
        assert!(!self.handshake.is_empty());
        std::mem::take(&mut self.handshake)
    }

    /// The handshake that began at `begin` is given up after its time, and not before.
    fn ends_in_time(&mut self, begin: Instant) {
        self.run_until(begin + LIMIT - Duration::from_millis(50));
        assert_eq!(self.world.server.error, None);
        self.run_until(begin + LIMIT + Duration::from_millis(50));
        let late = SessionError::Dtls(Error::HandshakeTimeout);
        assert_eq!(self.world.server.error, Some(late));
        assert!(self.world.server.session.is_closed());
        // Answers to checks, an alert, and no more.
        self.run_until(self.world.now + Duration::from_secs(60));
        let records = self.records;
        self.run_until(self.world.now + Duration::from_secs(60));
        assert_eq!(self.records, records);
    }
}

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::DTLS1_2, ProtocolVersion::DTLS1_3];

/// T-DOS-04: a ClientHello and nothing more, from who knows the ICE password.
#[test]
fn t_dos_04_a_client_hello_alone_costs_little_and_not_for_long() {
    for version in VERSIONS {
        let mut scene = Scene::new(version);
        let hello = scene.client_hello();
        let begin = scene.world.now;
        for datagram in hello {
            scene.deliver(datagram);
        }
        scene.ends_in_time(begin);

        let mut scene = Scene::new(version);
        for datagram in scene.client_hello() {
            scene.deliver(datagram);
        }
        scene.run_until(scene.world.now + Duration::from_secs(5));
        assert!(scene.records > 0, "the flight was sent");
        let bytes = held(scene.world.server.session);
        assert!((1..=65_536).contains(&bytes), "{version:?}: {bytes} bytes");
    }
}

/// T-DOS-08: fragments that come slowly do not make the time longer.
#[test]
fn t_dos_08_a_slow_client_hello_ends_with_its_time() {
    for version in VERSIONS {
        let mut scene = Scene::new(version);
        let hello = scene.client_hello().remove(0);
        let begin = scene.world.now;
        scene.deliver(fragment(&hello, 0));
        scene.run_until(begin + Duration::from_secs(29));
        scene.deliver(fragment(&hello, 1));
        scene.ends_in_time(begin);
        assert_eq!(scene.world.server.secured(), None);
    }
}

/// T-DOS-07: calls that are signalled and then left alone hold nothing any more when they are closed.
#[test]
fn t_dos_07_abandoned_calls_leave_nothing() {
    let mut served = Served::with_calls(0);
    let mut round = || {
        let ids: Vec<_> = (0..300).map(|number| served.place_call(number)).collect();
        let now = served.now;
        for id in ids {
            served.gate.with(now, id, |_, cx| cx.close());
        }
        served.gate.outbox().clear();
        served.callers.clear();
        served.ends.lock().expect("no panic").clear();
        assert_eq!(served.gate.poll_timeout(), None);
    };
    // The first makes the tables.
    round();
    for _ in 0..3 {
        assert_eq!(measure(&mut round).bytes_current, 0);
    }
}

/// The record with the `index`-th 40 bytes of the message that a datagram begins with.
fn fragment(datagram: &[u8], index: usize) -> Vec<u8> {
    const RECORD: usize = 13;
    const MESSAGE: usize = 12;
    const LENGTH: usize = 40;
    let mut fragment = datagram[..RECORD + MESSAGE].to_vec();
    fragment[10] = index as u8;
    fragment[11..13].copy_from_slice(&((MESSAGE + LENGTH) as u16).to_be_bytes());
    fragment[RECORD + 6..RECORD + 9].copy_from_slice(&[0, 0, (index * LENGTH) as u8]);
    fragment[RECORD + 9..RECORD + 12].copy_from_slice(&[0, 0, LENGTH as u8]);
    let body = &datagram[RECORD + MESSAGE..];
    fragment.extend(&body[index * LENGTH..][..LENGTH]);
    fragment
}
