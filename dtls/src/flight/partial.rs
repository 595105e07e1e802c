//! A handshake message in reassembly.

use std::ops::Range;

use super::coverage::Coverage;
use crate::wire::HandshakeType;
use crate::wire::handshake::Header;

/// A message of which some fragments came.
///
/// As long as the bytes received can't be the whole message, fragments are only noted down one
/// after the other; the body is allocated when they can. So what is held stays within a small
/// factor of what was received, and within 9/8 of the message.
#[derive(Clone, Debug)]
pub(super) struct Partial {
    msg_type: HandshakeType,
    length: u32,
    /// Fragments as they came: offset and length in 16 bits each, then the data.
    log: Vec<u8>,
    body: Option<Body>,
    /// The end of the fragment that reaches farthest.
    reached: u32,
}

impl Partial {
    pub(super) fn new(header: &Header) -> Self {
        Self {
            msg_type: header.msg_type,
            length: header.length,
            log: Vec::new(),
            body: None,
            reached: 0,
        }
    }

    /// Type and length of the message.
    pub(super) fn kind(&self) -> (HandshakeType, u32) {
        (self.msg_type, self.length)
    }

    /// Whether a further fragment agrees about the message.
    pub(super) fn matches(&self, header: &Header) -> bool {
        (self.msg_type, self.length) == (header.msg_type, header.length)
    }

    /// Bytes of heap in use.
    pub(super) fn heap(&self) -> usize {
        self.log.capacity() + self.body.as_ref().map_or(0, Body::heap)
    }

    /// Bytes of the message received, those that came twice in small pieces counted twice.
    pub(super) fn received(&self) -> usize {
        let noted = notes(&self.log).map(|(_, data)| data.len()).sum();
        self.body.as_ref().map_or(noted, Body::received)
    }

    /// Whether bytes before the last one received are missing.
    pub(super) fn has_gap(&self) -> bool {
        self.received() < self.reached as usize
    }

    /// Whether a fragment has the same bytes as those that came before, where both have any.
    pub(super) fn agrees(&self, offset: u32, data: &[u8]) -> bool {
        let noted = notes(&self.log).all(|(at, known)| overlap_agrees((at, known), (offset, data)));
        noted
            && self
                .body
                .as_ref()
                .is_none_or(|body| body.agrees(offset, data))
    }

    /// The parts of the message that a fragment does not have too.
    pub(super) fn without(&self, offset: u32, length: u32) -> Self {
        let mut other = Self {
            msg_type: self.msg_type,
            length: self.length,
            log: Vec::new(),
            body: None,
            reached: 0,
        };
        let cut = offset..offset + length;
        for (at, data) in notes(&self.log) {
            other.add_outside(&cut, at, data);
        }
        if let Some(body) = &self.body {
            for run in body.runs() {
                let data = body.bytes.get(run.start as usize..run.end as usize);
                other.add_outside(&cut, run.start, data.unwrap_or_default());
            }
        }
        other
    }

    /// Takes in a fragment except for the positions in `cut`.
    fn add_outside(&mut self, cut: &Range<u32>, offset: u32, data: &[u8]) {
        let end = offset + data.len() as u32;
        let before = offset..end.min(cut.start);
        let after = offset.max(cut.end)..end;
        for part in [before, after].into_iter().filter(|part| !part.is_empty()) {
            let range = (part.start - offset) as usize..(part.end - offset) as usize;
            self.add(part.start, data.get(range).unwrap_or_default());
        }
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
        self.reached = self.reached.max(offset + data.len() as u32);
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

    /// Notes a fragment down. No message is so long that offset and length don't fit in 16 bits.
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

/// Whether two pieces have the same bytes where they overlap.
fn overlap_agrees((at, known): (u32, &[u8]), (offset, data): (u32, &[u8])) -> bool {
    let known = known.iter().skip(offset.saturating_sub(at) as usize);
    let data = data.iter().skip(at.saturating_sub(offset) as usize);
    known.zip(data).all(|(known, new)| known == new)
}

/// The body of a message of which enough came that it could be whole.
#[derive(Clone, Debug)]
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

    fn received(&self) -> usize {
        self.bytes.len() - self.coverage.missing() as usize
    }

    /// The runs of positions that came.
    fn runs(&self) -> impl Iterator<Item = Range<u32>> {
        let length = self.bytes.len() as u32;
        let mut from = 0;
        std::iter::from_fn(move || {
            while from < length {
                let gap = self.coverage.gap(from).unwrap_or(length..length);
                let run = from..gap.start;
                from = gap.end;
                if !run.is_empty() {
                    return Some(run);
                }
            }
            None
        })
    }

    fn agrees(&self, offset: u32, data: &[u8]) -> bool {
        let piece = |run: Range<u32>| {
            let known = self.bytes.get(run.start as usize..run.end as usize);
            overlap_agrees((run.start, known.unwrap_or_default()), (offset, data))
        };
        self.runs().all(piece)
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
