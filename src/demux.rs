//! Which protocol a datagram belongs to, told by its first byte (RFC 7983, RFC 9443).

/// The protocols that can share one UDP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// STUN (RFC 8489), which carries ICE's checks.
    Stun,
    /// ZRTP (RFC 6189), which we don't speak.
    Zrtp,
    /// DTLS 1.2 and 1.3.
    Dtls,
    /// A TURN channel (RFC 8656), which only a TURN client sees.
    TurnChannel,
    /// QUIC (RFC 9000), which is left to others on the port.
    Quic,
    /// SRTP: RTP by RFC 5761.
    Rtp,
    /// SRTCP: RTCP by RFC 5761.
    Rtcp,
    /// Empty, or of a first byte that belongs to nobody.
    Unknown,
}

/// Classifies a datagram. It is total: every first byte and every length has a class.
///
/// The first byte decides by RFC 9443 §3; RTP and RTCP are told apart by the second one.
#[must_use]
pub const fn classify(datagram: &[u8]) -> Class {
    match datagram {
        [0..=3, ..] => Class::Stun,
        [16..=19, ..] => Class::Zrtp,
        // RFC 7983 §7: to 63, since DTLS 1.3 records begin with 0b001 (RFC 9147 §4).
        [20..=63, ..] => Class::Dtls,
        [64..=79, ..] => Class::TurnChannel,
        [80..=127 | 192..=255, ..] => Class::Quic,
        // RFC 5761 §4: RTCP packet types 192 to 223 are RTP payload types 64 to 95 with marker.
        [128..=191, 192..=223, ..] => Class::Rtcp,
        [128..=191, ..] => Class::Rtp,
        _ => Class::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T-DMX-06, RFC 9443 §3: every first byte, lengths 0 to 64.
    #[test]
    fn t_dmx_06_every_first_byte_has_its_class() {
        assert_eq!(classify(&[]), Class::Unknown);
        for first in 0..=255 {
            let expected = match first {
                0..=3 => Class::Stun,
                4..=15 => Class::Unknown,
                16..=19 => Class::Zrtp,
                20..=63 => Class::Dtls,
                64..=79 => Class::TurnChannel,
                80..=127 => Class::Quic,
                128..=191 => Class::Rtp,
                192..=255 => Class::Quic,
            };
            for length in 1..=64 {
                let mut datagram = [0; 64];
                datagram[0] = first;
                assert_eq!(classify(&datagram[..length]), expected, "{first}, {length}");
            }
        }
    }

    /// T-RTC-04, RFC 5761 §4.
    #[test]
    fn t_rtc_04_rtp_and_rtcp_differ_by_the_second_byte() {
        for (second, class) in [
            (0, Class::Rtp),
            (111, Class::Rtp),
            (128 | 63, Class::Rtp),
            (192, Class::Rtcp),
            (200, Class::Rtcp),
            (223, Class::Rtcp),
            (224, Class::Rtp),
        ] {
            assert_eq!(classify(&[0x80, second]), class, "{second}");
        }
    }
}
