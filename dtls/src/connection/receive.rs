//! What becomes of a received record.

use std::cell::RefCell;
use std::time::Instant;

use super::{Connection, REST, Status};
use crate::error::Error;
use crate::event::{Direction, Event};
use crate::flight::{Acknowledged, read_fragment};
use crate::handshake::Message;
use crate::record::{OpenFailure, Opened, UpdateNeed};
use crate::stats::Discard;
use crate::wire::{AlertDescription, AlertLevel, ContentType, HandshakeType, Reader};

/// Records that are looked at in one datagram: as many as 1500 bytes have with fragments of two
/// bytes each (27 bytes a record), rounded up. More only cost time.
const MAX_RECORDS: usize = 64;

/// At most this many events wait to be polled, so that an owner that does not poll loses data rather than memory.
const MAX_EVENTS: usize = 256;

/// Empty records in a row after which the peer is thought to attack (BoringSSL has the same).
const MAX_EMPTY: u8 = 32;

/// Warning alerts in a row after which the peer is thought to attack (BoringSSL has the same).
const MAX_WARNINGS: u8 = 4;

/// Counts of what an authentic peer may send now and then, but not without end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Floods {
    empty: u8,
    warnings: u8,
}

/// An alert in plaintext, which anybody may have sent.
#[derive(Debug)]
pub(super) struct Doubt {
    /// What the connection ends with if it was true.
    pub(super) error: Error,
    /// How long the handshake has to show that the alert was forged; `None` for no limit.
    pub(super) until: Option<Instant>,
}

fn is_plaintext(record: &Opened<'_>) -> bool {
    record.number.epoch() == 0
}

/// Whether a record under keys begins a handshake of DTLS 1.2, with a HelloRequest or a ClientHello. As every
/// handshake it begins at `message_seq` 0 again (RFC 6347 §4.2.2), where those of the first one had no keys.
fn starts_handshake12(record: &Opened<'_>) -> bool {
    let wish = [HandshakeType::HELLO_REQUEST, HandshakeType::CLIENT_HELLO];
    let fragment = read_fragment(&mut Reader::new(record.content));
    let header = fragment.ok().map(|(header, _)| header);
    let begins = header.is_some_and(|h| h.message_seq == 0 && wish.contains(&h.msg_type));
    begins && !record.unified && !is_plaintext(record)
}

impl Connection {
    pub(super) fn receive(&mut self, now: Instant, datagram: &mut [u8]) -> Result<(), Error> {
        self.flights.receive(datagram.len());
        self.open_records(now, datagram)?;
        // What it brought may be the keys for what came before it.
        while let Some(mut record) = self.records.take_early() {
            self.open_records(now, &mut record)?;
        }
        self.update_worn_keys(now)
    }

    fn open_records(&mut self, now: Instant, datagram: &mut [u8]) -> Result<(), Error> {
        let mut rest = datagram;
        for _ in 0..MAX_RECORDS {
            match self.records.open(now, &mut rest) {
                None => return Ok(()),
                Some(Ok(record)) => {
                    self.statistics.records_received += 1;
                    if record.number.epoch() > 0 {
                        self.rest = Some(now + REST);
                        // Who has our keys reads what we send.
                        self.flights.prove();
                    }
                    self.handle_record(now, &record)?;
                }
                Some(Err(OpenFailure::Early)) => {
                    self.statistics.records_early += 1;
                    self.flights.note_early(now);
                }
                Some(Err(OpenFailure::Discard(reason))) => self.statistics.count(reason),
                Some(Err(OpenFailure::Fatal(error))) => return Err(error),
            }
        }
        if !rest.is_empty() {
            self.statistics.count(Discard::TooManyRecords);
        }
        Ok(())
    }

