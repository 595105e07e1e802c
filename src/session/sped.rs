//! DTLS inside STUN (SPED): flights that travel in checks while there is no path to send them over.

use std::time::Instant;

use dtls::Connection;
use ice_lite::stun::{AttributeType, Message, MessageWriter, crc32};
use ice_lite::{Envelope, Path, Transmit};

use super::Session;

/// The longest datagram that a message carries: libwebrtc cuts flights so, that a message stays below
/// its 1,200 bytes, whatever else is in it.
const MAX_DATAGRAM: usize = 900;

/// Datagrams of a flight that are carried. One with ML-KEM and a small chain has three; what does not
/// fit waits for a path.
const MAX_CARGO: usize = 8;

/// Datagrams that a message acknowledges at most: as many as libwebrtc names.
const MAX_ACKNOWLEDGED: usize = 4;

/// Messages with a datagram that one session sends before it has a path. The addresses are those that
/// the signalling names, which nobody has proved: a ClientHello of two datagrams goes four times to
/// each of two of them.
const MAX_CARRIED: u32 = 16;

/// Messages that still acknowledge after our side of the handshake is complete, so that a peer whose
/// last flight they answer knows that it came.
const FAREWELLS: u8 = 4;

/// Bytes of a message besides the datagram: header, XOR-MAPPED-ADDRESS, acknowledgements, seal.
const AROUND: usize = 128;

/// What both sides carry for each other, from the first check to the end of the handshake.
#[derive(Debug, Default, Hash)]
pub(super) struct Sped {
    /// The peer has shown that it knows how.
    heard: bool,
    /// The last datagrams of DTLS that came, by their CRC-32, and how many.
    received: [u32; MAX_ACKNOWLEDGED],
    known: usize,
    cargo: Vec<Carried>,
    /// Retransmission by time is suspended: checks carry the flight.
    carries: bool,
    /// More came than is carried.
    overflown: bool,
    /// Messages with a datagram so far.
    carried: u32,
    /// Messages that still acknowledge; from the end of the handshake on.
    farewells: Option<u8>,
}

/// A datagram that checks carry until it is acknowledged.
#[derive(Debug, Hash)]
struct Carried {
    datagram: Box<[u8]>,
    crc: u32,
    times: u32,
    /// Where it went last.
    over: Option<Path>,
}

impl Sped {
    /// Takes what one message of the peer's carries.
    fn hear(&mut self, acknowledged: Option<&[u8]>) {
        self.heard = true;
        let (crcs, _) = acknowledged.unwrap_or_default().as_chunks();
        let named = |crc: u32| crcs.iter().any(|it| u32::from_be_bytes(*it) == crc);
        self.cargo.retain(|carried| !named(carried.crc));
    }

    /// A datagram of DTLS came, in a message or by itself.
    fn note_received(&mut self, crc: u32) {
        if self.received[..self.known].contains(&crc) {
            return;
        }
        if self.known == MAX_ACKNOWLEDGED {
            self.received.rotate_left(1);
            self.known -= 1;
        }
        self.received[self.known] = crc;
        self.known += 1;
    }

    fn load(&mut self, datagram: &[u8]) {
        if self.cargo.len() == MAX_CARGO {
            self.overflown = true;
            return;
        }
        self.cargo.push(Carried {
            crc: crc32(datagram),
            datagram: datagram.into(),
            times: 0,
            over: None,
        });
    }

    /// Whether some of the cargo has not been carried as often as the rest.
    fn waits(&self) -> bool {
        let most = self.cargo.iter().map(|carried| carried.times).max();
        let is_behind = |carried: &Carried| carried.times == 0 || Some(carried.times) < most;
        self.carried < MAX_CARRIED && self.cargo.iter().any(is_behind)
    }

    /// What of the cargo has not gone over this path.
    fn is_left_behind(&self, path: &Path) -> bool {
        let gone = |carried: &Carried| carried.over.as_ref() == Some(path);
        self.overflown || !self.cargo.iter().all(gone)
    }

    /// Adds the attributes of a message.
    fn add(&mut self, writer: &mut MessageWriter<'_>, envelope: Envelope) -> Option<Path> {
        let is_answer = writer.kind().class().is_response();
        // Who has not asked for them in this way has no use for them in an answer.
        if (is_answer && !self.heard) || self.is_over() {
            return None;
        }
        if let Some(left) = self.farewells.as_mut().filter(|_| self.cargo.is_empty()) {
            *left -= 1;
        }
        let mut crcs = [0; 4 * MAX_ACKNOWLEDGED];
        for (to, crc) in crcs.chunks_exact_mut(4).zip(self.received) {
            to.copy_from_slice(&crc.to_be_bytes());
        }
        let acknowledged = crcs.get(..4 * self.known).unwrap_or_default();
        writer
            .attribute(AttributeType::DTLS_IN_STUN_ACK, acknowledged)
            .ok()?;
        if self.carried == MAX_CARRIED {
            return None;
        }
        let next = self.cargo.iter_mut().min_by_key(|carried| carried.times)?;
        // An answer is never held back, so that it must not be longer than what may go there.
        if envelope.allowance < next.datagram.len() + AROUND {
            return None;
        }
        writer
            .attribute(AttributeType::DTLS_IN_STUN, &next.datagram)
            .ok()?;
        next.times += 1;
        next.over = Some(envelope.path);
        self.carried += 1;
        next.over
    }

