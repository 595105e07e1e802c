//! Two sessions on a virtual clock, with a network between them that a seed makes lossy.
#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod forged;
pub(crate) mod hello;
pub(crate) mod negotiation;
mod network;
pub(crate) mod rtp;
pub(crate) mod served;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dtls::{CipherSuite, NamedGroup, ProtocolVersion, Role, SrtpProfile};
use ice_lite::Candidate;
use ice_lite::stun::{AttributeType, IntegrityKey, MessageType, MessageWriter, TransactionId};
use portcullis::{
    IceMode, OnConsentExpired, Path, Received, RemoteParameters, Session, SessionConfig,
    SessionError, SessionEvent, Summary,
};

pub(crate) use network::{Conditions, Network};

/// What is agreed on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) version: ProtocolVersion,
    /// Of the side that answers.
    pub(crate) answerer: Role,
    pub(crate) profile: SrtpProfile,
    /// The only group, instead of the usual ones.
    pub(crate) group: Option<NamedGroup>,
    /// What both sides want in every packet of SRTP.
    pub(crate) mki: &'static [u8],
    pub(crate) connect_timeout: Duration,
    pub(crate) on_consent_expired: OnConsentExpired,
}

impl Terms {
    pub(crate) const DEFAULT: Self = Self {
        version: ProtocolVersion::DTLS1_3,
        answerer: Role::Server,
        profile: SrtpProfile::AEAD_AES_128_GCM,
        group: None,
        mki: &[],
        connect_timeout: Duration::from_secs(30),
        on_consent_expired: OnConsentExpired::End,
    };

    /// Both versions, both roles.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [ProtocolVersion::DTLS1_2, ProtocolVersion::DTLS1_3]
            .into_iter()
            .flat_map(|version| {
                [Role::Client, Role::Server].map(|answerer| Self {
                    version,
                    answerer,
                    ..Self::DEFAULT
                })
            })
    }

    /// A configuration of these terms, for a session at `address`.
    pub(crate) fn config(&self, ice: IceMode, address: SocketAddr) -> SessionConfig {
        let mut dtls = dtls::Config::builder(dtls::crypto::default_provider())
            .versions(&[self.version])
            .srtp_profiles(&[self.profile])
            .mki(self.mki);
        if let Some(group) = self.group {
            dtls = dtls.groups(&[group]);
        }
        let dtls = dtls.build().expect("a configuration that works");
        let mut config = SessionConfig::new(Arc::new(dtls));
        config.ice = ice;
        config.dtls_role = self.answerer;
        config.connect_timeout = self.connect_timeout;
        config.on_consent_expired = self.on_consent_expired;
        config.candidates = vec![Candidate::host(address, 0)];
        config
    }
}

/// The address of the caller: a browser, say.
pub(crate) fn caller_address() -> SocketAddr {
    "192.0.2.1:1111".parse().expect("an address")
}

/// The address of the server.
pub(crate) fn server_address() -> SocketAddr {
    "198.51.100.2:3478".parse().expect("an address")
}

/// A session, and what came of it.
pub(crate) struct Peer {
    pub(crate) session: Session,
    pub(crate) address: SocketAddr,
    pub(crate) events: Vec<SessionEvent>,
    pub(crate) error: Option<SessionError>,
    pub(crate) rtp: Vec<Vec<u8>>,
    pub(crate) rtcp: Vec<Vec<u8>>,
    pub(crate) duplicates: usize,
}

impl Peer {
    pub(crate) fn new(session: Session, address: SocketAddr) -> Self {
        Self {
            session,
            address,
            events: Vec::new(),
            error: None,
            rtp: Vec::new(),
            rtcp: Vec::new(),
            duplicates: 0,
        }
    }

    pub(crate) fn handle(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        match self.session.handle_datagram(now, path, datagram) {
            Ok(Received::Nothing) => {}
            Ok(Received::Rtp(packet)) => self.rtp.push(packet.to_vec()),
            Ok(Received::Rtcp(packet)) => self.rtcp.push(packet.to_vec()),
            Ok(Received::Duplicate { .. }) => self.duplicates += 1,
            Err(error) => self.fail(error),
        }
        self.collect();
        self.collect_held(now);
    }

    /// Takes what has waited for its keys.
    pub(crate) fn collect_held(&mut self, now: Instant) {
        let mut buf = Vec::new();
        while let Some(received) = self.session.poll_received(now, &mut buf) {
            match received {
                Received::Rtp(packet) => self.rtp.push(packet.to_vec()),
                Received::Rtcp(packet) => self.rtcp.push(packet.to_vec()),
                Received::Duplicate { .. } => self.duplicates += 1,
                Received::Nothing => panic!("nothing is not told"),
            }
        }
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        if self
            .session
            .poll_timeout()
            .is_some_and(|alarm| alarm <= now)
        {
            if let Err(error) = self.session.handle_timeout(now) {
                self.fail(error);
            }
            self.collect();
        }
    }

