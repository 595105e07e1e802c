//! A peer of a call made of the library's session and plain sockets, for what a well-behaved one does not do.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use dtls::ProtocolVersion;
use ice_lite::stun::{
    AttributeType, Class, IntegrityKey, Message, MessageType, MessageWriter, TransactionId,
};
use ice_lite::{Candidate, Credentials};
use interop::namespace::Namespace;
use interop::whip;
use portcullis::signalling::sdp::{Codec, Description, MediaKind};
use portcullis::signalling::{Capabilities, Signalling};
use portcullis::{
    IceMode, MAX_OVERHEAD, Path, Received, RemoteParameters, Session, SessionConfig, SessionEvent,
};

use super::inside::inside;

/// The time between two packets of speech.
const FRAME: Duration = Duration::from_millis(20);

/// Both versions, each alone.
pub(crate) const VERSIONS: [ProtocolVersion; 2] =
    [ProtocolVersion::DTLS1_2, ProtocolVersion::DTLS1_3];

/// One side of a call.
pub(crate) struct Peer {
    pub(crate) session: Session,
    pub(crate) socket: UdpSocket,
    pub(crate) address: SocketAddr,
    /// The credentials of the other side.
    pub(crate) remote: Option<Credentials>,
    /// Nothing comes from these addresses, or gets to them.
    pub(crate) dead: Vec<SocketAddr>,
    /// It sends a packet every 20 ms once it may.
    pub(crate) talks: bool,
    pub(crate) events: Vec<SessionEvent>,
    /// When RTP came, and its sequence number.
    pub(crate) heard: Vec<(Instant, u16)>,
    /// How many RTP packets it has sent.
    pub(crate) sent: u16,
    /// When it sent checks, and where to.
    pub(crate) checks: Vec<(Instant, SocketAddr)>,
    /// The address that answers its first check dies with the answer.
    pub(crate) best_dies: bool,
    /// The first address of the other side's.
    pub(crate) server: Option<SocketAddr>,
    /// When its next packet is due.
    due: Option<Instant>,
}

impl Peer {
    /// A side of a call of these versions, with one address of this host. Port 0 is any.
    pub(crate) fn new(
        host: &Namespace,
        address: &str,
        ice: IceMode,
        versions: &[ProtocolVersion],
    ) -> Self {
        let socket = inside(host, || UdpSocket::bind(address).expect("a free port"));
        Self::with(socket, ice, versions).0
    }

    fn with(
        socket: UdpSocket,
        ice: IceMode,
        versions: &[ProtocolVersion],
    ) -> (Self, Arc<SessionConfig>) {
        socket.set_nonblocking(true).expect("it is a socket");
        let address = socket.local_addr().expect("it is bound");
        let dtls = dtls::Config::builder(dtls::crypto::default_provider()).versions(versions);
        let mut config = SessionConfig::new(Arc::new(dtls.build().expect("it works")));
        config.ice = ice;
        config.candidates = vec![Candidate::host(address, 0)];
        let config = Arc::new(config);
        let session = Session::new(Arc::clone(&config), Instant::now()).expect("it works");
        let peer = Self {
            session,
            socket,
            address,
            remote: None,
            dead: Vec::new(),
            talks: true,
            events: Vec::new(),
            heard: Vec::new(),
            sent: 0,
            checks: Vec::new(),
            best_dies: false,
            server: None,
            due: None,
        };
        (peer, config)
    }

    /// A caller that has posted its offer to the host at `url`, and has its answer.
    pub(crate) fn calling(
        host: &Namespace,
        address: &str,
        url: &str,
        versions: &[ProtocolVersion],
    ) -> Self {
        let socket = inside(host, || UdpSocket::bind(address).expect("a free port"));
        Self::calling_from(host, socket, url, versions)
    }

    /// As [`Self::calling`], from a socket that is there already.
    pub(crate) fn calling_from(
        host: &Namespace,
        socket: UdpSocket,
        url: &str,
        versions: &[ProtocolVersion],
    ) -> Self {
        let (mut peer, config) = Self::with(socket, IceMode::Controlling, versions);
        peer.call(host, url, config);
        peer
    }

