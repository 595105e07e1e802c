//! Reliability: handshake messages arrive whole, in order and once, and leave again and again
//! until the peer has them (RFC 6347 §4.2, RFC 9147 §5.5 to §5.8 and §7).
//!
//! Both versions are served alike. What differs is how we learn that the peer has a flight of
//! ours: [`Mode`].

mod ack;
mod answers;
mod burst;
mod coverage;
mod credit;
mod inbound;
mod outbound;
mod partial;
#[cfg(test)]
mod tests;
mod timer;

use std::time::Instant;

use self::ack::Acks;
use self::answers::Answers;
pub(crate) use self::burst::Burst;
use self::credit::Credit;
use self::inbound::{Accepted, Inbound, Trust};
pub(crate) use self::inbound::{Incoming, NoPendingFragments};
use self::outbound::Outbound;
use self::timer::Timers;
use crate::config::{MAX_MESSAGE, RetransmitConfig};
use crate::error::Error;
use crate::record::{Opened, RecordLayer};
use crate::stats::{Discard, Statistics};
use crate::wire::handshake::Header;
use crate::wire::{ContentType, HandshakeType, ProtocolVersion, Reader, Wire as _};

/// How the peer shows that it has our flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// By its answer alone (DTLS 1.2).
    Implicit,
    /// By a part of its answer, or by an ACK (DTLS 1.3).
    Acked,
}

/// What follows a flight of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// The peer answers with a flight of its own.
    Reply,
    /// Nothing: the flight ends a handshake, or an exchange after it.
    Nothing,
}

/// What an ACK achieved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acknowledged {
    /// The peer has all of the flight; nothing is waited for.
    Flight,
    /// Parts of a flight, or nothing.
    Part,
}

/// A ServerHello longer than this has a post-quantum share in it, and so is one of DTLS 1.3: that of
/// DTLS 1.2 has some 100 bytes, and a session id and a few extensions more at most.
const LONG_HELLO: u32 = 512;

/// Why a transmission goes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cause {
    /// It is the first transmission, or another layer asked for it.
    #[default]
    Ours,
    /// What came from the peer.
    Peer,
    /// The timer.
    Timer,
    /// A copy of what the timer had sent.
    Copy,
}

/// Everything about flights in both directions.
#[derive(Debug)]
pub(crate) struct Flights {
    /// `None` until the version is known.
    mode: Option<Mode>,
    inbound: Inbound,
    outbound: Outbound,
    acks: Acks,
    timers: Timers,
    answers: Answers,
    credit: Credit,
    /// Why the transmission under way, or the last one, goes out.
    cause: Cause,
    /// When the present flight first went out, as long as nothing answered it.
    unanswered: Option<Instant>,
    /// What is expected after the present flight of ours.
    expect: Expect,
    /// The handshake is over.
    complete: bool,
}

impl Flights {
    pub(crate) fn new(config: RetransmitConfig) -> Self {
        Self {
            mode: None,
            inbound: Inbound::new(MAX_MESSAGE),
            outbound: Outbound::default(),
            acks: Acks::default(),
            timers: Timers::new(config),
            answers: Answers::default(),
            credit: Credit::default(),
            cause: Cause::default(),
            unanswered: None,
            expect: Expect::Reply,
            complete: false,
        }
    }

    /// Takes messages of at most `longest` bytes.
    pub(crate) fn taking(mut self, longest: u16) -> Self {
        self.inbound = Inbound::new(longest);
        self
    }

    /// Goes on behind messages up to this one of the peer's, and as many of ours before it.
    pub(crate) fn continue_after(&mut self, message: &Incoming) {
        self.inbound.skip_past(message);
        self.outbound.continue_at(message.message_seq);
        // What it came in, and that it came twice, is not known any more; it was as long as that.
        self.credit.receive(2 * message.body.len());
    }

    /// A datagram of this many bytes came from the peer's address.
    pub(crate) fn receive(&mut self, bytes: usize) {
        self.credit.receive(bytes);
    }