    fn handle_record(&mut self, now: Instant, record: &Opened<'_>) -> Result<(), Error> {
        // RFC 9147 §5.10, RFC 8446 §6.1: data after close_notify is ignored. Handshake messages and
        // ACKs are not data: without ours the peer would send its last flight again and again.
        let is_reliability = matches!(
            record.content_type,
            ContentType::HANDSHAKE | ContentType::ACK
        );
        if matches!(self.status, Status::Closing { received: true, .. }) && !is_reliability {
            self.statistics.count(Discard::Closed);
            return Ok(());
        }
        if is_plaintext(record) && !self.config.is_strict() {
            return self.handle_plaintext(now, record);
        }
        if record.content_type != ContentType::ALERT {
            self.floods.warnings = 0;
        }
        if record.content.is_empty() {
            self.floods.empty += 1;
            if self.floods.empty > MAX_EMPTY {
                return Err(Error::TooManyEmptyRecords);
            }
        } else {
            self.floods.empty = 0;
        }
        match record.content_type {
            ContentType::HANDSHAKE => self.handle_handshake(now, record),
            ContentType::ACK => self.handle_ack(now, record),
            ContentType::ALERT => self.handle_alert(record),
            ContentType::APPLICATION_DATA => self.handle_application_data(record),
            ContentType::CHANGE_CIPHER_SPEC => self.handle_change_cipher_spec(record),
            other => Err(Error::UnexpectedRecord(other)),
        }
    }

    /// A record that anybody may have sent: what breaks the rules is dropped and counted, and an alert is
    /// remembered for the case that the handshake does not go on.
    // RFC 6347 §4.1.2.7, RFC 9147 §4.5.2: invalid records may be dropped.
    fn handle_plaintext(&mut self, now: Instant, record: &Opened<'_>) -> Result<(), Error> {
        let taken = match record.content_type {
            ContentType::HANDSHAKE => return self.handle_handshake(now, record),
            ContentType::ACK => self.handle_ack(now, record),
            ContentType::CHANGE_CIPHER_SPEC => self.handle_change_cipher_spec(record),
            ContentType::ALERT => {
                self.remember_alert(now, record);
                Ok(())
            }
            other => Err(Error::UnexpectedRecord(other)),
        };
        if taken.is_err() {
            self.statistics.count(Discard::InvalidPlaintext);
        }
        Ok(())
    }

    fn remember_alert(&mut self, now: Instant, record: &Opened<'_>) {
        let &[level, description] = record.content else {
            self.statistics.count(Discard::InvalidPlaintext);
            return;
        };
        self.statistics.count(Discard::UnprovenAlert);
        let description = AlertDescription(description);
        let ends =
            AlertLevel(level) == AlertLevel::FATAL || description == AlertDescription::CLOSE_NOTIFY;
        if ends && self.doubt.is_none() {
            self.doubt = Some(Box::new(Doubt {
                error: Error::AlertReceived(description),
                until: now.checked_add(self.config.plaintext_patience),
            }));
        }
    }

    /// The handshake went on: what plaintext said of its end was not true, or is so only from now on.
    fn note_progress(&mut self, now: Instant, record: &Opened<'_>) {
        if is_plaintext(record) {
            if let Some(doubt) = &mut self.doubt {
                doubt.until = now.checked_add(self.config.plaintext_patience);
            }
        } else {
            self.doubt = None;
        }
    }

    fn handle_handshake(&mut self, now: Instant, record: &Opened<'_>) -> Result<(), Error> {
        if self.handshake.established().is_none() {
            self.start_deadline(now);
        }
        if self.handshake.established().is_some() && starts_handshake12(record) {
            // RFC 5246 §7.2.2: who does not want to renegotiate says so, or the peer would wait.
            *self.outbox.warning() = Some(AlertDescription::NO_RENEGOTIATION);
            return Ok(());
        }
        let strict = self.config.is_strict();
        let doubtful = is_plaintext(record) && !strict;
        let taken = self
            .flights
            .accept(now, record, strict, &mut self.statistics);
        match taken {
            Err(_) if doubtful => self.statistics.count(Discard::InvalidPlaintext),
            taken => taken?,
        }
        loop {
            let (handshake, statistics) = (&self.handshake, RefCell::new(&mut self.statistics));
            let next = self.flights.next_message(|message| {
                let passes = !doubtful || handshake.check(&Message::from(message)).is_ok();
                if !passes {
                    statistics.borrow_mut().count(Discard::InvalidPlaintext);
                }
                passes
            });
            let Some(message) = next else {
                return Ok(());
            };
            let (handshake, layers) = self.split(now);
            handshake.handle_message(&Message::from(&message), layers)?;
            self.note_progress(now, record);
        }
    }

