//! A client with the habits of Chromium, made of the leaves: it checks every 50 ms until it is answered,
//! sends a flight again after twice the round trip of a check, and then a packet of media every 20 ms.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dtls::{Certificate, Connection, Fingerprint, PeerIdentity, Role};
use ice_lite::stun::{
    AttributeType, Class, IntegrityKey, Message, MessageType, MessageWriter, TransactionId, crc32,
};
use srtp::{Profile, Sender, SenderConfig};

/// Between two checks that nobody has answered, and between two later ones.
const EAGER: Duration = Duration::from_millis(50);
const SETTLED: Duration = Duration::from_millis(480);

/// Between two packets of media.
const FRAME: Duration = Duration::from_millis(20);

/// The longest datagram within a check, as libwebrtc has it.
const CARRIED: usize = 900;

/// Datagrams that a check acknowledges at most.
const ACKNOWLEDGED: usize = 4;

/// What it knows of the server, and the server of it.
pub(crate) struct Known {
    /// Of the server's ufrag and its own.
    pub(crate) username: [String; 2],
    /// The server's password.
    pub(crate) password: String,
    /// Its own.
    pub(crate) own_password: String,
    pub(crate) fingerprint: Fingerprint,
}

pub(crate) struct Browser {
    known: Known,
    key: IntegrityKey,
    own_key: IntegrityKey,
    config: Arc<dtls::Config>,
    certificate: Arc<Certificate>,
    address: SocketAddr,
    sped: bool,
    connection: Option<Connection>,
    /// Datagrams within checks, how often each went, and which were received.
    cargo: Vec<(Vec<u8>, u32)>,
    received: Vec<u32>,
    checks: u64,
    begun: Option<Instant>,
    next_check: Instant,
    answered: Option<Duration>,
    sender: Option<Sender>,
    next_frame: Option<Instant>,
    frames: u16,
    answers: Vec<Vec<u8>>,
}

impl Browser {
    pub(crate) fn new(
        known: Known,
        config: Arc<dtls::Config>,
        certificate: Arc<Certificate>,
        address: SocketAddr,
        sped: bool,
        now: Instant,
    ) -> Self {
        let mut browser = Self {
            key: IntegrityKey::new(known.password.as_bytes()),
            own_key: IntegrityKey::new(known.own_password.as_bytes()),
            known,
            config,
            certificate,
            address,
            sped,
            connection: None,
            cargo: Vec::new(),
            received: Vec::new(),
            checks: 0,
            begun: None,
            next_check: now,
            answered: None,
            sender: None,
            next_frame: None,
            frames: 0,
            answers: Vec::new(),
        };
        if sped {
            browser.start(now);
        }
        browser
    }

    fn start(&mut self, now: Instant) {
        let peer = PeerIdentity::Fingerprints(vec![self.known.fingerprint]);
        let certificate = Arc::clone(&self.certificate);
        let config = Arc::clone(&self.config);
        let connection = Connection::new(config, Role::Client, certificate, peer, now);
        let mut connection = connection.expect("a client");
        if self.answered.is_none() {
            connection.suspend_retransmission(now);
        }
        self.connection = Some(connection);
        self.load(now);
    }

    /// Without a path, checks carry the flight.
    fn load(&mut self, now: Instant) {
        let Some(connection) = self.connection.as_mut().filter(|_| self.answered.is_none()) else {
            return;
        };
        let mut buf = [0; CARRIED];
        while let Some(len) = connection.poll_transmit(now, &mut buf) {
            self.cargo.push((buf[..len].to_vec(), 0));
        }
    }

    pub(crate) fn handle(&mut self, now: Instant, datagram: &mut [u8]) {
        match datagram.first() {
            Some(0..=3) => self.handle_stun(now, datagram),
            Some(20..=63) => self.handle_dtls(now, datagram),
            _ => {}
        }
    }

    fn handle_dtls(&mut self, now: Instant, datagram: &mut [u8]) {
        let crc = crc32(datagram);
        if !self.received.contains(&crc) {
            self.received.truncate(ACKNOWLEDGED - 1);
            self.received.insert(0, crc);
        }
        let Some(connection) = &mut self.connection else {
            return;
        };
        connection
            .handle_datagram(now, datagram)
            .expect("the server is honest");
        while connection.poll_event().is_some() {}
        if let (None, Some(keys)) = (&self.sender, connection.srtp_keying_material()) {
            let profile = Profile::from_iana(keys.profile().0).expect("a profile");
            let keys = srtp::from_dtls(profile, keys.as_bytes(), srtp::Role::Client);
            let (sender, _) = keys.expect("keys of its length");
            self.sender = Some(Sender::new(sender, SenderConfig::default()).expect("valid"));
            self.next_frame = Some(now);
        }
        self.load(now);
    }