    /// Errors are told once, and a session that had one says nothing new.
    fn fail(&mut self, error: SessionError) {
        let closed = SessionError::Dtls(dtls::Error::Closed);
        assert!(self.error.is_none() || error == closed, "{error}");
        self.error.get_or_insert(error);
    }

    pub(crate) fn collect(&mut self) {
        while let Some(event) = self.session.poll_event() {
            self.events.push(event);
        }
    }

    pub(crate) fn secured(&self) -> Option<&Summary> {
        self.events.iter().find_map(|event| match event {
            SessionEvent::Secured(summary) => Some(summary),
            _ => None,
        })
    }
}

/// A caller and a server, and the network between them.
pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) start: Instant,
    pub(crate) caller: Peer,
    pub(crate) server: Peer,
    pub(crate) network: Network,
}

impl World {
    /// A call of these terms, signalled and ready to begin.
    pub(crate) fn new(terms: Terms, conditions: Conditions) -> Self {
        Self::between(terms, terms, conditions)
    }

    /// A call between sides of different terms, signalled and ready to begin.
    pub(crate) fn between(calling: Terms, serving: Terms, conditions: Conditions) -> Self {
        let now = Instant::now();
        let [calling, serving] = [
            calling.config(IceMode::Controlling, caller_address()),
            serving.config(IceMode::Lite, server_address()),
        ];
        let [caller, server] = connected(now, calling, serving);
        Self::of(now, conditions, caller, server)
    }

    /// A call between the sessions that `make` makes.
    pub(crate) fn with(conditions: Conditions, make: impl FnOnce(Instant) -> [Session; 2]) -> Self {
        let now = Instant::now();
        let [caller, server] = make(now);
        Self::of(now, conditions, caller, server)
    }

    /// A call of which the server knows the caller; what the caller has yet to be told is given back.
    pub(crate) fn offered(
        [calling, serving]: [IceMode; 2],
        terms: Terms,
        conditions: Conditions,
    ) -> (Self, RemoteParameters) {
        let now = Instant::now();
        let caller = session(now, terms.config(calling, caller_address()));
        let mut server = session(now, terms.config(serving, server_address()));
        let offer = caller.local_parameters().into();
        server.set_remote(now, offer).expect("they fit");
        let answer = server.local_parameters().into();
        (Self::of(now, conditions, caller, server), answer)
    }

    pub(crate) fn of(
        now: Instant,
        conditions: Conditions,
        caller: Session,
        server: Session,
    ) -> Self {
        let mut world = Self {
            now,
            start: now,
            caller: Peer::new(caller, caller_address()),
            server: Peer::new(server, server_address()),
            network: Network::new(conditions),
        };
        world.caller.collect();
        world
    }

    /// Sends what waits, delivers what has arrived, and moves the clock on to what comes next.
    /// Returns whether there is anything to come.
    pub(crate) fn step(&mut self) -> bool {
        self.flush();
        let alarms = [&self.caller, &self.server].map(|peer| peer.session.poll_timeout());
        let next = alarms
            .into_iter()
            .flatten()
            .chain(self.network.next_arrival())
            .min();
        let Some(next) = next else {
            return false;
        };
        self.now = self.now.max(next);
        while let Some((path, mut datagram)) = self.network.arrive(self.now) {
            let peer = match path.local == self.caller.address {
                true => &mut self.caller,
                false => &mut self.server,
            };
            peer.handle(self.now, path, &mut datagram);
            self.flush();
        }
        self.caller.expire(self.now);
        self.server.expire(self.now);
        self.flush();
        true
    }

    /// Puts what both sides have to send on the wire.
    pub(crate) fn flush(&mut self) {
        let mut buf = [0; 1500];
        for peer in [&mut self.caller, &mut self.server] {
            while let Some(transmit) = peer.session.poll_transmit(self.now, &mut buf) {
                self.network
                    .send(self.now, transmit.path, &buf[..transmit.len]);
            }
            peer.collect();
        }
    }

