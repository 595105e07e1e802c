//! Targets of `portcullis-ice-lite`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ice_lite::stun::{
    AttributeType, IntegrityKey, Message, MessageType, MessageWriter, TransactionId,
};
use ice_lite::tcp::{Deframer, header};
use ice_lite::{
    Candidate, ControllingAgent, ControllingConfig, Credentials, LiteAgent, LiteConfig,
    MAX_MESSAGE, Outcome, Path,
};

use crate::input::Input;

/// The addresses that the peer and others send from: more than a session keeps.
const SOURCES: usize = 24;

/// What is read as a message can be looked at in every way, and its attributes lie within it.
pub fn stun_parse(data: &[u8]) {
    let Ok(message) = Message::parse(data) else {
        return;
    };
    let _ = (message.username(), message.receiver_ufrag());
    let _ = (message.xor_mapped_address(), message.error_code());
    let _ = (
        message.verify_fingerprint(),
        message.verify_integrity(&key(OURS)),
    );
    let attributes = message.attributes();
    let total: usize = attributes
        .map(|a| 4 + a.value.len().next_multiple_of(4))
        .sum();
    assert!(20 + total <= data.len());
}

/// Bytes without the password change nothing; at most 16 paths are valid; to an address that is not
/// confirmed go at most three times the bytes that came from it; nothing goes without consent.
pub fn ice_lite(data: &[u8]) {
    let mut input = Input::new(data);
    let mut server = Server::new();
    while !input.is_empty() {
        server.step(&mut input);
    }
}

/// Whatever comes in, and whenever, the agent keeps to paths that authenticated, and a timer that it
/// asks for lies ahead.
pub fn ice_controlling(data: &[u8]) {
    let mut input = Input::new(data);
    let seed = u64::from(input.u16());
    let config = ControllingConfig::new(Box::new(seeded(seed)));
    let mut agent = ControllingAgent::new(credentials(OURS), config);
    let mut now = Instant::now();
    let mut requests: Vec<(Path, Vec<u8>)> = Vec::new();
    agent.add_local_candidate(path(0).local);
    agent.set_remote(&credentials(THEIRS));
    while !input.is_empty() {
        let place = path(input.choice(SOURCES));
        match input.choice(8) {
            0 => agent.add_remote_candidate(&Candidate::host(place.remote, input.u16())),
            1 => {
                let request = check(&mut input, &key(OURS));
                let _ = agent.handle_datagram(now, place, &request);
            }
            2 if !requests.is_empty() => {
                let index = input.choice(requests.len());
                let (to, request) = &requests[index];
                let from = if input.choice(8) == 0 { place } else { *to };
                let reply = reply(&mut input, request, to);
                let _ = agent.handle_datagram(now, from, &reply);
            }
            3 => {
                let len = input.choice(120);
                let noise = input.bytes(len);
                let digest = agent.state_digest();
                let outcome = agent.handle_datagram(now, place, noise);
                assert!(matches!(outcome, Outcome::Discarded(_)));
                assert_eq!(agent.state_digest(), digest);
            }
            4 => now += Duration::from_millis(u64::from(input.u16())),
            5 => agent.confirm(now, &place),
            6 => agent.end_of_candidates(),
            _ => {
                let _ = agent.authorize_send(now, 1200);
            }
        }
        agent.handle_timeout(now);
        let mut buf = [0; MAX_MESSAGE];
        while let Some(sent) = agent.poll_transmit(now, &mut buf) {
            requests.truncate(31);
            requests.insert(0, (sent.path, buf[..sent.len].to_vec()));
        }
        while agent.poll_event().is_some() {}
        assert!(
            agent
                .selected()
                .is_none_or(|selected| agent.is_valid(&selected))
        );
        assert!(
            agent.poll_timeout().is_none_or(|at| at > now),
            "a timer that would spin"
        );
    }
}

