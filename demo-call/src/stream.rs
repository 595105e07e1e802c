//! The RTP stream that a call sends: its packets (RFC 3550 §5.1), and what its reports say.

use rtcp_types::{SenderReport, SenderReportBuilder};
use rtp_types::RtpPacketBuilder;

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
    /// If the packet does not fit `buf`.
    pub(crate) fn write(&mut self, payload: &[u8], samples: u32, buf: &mut [u8]) -> usize {
        let length = RtpPacketBuilder::<&[u8], &[u8]>::new()
            // RFC 7587 §4.1: the marker says that a talk spurt begins.
            .marker_bit(self.packets == 0)
            .payload_type(self.payload_type)
            .sequence_number(self.sequence)
            .timestamp(self.timestamp)
            .ssrc(self.ssrc)
            .payload(payload)
            .write_into_unchecked(buf);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(samples);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self
            .octets
            .wrapping_add(u32::try_from(payload.len()).unwrap_or(0));
        length
    }

    /// What is reported of this stream at the NTP time `ntp`: the timestamp of the next packet,
    /// packets and payload bytes so far (RFC 3550 §6.4.1).
    pub(crate) fn report(&self, ntp: u64) -> SenderReportBuilder {
        SenderReport::builder(self.ssrc)
            .ntp_timestamp(ntp)
            .rtp_timestamp(self.timestamp)
            .packet_count(self.packets)
            .octet_count(self.octets)
    }
}

#[cfg(test)]
mod tests {
    use rtcp_types::{RtcpPacketParser, RtcpPacketWriterExt};
    use rtp_types::RtpPacket;

    use super::*;

    #[test]
    fn a_stream_counts_on_and_over() {
        let mut stream = Stream::new(7, 111, u16::MAX, u32::MAX);
        let mut buf = [0; 64];
        let length = stream.write(b"first", 960, &mut buf);
        let first = RtpPacket::parse(&buf[..length]).expect("it is RTP");
        assert!(first.marker_bit(), "the marker of the first packet");
        assert_eq!((first.payload_type(), first.ssrc()), (111, 7));
        assert_eq!(
            (first.sequence_number(), first.timestamp()),
            (u16::MAX, u32::MAX)
        );
        assert_eq!(first.payload(), b"first");
        let length = stream.write(b"next", 960, &mut buf);
        let next = RtpPacket::parse(&buf[..length]).expect("it is RTP");
        assert!(!next.marker_bit());
        assert_eq!((next.sequence_number(), next.timestamp()), (0, 959));
        let length = stream.report(5).write_into(&mut buf).expect("it fits");
        let report = SenderReport::parse(&buf[..length]).expect("it is RTCP");
        assert_eq!((report.ssrc(), report.ntp_timestamp()), (7, 5));
        assert_eq!(report.rtp_timestamp(), 959 + 960);
        assert_eq!((report.packet_count(), report.octet_count()), (2, 9));
    }
}
