//! The flight being sent: whole messages, cut into fragments and packed into records only when a
//! datagram goes out, at the MTU of that moment. What was acknowledged is left out.

use std::collections::VecDeque;
use std::ops::Range;

use super::coverage::Coverage;
use crate::error::Error;
use crate::record::{RecordLayer, RecordNumber};
use crate::wire::handshake::{HEADER, Header};
use crate::wire::{ContentType, HandshakeType};

/// Sent records that are remembered to understand ACKs for them. As many as the peer remembers
/// of ours; a flight of more records at the least MTU is acknowledged over several rounds.
const MAX_SENT: usize = 32;

/// A message of the flight.
#[derive(Debug)]
struct Outgoing {
    epoch: u16,
    content: Content,
    /// Positions that were acknowledged; one position for a message without a body, and for a
    /// ChangeCipherSpec, which nobody acknowledges.
    acked: Coverage,
    /// Positions that were acknowledged, or are so in plaintext, which anybody may have sent.
    claimed: Coverage,
}

#[derive(Debug)]
enum Content {
    Handshake {
        msg_type: HandshakeType,
        message_seq: u16,
        body: Vec<u8>,
    },
    ChangeCipherSpec,
}

/// A place in the flight: so many messages before it, so many positions of the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    message: usize,
    offset: u32,
}

/// Which part of the flight a record carried. What lay between, but was left out, had been
/// acknowledged before.
#[derive(Clone, Copy, Debug)]
struct SentRecord {
    number: RecordNumber,
    from: Place,
    to: Place,
}

/// The messages of the present flight, and how far they were sent.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    messages: Vec<Outgoing>,
    /// Nothing more will be added.
    ended: bool,
    /// A transmission is under way, and has reached `cursor`.
    sending: bool,
    cursor: Place,
    /// The transmission ends with the datagram that ends the message before this one.
    stop: Option<usize>,
    /// Bytes of the transmission under way, and of the last one that was whole.
    transmitted: usize,
    size: usize,
    /// It leaves out what plaintext acknowledged.
    believing: bool,
    /// One more than a u16 holds when they are used up.
    next_message_seq: u32,
    sent: VecDeque<SentRecord>,
}

impl Outgoing {
    /// The first run of positions from `from` on that the peer lacks.
    fn gap(&self, from: u32, believing: bool) -> Option<Range<u32>> {
        if believing {
            self.claimed.gap(from)
        } else {
            self.acked.gap(from)
        }
    }
}

/// What [`Outbound::fill_record`] did.
#[derive(Debug, PartialEq, Eq)]
enum Filled {
    /// A record of this many bytes; another may fit behind it.
    Record(usize),
    /// A record of this many bytes, after which the datagram is full.
    Last(usize),
    /// Nothing: the flight is at its end, or there is no room.
    Nothing,
}

impl Outbound {
    /// Whether a flight was sent, or is being sent, and not all of it is acknowledged.
    pub(super) fn is_pending(&self) -> bool {
        !self.messages.is_empty()
    }

    /// Whether there is something to send now.
    pub(super) fn is_sending(&self) -> bool {
        self.sending
    }

    /// Whether the flight is whole: the next message starts another one.
    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether any message not wholly acknowledged is of this epoch.
    pub(super) fn needs_epoch(&self, epoch: u16) -> bool {
        self.messages
            .iter()
            .any(|m| m.epoch == epoch && !m.acked.is_complete())
    }

    /// The epoch of the flight's first message.
    pub(super) fn first_epoch(&self) -> Option<u16> {
        self.messages.first().map(|message| message.epoch)
    }

    /// The `message_seq` of the next message; [`Outbound::push`] fails if it can't be used.
    pub(super) fn next_message_seq(&self) -> u16 {
        self.next_message_seq as u16
    }

    /// The next message will have this number.
    pub(super) fn continue_at(&mut self, message_seq: u16) {
        self.next_message_seq = message_seq.into();
    }

    /// Type, number and body of the flight's handshake messages.
    #[cfg(test)]
    pub(super) fn messages(&self) -> impl Iterator<Item = (HandshakeType, u16, &[u8])> {
        self.messages
            .iter()
            .filter_map(|message| match &message.content {
                Content::Handshake {
                    msg_type,
                    message_seq,
                    body,
                } => Some((*msg_type, *message_seq, body.as_slice())),
                Content::ChangeCipherSpec => None,
            })
    }