    fn handle_stun(&mut self, now: Instant, datagram: &[u8]) {
        let message = Message::parse(datagram).expect("the server writes STUN");
        if message.class() == Class::Request {
            let mut buf = [0; 600];
            let kind = MessageType::BINDING_SUCCESS;
            let writer = MessageWriter::new(&mut buf, kind, message.transaction_id());
            let mut writer = writer.expect("room");
            writer.xor_mapped_address(self.address).expect("room");
            let len = writer.seal(&self.own_key).expect("room");
            self.answers.push(buf[..len].to_vec());
            return;
        }
        assert!(message.verify_integrity(&self.key).is_ok());
        let acknowledged = message.attribute(AttributeType::DTLS_IN_STUN_ACK);
        let (crcs, _) = acknowledged.unwrap_or_default().as_chunks::<4>();
        self.cargo
            .retain(|(datagram, _)| !crcs.contains(&crc32(datagram).to_be_bytes()));
        if self.answered.is_none() {
            self.connect(now);
        }
    }

    /// There is a path.
    fn connect(&mut self, now: Instant) {
        let round_trip = self.begun.map_or(EAGER, |begun| now - begun);
        self.answered = Some(round_trip);
        self.next_check = now + SETTLED;
        let mut retransmit = self.config.retransmit();
        retransmit.initial = 2 * round_trip;
        if self.connection.is_none() {
            self.start(now);
        }
        let cargo = std::mem::take(&mut self.cargo);
        if let Some(connection) = &mut self.connection {
            connection.set_retransmit(retransmit);
            connection.resume_retransmission(now);
            if cargo.iter().any(|(_, times)| *times == 0) {
                connection.resend_flight();
            }
        }
    }

    fn check(&mut self, now: Instant, buf: &mut [u8]) -> usize {
        self.begun.get_or_insert(now);
        let connected = self.answered.is_some();
        self.next_check = now + if connected { SETTLED } else { EAGER };
        self.checks += 1;
        let mut id = [7; 12];
        id[..8].copy_from_slice(&self.checks.to_be_bytes());
        let kind = MessageType::BINDING_REQUEST;
        let writer = MessageWriter::new(buf, kind, TransactionId(id));
        let mut writer = writer.expect("room");
        let [theirs, own] = &self.known.username;
        let all: &[(AttributeType, &[u8])] = &[
            (AttributeType::PRIORITY, &[110, 0, 0, 1]),
            (AttributeType::ICE_CONTROLLING, &[1; 8]),
            (AttributeType::USE_CANDIDATE, &[]),
        ];
        writer.username(theirs, own).expect("room");
        for (kind, value) in all {
            writer.attribute(*kind, value).expect("room");
        }
        if self.sped && (self.sender.is_none() || !self.cargo.is_empty()) {
            let crcs = self.received.iter().rev().map(|crc| crc.to_be_bytes());
            let crcs: Vec<u8> = crcs.flatten().collect();
            writer
                .attribute(AttributeType::DTLS_IN_STUN_ACK, &crcs)
                .expect("room");
            if let Some((datagram, times)) = self.cargo.iter_mut().min_by_key(|(_, times)| *times) {
                *times += 1;
                writer
                    .attribute(AttributeType::DTLS_IN_STUN, datagram)
                    .expect("room");
            }
        }
        writer.seal(&self.key).expect("room")
    }

    pub(crate) fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<usize> {
        if let Some(answer) = self.answers.pop() {
            buf[..answer.len()].copy_from_slice(&answer);
            return Some(answer.len());
        }
        if self.next_check <= now {
            return Some(self.check(now, buf));
        }
        self.answered?;
        if let Some(len) = self.connection.as_mut()?.poll_transmit(now, buf) {
            return Some(len);
        }
        self.next_frame.filter(|&at| at <= now)?;
        self.next_frame = Some(now + FRAME);
        self.frames += 1;
        buf[..172].fill(0);
        buf[..2].copy_from_slice(&[0x80, 111]);
        buf[2..4].copy_from_slice(&self.frames.to_be_bytes());
        Some(self.sender.as_mut()?.protect_rtp(buf, 172).expect("room"))
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        if let Some(connection) = &mut self.connection {
            // A client that has given up stays silent.
            let _ = connection.handle_timeout(now);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let dtls = self.connection.as_ref().and_then(Connection::poll_timeout);
        let frame = self.next_frame.filter(|_| self.answered.is_some());
        [Some(self.next_check), frame, dtls]
            .into_iter()
            .flatten()
            .min()
    }
}
