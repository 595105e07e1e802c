//! What leaves a connection: flights, application data, alerts.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Connection, REST, Status};
use crate::error::{Error, SendError};
use crate::wire::{AlertDescription, AlertLevel, ContentType};

/// At most this many bytes of application data wait to be polled. More means that nobody polls.
const MAX_QUEUED_BYTES: usize = 64 * 1024;

/// Records of application data that may wait to be polled.
const MAX_QUEUED_RECORDS: usize = 128;

/// What waits to be sent besides flights.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    data: VecDeque<Vec<u8>>,
    queued_bytes: usize,
    /// An alert after which the connection goes on.
    warning: Option<AlertDescription>,
    /// The alert that closes our direction, once all data before it is out.
    closing: Option<(AlertLevel, AlertDescription)>,
    /// The sealed alert of a connection that failed, whose keys are gone.
    last: Option<Vec<u8>>,
}

/// Room for a record with an alert: two bytes, and at most 13 of header, 8 of nonce, 17 of type and
/// tag.
const ALERT_RECORD: usize = 2 + 13 + 8 + 17;

impl Outbox {
    /// Only this record is sent from now on, if any.
    pub(super) fn fail(&mut self, last: Option<Vec<u8>>) {
        *self = Self {
            last,
            ..Self::default()
        };
    }

    /// The place of an alert after which the connection goes on.
    pub(super) fn warning(&mut self) -> &mut Option<AlertDescription> {
        &mut self.warning
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
        self.data.front().filter(|data| data.len() <= room)?;
        let data = self.data.pop_front()?;
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
        if self.records.write_epoch() > 0 {
            self.rest = Some(now + REST);
        }
        self.statistics.datagrams_sent += 1;
        self.statistics.bytes_sent += length as u64;
        Some(length)
    }

    /// Queues application data for [`Connection::poll_transmit`]: one record, in a datagram of
    /// its own. An empty one is refused, as the peer would not hear of it: records without content are
    /// no more than a way to hide when something is said (RFC 5246 §6.2.1), and are not delivered.
    ///
    /// The MTU is that of the handshake alone: who sends data knows its path better (SCTP probes
    /// for it), so that a record may have up to 2^14 bytes, or what the peer takes
    /// ([`ConfigBuilder::record_size_limit`](crate::ConfigBuilder::record_size_limit)).
    ///
    /// # Errors
    /// [`SendError::NotConnected`] before [`Event::Connected`](crate::Event::Connected),
    /// [`SendError::Empty`], [`SendError::TooLong`], [`SendError::QueueFull`], [`SendError::Closed`].
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
        let limit = self.records.max_content();
        if data.len() > limit {
            return Err(SendError::TooLong {
                length: data.len(),
                limit,
            });
        }
        if data.is_empty() {
            return Err(SendError::Empty);
        }
        self.outbox.push(data)?;
        let updated = self.update_worn_keys(now);
        self.finish_later(now, updated);
        Ok(())
    }

    /// How many records of application data wait for [`Connection::poll_transmit`]: at 0 there is
    /// room again after [`SendError::QueueFull`].
    #[must_use]
    pub fn queued_records(&self) -> usize {
        self.outbox.data.len()
    }

    /// The most bytes of application data that a datagram of `datagram` bytes of UDP payload carries now; 0
    /// where it has no room for any.
    ///
    /// Keys and versions differ in what they add, so that the answer holds from
    /// [`Event::Connected`](crate::Event::Connected) on.
    #[must_use]
    pub fn max_payload(&self, datagram: usize) -> usize {
        let room = datagram.saturating_sub(self.records.write_overhead());
        room.min(self.records.max_content())
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
        self.outbox.closing = Some((AlertLevel::WARNING, AlertDescription::CLOSE_NOTIFY));
    }

    /// Ends the connection at once, with a fatal alert that the application chooses.
    pub fn abort(&mut self, alert: AlertDescription) {
        if !matches!(self.status, Status::Failed { .. }) {
            let _ = self.finish(Err(Error::Aborted(alert)));
        }
    }

    /// Writes a datagram: the flight under way first, as keys and peers wait for it.
    fn transmit(&mut self, now: Instant, buf: &mut [u8]) -> Result<usize, Error> {
        if self.flights.is_sending() {
            let mtu = self
                .mtu
                .lowered
                .unwrap_or(usize::MAX)
                .min(self.mtu.configured);
            let end = buf.len().min(mtu);
            let out = buf.get_mut(..end).unwrap_or_default();
            let length = self.flights.fill(now, &mut self.records, out)?;
            if length > 0 {
                return Ok(length);
            }
        }
        if let Some(alert) = self.outbox.warning.take() {
            return self.seal(ContentType::ALERT, &[AlertLevel::WARNING.0, alert.0], buf);
        }
        let room = buf.len().saturating_sub(self.records.write_overhead());
        if let Some(data) = self.outbox.pop(room) {
            return self.seal(ContentType::APPLICATION_DATA, &data, buf);
        }
        // What waits for a larger buffer goes before the alert that ends it all.
        if !self.outbox.data.is_empty() {
            return Ok(0);
        }
        if let Some((level, description)) = self.outbox.closing.take() {
            return self.seal(ContentType::ALERT, &[level.0, description.0], buf);
        }
        if let Some(record) = self.outbox.last.take()
            && let Some(place) = buf.get_mut(..record.len())
        {
            place.copy_from_slice(&record);
            return Ok(record.len());
        }
        Ok(0)
    }

    /// The record with the alert for the peer, sealed while there are keys.
    pub(super) fn last_record(&mut self, alert: AlertDescription) -> Option<Vec<u8>> {
        let mut record = vec![0; ALERT_RECORD];
        let content = [AlertLevel::FATAL.0, alert.0];
        let sealed = self.seal(ContentType::ALERT, &content, &mut record);
        let length = sealed.ok().filter(|&length| length > 0)?;
        record.truncate(length);
        Some(record)
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