    /// Posts an offer, and takes the answer.
    fn call(&mut self, host: &Namespace, url: &str, config: Arc<SessionConfig>) {
        let opus = Codec::new(111, "opus", 48_000).with_channels(2);
        let audio = Capabilities::new().codec(MediaKind::Audio, opus);
        let now = Instant::now();
        let media = [audio.media(MediaKind::Audio)];
        let (session, mut signalling, offer) =
            Signalling::offer(config, now, media).expect("an offer");
        self.session = session;
        let answer = inside(host, || whip::post(&format!("{url}/whip"), &offer));
        let answer = answer.expect("201");
        self.server = answer.lines().find_map(first_candidate);
        let answer = Description::read(&answer).expect("an answer");
        let now = Instant::now();
        let accepted = signalling.accept_answer(&mut self.session, now, &answer);
        accepted.expect("the answer fits");
        let remote = signalling.peer().expect("it answered");
        self.remote = Some(remote.credentials.clone());
    }

    /// Tells it of its peer.
    pub(crate) fn set_remote(&mut self, remote: RemoteParameters) {
        self.remote = Some(remote.credentials.clone());
        let set = self.session.set_remote(Instant::now(), remote);
        set.expect("they fit");
    }

    /// Takes what has come, and sends what is due.
    pub(crate) fn turn(&mut self) {
        while let Some((from, mut datagram)) = self.read() {
            self.take(from, &mut datagram);
        }
        self.tend();
    }

    /// The next datagram that has come.
    pub(crate) fn read(&self) -> Option<(SocketAddr, Vec<u8>)> {
        let mut buf = [0; 2048];
        loop {
            let (len, from) = self.socket.recv_from(&mut buf).ok()?;
            if !self.dead.contains(&from) {
                return Some((from, buf[..len].to_vec()));
            }
        }
    }

    /// Sends what is due.
    pub(crate) fn tend(&mut self) {
        let now = Instant::now();
        if self.session.poll_timeout().is_some_and(|at| at <= now) {
            self.session.handle_timeout(now).expect("it goes on");
        }
        self.say(now);
        self.talk(now);
    }

    /// Takes a datagram, as if it had come over its own socket.
    pub(crate) fn take(&mut self, from: SocketAddr, datagram: &mut [u8]) {
        let now = Instant::now();
        if let Ok(message) = Message::parse(datagram)
            && message.class() == Class::Success
            && self.best_dies
            && self.dead.is_empty()
        {
            self.dead.push(from);
        }
        let path = Path::udp(self.address, from);
        let received = self.session.handle_datagram(now, path, datagram);
        if let Received::Rtp(packet) = received.expect("the session goes on") {
            let sequence = u16::from_be_bytes([packet[2], packet[3]]);
            self.heard.push((now, sequence));
        }
        self.say(now);
    }

    /// Sends what the session has to say.
    fn say(&mut self, now: Instant) {
        let mut buf = [0; 1500];
        while let Some(transmit) = self.session.poll_transmit(now, &mut buf) {
            let (datagram, to) = (&buf[..transmit.len], transmit.path.remote);
            if Message::parse(datagram).is_ok_and(|message| message.class() == Class::Request) {
                self.checks.push((now, to));
            }
            self.send(to, datagram);
        }
        while let Some(event) = self.session.poll_event() {
            self.events.push(event);
        }
        let mut early = Vec::new();
        while let Some(received) = self.session.poll_received(now, &mut early) {
            if let Received::Rtp(packet) = received {
                let sequence = u16::from_be_bytes([packet[2], packet[3]]);
                self.heard.push((now, sequence));
            }
        }
    }

    /// A packet of speech, if it is due.
    fn talk(&mut self, now: Instant) {
        if !self.talks || self.due.is_some_and(|due| now < due) {
            return;
        }
        if let Some((to, packet)) = self.sealed() {
            self.send(to, &packet);
            self.due = Some(self.due.unwrap_or(now) + FRAME);
        }
    }

