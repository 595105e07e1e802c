//! Acknowledgements in both directions (RFC 9147 §7).

use std::collections::VecDeque;

use super::credit::Credit;
use crate::error::Error;
use crate::record::{Opened, RecordLayer, RecordNumber};
use crate::wire::{Ack, ContentType, Reader, Writer};

/// Record numbers that are remembered. RFC 9147 §7 leaves the number open; 32 of them make an ACK
/// of 514 bytes, and cover a flight of 32 records at the least MTU.
const MAX_ACKS: usize = 32;

/// Bytes of an ACK's length field before the record numbers.
const PREFIX: usize = 2;

/// The most that a record adds to it.
const OVERHEAD: usize = 5 + 17;

/// Bytes of a record number: epoch and sequence number, 64 bits each.
const ENTRY: usize = 16;

/// The first epoch of application data. Records below it belong to the handshake.
const APPLICATION_EPOCH: u16 = 3;

/// The records that carried handshake data of the peer's latest flight.
///
/// The list stays after it was sent, since an ACK can get lost; it ends when a flight of ours
/// acknowledges them all.
#[derive(Debug, Default)]
pub(super) struct Acks {
    received: VecDeque<RecordNumber>,
    /// An ACK is to be sent now.
    sending: bool,
}

impl Acks {
    /// Remembers a record. The oldest is forgotten when there are too many.
    pub(super) fn push(&mut self, number: RecordNumber) {
        // Plaintext records may come twice.
        if self.received.contains(&number) {
            return;
        }
        if self.received.len() == MAX_ACKS {
            self.received.pop_front();
        }
        self.received.push_back(number);
    }

    /// Lets an ACK be sent, if there is anything to acknowledge.
    pub(super) fn schedule(&mut self) {
        self.sending = !self.received.is_empty();
    }

    /// Whether an ACK is to be sent now.
    pub(super) fn is_sending(&self) -> bool {
        self.sending
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Writes the ACK that is due to the front of `out`: the newest record numbers, as many as
    /// fit. Returns the record's length.
    ///
    /// # Errors
    /// [`Error::SequenceExhausted`] if there are no more record numbers.
    pub(super) fn fill(
        &mut self,
        records: &mut RecordLayer,
        out: &mut [u8],
        credit: &Credit,
    ) -> Result<usize, Error> {
        self.sending = false;
        let epoch = records.write_epoch();
        let room = records.payload_room(epoch, out).unwrap_or_default();
        let fitting = room.len().saturating_sub(PREFIX) / ENTRY;
        let oldest = self.received.len().saturating_sub(fitting);
        let mut numbers: Vec<RecordNumber> = self.received.range(oldest..).copied().collect();
        // RFC 9147 §7: in numerical order.
        numbers.sort_unstable();
        let mut body = Vec::with_capacity(PREFIX + numbers.len() * ENTRY);
        let numbers = numbers
            .iter()
            .map(|number| (number.epoch().into(), number.sequence()));
        Ack::write_numbers(&mut Writer::new(&mut body), numbers);
        if !credit.covers(body.len() + OVERHEAD) {
            return Ok(0);
        }
        let Some(place) = room.get_mut(..body.len()) else {
            return Ok(0);
        };
        place.copy_from_slice(&body);
        let (_, sealed) = records.seal(epoch, ContentType::ACK, out, body.len())?;
        Ok(sealed)
    }
}

/// Reads an ACK of the peer and hands out each number in it that a record of ours can have.
///
/// # Errors
/// [`Error::BadAck`] if it is malformed; [`Error::AckEpoch`] if it acknowledges, in the
/// handshake, records of a later epoch than its own, or of one that can't be.
pub(super) fn read(
    record: &Opened<'_>,
    mut acknowledge: impl FnMut(RecordNumber),
) -> Result<(), Error> {
    let ack = Reader::read_exact::<Ack<'_>>(record.content).map_err(|_| Error::BadAck)?;
    let own_epoch = record.number.epoch();
    for (epoch, sequence) in ack.numbers() {
        // RFC 9147 §7 with erratum 8108: in the handshake, records are acknowledged under the
        // same or later keys.
        let above = own_epoch < APPLICATION_EPOCH && epoch > own_epoch.into();
        let number = RecordNumber::from_ack(epoch, sequence).filter(|_| !above);
        acknowledge(number.ok_or(Error::AckEpoch)?);
    }
    Ok(())
}