/// A stream gives its packets however it is cut, and a frame beyond the limit ends it.
pub fn ice_tcp(data: &[u8]) {
    const LIMIT: usize = 200;
    let mut input = Input::new(data);
    let mut stream = Vec::new();
    let mut expected: Vec<Vec<u8>> = Vec::new();
    let cuts = input.bytes(16);
    while !input.is_empty() {
        let len = usize::from(input.byte());
        let packet = input.bytes(len);
        stream.extend(header(packet.len()).expect("a short packet"));
        stream.extend(packet);
        expected.push(packet.to_vec());
    }
    let fits = expected
        .iter()
        .take_while(|packet| packet.len() <= LIMIT)
        .count();
    let mut deframer = Deframer::new(LIMIT);
    let mut packets = Vec::new();
    let mut rest = &stream[..];
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let piece = usize::from(cuts.next().copied().unwrap_or(7)) + 1;
        let taken = deframer.push(&rest[..piece.min(rest.len())]);
        rest = &rest[taken..];
        loop {
            match deframer.pop() {
                Ok(Some(packet)) => packets.push(packet.to_vec()),
                Ok(None) => break,
                Err(_) => {
                    assert_eq!(packets, expected[..fits]);
                    return;
                }
            }
        }
    }
    assert_eq!(packets, expected[..fits]);
}

/// A lite agent, and what it must hold.
struct Server {
    agent: LiteAgent,
    now: Instant,
    sent: Vec<(Path, Vec<u8>)>,
    /// For each source: bytes that came in authenticated requests, bytes that went there, and
    /// whether it was confirmed.
    budgets: [(usize, usize, bool); SOURCES],
    last_check: Option<Instant>,
}

impl Server {
    fn new() -> Self {
        let mut agent = LiteAgent::new(credentials(OURS), LiteConfig::default());
        agent.set_remote(&credentials(THEIRS));
        let budgets = [(0, 0, false); SOURCES];
        Self {
            agent,
            now: Instant::now(),
            sent: Vec::new(),
            budgets,
            last_check: None,
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let source = input.choice(SOURCES);
        let place = path(source);
        match input.choice(7) {
            0 | 1 => {
                let request = check(input, &key(OURS));
                self.sent.truncate(31);
                self.sent.insert(0, (place, request.clone()));
                self.deliver(source, &request);
            }
            2 if !self.sent.is_empty() => {
                let (origin, request) = self.sent[input.choice(self.sent.len())].clone();
                if origin == place {
                    self.deliver(source, &request);
                } else {
                    self.expect_unchanged_unless_new(place, source, &request);
                }
            }
            3 => {
                let mut forged = check(input, &key(THEIRS));
                let at = input.choice(forged.len());
                forged[at] ^= input.byte();
                self.expect_discarded(place, &forged);
            }
            4 => {
                self.now += Duration::from_millis(u64::from(input.u16()));
                self.agent.handle_timeout(self.now);
            }
            5 if self.agent.is_valid(&place) => {
                self.agent.confirm(self.now, &place);
                self.budgets[source].2 = true;
            }
            _ => self.send(usize::from(input.u16()) % 1500),
        }
        while self.agent.poll_event().is_some() {}
        let valid = (0..SOURCES)
            .filter(|&source| self.agent.is_valid(&path(source)))
            .count();
        assert!(valid <= 16);
    }

    /// Gives the agent a request of the peer's, and takes the answer.
    fn deliver(&mut self, source: usize, request: &[u8]) {
        let outcome = self.agent.handle_datagram(self.now, path(source), request);
        if !matches!(outcome, Outcome::Discarded(_)) {
            self.budgets[source].0 += request.len();
            self.last_check = Some(self.now);
        }
        let mut buf = [0; MAX_MESSAGE];
        while let Some(sent) = self.agent.poll_transmit(self.now, &mut buf) {
            assert_eq!(sent.path, path(source));
            assert!(sent.len <= 3 * request.len());
            self.budgets[source].1 += sent.len;
        }
    }

    /// A request seen before from elsewhere: dropped, or if it was refused there, as good as new.
    fn expect_unchanged_unless_new(&mut self, place: Path, source: usize, request: &[u8]) {
        let digest = self.agent.state_digest();
        let probe = self.agent.handle_datagram(self.now, place, request);
        if matches!(probe, Outcome::Discarded(_)) {
            assert_eq!(self.agent.state_digest(), digest);
            assert_eq!(
                self.agent.poll_transmit(self.now, &mut [0; MAX_MESSAGE]),
                None
            );
        } else {
            self.deliver(source, request);
            self.budgets[source].0 += request.len();
        }
    }

    fn expect_discarded(&mut self, place: Path, datagram: &[u8]) {
        let digest = self.agent.state_digest();
        let outcome = self.agent.handle_datagram(self.now, place, datagram);
        assert!(matches!(outcome, Outcome::Discarded(_)));
        assert_eq!(self.agent.state_digest(), digest);
        assert_eq!(
            self.agent.poll_transmit(self.now, &mut [0; MAX_MESSAGE]),
            None
        );
    }

    fn send(&mut self, len: usize) {
        let Ok(to) = self.agent.authorize_send(self.now, len) else {
            return;
        };
        let last_check = self.last_check.expect("nothing is sent before a check");
        assert!(self.now - last_check < Duration::from_secs(30));
        let source = (0..SOURCES)
            .find(|&source| path(source) == to)
            .expect("a known path");
        let (received, sent, confirmed) = &mut self.budgets[source];
        *sent += len;
        assert!(*confirmed || *sent <= 3 * *received);
    }
}

const OURS: u64 = 1;
const THEIRS: u64 = 2;

fn credentials(seed: u64) -> Credentials {
    Credentials::generate(&mut seeded(seed))
}

fn key(seed: u64) -> IntegrityKey {
    IntegrityKey::new(credentials(seed).password().as_bytes())
}

fn path(source: usize) -> Path {
    let local = SocketAddr::from(([192, 0, 2, 1], 3478));
    Path::udp(
        local,
        SocketAddr::from(([198, 51, 100, 7], 1000 + source as u16)),
    )
}

/// A deterministic source of bytes.
fn seeded(mut state: u64) -> impl FnMut(&mut [u8]) + Send + 'static {
    move |bytes| {
        for byte in bytes {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(0x1405_7B7E_F767_814F);
            *byte = (state >> 56) as u8;
        }
    }
}

