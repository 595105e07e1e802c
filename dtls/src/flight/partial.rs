//! A handshake message in reassembly.

use super::coverage::Coverage;
use crate::wire::HandshakeType;
use crate::wire::handshake::Header;

/// A message of which some fragments came.
///
/// As long as the bytes received can't be the whole message, fragments are only noted down one
/// after the other; the body is allocated when they can. So what is held stays within a small
/// factor of what was received, and within 9/8 of the message.
#[derive(Debug)]
pub(super) struct Partial {
    msg_type: HandshakeType,
    length: u32,
    /// Fragments as they came: offset and length in 16 bits each, then the data.
    log: Vec<u8>,
    body: Option<Body>,
}

impl Partial {
    pub(super) fn new(header: &Header) -> Self {
        Self {
            msg_type: header.msg_type,
            length: header.length,
            log: Vec::new(),
            body: None,
        }
    }

    /// Whether a further fragment agrees about the message.
    pub(super) fn matches(&self, header: &Header) -> bool {
        (self.msg_type, self.length) == (header.msg_type, header.length)
    }

    /// Bytes of heap in use.
    pub(super) fn heap(&self) -> usize {
        self.log.capacity() + self.body.as_ref().map_or(0, Body::heap)
    }

    /// Whether the message is whole.
    pub(super) fn is_whole(&self) -> bool {
        self.body
            .as_ref()
            .is_some_and(|body| body.coverage.is_complete())
    }

    /// Type and body of a message that is whole.
    pub(super) fn into_whole(self) -> Option<(HandshakeType, Vec<u8>)> {
        Some((self.msg_type, self.body?.bytes))
    }

    /// Whether `more` bytes of data could be the ones that complete the message.
    fn may_complete(&self, more: usize) -> bool {
        self.log.len() + more >= self.length as usize
    }

    /// Bytes of heap that `data` more bytes of data may add.
    pub(super) fn growth(&self, data: usize) -> usize {
        if self.body.is_some() {
            0
        } else if self.may_complete(data) {
            Body::size(self.length)
        } else {
            LOG_STEP.max(LOG_HEADER + data)
        }
    }

    /// Takes in a fragment that lies within the message.
    pub(super) fn add(&mut self, offset: u32, data: &[u8]) {
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
pub(super) const LOG_HEADER: usize = 4;

/// The least step in which a log grows, so that tiny fragments don't each cost a reallocation.
pub(super) const LOG_STEP: usize = 256;

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