    fn is_over(&self) -> bool {
        self.farewells == Some(0)
    }
}

impl Session {
    /// The next message of ICE, with what it carries.
    pub(super) fn transmit_ice(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        if self.sped.is_none() {
            return self.ice.poll_transmit(now, buf);
        }
        self.load_cargo(now);
        let sped = self.sped.as_mut()?;
        self.ice.set_cargo(sped.waits());
        let mut carried = None;
        let transmit = self.ice.poll_transmit_with(now, buf, |writer, envelope| {
            carried = sped.add(writer, envelope);
        });
        self.ice.set_cargo(sped.waits());
        let is_over = sped.is_over();
        if let Some(path) = carried.filter(|_| transmit.is_some()) {
            self.counters.dtls_in_stun_sent += 1;
            self.note_carried(path);
        }
        if is_over {
            self.sped = None;
        }
        transmit
    }

    /// Takes a flight that has no path to go over.
    fn load_cargo(&mut self, now: Instant) {
        let connection = self.association.connection_mut();
        let (Some(connection), Some(sped)) = (connection, &mut self.sped) else {
            return;
        };
        if !sped.carries || self.ice.selected().is_some() {
            return;
        }
        let mut buf = [0; MAX_DATAGRAM];
        while let Some(len) = connection.poll_transmit(now, &mut buf) {
            sped.load(buf.get(..len).unwrap_or_default());
        }
    }

    /// The peer's parameters say whether it knows how.
    pub(super) fn learn_sped(&mut self, is_offered: bool) {
        if !is_offered {
            self.sped = None;
        }
    }

    /// Whether a ClientHello may go before there is a path.
    pub(super) fn carries_hello(&self) -> bool {
        self.sped.is_some() && !self.ice.is_lite()
    }

    /// A handshake begins: without a path, checks carry it.
    pub(super) fn carry_dtls(&mut self, now: Instant) {
        if let Some(sped) = &mut self.sped
            && self.ice.selected().is_none()
            && let Some(connection) = self.association.connection_mut()
        {
            sped.carries = true;
            connection.suspend_retransmission(now);
        }
    }

    /// Takes what an authenticated message carries; a datagram is for DTLS.
    pub(super) fn unload(&mut self, now: Instant, message: &Message<'_>) -> Option<Vec<u8>> {
        let sped = self.sped.as_mut()?;
        let acknowledged = message.attribute(AttributeType::DTLS_IN_STUN_ACK);
        let datagram = message.attribute(AttributeType::DTLS_IN_STUN);
        if acknowledged.is_none() && datagram.is_none() {
            // The peer does not know how, or has finished.
            self.stop_carrying(now, |_| true);
            self.sped = None;
            return None;
        }
        sped.hear(acknowledged);
        datagram
            .filter(|datagram| !datagram.is_empty())
            .map(Into::into)
    }

    /// There is a path: datagrams go by themselves from now on. What has been on its way over it since
    /// is given the time that a flight has.
    pub(super) fn carry_no_more(&mut self, now: Instant, path: &Path) {
        self.stop_carrying(now, |sped| sped.is_left_behind(path));
    }

    fn stop_carrying(&mut self, now: Instant, is_lost: impl FnOnce(&Sped) -> bool) {
        let Some(sped) = self.sped.as_mut().filter(|sped| sped.carries) else {
            return;
        };
        let lost = !sped.cargo.is_empty() && is_lost(sped) || sped.overflown;
        sped.carries = false;
        sped.cargo = Vec::new();
        self.ice.set_cargo(false);
        if let Some(connection) = self.association.connection_mut() {
            connection.resume_retransmission(now);
            if lost {
                connection.resend_flight();
            }
        }
    }

    /// The peer is told of this datagram, if it can be.
    pub(super) fn acknowledge_dtls(&mut self, crc: Option<u32>) {
        if let (Some(sped), Some(crc)) = (&mut self.sped, crc)
            && self.association.connection().is_some()
        {
            sped.note_received(crc);
        }
    }

    /// How a datagram will be named to the peer, before it is decrypted in place.
    pub(super) fn name_dtls(&self, datagram: &[u8]) -> Option<u32> {
        let connection = self.association.connection();
        let secured = connection.and_then(Connection::info).is_some();
        self.sped
            .as_ref()
            .filter(|_| !secured)
            .map(|_| crc32(datagram))
    }

    /// Our side of the handshake is complete.
    pub(super) fn finish_sped(&mut self) {
        if let Some(sped) = &mut self.sped {
            sped.farewells = Some(FAREWELLS);
        }
    }
}
