//! Reassembly of handshake messages (RFC 6347 §4.2.3, RFC 9147 §5.5).
//!
//! Messages leave in the order of their `message_seq`, whole, and once. Memory grows with the
//! bytes received, never with a length that a header claims.

use std::collections::VecDeque;

use super::coverage::Coverage;
use crate::error::Error;
use crate::wire::HandshakeType;
use crate::wire::handshake::Header;

/// The longest handshake message taken. Certificate chains of real peers stay far below.
pub(crate) const MAX_MESSAGE: u32 = 1 << 14;

/// Messages that may be in reassembly at a time: a server's DTLS 1.2 flight with everything
/// optional has 7 (ServerHello, Certificate, CertificateStatus, ServerKeyExchange,
/// CertificateRequest, ServerHelloDone, and the Finished of a peer that numbers generously).
const MAX_MESSAGES: u32 = 7;

/// Bytes that reassembly may hold for a connection.
const BUDGET: usize = 32 * 1024;

/// What the message next in turn can need: itself and a bit for each byte.
const CURRENT_BUDGET: usize = (MAX_MESSAGE + MAX_MESSAGE / 8) as usize;

/// What the messages behind it may hold together. Separate, so that they can't starve the one
/// that must come first.
const LATER_BUDGET: usize = BUDGET - CURRENT_BUDGET;

/// `message_seq` is a u16 and must not wrap (RFC 9147 §5.2); this one is never reached.
const SEQUENCE_END: u32 = 1 << 16;

/// A whole handshake message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Incoming {
    pub(crate) msg_type: HandshakeType,
    pub(crate) message_seq: u16,
    pub(crate) body: Vec<u8>,
}

/// Proof that no byte of a further message was received, so that keys may change
/// (RFC 8446 §5.1: handshake messages do not span key changes).
#[derive(Debug)]
#[must_use]
pub(crate) struct NoPendingFragments(());

/// What became of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    /// It belongs to a message that was delivered before; `ends_last` if it ends the very last
    /// of them, the sign of a flight that is sent again.
    Past { ends_last: bool },
    /// It is held, or told nothing new.
    Held,
    /// There is no room for it. It has to come again.
    NoRoom,
}

/// Messages in reassembly, the next in turn at the front.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    /// `message_seq` of the front.
    next: u32,
    slots: VecDeque<Option<Partial>>,
}

impl Inbound {
    /// Whether `message_seq` was delivered before.
    pub(super) fn is_past(&self, message_seq: u16) -> bool {
        u32::from(message_seq) < self.next
    }

    /// Takes in a fragment; `header` has been checked for its own consistency.
    ///
    /// # Errors
    /// [`Error::ExcessiveMessageSize`] and [`Error::FragmentMismatch`].
    pub(super) fn accept(&mut self, header: &Header, data: &[u8]) -> Result<Accepted, Error> {
        let message_seq = u32::from(header.message_seq);
        let Some(ahead) = message_seq.checked_sub(self.next) else {
            let ends_last = message_seq + 1 == self.next
                && header.fragment_offset + header.fragment_length == header.length;
            return Ok(Accepted::Past { ends_last });
        };
        if header.length > MAX_MESSAGE {
            return Err(Error::ExcessiveMessageSize);
        }
        if ahead >= MAX_MESSAGES {
            return Ok(Accepted::NoRoom);
        }
        let index = ahead as usize;
        let known = self.slots.get(index).and_then(Option::as_ref);
        // RFC 9147 §5.5: fragments of one message agree about it.
        if known.is_some_and(|partial| !partial.matches(header)) {
            return Err(Error::FragmentMismatch);
        }
        if index > 0 {
            let fresh = Partial::new(header);
            let growth = known.unwrap_or(&fresh).growth(data.len());
            let held: usize = self.slots.iter().skip(1).flatten().map(Partial::heap).sum();
            if held + growth > LATER_BUDGET {
                return Ok(Accepted::NoRoom);
            }
        }
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        if let Some(slot) = self.slots.get_mut(index) {
            slot.get_or_insert_with(|| Partial::new(header))
                .add(header.fragment_offset, data);
        }
        Ok(Accepted::Held)
    }

    /// The next message in turn, if it is whole.
    pub(super) fn next(&mut self) -> Option<Incoming> {
        self.slots
            .front()?
            .as_ref()?
            .body
            .as_ref()
            .filter(|body| body.coverage.is_complete())?;
        let Partial { msg_type, body, .. } = self.slots.pop_front()??;
        let message_seq = u16::try_from(self.next).ok()?;
        self.next += 1;
        debug_assert!(self.next <= SEQUENCE_END);
        Some(Incoming {
            msg_type,
            message_seq,
            body: body?.bytes,
        })
    }

    /// Proof that no fragment of a further message is held, if so.
    pub(super) fn no_pending(&self) -> Option<NoPendingFragments> {
        self.slots
            .iter()
            .all(Option::is_none)
            .then_some(NoPendingFragments(()))
    }

