//! Packets in the clear.

use portcullis::MAX_OVERHEAD;
use rtcp_types::{Bye, RtcpPacketWriterExt, SenderReport};
use rtp_types::{RtpPacket, RtpPacketBuilder};

/// The bytes of media in a packet.
pub(crate) const PAYLOAD: usize = 80;

/// The length of an RTP packet in the clear.
pub(crate) const RTP_LEN: usize = RtpPacket::MIN_RTP_PACKET_LEN + PAYLOAD;

/// An RTP packet with room to be sealed, and its length.
pub(crate) fn packet(ssrc: u32, sequence: u16) -> ([u8; RTP_LEN + MAX_OVERHEAD], usize) {
    let mut packet = [0; RTP_LEN + MAX_OVERHEAD];
    let length = RtpPacketBuilder::<&[u8], &[u8]>::new()
        .payload_type(111)
        .sequence_number(sequence)
        .timestamp(u32::from(sequence) * 960)
        .ssrc(ssrc)
        .payload(&[sequence as u8; PAYLOAD])
        .write_into(&mut packet)
        .expect("the packet fits");
    (packet, length)
}

/// The length of a report in the clear.
pub(crate) const REPORT_LEN: usize = 28;

/// An RTCP BYE with room to be sealed, and its length.
pub(crate) fn bye(ssrc: u32) -> ([u8; 8 + MAX_OVERHEAD], usize) {
    let mut packet = [0; 8 + MAX_OVERHEAD];
    let length = Bye::builder()
        .add_source(ssrc)
        .write_into(&mut packet)
        .expect("it fits");
    (packet, length)
}

/// An RTCP sender report with room to be sealed, and its length.
pub(crate) fn report(ssrc: u32) -> ([u8; REPORT_LEN + MAX_OVERHEAD], usize) {
    let mut packet = [0; REPORT_LEN + MAX_OVERHEAD];
    let length = SenderReport::builder(ssrc)
        .write_into(&mut packet)
        .expect("it fits");
    (packet, length)
}
