//! What leaves a connection: flights, application data, alerts.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Connection, REST, Status};
use crate::error::{Error, SendError};
use crate::record::MAX_PLAINTEXT;
use crate::wire::{AlertDescription, AlertLevel, ContentType};

/// Bytes of application data that may wait to be polled. More means that nobody polls.
const MAX_QUEUED_BYTES: usize = 64 * 1024;

/// Records of application data that may wait to be polled.
const MAX_QUEUED_RECORDS: usize = 128;

/// What waits to be sent besides flights.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    data: VecDeque<Vec<u8>>,
    queued_bytes: usize,
    alert: Option<(AlertLevel, AlertDescription)>,
}

impl Outbox {
    /// Only a fatal alert is sent from now on, if any.
    pub(super) fn fail(&mut self, alert: Option<AlertDescription>) {
        *self = Self::default();
        self.alert = alert.map(|description| (AlertLevel::FATAL, description));
    }

    fn push(&mut self, data: &[u8]) -> Result<(), SendError> {
        let queued_bytes = self.queued_bytes + data.len();
        if self.data.len() == MAX_QUEUED_RECORDS || queued_bytes > MAX_QUEUED_BYTES {
            return Err(SendError::QueueFull);
        }
        self.queued_bytes = queued_bytes;
        self.data.push_back(data.to_vec());
        Ok(())
    }

    fn pop(&mut self, room: usize) -> Option<Vec<u8>> {
        let data = self.data.pop_front_if(|data| data.len() <= room)?;
        self.queued_bytes -= data.len();
        if self.data.is_empty() {
            self.data = VecDeque::new();
        }
        Some(data)
    }
}

impl Connection {
    /// Writes the next datagram to the front of `buf` and returns its length. Poll until `None`
    /// after every verb.
    ///
    /// The handshake's datagrams are at most as long as the MTU and as `buf`. Application data
    /// waits until `buf` has room for all of it and at most 64 bytes more.
    #[must_use]
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<usize> {
        let allowance = self.allowance.as_ref();
        let allowed = allowance.map_or(usize::MAX, |allowance| allowance.left());
        let end = buf.len().min(allowed);
        let buf = buf.get_mut(..end).unwrap_or_default();
        let result = self.transmit(now, buf);
        let length = match result {
            Ok(length) => length,
            Err(error) => {
                self.finish_later(now, Err(error));
                self.transmit(now, buf).unwrap_or_default()
            }
        };
        if length == 0 {
            return None;
        }
        if let Some(allowance) = &mut self.allowance {
            allowance.spend(length);
        }
        if self.records.write_epoch() > 0 {
            self.rest = Some(now + REST);
        }
        self.statistics.datagrams_sent += 1;
        self.statistics.bytes_sent += length as u64;
        Some(length)
    }

    /// Queues application data for [`Connection::poll_transmit`]: one record, in a datagram of
    /// its own. Nothing is sent for empty data.
    ///
    /// The MTU is that of the handshake alone: who sends data knows its path better (SCTP probes
    /// for it), so that a record may have up to 2^14 bytes.
    ///
    /// # Errors
    /// [`SendError::NotConnected`] before [`Event::Connected`](crate::Event::Connected),
    /// [`SendError::TooLong`], [`SendError::QueueFull`], [`SendError::Closed`].
    pub fn send(&mut self, now: Instant, data: &[u8]) -> Result<(), SendError> {
        if matches!(
            self.status,
            Status::Failed { .. } | Status::Closing { sent: true, .. }
        ) {
            return Err(SendError::Closed);
        }
        if self.handshake.established().is_none() {
            return Err(SendError::NotConnected);
        }
        if data.len() > MAX_PLAINTEXT {
            return Err(SendError::TooLong {
                length: data.len(),
                limit: MAX_PLAINTEXT,
            });
        }
        if !data.is_empty() {
            self.outbox.push(data)?;
        }
        let updated = self.update_worn_keys();
        self.finish_later(now, updated);
        Ok(())
    }

    /// Ends the connection: tells the peer by close_notify, after what was queued before. Data
    /// from the peer is still taken until it closes too.
    pub fn close(&mut self, _now: Instant) {
        let received = match self.status {
            Status::Open => false,
            Status::Closing {
                sent: false,
                received,
            } => received,
            Status::Closing { sent: true, .. } | Status::Failed { .. } => return,
        };
        self.status = Status::Closing {
            sent: true,
            received,
        };
        self.outbox.alert = Some((AlertLevel::WARNING, AlertDescription::CLOSE_NOTIFY));
    }

    /// Ends the connection at once, with a fatal alert that the application chooses.
    pub fn abort(&mut self, alert: AlertDescription) {
        if !matches!(self.status, Status::Failed { .. }) {
            let _ = self.finish(Err(Error::Aborted(alert)));
        }
    }

    /// Writes a datagram: the flight under way first, as keys and peers wait for it.
    fn transmit(&mut self, now: Instant, buf: &mut [u8]) -> Result<usize, Error> {
        let begins = self.flights.is_beginning();
        let mut allowance = self.allowance.as_mut();
        let allowed = allowance.as_ref().is_none_or(|a| a.covers_flight(begins));
        if self.flights.is_sending() && allowed {
            let mtu = self
                .mtu
                .lowered
                .unwrap_or(usize::MAX)
                .min(self.mtu.configured);
            let end = buf.len().min(mtu);
            let out = buf.get_mut(..end).unwrap_or_default();
            let length = self.flights.fill(now, &mut self.records, out)?;
            if length > 0 {
                if let Some(allowance) = &mut allowance {
                    allowance.note_flight(begins, length);
                }
                return Ok(length);
            }
        }
        let room = buf.len().saturating_sub(self.records.write_overhead());
        if let Some(data) = self.outbox.pop(room) {
            return self.seal(ContentType::APPLICATION_DATA, &data, buf);
        }
        // What waits for a larger buffer goes before the alert that ends it all.
        if !self.outbox.data.is_empty() {
            return Ok(0);
        }
        if let Some((level, description)) = self.outbox.alert.take() {
            return self.seal(ContentType::ALERT, &[level.0, description.0], buf);
        }
        Ok(0)
    }

    pub(super) fn seal(
        &mut self,
        content_type: ContentType,
        content: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let epoch = self.records.write_epoch();
        let room = self.records.payload_room(epoch, out).unwrap_or_default();
        let Some(place) = room.get_mut(..content.len()) else {
            return Ok(0);
        };
        place.copy_from_slice(content);
        let (_, length) = self.records.seal(epoch, content_type, out, content.len())?;
        Ok(length)
    }
}