    /// Adds a handshake message.
    ///
    /// # Errors
    /// [`Error::SequenceExhausted`] after message 65535.
    pub(super) fn push(
        &mut self,
        epoch: u16,
        msg_type: HandshakeType,
        body: Vec<u8>,
    ) -> Result<(), Error> {
        // RFC 9147 §5.2: message_seq must not wrap.
        let message_seq =
            u16::try_from(self.next_message_seq).map_err(|_| Error::SequenceExhausted)?;
        self.next_message_seq += 1;
        let length = (body.len() as u32).max(1);
        let content = Content::Handshake {
            msg_type,
            message_seq,
            body,
        };
        self.messages.push(Outgoing {
            epoch,
            content,
            acked: Coverage::new(length),
            claimed: Coverage::new(length),
        });
        Ok(())
    }

    /// Adds a ChangeCipherSpec, which has no number and is not a handshake message.
    pub(super) fn push_ccs(&mut self, epoch: u16) {
        self.messages.push(Outgoing {
            epoch,
            content: Content::ChangeCipherSpec,
            acked: Coverage::new(1),
            claimed: Coverage::new(1),
        });
    }

    /// The flight is whole; send it.
    pub(super) fn end(&mut self) {
        self.ended = true;
        self.restart();
    }

    /// Sends the flight from its start.
    pub(super) fn restart(&mut self) {
        self.cursor = Place::default();
        self.stop = None;
        self.believing = false;
        self.transmitted = 0;
        self.sending = self.is_pending();
    }

    /// Sends what of the flight is in plaintext from its start, since the peer has no keys for the rest,
    /// and of that as much as the last datagram has room for.
    pub(super) fn restart_plaintext(&mut self) {
        self.restart();
        self.believing = true;
        self.stop = Some(self.messages.iter().take_while(|m| m.epoch == 0).count());
        self.skip_acknowledged();
        self.sending = self.cursor.message < self.end_of_transmission();
    }

    fn end_of_transmission(&self) -> usize {
        self.stop.unwrap_or(usize::MAX).min(self.messages.len())
    }

    /// Bytes that the flight takes to be sent, or took when it last was.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Forgets the flight.
    pub(super) fn clear(&mut self) {
        self.messages.clear();
        self.sent.clear();
        self.cursor = Place::default();
        self.ended = false;
        self.sending = false;
        self.size = 0;
    }

    /// Gives back memory that only a handshake needs.
    pub(super) fn shrink(&mut self) {
        self.messages.shrink_to_fit();
        self.sent.shrink_to_fit();
    }

    /// Marks what record `number` carried as received by the peer. Records that we don't know
    /// (any more) are no error. Returns whether that was news.
    pub(super) fn acknowledge(&mut self, number: RecordNumber, proven: bool) -> bool {
        let Some(index) = self.sent.iter().position(|sent| sent.number == number) else {
            return false;
        };
        let Some(&SentRecord { from, to, .. }) = self.sent.get(index) else {
            return false;
        };
        if proven {
            self.sent.remove(index);
        }
        let touched = self
            .messages
            .iter_mut()
            .enumerate()
            .take(to.message + 1)
            .skip(from.message);
        for (index, message) in touched {
            let start = if index == from.message {
                from.offset
            } else {
                0
            };
            let end = if index == to.message {
                to.offset
            } else {
                u32::MAX
            };
            message.claimed.insert(start..end);
            if proven {
                message.acked.insert(start..end);
            }
        }
        true
    }

    /// Whether every message of the flight was acknowledged.
    pub(super) fn is_acknowledged(&self) -> bool {
        self.messages
            .iter()
            .all(|message| message.acked.is_complete())
    }

