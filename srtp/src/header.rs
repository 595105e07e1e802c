//! The headers of RTP and RTCP packets, as far as SRTP needs them.

/// Length of the fixed part of an RTP header.
pub(crate) const RTP_FIXED_LEN: usize = 12;

/// Length of what SRTCP leaves in the clear: the first RTCP header and the sender's SSRC (RFC 3711
/// §3.4).
pub(crate) const RTCP_CLEAR_LEN: usize = 8;

/// Length of the word in front of a header extension: "defined by profile" and the length (RFC 3550
/// §5.3.1).
pub(crate) const EXTENSION_WORD_LEN: usize = 4;

/// The header of an RTP packet, which fits in the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RtpHeader {
    pub(crate) ssrc: u32,
    pub(crate) sequence_number: u16,
    /// Whether the P bit says that padding ends the payload.
    pub(crate) padding: bool,
    /// Where the CSRCs end, and the header extension or the payload starts.
    pub(crate) csrc_end: usize,
    /// What the header extension is "defined by" (RFC 8285), if there is one.
    pub(crate) extension: Option<u16>,
    /// Where the payload starts.
    pub(crate) len: usize,
}

/// Why bytes are no RTP or RTCP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderError {
    /// The packet ends before its header.
    Truncated,
    /// The version is not 2.
    Version,
}

impl RtpHeader {
    /// Reads the header of `packet`, which ends where its payload ends.
    #[inline(always)]
    pub(crate) fn parse(packet: &[u8]) -> Result<Self, HeaderError> {
        let (fixed, rest) = packet
            .split_first_chunk::<RTP_FIXED_LEN>()
            .ok_or(HeaderError::Truncated)?;
        // RFC 3550 §5.1: the version is 2.
        if fixed[0] >> 6 != 2 {
            return Err(HeaderError::Version);
        }
        let csrc_len = usize::from(fixed[0] & 0x0f) * 4;
        let csrc_end = RTP_FIXED_LEN + csrc_len;
        let behind_csrcs = rest.get(csrc_len..).ok_or(HeaderError::Truncated)?;
        let (extension, extension_len) = if fixed[0] & 0x10 == 0 {
            (None, 0)
        } else {
            // RFC 3550 §5.3.1: the length counts the words behind the first.
            let (&[p0, p1, l0, l1], body) = behind_csrcs
                .split_first_chunk::<EXTENSION_WORD_LEN>()
                .ok_or(HeaderError::Truncated)?;
            let len = usize::from(u16::from_be_bytes([l0, l1])) * 4;
            if body.len() < len {
                return Err(HeaderError::Truncated);
            }
            (Some(u16::from_be_bytes([p0, p1])), EXTENSION_WORD_LEN + len)
        };
        Ok(Self {
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            sequence_number: u16::from_be_bytes([fixed[2], fixed[3]]),
            padding: fixed[0] & 0x20 != 0,
            csrc_end,
            extension,
            len: csrc_end + extension_len,
        })
    }

    /// Whether there are CSRCs.
    #[inline(always)]
    pub(crate) fn has_csrcs(&self) -> bool {
        self.csrc_end > RTP_FIXED_LEN
    }
}

/// Whether the padding that `payload` says it has fits in it.
pub(crate) fn padding_is_valid(payload: &[u8]) -> bool {
    // RFC 3550 §5.1 and §A.1: the last octet counts the padding, itself included.
    payload
        .last()
        .is_some_and(|&count| count != 0 && usize::from(count) <= payload.len())
}

/// The SSRC of the sender of an RTCP packet.
#[inline]
pub(crate) fn rtcp_ssrc(packet: &[u8]) -> Result<u32, HeaderError> {
    let fixed = packet
        .first_chunk::<RTCP_CLEAR_LEN>()
        .ok_or(HeaderError::Truncated)?;
    // RFC 3550 §6.4.1: the version is 2.
    if fixed[0] >> 6 != 2 {
        return Err(HeaderError::Version);
    }
    Ok(u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(first: u8, behind: &[u8]) -> Vec<u8> {
        let mut packet = vec![first, 96, 0x12, 0x34, 0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef];
        packet.extend_from_slice(behind);
        packet
    }

    #[test]
    fn a_full_header_is_read() {
        let mut behind = vec![0; 8];
        behind.extend_from_slice(&[0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0, 1, 2, 3]);
        assert_eq!(
            RtpHeader::parse(&packet(0xb2, &behind)),
            Ok(RtpHeader {
                ssrc: 0xdead_beef,
                sequence_number: 0x1234,
                padding: true,
                csrc_end: 20,
                extension: Some(0xbede),
                len: 28,
            })
        );
    }

    /// T-SRT-14: CSRC counts and extension lengths past the end, all versions, all truncations.
    #[test]
    fn headers_past_the_end_are_refused() {
        let mut behind = vec![0; 60];
        behind.extend_from_slice(&[0xbe, 0xde, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
        let whole = packet(0x9f, &behind);
        for len in 0..whole.len() {
            let parsed = RtpHeader::parse(&whole[..len]);
            assert_eq!(parsed, Err(HeaderError::Truncated), "{len}");
        }
        assert_eq!(RtpHeader::parse(&whole).map(|h| h.len), Ok(whole.len()));
        let endless = packet(0x90, &[0xbe, 0xde, 0xff, 0xff, 0, 0, 0, 0]);
        assert_eq!(RtpHeader::parse(&endless), Err(HeaderError::Truncated));
        for version in [0x00, 0x40, 0xc0] {
            let parsed = RtpHeader::parse(&packet(version, &[]));
            assert_eq!(parsed, Err(HeaderError::Version));
        }
    }

    #[test]
    fn rtcp_headers_are_read() {
        assert_eq!(rtcp_ssrc(&[0x80, 200, 0, 1, 1, 2, 3, 4]), Ok(0x0102_0304));
        assert_eq!(rtcp_ssrc(&[0x80; 7]), Err(HeaderError::Truncated));
        assert_eq!(rtcp_ssrc(&[0x40; 8]), Err(HeaderError::Version));
    }

    #[test]
    fn padding_counts_itself_and_fits() {
        assert!(padding_is_valid(&[0, 0, 3]));
        assert!(padding_is_valid(&[1]));
        assert!(!padding_is_valid(&[0, 0, 0]));
        assert!(!padding_is_valid(&[0, 0, 4]));
        assert!(!padding_is_valid(&[]));
    }
}