/// A check sealed with `key`, with attributes of the fuzzer's choice.
fn check(input: &mut Input<'_>, key: &IntegrityKey) -> Vec<u8> {
    let mut id = [0; 12];
    seeded(u64::from(input.u16()))(&mut id);
    let mut buf = vec![0; MAX_MESSAGE];
    let kind = MessageType::BINDING_REQUEST;
    let mut writer = MessageWriter::new(&mut buf, kind, TransactionId(id)).expect("room");
    let (ours, theirs) = (credentials(OURS), credentials(THEIRS));
    writer.username(ours.ufrag(), theirs.ufrag()).expect("room");
    for _ in 0..input.choice(5) {
        let kind = match input.choice(6) {
            0 => AttributeType::USE_CANDIDATE,
            1 => AttributeType::PRIORITY,
            2 => AttributeType::ICE_CONTROLLING,
            3 => AttributeType::ICE_CONTROLLED,
            4 => AttributeType::NOMINATION,
            _ => AttributeType(input.u16() | 0x8000),
        };
        let len = input.choice(12);
        let value = input.bytes(len);
        writer.attribute(kind, value).expect("room");
    }
    let len = writer.seal(key).expect("room");
    buf.truncate(len);
    buf
}

/// An answer of the peer's to a request of the agent's, or what it takes for one.
fn reply(input: &mut Input<'_>, request: &[u8], path: &Path) -> Vec<u8> {
    let id = Message::parse(request)
        .expect("the agent wrote it")
        .transaction_id();
    let mut buf = vec![0; MAX_MESSAGE];
    let kind = match input.choice(3) {
        0 => MessageType::BINDING_ERROR,
        _ => MessageType::BINDING_SUCCESS,
    };
    let mut writer = MessageWriter::new(&mut buf, kind, id).expect("room");
    if kind == MessageType::BINDING_SUCCESS {
        writer.xor_mapped_address(path.local).expect("room");
    } else {
        let code = [400, 401, 403, 420, 487, 500][input.choice(6)];
        writer
            .error_code(ice_lite::stun::ErrorCode(code))
            .expect("room");
    }
    let len = writer.seal(&key(THEIRS)).expect("room");
    buf.truncate(len);
    buf
}
