//! Packets in the clear.

use portcullis::MAX_OVERHEAD;

/// The bytes of media in a packet.
pub(crate) const PAYLOAD: usize = 80;

/// The length of an RTP packet in the clear.
pub(crate) const RTP_LEN: usize = 12 + PAYLOAD;

/// An RTP packet with room to be sealed, and its length.
pub(crate) fn packet(ssrc: u32, sequence: u16) -> ([u8; RTP_LEN + MAX_OVERHEAD], usize) {
    let mut packet = [sequence as u8; RTP_LEN + MAX_OVERHEAD];
    packet[..2].copy_from_slice(&[0x80, 111]);
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet[4..8].copy_from_slice(&(u32::from(sequence) * 960).to_be_bytes());
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
    (packet, RTP_LEN)
}

/// The length of a report in the clear.
pub(crate) const REPORT_LEN: usize = 28;

/// An RTCP BYE with room to be sealed, and its length.
pub(crate) fn bye(ssrc: u32) -> ([u8; 8 + MAX_OVERHEAD], usize) {
    let mut packet = [0; 8 + MAX_OVERHEAD];
    packet[..4].copy_from_slice(&[0x81, 203, 0, 1]);
    packet[4..8].copy_from_slice(&ssrc.to_be_bytes());
    (packet, 8)
}

/// An RTCP sender report with room to be sealed, and its length.
pub(crate) fn report(ssrc: u32) -> ([u8; REPORT_LEN + MAX_OVERHEAD], usize) {
    let mut packet = [0; REPORT_LEN + MAX_OVERHEAD];
    packet[..4].copy_from_slice(&[0x80, 200, 0, 6]);
    packet[4..8].copy_from_slice(&ssrc.to_be_bytes());
    (packet, REPORT_LEN)
}