    /// Writes the next datagram of the transmission under way to the start of `out`. 0 bytes if
    /// there is none. [`Outbound::is_sending`] tells whether there are more.
    ///
    /// # Errors
    /// Those of [`RecordLayer::seal`].
    pub(super) fn fill(
        &mut self,
        records: &mut RecordLayer,
        out: &mut [u8],
        remember: bool,
    ) -> Result<usize, Error> {
        let mut total = 0;
        while self.sending {
            let Some(room) = out.get_mut(total..) else {
                break;
            };
            match self.fill_record(records, room, remember)? {
                Filled::Record(length) => total += length,
                Filled::Last(length) => {
                    total += length;
                    break;
                }
                Filled::Nothing => break,
            }
        }
        self.skip_acknowledged();
        self.sending &= self.cursor.message < self.end_of_transmission();
        self.transmitted += total;
        if !self.sending {
            self.size = self.transmitted;
        }
        Ok(total)
    }

    /// Moves the cursor over messages that were acknowledged wholly.
    fn skip_acknowledged(&mut self) {
        while self
            .messages
            .get(self.cursor.message)
            .is_some_and(|m| m.gap(self.cursor.offset, self.believing).is_none())
        {
            self.cursor = Place {
                message: self.cursor.message + 1,
                offset: 0,
            };
        }
    }

    fn fill_record(
        &mut self,
        records: &mut RecordLayer,
        out: &mut [u8],
        remember: bool,
    ) -> Result<Filled, Error> {
        self.skip_acknowledged();
        let Some(first) = self.messages.get(self.cursor.message) else {
            return Ok(Filled::Nothing);
        };
        let epoch = first.epoch;
        let Some(room) = records.payload_room(epoch, out) else {
            return Ok(Filled::Nothing);
        };
        if matches!(first.content, Content::ChangeCipherSpec) {
            let Some(byte) = room.first_mut() else {
                return Ok(Filled::Nothing);
            };
            *byte = 1;
            let (_, length) = records.seal(epoch, ContentType::CHANGE_CIPHER_SPEC, out, 1)?;
            self.cursor = Place {
                message: self.cursor.message + 1,
                offset: 0,
            };
            return Ok(Filled::Record(length));
        }
        let from = self.cursor;
        let Packed { length, full } = self.pack(epoch, room);
        if length == 0 {
            return Ok(Filled::Nothing);
        }
        let (number, length) = records.seal(epoch, ContentType::HANDSHAKE, out, length)?;
        if remember {
            if self.sent.len() == MAX_SENT {
                self.sent.pop_front();
            }
            self.sent.push_back(SentRecord {
                number,
                from,
                to: self.cursor,
            });
        }
        Ok(if full {
            Filled::Last(length)
        } else {
            Filled::Record(length)
        })
    }

    /// Writes fragments of `epoch` to `room` from the cursor on, and moves the cursor.
    fn pack(&mut self, epoch: u16, room: &mut [u8]) -> Packed {
        let mut length = 0;
        while let Some(message) = self.messages.get(self.cursor.message) {
            let Content::Handshake {
                msg_type,
                message_seq,
                body,
            } = &message.content
            else {
                break;
            };
            if message.epoch != epoch {
                break;
            }
            while let Some(gap) = message.gap(self.cursor.offset, self.believing) {
                let free = room.get_mut(length..).unwrap_or_default();
                let Some((head, free)) = free.split_first_chunk_mut::<HEADER>() else {
                    return Packed { length, full: true };
                };
                // A fragment must make progress.
                if free.is_empty() {
                    return Packed { length, full: true };
                }
                let end = gap.end.min(gap.start.saturating_add(free.len() as u32));
                let data = body
                    .get(gap.start as usize..end as usize)
                    .unwrap_or_default();
                *head = Header {
                    msg_type: *msg_type,
                    length: body.len() as u32,
                    message_seq: *message_seq,
                    fragment_offset: gap.start,
                    fragment_length: data.len() as u32,
                }
                .to_bytes();
                for (to, from) in free.iter_mut().zip(data) {
                    *to = *from;
                }
                length += HEADER + data.len();
                self.cursor.offset = end;
                if end < gap.end {
                    return Packed { length, full: true };
                }
            }
            self.cursor = Place {
                message: self.cursor.message + 1,
                offset: 0,
            };
            // Several messages in a plaintext record are legal, but some DTLS 1.2 stacks in the
            // field read only the first. The datagram stays one, the price is 13 bytes.
            if epoch == 0 {
                break;
            }
        }
        Packed {
            length,
            full: false,
        }
    }
}

/// How many bytes were packed, and whether the room was the limit.
struct Packed {
    length: usize,
    full: bool,
}