    /// A protected record of the peer came.
    pub(crate) fn prove(&mut self) {
        self.credit.prove();
    }

    /// The version is known.
    pub(crate) fn set_version(&mut self, version: ProtocolVersion) {
        if version == ProtocolVersion::DTLS1_3 {
            self.mode = Some(Mode::Acked);
            // RFC 9147 §7.1: a client knows it from the answer to its flight.
            if self.timers.is_prompt() {
                self.forget_flight();
            }
        } else {
            self.mode = Some(Mode::Implicit);
            self.acks.clear();
        }
    }

    // ---- Receiving -----------------------------------------------------------------------------

    /// Takes in the fragments of a handshake record.
    ///
    /// # Errors
    /// [`Error::BadHandshakeRecord`], [`Error::FragmentMismatch`], [`Error::ExcessiveMessageSize`];
    /// [`Error::ExcessHandshakeData`] for a new message under keys that have successors.
    pub(crate) fn accept(
        &mut self,
        now: Instant,
        record: &Opened<'_>,
        strict: bool,
        statistics: &mut Statistics,
    ) -> Result<(), Error> {
        let trust = match (record.number.epoch(), strict) {
            (0, true) => Trust::Assumed,
            (0, false) => Trust::Plaintext,
            _ => Trust::Authentic,
        };
        let mut reader = Reader::new(record.content);
        let (mut progress, mut dropped, mut repeated) = (false, false, false);
        while !reader.is_empty() {
            let (header, data) = read_fragment(&mut reader)?;
            // RFC 8446 §5.1: once there are newer keys, old ones bring nothing new.
            if !record.newest && !self.inbound.is_past(header.message_seq) {
                return Err(Error::ExcessHandshakeData);
            }
            let accepted = self.inbound.accept(&header, data, trust)?;
            if trust == Trust::Authentic {
                self.inbound.vouch(header.message_seq);
            }
            match accepted {
                Accepted::Past { ends_last } => {
                    statistics.count(Discard::RepeatedMessage);
                    repeated |= ends_last;
                    continue;
                }
                Accepted::Held => {}
                Accepted::NoRoom => {
                    statistics.count(Discard::NoRoom);
                    dropped = true;
                }
            }
            progress = true;
        }
        // RFC 9147 §7.1: any part of the next flight acknowledges the one before. After the
        // handshake, what the peer sends need not answer anything.
        if progress
            && let Some(first) = self.unanswered.take()
            && let Some(last) = self.answers.last_sent()
        {
            let [longest, least] = [first, last].map(|sent| now.saturating_duration_since(sent));
            self.timers.measure(least..=longest);
        }
        if progress && self.mode == Some(Mode::Acked) && !self.complete {
            self.forget_flight();
        }
        if repeated && self.answer_repetition(now) {
            statistics.retransmissions += 1;
        }
        // RFC 9147 §7: a record is acknowledged only if all of it was taken.
        if !dropped {
            self.owe_ack(now, record);
        }
        Ok(())
    }

    /// The next message in turn, if it is whole and passes. What does not pass is as if it had never
    /// come.
    pub(crate) fn next_message(&mut self, passes: impl Fn(&Incoming) -> bool) -> Option<Incoming> {
        self.inbound.next(passes)
    }

    /// Proof that no fragment of a further message was received. Where plaintext is not `strict`ly
    /// taken for the peer's, it can't hold one up.
    pub(crate) fn no_pending_fragments(&mut self, strict: bool) -> Option<NoPendingFragments> {
        if !strict {
            self.inbound.drop_plaintext();
        }
        self.inbound.no_pending()
    }

    /// Records came whose keys are not known yet: something before them is missing.
    pub(crate) fn note_early(&mut self, now: Instant) {
        if self.asks_for_rest() {
            self.timers.start_ack(now);
        }
    }

    /// Whether a part of the peer's flight lets us ask for the rest, after a while.
    fn asks_for_rest(&self) -> bool {
        self.timers.is_prompt() && self.outbound.is_ended() && !self.complete
    }

