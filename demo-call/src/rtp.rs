//! RTP packets (RFC 3550 §5.1): a view of a received one, and the writer of a stream.

/// The bytes of a header without contributing sources and extension.
pub(crate) const HEADER_LEN: usize = 12;

/// A view of a received packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a packet; `None` if its lengths contradict each other.
    pub(crate) fn parse(packet: &'a [u8]) -> Option<Self> {
        let (head, rest) = packet.split_first_chunk::<HEADER_LEN>()?;
        let [
            flags,
            marker_and_type,
            s0,
            s1,
            t0,
            t1,
            t2,
            t3,
            i0,
            i1,
            i2,
            i3,
        ] = *head;
        // RFC 3550 §5.1: version 2.
        if flags >> 6 != 2 {
            return None;
        }
        let mut payload = rest.get(usize::from(flags & 0x0f) * 4..)?;
        if flags & 0x10 != 0 {
            // RFC 3550 §5.3.1: the extension's length counts 32-bit words after its own four bytes.
            let (&[_, _, high, low], rest) = payload.split_first_chunk()?;
            payload = rest.get(usize::from(u16::from_be_bytes([high, low])) * 4..)?;
        }
        if flags & 0x20 != 0 {
            // RFC 3550 §5.1: the last byte of padding counts the padding, itself included.
            let padding = usize::from(*payload.last()?);
            let length = payload.len().checked_sub(padding).filter(|_| padding > 0)?;
            payload = payload.get(..length)?;
        }
        Some(Self {
            payload_type: marker_and_type & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([i0, i1, i2, i3]),
            payload,
        })
    }
}

/// One stream being sent: the header fields that go from packet to packet.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) ssrc: u32,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    packets: u32,
    octets: u32,
}

impl Stream {
    /// A stream whose first packet has `sequence` and `timestamp` (RFC 3550 §5.1: random ones).
    pub(crate) fn new(ssrc: u32, payload_type: u8, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            payload_type,
            sequence,
            timestamp,
            packets: 0,
            octets: 0,
        }
    }

    /// Writes the next packet, which lasts `samples`, into `buf` and returns its length.
    ///
    /// # Panics
    ///
    /// If `buf` has less than [`HEADER_LEN`] bytes more than `payload`.
    pub(crate) fn write(&mut self, payload: &[u8], samples: u32, buf: &mut [u8]) -> usize {
        // RFC 7587 §4.1: the marker says that a talk spurt begins.
        let marker = if self.packets == 0 { 0x80 } else { 0 };
        let length = HEADER_LEN + payload.len();
        let (head, body) = buf[..length].split_at_mut(HEADER_LEN);
        head[..2].copy_from_slice(&[0x80, marker | self.payload_type]);
        head[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        head[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        head[8..].copy_from_slice(&self.ssrc.to_be_bytes());
        body.copy_from_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(samples);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self
            .octets
            .wrapping_add(u32::try_from(payload.len()).unwrap_or(0));
        length
    }

    /// What a sender report says of this stream: the timestamp of the next packet, packets and
    /// payload bytes so far (RFC 3550 §6.4.1).
    pub(crate) fn report(&self) -> (u32, u32, u32) {
        (self.timestamp, self.packets, self.octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_counts_on_and_over() {
        let mut stream = Stream::new(7, 111, u16::MAX, u32::MAX);
        let mut buf = [0; 64];
        let length = stream.write(b"first", 960, &mut buf);
        assert_eq!(buf[1], 0x80 | 111, "the marker of the first packet");
        let first = Packet::parse(&buf[..length]).expect("it is RTP");
        assert_eq!(
            (first.sequence, first.timestamp, first.ssrc),
            (u16::MAX, u32::MAX, 7)
        );
        assert_eq!(first.payload, b"first");
        let length = stream.write(b"next", 960, &mut buf);
        let next = Packet::parse(&buf[..length]).expect("it is RTP");
        assert_eq!(
            (next.sequence, next.timestamp, next.payload_type),
            (0, 959, 111)
        );
        assert_eq!(stream.report(), (959 + 960, 2, 9));
    }

    #[test]
    fn sources_extension_and_padding_are_no_payload() {
        let mut packet = vec![0x80 | 0x30 | 1, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        packet.extend([9; 4]); // one contributing source
        packet.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4]); // an extension of one word
        packet.extend(b"opus");
        packet.extend([0, 0, 3]); // padding
        assert_eq!(Packet::parse(&packet).expect("it is RTP").payload, b"opus");
        for length in 0..HEADER_LEN + 4 + 8 {
            assert_eq!(Packet::parse(&packet[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn padding_that_is_not_there_is_refused() {
        let packet = |padding| [0xa0, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, b'x', padding];
        assert_eq!(Packet::parse(&packet(0)), None);
        assert_eq!(Packet::parse(&packet(3)), None);
        assert!(Packet::parse(&packet(2)).is_some_and(|packet| packet.payload.is_empty()));
    }
}