    /// The next RTP packet, and where it would go.
    pub(crate) fn sealed(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let mut packet = vec![0x55; 12 + 80 + MAX_OVERHEAD];
        packet[..2].copy_from_slice(&[0x80, 111]);
        packet[2..4].copy_from_slice(&self.sent.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(self.sent) * 960).to_be_bytes());
        packet[8..12].copy_from_slice(&u32::from(self.address.port()).to_be_bytes());
        let now = Instant::now();
        let transmit = self.session.protect_rtp(now, &mut packet, 92).ok()?;
        self.sent += 1;
        packet.truncate(transmit.len);
        Some((transmit.path.remote, packet))
    }

    /// A host may be without a route, or its socket full: then it is lost.
    pub(crate) fn send(&self, to: SocketAddr, datagram: &[u8]) {
        if !self.dead.contains(&to) {
            let _ = self.socket.send_to(datagram, to);
        }
    }

    pub(crate) fn is_secured(&self) -> bool {
        let secured = |event: &SessionEvent| matches!(event, SessionEvent::Secured(_));
        self.events.iter().any(secured)
    }

    /// A check of its own, with USE-CANDIDATE, as its agent would write it.
    pub(crate) fn nomination(&self, priority: u32) -> Vec<u8> {
        let remote = self.remote.as_ref().expect("it knows its peer");
        let kind = MessageType::BINDING_REQUEST;
        let mut buf = [0; 256];
        let id = TransactionId(rand::random());
        let mut writer = MessageWriter::new(&mut buf, kind, id).expect("room");
        let own = self.session.local_ufrag();
        writer.username(remote.ufrag(), own).expect("room");
        let mut put = |kind, value: &[u8]| writer.attribute(kind, value).expect("room");
        put(AttributeType::PRIORITY, &priority.to_be_bytes());
        put(AttributeType::ICE_CONTROLLING, &[1; 8]);
        put(AttributeType::USE_CANDIDATE, &[]);
        let key = IntegrityKey::new(remote.password().as_bytes());
        let len = writer.seal(&key).expect("room");
        buf[..len].to_vec()
    }

    /// The answer to a check of the other side's that came to this address.
    pub(crate) fn answer(&self, check: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
        let message = Message::parse(check).ok()?;
        if message.class() != Class::Request {
            return None;
        }
        let mut buf = [0; 256];
        let kind = MessageType::BINDING_SUCCESS;
        let id = message.transaction_id();
        let mut writer = MessageWriter::new(&mut buf, kind, id).expect("room");
        writer.xor_mapped_address(from).expect("room");
        let own = self.session.local_parameters().credentials;
        let key = IntegrityKey::new(own.password().as_bytes());
        let len = writer.seal(&key).expect("room");
        Some(buf[..len].to_vec())
    }

    /// The longest time without media since then, and how many packets are missing of those that were
    /// sent meanwhile.
    pub(crate) fn loss_since(&self, since: Instant) -> (Duration, usize) {
        let heard = || self.heard.iter().filter(|(at, _)| *at >= since);
        let times = heard().map(|(at, _)| *at);
        let edges: Vec<_> = [since]
            .into_iter()
            .chain(times)
            .chain([Instant::now()])
            .collect();
        let gaps = edges.windows(2).map(|pair| pair[1] - pair[0]);
        let numbers: Vec<_> = heard().map(|(_, number)| *number).collect();
        let missing = match (numbers.first(), numbers.last()) {
            (Some(first), Some(last)) => usize::from(last.wrapping_sub(*first)) + 1 - numbers.len(),
            _ => usize::MAX,
        };
        (gaps.max().unwrap_or_default(), missing)
    }
}

/// The address in a line of candidates.
fn first_candidate(line: &str) -> Option<SocketAddr> {
    let words: Vec<_> = line.strip_prefix("a=candidate:")?.split(' ').collect();
    format!("{}:{}", words.get(4)?, words.get(5)?).parse().ok()
}

/// Lets peers talk for so long.
pub(crate) fn run(peers: &mut [&mut Peer], time: Duration) {
    run_with(peers, time, |_| {});
}

/// Lets peers talk for so long, and does something else again and again.
pub(crate) fn run_with(
    peers: &mut [&mut Peer],
    time: Duration,
    mut act: impl FnMut(&mut [&mut Peer]),
) {
    let _ = run_until(peers, time, |peers| {
        act(peers);
        false
    });
}

/// Lets peers talk until it is done, and says how long that took; `None` if it is not done in time.
pub(crate) fn run_until(
    peers: &mut [&mut Peer],
    limit: Duration,
    mut done: impl FnMut(&mut [&mut Peer]) -> bool,
) -> Option<Duration> {
    let start = Instant::now();
    while start.elapsed() < limit {
        for peer in &mut *peers {
            peer.turn();
        }
        if done(peers) {
            return Some(start.elapsed());
        }
        thread::sleep(Duration::from_millis(1));
    }
    None
}

/// Lets peers talk until all have their keys and hear media.
pub(crate) fn connect(peers: &mut [&mut Peer]) {
    let connected = run_until(peers, Duration::from_secs(10), |peers| {
        peers
            .iter()
            .all(|peer| peer.is_secured() && !peer.heard.is_empty())
    });
    assert!(connected.is_some(), "all are connected");
}
