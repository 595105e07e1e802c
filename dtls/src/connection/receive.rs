//! What becomes of a received record.

use std::time::Instant;

use super::{Connection, REST, Status};
use crate::error::Error;
use crate::event::{Direction, Event};
use crate::flight::{Acknowledged, Incoming};
use crate::handshake::Message;
use crate::record::{OpenFailure, Opened, UpdateNeed};
use crate::stats::Discard;
use crate::wire::{AlertDescription, AlertLevel, ContentType};

/// Records that are looked at in one datagram: as many as 1500 bytes have with fragments of two
/// bytes each (27 bytes a record), rounded up. More only cost time.
const MAX_RECORDS: usize = 64;

/// Events that may wait to be polled, so that who does not poll drops data and not the process.
const MAX_EVENTS: usize = 256;

/// Empty records in a row after which the peer is thought to attack (BoringSSL has the same).
const MAX_EMPTY: u8 = 32;

/// Warning alerts in a row after which the peer is thought to attack (BoringSSL has the same).
const MAX_WARNINGS: u8 = 4;

/// Counts of what an authentic peer may send now and then, but not for ever.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Floods {
    empty: u8,
    warnings: u8,
}

impl Connection {
    pub(super) fn receive(&mut self, now: Instant, datagram: &mut [u8]) -> Result<(), Error> {
        let mut rest = datagram;
        for _ in 0..MAX_RECORDS {
            match self.records.open(now, &mut rest) {
                None => return self.update_worn_keys(now),
                Some(Ok(record)) => {
                    self.statistics.records_received += 1;
                    if record.number.epoch() > 0 {
                        self.rest = Some(now + REST);
                    }
                    self.handle_record(now, &record)?;
                }
                Some(Err(OpenFailure::Discard(reason))) => self.statistics.count(reason),
                Some(Err(OpenFailure::Fatal(error))) => return Err(error),
            }
        }
        if !rest.is_empty() {
            self.statistics.count(Discard::TooManyRecords);
        }
        self.update_worn_keys(now)
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

    fn handle_handshake(&mut self, now: Instant, record: &Opened<'_>) -> Result<(), Error> {
        if self.handshake.established().is_none() {
            self.start_deadline(now);
        }
        self.flights.accept(now, record, &mut self.statistics)?;
        while let Some(Incoming {
            msg_type,
            message_seq,
            body,
        }) = self.flights.next_message()
        {
            let message = Message {
                message_type: msg_type,
                message_seq,
                body: &body,
            };
            let (handshake, layers) = self.split(now);
            handshake.handle_message(&message, layers)?;
        }
        Ok(())
    }

    fn handle_ack(&mut self, now: Instant, record: &Opened<'_>) -> Result<(), Error> {
        if self.flights.handle_ack(record, &mut self.statistics)? == Acknowledged::Flight {
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
        // RFC 8446 §6: in DTLS 1.3 the description alone tells, and all but two of them are errors.
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
        // A KeyUpdate has to wait for what is under way; in DTLS 1.2 a final flight stays for ever.
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
        // DTLS 1.2 has no keys to change to: the application has to make a new connection.
        let worn = [(write, Direction::Write), (read, Direction::Read)];
        for (_, direction) in worn.into_iter().filter(|(worn, _)| *worn) {
            layers.emit(Event::KeysWearOut(direction));
        }
        Ok(())
    }
}