    fn handle_ack(&mut self, now: Instant, record: &Opened<'_>) -> Result<(), Error> {
        let acknowledged = self.flights.handle_ack(now, record, &mut self.statistics)?;
        if !is_plaintext(record) {
            self.note_progress(now, record);
        }
        if acknowledged == Acknowledged::Flight {
            let (handshake, layers) = self.split(now);
            handshake.handle_acknowledged(layers)?;
        }
        Ok(())
    }

    fn handle_change_cipher_spec(&mut self, record: &Opened<'_>) -> Result<(), Error> {
        // RFC 5246 §7.1: one byte of 1. Which keys a record is under says its epoch.
        if record.content != [1] {
            return Err(Error::BadChangeCipherSpec);
        }
        // Under keys it could only start a renegotiation (RFC 8827 §6.5 forbids it).
        if record.number.epoch() != 0 {
            return Err(Error::UnexpectedRecord(ContentType::CHANGE_CIPHER_SPEC));
        }
        self.statistics.count(Discard::ChangeCipherSpec);
        Ok(())
    }

    fn handle_application_data(&mut self, record: &Opened<'_>) -> Result<(), Error> {
        // RFC 9147 §6.1: epoch 0 is plaintext, epoch 2 is for handshake messages alone.
        if matches!(record.number.epoch(), 0 | 2) {
            return Err(Error::UnexpectedRecord(ContentType::APPLICATION_DATA));
        }
        if self.handshake.established().is_none() {
            self.statistics.count(Discard::EarlyApplicationData);
            return Ok(());
        }
        if record.content.is_empty() {
            self.statistics.count(Discard::Empty);
            return Ok(());
        }
        if let Some(updates) = self.handshake.key_updates() {
            updates.note_application_data();
        }
        if self.events.len() >= MAX_EVENTS {
            self.statistics.count(Discard::TooManyEvents);
            return Ok(());
        }
        self.events
            .push_back(Event::ApplicationData(record.content.to_vec()));
        Ok(())
    }

    fn handle_alert(&mut self, record: &Opened<'_>) -> Result<(), Error> {
        let &[level, description] = record.content else {
            return Err(Error::BadAlert);
        };
        let (level, description) = (AlertLevel(level), AlertDescription(description));
        if description == AlertDescription::CLOSE_NOTIFY {
            return self.handle_close_notify();
        }
        // RFC 8446 §6: in DTLS 1.3 the description alone decides, and all but two of them are errors.
        let level = match description {
            AlertDescription::USER_CANCELED => level,
            _ if record.unified && level == AlertLevel::WARNING => AlertLevel::FATAL,
            _ => level,
        };
        match level {
            AlertLevel::FATAL => Err(Error::AlertReceived(description)),
            AlertLevel::WARNING => {
                self.floods.warnings += 1;
                if self.floods.warnings > MAX_WARNINGS {
                    return Err(Error::TooManyWarnings);
                }
                self.statistics.count(Discard::Warning);
                Ok(())
            }
            _ => Err(Error::UnknownAlertLevel),
        }
    }

    fn handle_close_notify(&mut self) -> Result<(), Error> {
        if self.handshake.established().is_none() {
            return Err(Error::AlertReceived(AlertDescription::CLOSE_NOTIFY));
        }
        let sent = matches!(self.status, Status::Closing { sent: true, .. });
        self.status = Status::Closing {
            sent,
            received: true,
        };
        self.events.push_back(Event::Closed);
        Ok(())
    }

    /// RFC 9147 §4.5.3: changes keys in good time before they wear out.
    pub(super) fn update_worn_keys(&mut self, now: Instant) -> Result<(), Error> {
        // A KeyUpdate must wait for what is under way; in DTLS 1.2 a final flight is kept forever.
        if self.flights.is_pending() && self.handshake.key_updates().is_some() {
            return Ok(());
        }
        let UpdateNeed { write, read } = self.records.take_update_need();
        if !(write || read) {
            return Ok(());
        }
        let (handshake, mut layers) = self.split(now);
        if let Some(updates) = handshake.key_updates() {
            return updates.request(read, &mut layers);
        }
        // DTLS 1.2 can't change its keys: the application must make a new connection.
        let worn = [(write, Direction::Write), (read, Direction::Read)];
        for (_, direction) in worn.into_iter().filter(|(worn, _)| *worn) {
            layers.emit(Event::KeysWearOut(direction));
        }
        Ok(())
    }
}
