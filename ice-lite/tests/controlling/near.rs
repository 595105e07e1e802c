//! An agent on a virtual clock, and what stands at the other end of the wire.

use ice_lite::stun::{AttributeType, Message, MessageType, MessageWriter};
use ice_lite::{
    Candidate, ControllingAgent, ControllingConfig, Event, LiteAgent, LiteConfig, Path, Transmit,
};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::support::{credentials, seeded};

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn address(last: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], port))
}

pub(crate) fn caller(seed: u64) -> ControllingAgent {
    let config = ControllingConfig::new(Box::new(seeded(seed)));
    ControllingAgent::new(credentials(seed + 100), config)
}

/// The reply to a request, or silence: what stands at the other end of the wire.
pub(crate) type Far<'f> = dyn FnMut(Instant, Path, &[u8]) -> Vec<(Path, Vec<u8>)> + 'f;

/// An agent, its clock, and what it sent when.
pub(crate) struct Near {
    pub(crate) agent: ControllingAgent,
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    pub(crate) sent: Vec<(Duration, Path, Vec<u8>)>,
}

impl Near {
    pub(crate) fn new(agent: ControllingAgent) -> Self {
        let start = Instant::now();
        Self {
            agent,
            start,
            now: start,
            sent: Vec::new(),
        }
    }

    /// Runs until `end` after the start, with a one-way delay of 10 ms.
    pub(crate) fn run(&mut self, end: Duration, far: &mut Far<'_>) {
        let mut wire: Vec<(Instant, Path, Vec<u8>)> = Vec::new();
        loop {
            let mut buf = [0; ice_lite::MAX_MESSAGE];
            while let Some(Transmit { path, len }) = self.agent.poll_transmit(self.now, &mut buf) {
                self.sent
                    .push((self.now - self.start, path, buf[..len].to_vec()));
                for (path, reply) in far(self.now + ms(10), path, &buf[..len]) {
                    wire.push((self.now + ms(20), path, reply));
                }
            }
            wire.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
            let arrival = wire.last().map(|(at, ..)| *at);
            let timeout = self.agent.poll_timeout();
            let Some(next) = arrival.into_iter().chain(timeout).min() else {
                break;
            };
            if next > self.start + end {
                break;
            }
            self.now = self.now.max(next);
            if arrival == Some(next) {
                let (_, path, datagram) = wire.pop().expect("an arrival");
                let _ = self.agent.handle_datagram(self.now, path, &datagram);
            }
            self.agent.handle_timeout(self.now);
        }
        self.now = self.start + end;
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.agent.poll_event()).collect()
    }
}

/// A lite server at `address`.
pub(crate) fn lite_server(
    agent: &mut LiteAgent,
) -> impl FnMut(Instant, Path, &[u8]) -> Vec<(Path, Vec<u8>)> {
    |now, path, datagram| {
        let arriving = Path::udp(path.remote, path.local);
        let _ = agent.handle_datagram(now, arriving, datagram);
        let mut buf = [0; ice_lite::MAX_MESSAGE];
        let mut replies = Vec::new();
        while let Some(transmit) = agent.poll_transmit(now, &mut buf) {
            assert_eq!(transmit.path, arriving);
            replies.push((path, buf[..transmit.len].to_vec()));
        }
        replies
    }
}

/// A caller that knows a lite server and its one candidate, and the server.
pub(crate) fn call() -> (Near, LiteAgent, Path) {
    let mut server = LiteAgent::new(credentials(1), LiteConfig::default());
    let mut agent = caller(5);
    server.set_remote(agent.local());
    let path = Path::udp(address(1, 4000), address(2, 5000));
    agent.add_local_candidate(path.local);
    agent.set_remote(server.local());
    agent.add_remote_candidate(&Candidate::host(path.remote, 0));
    (Near::new(agent), server, path)
}

pub(crate) fn attribute_kinds(datagram: &[u8]) -> Vec<AttributeType> {
    Message::parse(datagram)
        .expect("a message")
        .attributes()
        .map(|found| found.kind)
        .collect()
}

/// Answers a request as a peer that knows the password, from `path`.
pub(crate) fn reply(
    request: &[u8],
    kind: MessageType,
    path: Path,
    add: impl FnOnce(&mut MessageWriter<'_>),
) -> Vec<(Path, Vec<u8>)> {
    let id = Message::parse(request).expect("a message").transaction_id();
    let mut buf = [0; 200];
    let mut writer = MessageWriter::new(&mut buf, kind, id).expect("room");
    add(&mut writer);
    let key = ice_lite::stun::IntegrityKey::new(credentials(1).password().as_bytes());
    let len = writer.seal(&key).expect("room");
    vec![(path, buf[..len].to_vec())]
}
