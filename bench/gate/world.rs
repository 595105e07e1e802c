//! A gate with calls, and the callers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::ice_lite::Candidate;
use portcullis::{
    Call, Context, Gate, IceMode, Path, Received, Session, SessionConfig, SessionEvent, SessionId,
    dtls,
};

/// What the server does with a call: it counts.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    pub(crate) packets: u64,
}

impl Call for Counter {
    fn handle_rtp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {
        self.packets += 1;
    }

    fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {
        self.packets += 1;
    }
}

/// Longer than a DTLS connection waits after its last record before it lets its keys rest.
const LULL: Duration = Duration::from_secs(2);

/// A caller.
pub(crate) struct Caller {
    pub(crate) session: Session,
    /// As the server sees it.
    pub(crate) path: Path,
    secured: bool,
}

/// Both, on a clock of their own.
pub(crate) struct World<C = Counter> {
    pub(crate) gate: Gate<C>,
    pub(crate) callers: Vec<Caller>,
    pub(crate) now: Instant,
    /// What the calls have cost the server so far.
    pub(crate) served: Duration,
    /// How much later the next call comes.
    pub(crate) pace: Duration,
    placed: u32,
    config: SessionConfig,
    server: SocketAddr,
    caller: Box<dyn Fn(u32) -> SocketAddr>,
    /// What all sessions of the server share.
    serving: Arc<SessionConfig>,
}

/// The server of most worlds, in the documentation's Internet.
pub(crate) const SERVER: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)), 3478);

/// Of caller `number`.
pub(crate) fn caller(number: u32) -> SocketAddr {
    let ip = Ipv4Addr::from(0x0A00_0000 | number >> 8);
    SocketAddr::new(ip.into(), 1024 + number as u16 % 256)
}

impl World {
    pub(crate) fn new() -> Self {
        let provider = dtls::crypto::default_provider();
        let config = dtls::Config::new(provider).expect("the defaults work");
        Self::at(SERVER, Box::new(caller), config)
    }
}

impl<C: Call + Default> World<C> {
    /// A server at this address, whose callers have addresses by their numbers.
    pub(crate) fn at(
        server: SocketAddr,
        caller: Box<dyn Fn(u32) -> SocketAddr>,
        dtls: dtls::Config,
    ) -> Self {
        let config = SessionConfig::new(Arc::new(dtls));
        let mut serving = config.clone();
        serving.candidates = vec![Candidate::host(server, 0)];
        Self {
            gate: Gate::new([7; 16]),
            callers: Vec::new(),
            now: Instant::now(),
            served: Duration::ZERO,
            pace: Duration::from_millis(1),
            placed: 0,
            config,
            server,
            caller,
            serving: Arc::new(serving),
        }
    }

    /// Signals a call and carries it to its keys.
    pub(crate) fn call(&mut self) -> SessionId {
        let address = (self.caller)(self.placed);
        self.placed += 1;
        let mut calling = self.config.clone();
        calling.ice = IceMode::Controlling;
        calling.candidates = vec![Candidate::host(address, 0)];
        let calling = Session::new(Arc::new(calling), self.now);
        let mut session = calling.expect("a caller");
        let offer = session.local_parameters().into();
        let serving = Arc::clone(&self.serving);
        let start = Instant::now();
        let mut served = Session::new(serving, self.now).expect("a session");
        served.set_remote(self.now, offer).expect("they fit");
        let answer = served.local_parameters().into();
        let inserted = self.gate.insert(self.now, served, C::default());
        self.served += start.elapsed();
        let id = inserted.expect("a new ufrag");
        session.set_remote(self.now, answer).expect("they fit");
        self.callers.push(Caller {
            session,
            path: Path::udp(self.server, address),
            secured: false,
        });
        while !self.callers.last().is_some_and(|caller| caller.secured) {
            self.now += self.pace;
            self.shuttle();
        }
        // The handshake's last flight.
        self.shuttle();
        id
    }

    /// Lets time pass until the keys of all calls rest.
    pub(crate) fn rest(&mut self) {
        self.now += LULL;
        self.follow_timers();
    }

    /// Does what the gate is due to do, as a driver would.
    pub(crate) fn follow_timers(&mut self) {
        let start = Instant::now();
        if self.gate.poll_timeout().is_some_and(|due| due <= self.now) {
            self.gate.handle_timeout(self.now);
        }
        self.served += start.elapsed();
    }

    /// Carries what the last caller and the gate have to say to each other.
    fn shuttle(&mut self) {
        let mut buf = [0; 1500];
        let (now, gate) = (self.now, &mut self.gate);
        let caller = self.callers.last_mut().expect("there is one");
        caller.session.handle_timeout(now).expect("all goes well");
        loop {
            let mut quiet = true;
            while let Some(transmit) = caller.session.poll_transmit(now, &mut buf) {
                quiet = false;
                let start = Instant::now();
                gate.handle_datagram(now, caller.path, &mut buf[..transmit.len]);
                self.served += start.elapsed();
            }
            while let Some(event) = caller.session.poll_event() {
                caller.secured |= matches!(event, SessionEvent::Secured(_));
            }
            // No media has overtaken its keys: none is sent before there are any.
            assert_eq!(caller.session.poll_received(now, &mut Vec::new()), None);
            let path = Path::udp(caller.path.remote, caller.path.local);
            for datagram in gate.outbox().datagrams() {
                quiet = false;
                let mut bytes = datagram.bytes.to_vec();
                let received = caller.session.handle_datagram(now, path, &mut bytes);
                assert_eq!(received, Ok(Received::Nothing));
            }
            gate.outbox().clear();
            if quiet {
                return;
            }
        }
    }

    /// A sealed packet of a caller.
    pub(crate) fn sealed(&mut self, caller: usize, ssrc: u32, sequence: u16) -> Vec<u8> {
        let mut packet = vec![0; 160 + 12 + portcullis::MAX_OVERHEAD];
        packet[..2].copy_from_slice(&[0x80, 111]);
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
        let session = &mut self.callers[caller].session;
        let transmit = session.protect_rtp(self.now, &mut packet, 172);
        packet.truncate(transmit.expect("it is secured").len);
        packet
    }
}
