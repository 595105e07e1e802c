//! Telling RTP from RTCP on one port.

/// Which of the two a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An RTP or SRTP packet.
    Rtp,
    /// An RTCP or SRTCP packet.
    Rtcp,
}

/// Tells RTP from RTCP by the second byte (RFC 5761 §4), for SRTP and SRTCP alike.
///
/// A packet is RTCP if its packet type is 192 to 223: as an RTP packet it would have the marker bit
/// and a payload type of 64 to 95, which must not be used where both share a port. A packet of one
/// byte or none counts as RTP; either unprotect refuses it.
///
/// ```
/// use srtp::{Kind, classify};
///
/// assert_eq!(classify(&[0x80, 200]), Kind::Rtcp); // a sender report
/// assert_eq!(classify(&[0x80, 96]), Kind::Rtp);
/// ```
#[must_use]
pub fn classify(packet: &[u8]) -> Kind {
    // RFC 5761 §4: RTCP packet types are taken from 192 to 223.
    match packet.get(1) {
        Some(192..=223) => Kind::Rtcp,
        _ => Kind::Rtp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T-RTC-04, RFC 5761 §4: the edges of payload types 64 to 95 with the marker bit.
    #[test]
    fn payload_types_64_to_95_with_the_marker_are_rtcp() {
        for second in 0..=255 {
            let marker_and_type = (second & 0x80 != 0, second & 0x7f);
            let expected = match marker_and_type {
                (true, 64..=95) => Kind::Rtcp,
                _ => Kind::Rtp,
            };
            assert_eq!(classify(&[0x80, second]), expected, "{second}");
        }
        assert_eq!(classify(&[0x80]), Kind::Rtp);
    }
}