    /// Runs until `done`, or until `limit` has passed; says whether it is done.
    pub(crate) fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let deadline = self.now + limit;
        while !done(self) {
            if self.now > deadline || !self.step() {
                return done(self);
            }
        }
        true
    }

    /// Runs for this long, whatever happens.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let deadline = self.now + time;
        while self.peek().is_some_and(|next| next <= deadline) && self.step() {}
        self.now = deadline;
    }

    fn peek(&mut self) -> Option<Instant> {
        self.flush();
        let alarms = [&self.caller, &self.server].map(|peer| peer.session.poll_timeout());
        let arrival = self.network.next_arrival();
        alarms.into_iter().flatten().chain(arrival).min()
    }

    /// Both sides are secured within 30 s.
    pub(crate) fn secure(&mut self) -> bool {
        self.run_until(Duration::from_secs(30), |world| {
            world.caller.secured().is_some() && world.server.secured().is_some()
        })
    }

    /// Sends an RTP packet from the caller, or from the server.
    pub(crate) fn send_rtp(&mut self, from_caller: bool, sequence: u16) {
        let peer = match from_caller {
            true => &mut self.caller,
            false => &mut self.server,
        };
        let (mut buf, len) = rtp::packet(7, sequence);
        let transmit = peer
            .session
            .protect_rtp(self.now, &mut buf, len)
            .expect("the session is secured");
        self.network
            .send(self.now, transmit.path, &buf[..transmit.len]);
    }

    /// As [`World::send_rtp`], for RTCP.
    pub(crate) fn send_rtcp(&mut self, from_caller: bool) {
        let peer = match from_caller {
            true => &mut self.caller,
            false => &mut self.server,
        };
        let (mut buf, len) = rtp::report(7);
        let transmit = peer
            .session
            .protect_rtcp(self.now, &mut buf, len)
            .expect("the session is secured");
        self.network
            .send(self.now, transmit.path, &buf[..transmit.len]);
    }

    /// A check of the caller's to the server, by hand, with a priority above those that it sends itself.
    /// The number tells it from others.
    pub(crate) fn check(&self, number: u16, nominating: bool) -> Vec<u8> {
        let mut id = [9; 12];
        id[..2].copy_from_slice(&number.to_be_bytes());
        let server = self.server.session.local_parameters().credentials;
        let mut buf = [0; 256];
        let kind = MessageType::BINDING_REQUEST;
        let mut writer = MessageWriter::new(&mut buf, kind, TransactionId(id)).expect("room");
        let ufrag = self.caller.session.local_ufrag();
        writer.username(server.ufrag(), ufrag).expect("room");
        let mut put = |kind, value: &[u8]| writer.attribute(kind, value).expect("room");
        put(AttributeType::PRIORITY, &[0x7F, 0, 0, 1]);
        put(AttributeType::ICE_CONTROLLING, &[1; 8]);
        if nominating {
            put(AttributeType::USE_CANDIDATE, &[]);
        }
        let key = IntegrityKey::new(server.password().as_bytes());
        let len = writer.seal(&key).expect("room");
        buf[..len].to_vec()
    }

    /// The path over which the server sees the caller.
    pub(crate) fn server_path(&self) -> Path {
        Path::udp(self.server.address, self.caller.address)
    }
}

/// A session of this configuration.
pub(crate) fn session(now: Instant, config: SessionConfig) -> Session {
    Session::new(Arc::new(config), now).expect("a configuration that works")
}

/// A caller and a server that know of each other.
pub(crate) fn connected(
    now: Instant,
    calling: SessionConfig,
    serving: SessionConfig,
) -> [Session; 2] {
    let (mut caller, mut server) = (session(now, calling), session(now, serving));
    introduce(now, &mut caller, &mut server);
    [caller, server]
}

/// Tells the server what the caller has to say, and then the caller what the server has.
pub(crate) fn introduce(now: Instant, caller: &mut Session, server: &mut Session) {
    let offer = caller.local_parameters().into();
    server.set_remote(now, offer).expect("they fit");
    let answer = server.local_parameters().into();
    caller.set_remote(now, answer).expect("they fit");
}

/// The suite that both sides agree on by default.
pub(crate) fn default_suite(version: ProtocolVersion) -> CipherSuite {
    match version {
        ProtocolVersion::DTLS1_3 => CipherSuite::TLS_AES_128_GCM_SHA256,
        _ => CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    }
}

/// Gives each of two sessions what the other has to send at `now`.
pub(crate) fn exchange(now: Instant, caller: &mut Session, server: &mut Session) {
    let mut buf = [0; 1500];
    let mut ends = [(caller, caller_address()), (server, server_address())];
    for from in [0, 1] {
        ends[from].0.handle_timeout(now).expect("alive");
        while let Some(transmit) = ends[from].0.poll_transmit(now, &mut buf) {
            let (to, address) = &mut ends[1 - from];
            let path = Path::udp(
                *address,
                if from == 0 {
                    caller_address()
                } else {
                    server_address()
                },
            );
            let received = to.handle_datagram(now, path, &mut buf[..transmit.len]);
            assert!(received.is_ok(), "{received:?}");
        }
    }
}