    /// Gives back memory that only a handshake needs.
    pub(super) fn shrink(&mut self) {
        self.slots.shrink_to_fit();
    }
}

/// A message of which some fragments came.
///
/// As long as the bytes received can't be the whole message, fragments are only noted down one
/// after the other; the body is allocated when they can. So what is held stays within a small
/// factor of what was received, and within 9/8 of the message.
#[derive(Debug)]
struct Partial {
    msg_type: HandshakeType,
    length: u32,
    /// Fragments as they came: offset and length in 16 bits each, then the data.
    log: Vec<u8>,
    body: Option<Body>,
}

impl Partial {
    fn new(header: &Header) -> Self {
        Self {
            msg_type: header.msg_type,
            length: header.length,
            log: Vec::new(),
            body: None,
        }
    }

    fn matches(&self, header: &Header) -> bool {
        (self.msg_type, self.length) == (header.msg_type, header.length)
    }

    fn heap(&self) -> usize {
        self.log.capacity() + self.body.as_ref().map_or(0, Body::heap)
    }

    /// Whether `more` bytes of data could be the ones that complete the message.
    fn may_complete(&self, more: usize) -> bool {
        self.log.len() + more >= self.length as usize
    }

    /// Bytes of heap that `data` more bytes of data may add.
    fn growth(&self, data: usize) -> usize {
        if self.body.is_some() {
            0
        } else if self.may_complete(data) {
            Body::size(self.length)
        } else {
            LOG_STEP.max(LOG_HEADER + data)
        }
    }

    fn add(&mut self, offset: u32, data: &[u8]) {
        if let Some(body) = &mut self.body {
            body.add(offset, data);
        } else if self.may_complete(data.len()) {
            self.body = Some(
                if self.log.is_empty() && data.len() == self.length as usize {
                    Body::whole(data)
                } else {
                    let mut body = Body::empty(self.length);
                    for (offset, data) in notes(&std::mem::take(&mut self.log)) {
                        body.add(offset, data);
                    }
                    body.add(offset, data);
                    body
                },
            );
        } else if !data.is_empty() {
            self.note(offset, data);
        }
    }

    /// Notes a fragment down. [`MAX_MESSAGE`] makes offset and length fit in 16 bits.
    fn note(&mut self, offset: u32, data: &[u8]) {
        let needed = LOG_HEADER + data.len();
        if self.log.capacity() - self.log.len() < needed {
            self.log.reserve_exact(needed.max(LOG_STEP));
        }
        self.log.extend_from_slice(&(offset as u16).to_be_bytes());
        self.log
            .extend_from_slice(&(data.len() as u16).to_be_bytes());
        self.log.extend_from_slice(data);
    }
}

/// Offset and length of a fragment in the log.
const LOG_HEADER: usize = 4;

/// The least step in which a log grows, so that tiny fragments don't each cost a reallocation.
const LOG_STEP: usize = 256;

/// The fragments noted in a log.
fn notes(mut log: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    std::iter::from_fn(move || {
        let ([o1, o2, l1, l2], rest) = log.split_first_chunk()?;
        let (data, rest) = rest.split_at_checked(u16::from_be_bytes([*l1, *l2]).into())?;
        log = rest;
        Some((u16::from_be_bytes([*o1, *o2]).into(), data))
    })
}

/// The body of a message of which enough came that it could be whole.
#[derive(Debug)]
struct Body {
    bytes: Vec<u8>,
    coverage: Coverage,
}

impl Body {
    fn whole(data: &[u8]) -> Self {
        let length = data.len() as u32;
        let mut coverage = Coverage::new(length);
        coverage.insert(0..length);
        Self {
            bytes: data.to_vec(),
            coverage,
        }
    }

    fn empty(length: u32) -> Self {
        Self {
            bytes: vec![0; length as usize],
            coverage: Coverage::new(length),
        }
    }

    /// The most heap that the body of a message of `length` bytes takes.
    fn size(length: u32) -> usize {
        length as usize + length.div_ceil(64) as usize * size_of::<u64>()
    }

    fn heap(&self) -> usize {
        self.bytes.capacity() + self.coverage.heap()
    }

    /// Fills in what is still missing. Bytes that came before stay what they were.
    fn add(&mut self, offset: u32, data: &[u8]) {
        let end = offset + data.len() as u32;
        let mut from = offset;
        while let Some(gap) = self.coverage.gap(from).filter(|gap| gap.start < end) {
            let to = gap.end.min(end);
            let place = self.bytes.get_mut(gap.start as usize..to as usize);
            let source = data.get((gap.start - offset) as usize..(to - offset) as usize);
            if let (Some(place), Some(source)) = (place, source) {
                place.copy_from_slice(source);
            }
            from = to;
        }
        self.coverage.insert(offset..end);
    }
}
