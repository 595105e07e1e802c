//! What the tests share: a clock, addresses, a scripted peer.
#![allow(dead_code, reason = "each test file uses its part")]

use ice_lite::stun::{
    AttributeType, Class, IntegrityKey, Message, MessageType, MessageWriter, TransactionId,
};
use ice_lite::{Credentials, Discard, Event, LiteAgent, LiteConfig, Outcome, Path};
use std::net::SocketAddr;
use std::time::Instant;

/// A deterministic source of bytes (SplitMix64), for tests only.
pub(crate) fn seeded(mut seed: u64) -> impl FnMut(&mut [u8]) + Send + 'static {
    move |bytes| {
        for chunk in bytes.chunks_mut(8) {
            seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut word = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(word ^ (word >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

pub(crate) fn credentials(seed: u64) -> Credentials {
    Credentials::generate(&mut seeded(seed))
}

pub(crate) fn server() -> SocketAddr {
    "192.0.2.1:3478".parse().expect("an address")
}

/// The path from the address of the peer with this number.
pub(crate) fn path(number: u16) -> Path {
    Path::udp(
        server(),
        SocketAddr::from(([198, 51, 100, 7], 10_000 + number)),
    )
}

/// A peer of the agent under test, that writes whatever request a test wants.
pub(crate) struct Peer {
    pub(crate) local: Credentials,
    pub(crate) remote: Credentials,
    pub(crate) key: IntegrityKey,
    /// The attribute that says its role.
    pub(crate) role: AttributeType,
    pub(crate) use_candidate: bool,
    pub(crate) priority: u32,
    random: ice_lite::Random,
}

impl Peer {
    pub(crate) fn new(local: Credentials, remote: &Credentials) -> Self {
        Self {
            local,
            key: IntegrityKey::new(remote.password().as_bytes()),
            remote: remote.clone(),
            role: AttributeType::ICE_CONTROLLING,
            use_candidate: false,
            priority: 0x6E00_01FF,
            random: Box::new(seeded(99)),
        }
    }

    pub(crate) fn id(&mut self) -> TransactionId {
        TransactionId::generate(&mut self.random)
    }

    /// An ordinary check.
    pub(crate) fn request(&mut self) -> Vec<u8> {
        let id = self.id();
        self.request_with(id, |_| {})
    }

    /// A check that nominates.
    pub(crate) fn nomination(&mut self) -> Vec<u8> {
        self.use_candidate = true;
        let request = self.request();
        self.use_candidate = false;
        request
    }

    /// A check with more attributes before MESSAGE-INTEGRITY.
    pub(crate) fn request_with(
        &self,
        id: TransactionId,
        add: impl FnOnce(&mut MessageWriter<'_>),
    ) -> Vec<u8> {
        self.unsealed(id, add, |writer| writer.seal(&self.key).expect("room"))
    }

    /// A check that `finish` ends.
    pub(crate) fn unsealed(
        &self,
        id: TransactionId,
        add: impl FnOnce(&mut MessageWriter<'_>),
        finish: impl FnOnce(MessageWriter<'_>) -> usize,
    ) -> Vec<u8> {
        let mut buf = vec![0; 1200];
        let kind = MessageType::BINDING_REQUEST;
        let mut writer = MessageWriter::new(&mut buf, kind, id).expect("room");
        writer
            .username(self.remote.ufrag(), self.local.ufrag())
            .expect("room");
        let mut put = |kind, value: &[u8]| writer.attribute(kind, value).expect("room");
        put(AttributeType::PRIORITY, &self.priority.to_be_bytes());
        put(self.role, &7_u64.to_be_bytes());
        if self.use_candidate {
            put(AttributeType::USE_CANDIDATE, &[]);
        }
        add(&mut writer);
        let len = finish(writer);
        buf.truncate(len);
        buf
    }
}

/// A lite agent that knows its peer, the peer, and a clock.
pub(crate) struct Scene {
    pub(crate) agent: LiteAgent,
    pub(crate) peer: Peer,
    pub(crate) start: Instant,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let (ours, theirs) = (credentials(1), credentials(2));
        let mut agent = LiteAgent::new(ours.clone(), LiteConfig::default());
        agent.set_remote(&theirs);
        Self {
            agent,
            peer: Peer::new(theirs, &ours),
            start: Instant::now(),
        }
    }

    /// A lite agent that does not know its peer yet.
    pub(crate) fn without_remote() -> Self {
        let (ours, theirs) = (credentials(1), credentials(2));
        let agent = LiteAgent::new(ours.clone(), LiteConfig::default());
        Self {
            agent,
            peer: Peer::new(theirs, &ours),
            start: Instant::now(),
        }
    }

    /// Gives the agent a datagram and returns its answer, if it makes one.
    pub(crate) fn exchange(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
    ) -> Option<Vec<u8>> {
        let _ = self.agent.handle_datagram(now, path, datagram);
        self.answer(now, path)
    }

    /// Takes the one answer that may wait.
    pub(crate) fn answer(&mut self, now: Instant, path: Path) -> Option<Vec<u8>> {
        let mut buf = [0; ice_lite::MAX_MESSAGE];
        let transmit = self.agent.poll_transmit(now, &mut buf)?;
        assert_eq!(transmit.path, path);
        assert_eq!(
            self.agent.poll_transmit(now, &mut [0; 600]),
            None,
            "one answer a request"
        );
        Some(buf[..transmit.len].to_vec())
    }

    /// Sends a check that must succeed.
    pub(crate) fn check(&mut self, now: Instant, path: Path) {
        let request = self.peer.request();
        self.expect_success(now, path, &request);
    }

    /// Sends a nominating check that must succeed.
    pub(crate) fn nominate(&mut self, now: Instant, path: Path) {
        let request = self.peer.nomination();
        self.expect_success(now, path, &request);
    }

    pub(crate) fn expect_success(&mut self, now: Instant, path: Path, request: &[u8]) {
        let outcome = self.agent.handle_datagram(now, path, request);
        assert_eq!(
            outcome,
            Outcome::Request(Message::parse(request).expect("a message"))
        );
        let answer = self.answer(now, path).expect("an answer");
        let answer = Message::parse(&answer).expect("a message");
        assert_eq!(answer.class(), Class::Success);
        assert_eq!(answer.verify_integrity(&self.peer.key), Ok(()));
        assert_eq!(answer.verify_fingerprint(), Ok(()));
        assert_eq!(answer.xor_mapped_address(), Some(path.remote));
    }

    /// DROP: no datagram out, no event, the state as before, one counter up by one.
    #[track_caller]
    pub(crate) fn expect_discard(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        reason: Discard,
    ) {
        let digest = self.agent.state_digest();
        let before = self.agent.statistics();
        let timeout = self.agent.poll_timeout();
        assert_eq!(
            self.agent.handle_datagram(now, path, datagram),
            Outcome::Discarded(reason)
        );
        assert_eq!(
            self.agent.state_digest(),
            digest,
            "a discarded datagram changed the state"
        );
        assert_eq!(self.agent.poll_timeout(), timeout);
        assert_eq!(self.agent.poll_transmit(now, &mut [0; 600]), None);
        assert_eq!(self.agent.poll_event(), None);
        let statistics = self.agent.statistics();
        assert_eq!(statistics.discarded(reason), before.discarded(reason) + 1);
        assert_eq!(statistics.discarded_total(), before.discarded_total() + 1);
    }

    /// An ICE restart by both sides.
    pub(crate) fn restart(&mut self, ours: Credentials, theirs: Credentials) {
        self.agent.restart(ours.clone());
        self.agent.set_remote(&theirs);
        self.peer = Peer::new(theirs, &ours);
        self.peer.random = Box::new(seeded(100));
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.agent.poll_event()).collect()
    }
}
