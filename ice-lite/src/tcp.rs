//! The framing of ICE-TCP: each packet after two bytes of its length (RFC 4571 §2, RFC 6544 §3).

use std::ops::Range;

/// The bytes that [`header`] gives.
pub const HEADER_LEN: usize = 2;

/// The two bytes to write before a packet of `len` bytes; `None` when no frame holds so many.
#[must_use]
pub fn header(len: usize) -> Option<[u8; HEADER_LEN]> {
    Some(u16::try_from(len).ok()?.to_be_bytes())
}

/// Cuts the bytes of one TCP connection into packets.
///
/// It holds no more than one frame's worth of bytes that did come, and hands packets out in place,
/// so that they can be decrypted there. After each [`Deframer::push`], call [`Deframer::pop`] until
/// it gives `None`.
#[derive(Debug)]
pub struct Deframer {
    buffer: Vec<u8>,
    /// Where the bytes not yet handed out begin.
    start: usize,
    limit: usize,
}

impl Deframer {
    /// Takes the longest packet that the connection may carry, in bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            limit,
        }
    }

    /// Takes over bytes that were read from the connection, and returns how many: fewer than all
    /// when packets must be popped first.
    #[must_use]
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        self.buffer.drain(..self.start);
        self.start = 0;
        let room = (HEADER_LEN + self.limit).saturating_sub(self.buffer.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.buffer.extend_from_slice(taken);
        taken.len()
    }

    /// Hands out the next whole packet.
    ///
    /// # Errors
    ///
    /// When the peer announces a longer packet than the limit: the connection must be closed, for
    /// what follows can't be told apart.
    pub fn pop(&mut self) -> Result<Option<&mut [u8]>, FrameTooLong> {
        let Some(packet) = self.next_packet()? else {
            return Ok(None);
        };
        self.start = packet.end;
        Ok(self.buffer.get_mut(packet))
    }

    fn next_packet(&self) -> Result<Option<Range<usize>>, FrameTooLong> {
        let waiting = self.buffer.get(self.start..).unwrap_or_default();
        let Some((&header, rest)) = waiting.split_first_chunk() else {
            return Ok(None);
        };
        let len = usize::from(u16::from_be_bytes(header));
        if len > self.limit {
            return Err(FrameTooLong(len));
        }
        let begin = self.start + HEADER_LEN;
        Ok((rest.len() >= len).then_some(begin..begin + len))
    }
}

/// A frame longer than the limit was announced, of this many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {0} bytes was announced, longer than the limit")]
pub struct FrameTooLong(pub usize);

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(packets: &[&[u8]]) -> Vec<u8> {
        let frame = |packet: &&[u8]| [&header(packet.len()).expect("short")[..], *packet].concat();
        packets.iter().flat_map(frame).collect()
    }

    /// Feeds `bytes` in pieces and takes out every packet.
    fn deframe(bytes: &[u8], piece: usize, limit: usize) -> Result<Vec<Vec<u8>>, FrameTooLong> {
        let mut deframer = Deframer::new(limit);
        let mut packets = Vec::new();
        for mut piece in bytes.chunks(piece) {
            while !piece.is_empty() {
                let taken = deframer.push(piece);
                piece = &piece[taken..];
                while let Some(packet) = deframer.pop()? {
                    packets.push(packet.to_vec());
                }
            }
        }
        Ok(packets)
    }

    #[test]
    fn rfc_4571_section_2_packets_come_out_however_the_stream_is_cut() {
        let long = [7; 300];
        let packets: [&[u8]; 5] = [b"first", b"", &long, b"x", &[9; 299]];
        let stream = framed(&packets);
        for piece in 1..=stream.len() {
            assert_eq!(deframe(&stream, piece, 300).expect("in the limit"), packets);
        }
    }

    #[test]
    fn a_longer_frame_than_the_limit_is_refused_before_it_is_buffered() {
        let stream = framed(&[b"fits", &[0; 301]]);
        assert_eq!(deframe(&stream, 1, 300), Err(FrameTooLong(301)));
        let mut deframer = Deframer::new(300);
        assert_eq!(deframer.push(&[0xFF; 5000]), 302);
        assert_eq!(deframer.pop(), Err(FrameTooLong(0xFFFF)));
        assert_eq!(deframer.push(&[0xFF; 5000]), 0);
    }

    #[test]
    fn packets_are_handed_out_in_place() {
        let mut deframer = Deframer::new(300);
        assert_eq!(deframer.push(&framed(&[b"abc"])), 5);
        let packet = deframer.pop().expect("in the limit").expect("a packet");
        packet[0] = b'A';
        assert_eq!(packet, b"Abc");
        assert_eq!(deframer.pop(), Ok(None));
    }

    #[test]
    fn no_frame_holds_65536_bytes() {
        assert_eq!(header(0xFFFF), Some([0xFF, 0xFF]));
        assert_eq!(header(0x1_0000), None);
    }
}