    /// Takes in an ACK (RFC 9147 §7).
    ///
    /// # Errors
    /// [`Error::BadAck`] if it is malformed or names records above its own keys;
    /// [`Error::UnexpectedRecord`] in DTLS 1.2.
    pub(crate) fn handle_ack(
        &mut self,
        now: Instant,
        record: &Opened<'_>,
        statistics: &mut Statistics,
    ) -> Result<Acknowledged, Error> {
        match self.mode {
            None => {
                // A server that chose DTLS 1.3 may acknowledge a ClientHello before we know.
                statistics.count(Discard::EarlyAck);
                return Ok(Acknowledged::Part);
            }
            Some(Mode::Implicit) => return Err(Error::UnexpectedRecord(ContentType::ACK)),
            Some(Mode::Acked) => {}
        }
        let pending = self.outbound.is_pending();
        let proven = record.number.epoch() > 0 || !self.timers.is_prompt();
        let mut news = false;
        ack::read(record, |number| {
            news |= self.outbound.acknowledge(number, proven);
        })?;
        if !(pending && self.outbound.is_ended()) {
            return Ok(Acknowledged::Part);
        }
        if self.outbound.is_acknowledged() {
            if proven {
                self.forget_flight();
                return Ok(Acknowledged::Flight);
            }
        } else {
            self.send_missing(now, proven, news, statistics);
        }
        Ok(Acknowledged::Part)
    }

    /// RFC 9147 §7.2: what an ACK shows to be missing is sent at once. An ACK that tells nothing new,
    /// as one that names no record, is a wish for what is missing; it is granted once in a while.
    fn send_missing(
        &mut self,
        now: Instant,
        proven: bool,
        news: bool,
        statistics: &mut Statistics,
    ) {
        let interval = self.timers.answer_interval();
        let allowed = self.timers.is_prompt()
            && !self.outbound.is_sending()
            && (news && proven || !self.complete && self.answers.allow(now, interval))
            && self.credit.covers(self.outbound.size());
        if !allowed {
            return;
        }
        if proven {
            self.timers.reset_retries();
            self.outbound.restart();
        } else {
            // Who acknowledges in plaintext has no keys, and so lacks the message that leads to them.
            self.outbound.restart_plaintext();
        }
        self.cause = Cause::Peer;
        statistics.retransmissions += u32::from(self.outbound.is_sending());
    }

    fn owe_ack(&mut self, now: Instant, record: &Opened<'_>) {
        let waits = self.asks_for_rest() && self.inbound.is_pending();
        if self.mode == Some(Mode::Implicit) {
            if waits {
                self.timers.start_ack(now);
            }
            return;
        }
        self.acks.push(record.number);
        let acked = self.mode == Some(Mode::Acked);
        // RFC 9147 §7.1: disorder is acknowledged at once.
        if acked && self.timers.is_prompt() && !self.complete && self.inbound.has_gap() {
            self.timers.stop_ack();
            self.acks.schedule();
        } else if (acked || waits) && !self.acks.is_sending() {
            // RFC 9147 §7.1: else not, as more may follow, or our own flight may do as well.
            self.timers.start_ack(now);
        }
    }

    /// The time to acknowledge has come, or that to ask for the rest of a flight where nothing can be
    /// acknowledged. Returns whether our flight goes out again.
    fn ask_for_rest(&mut self, now: Instant) -> bool {
        let long_hello = self.inbound.begun().is_some_and(|(msg_type, length)| {
            msg_type == HandshakeType::SERVER_HELLO && length > LONG_HELLO
        });
        if self.mode == Some(Mode::Acked) || self.mode.is_none() && long_hello {
            self.acks.schedule();
            return false;
        }
        // A peer of DTLS 1.2, or one that may be, understands nothing but a repetition.
        let interval = self.timers.answer_interval();
        let asks = self.asks_for_rest()
            && !self.outbound.is_sending()
            && self.answers.allow(now, interval)
            && self.credit.covers(self.outbound.size());
        if asks {
            self.cause = Cause::Peer;
            self.outbound.restart();
        }
        asks
    }

    /// The peer has sent its last flight again: it may lack ours. Returns whether ours goes out
    /// once more.
    fn answer_repetition(&mut self, now: Instant) -> bool {
        if !self.outbound.is_ended() || self.outbound.is_sending() {
            return false;
        }
        let initial = self.timers.initial();
        // RFC 6347 §4.2.4: a final flight without ACKs is sent again for each repetition.
        let allowed = if self.is_silent() {
            self.answers.allow_final(now, initial)
        } else {
            let interval = self.timers.answer_interval();
            !self.complete && self.answers.allow(now, interval)
        };
        let allowed = allowed && self.credit.covers(self.outbound.size());
        if allowed {
            if self.is_silent() {
                self.timers.stop_flight();
            }
            self.cause = Cause::Peer;
            self.outbound.restart();
        }
        allowed
    }

    /// Our flight is the last one, and nothing will tell whether it arrived.
    fn is_silent(&self) -> bool {
        self.mode != Some(Mode::Acked) && self.expect == Expect::Nothing
    }

    // ---- Sending -------------------------------------------------------------------------------

    /// The number that the next message will have.
    pub(crate) fn next_message_seq(&self) -> u16 {
        self.outbound.next_message_seq()
    }

    /// Type, number and body of the messages of the present flight, for tests of the states.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> impl Iterator<Item = (HandshakeType, u16, &[u8])> {
        self.outbound.messages()
    }

    /// Whether a flight of ours is not fully acknowledged yet, so that another must wait.
    pub(crate) fn is_pending(&self) -> bool {
        self.outbound.is_pending()
    }

    /// Whether a message not yet acknowledged belongs to this epoch.
    pub(crate) fn needs_epoch(&self, epoch: u16) -> bool {
        self.outbound.needs_epoch(epoch)
    }

    /// Adds a message to the present flight, or starts a new one with it.
    ///
    /// # Errors
    /// [`Error::SequenceExhausted`] if there are no more message numbers.
    pub(crate) fn push(
        &mut self,
        epoch: u16,
        msg_type: HandshakeType,
        body: Vec<u8>,
    ) -> Result<(), Error> {
        self.begin();
        self.outbound.push(epoch, msg_type, body)
    }

    /// Adds a ChangeCipherSpec (DTLS 1.2).
    pub(crate) fn push_ccs(&mut self, epoch: u16) {
        self.begin();
        self.outbound.push_ccs(epoch);
    }

    /// A new flight means that the peer's last one is complete, and ours before it arrived.
    fn begin(&mut self) {
        if self.outbound.is_ended() {
            self.forget_flight();
        }
    }

    fn forget_flight(&mut self) {
        if self.outbound.is_ended() {
            self.timers.stop_flight();
            self.outbound.clear();
            self.answers = Answers::default();
        }
    }

    /// The flight is whole: it may go out.
    pub(crate) fn end_flight(&mut self, expect: Expect) {
        if self.outbound.is_ended() || !self.outbound.is_pending() {
            return;
        }
        // RFC 9147 §7.1: our flight acknowledges the peer's, except after the handshake.
        if self
            .outbound
            .first_epoch()
            .is_some_and(|epoch| epoch <= HANDSHAKE_EPOCH)
        {
            self.acks.clear();
            self.timers.stop_ack();
        }
        self.expect = expect;
        self.timers.stop_flight();
        self.cause = Cause::Ours;
        self.unanswered = None;
        self.outbound.end();
    }

    /// The handshake is over.
    pub(crate) fn complete(&mut self) {
        self.complete = true;
        self.inbound.shrink();
        if self.mode == Some(Mode::Acked) {
            // RFC 9147 §7.1: nothing of ours will answer a final flight, so it is acknowledged
            // at once. Our own final flight waits for its ACK.
            self.timers.stop_ack();
            self.acks.schedule();
        } else {
            // RFC 6347 §4.2.4: no timer any more. Who spoke last keeps the final flight, for the
            // case that the peer repeats its own.
            self.timers.stop_flight();
            if self.expect == Expect::Reply {
                self.outbound.clear();
            }
        }
        self.outbound.shrink();
    }

    /// Whether [`Flights::fill`] has something to send now.
    pub(crate) fn is_sending(&self) -> bool {
        self.acks.is_sending() || self.outbound.is_sending()
    }

    /// Writes the next datagram of ACK or flight to the front of `out`. Returns its length, 0 if
    /// there is nothing to send.
    ///
    /// # Errors
    /// [`Error::SequenceExhausted`] if there are no more record numbers.
    pub(crate) fn fill(
        &mut self,
        now: Instant,
        records: &mut RecordLayer,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        if self.acks.is_sending() {
            let length = self.acks.fill(records, out, &self.credit)?;
            self.credit.spend(length);
            if length > 0 {
                return Ok(length);
            }
        }
        let remember = self.mode != Some(Mode::Implicit);
        let length = self.outbound.fill(records, out, remember)?;
        if self.cause == Cause::Peer {
            self.credit.spend(length);
        }
        if length > 0 && !self.outbound.is_sending() {
            if self.answers.last_sent().is_none() {
                self.unanswered = Some(now);
            }
            self.answers.sent(now);
            if self.cause == Cause::Copy {
                return Ok(length);
            }
            // RFC 9147 §5.8.1: in DTLS 1.3 every flight is repeated until it is acknowledged.
            // RFC 6347 §4.2.4: in DTLS 1.2, until it is answered.
            if !self.is_silent() || (self.timers.may_retry() && self.answers.take_copy()) {
                self.timers.start_flight(now, self.cause == Cause::Timer);
            }
        }
        Ok(length)
    }

    // ---- Time ----------------------------------------------------------------------------------

    /// When [`Flights::handle_timeout`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.deadline()
    }

    /// Lets what is due be sent. Returns how often the present flight was sent again, if that
    /// count has just grown.
    ///
    /// # Errors
    /// [`Error::RetransmissionLimit`] if the last retransmission had no answer.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<Option<u32>, Error> {
        let expired = self.timers.expire(now)?;
        let mut again = expired.ack && self.ask_for_rest(now);
        if expired.flight || expired.copy {
            self.outbound.restart();
            self.cause = if expired.flight {
                Cause::Timer
            } else {
                Cause::Copy
            };
            again = true;
        }
        Ok(again.then(|| self.timers.retries()))
    }

    /// Changes the timing, also of waits under way.
    pub(crate) fn set_config(&mut self, config: RetransmitConfig) {
        self.timers.set_config(config);
    }

    /// Leaves it to someone else to decide when flights are sent again, or takes it back.
    pub(crate) fn set_suspended(&mut self, now: Instant, suspended: bool) {
        self.timers.set_suspended(now, suspended);
    }

    /// Sends the present flight again now, without counting it as a retry.
    pub(crate) fn resend(&mut self) {
        if self.outbound.is_ended() {
            self.cause = Cause::Ours;
            self.outbound.restart();
        }
    }
}

/// The last epoch of handshake messages proper (RFC 9147 §6.1).
const HANDSHAKE_EPOCH: u16 = 2;

/// Reads a fragment and checks that it lies within its message.
///
/// # Errors
/// [`Error::BadHandshakeRecord`].
// RFC 6347 §4.2.3, RFC 9147 §5.5: a record holds whole fragments.
pub(crate) fn read_fragment<'a>(reader: &mut Reader<'a>) -> Result<(Header, &'a [u8]), Error> {
    let header = Header::read(reader).map_err(|_| Error::BadHandshakeRecord)?;
    let data = reader
        .take(header.fragment_length as usize)
        .map_err(|_| Error::BadHandshakeRecord)?;
    let end = header.fragment_offset.checked_add(header.fragment_length);
    if end.is_none_or(|end| end > header.length) {
        return Err(Error::BadHandshakeRecord);
    }
    Ok((header, data))
}
