//! What stands behind the payload of a protected packet.

use crate::classify::Kind;
use crate::profile::Transform;
use crate::suite::Suite;

/// Length of the word with the E flag and the SRTCP index (RFC 3711 §3.4).
pub(crate) const WORD_LEN: usize = 4;

/// The E flag in that word.
const E_FLAG: u32 = 1 << 31;

/// Where the parts of a trailer stand, counted from the end of the payload: the same in all packets
/// of one kind of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrailerFormat {
    // A master key identifier has 128 bytes at most, a tag 20, the word 4.
    tag: u8,
    mki: u8,
    word: u8,
    len: u8,
}

/// Where tag, master key identifier and SRTCP index of a packet stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub(crate) tag: usize,
    pub(crate) mki: usize,
    /// The word with the E flag and the SRTCP index; in SRTP meaningless.
    pub(crate) word: usize,
    /// Where the packet ends.
    pub(crate) end: usize,
}

impl TrailerFormat {
    /// The trailer of packets of `kind` with a master key identifier of `mki_len` bytes.
    pub(crate) fn new(kind: Kind, suite: Suite, mki_len: usize) -> Self {
        let (protection, word_len) = match kind {
            Kind::Rtp => (suite.rtp(), 0),
            Kind::Rtcp => (suite.rtcp(), WORD_LEN),
        };
        let tag_len = protection.tag_len();
        let (tag, word, mki) = match protection.transform() {
            // RFC 3711 §3.1 and §3.4: the tag stands last.
            Transform::Cm | Transform::Null => (word_len + mki_len, 0, word_len),
            // RFC 7714 §8.2 and §9.2: the tag is part of the ciphertext, and what else there is
            // stands behind it.
            Transform::Gcm => (0, tag_len, tag_len + word_len),
        };
        Self {
            tag: tag as u8,
            mki: mki as u8,
            word: word as u8,
            len: (tag_len + word_len + mki_len) as u8,
        }
    }

    /// Its length.
    #[inline(always)]
    pub(crate) fn len(self) -> usize {
        self.len.into()
    }

    /// The trailer of a packet whose payload ends at `payload_end`.
    #[inline(always)]
    pub(crate) fn behind(self, payload_end: usize) -> Trailer {
        Trailer {
            tag: payload_end + usize::from(self.tag),
            mki: payload_end + usize::from(self.mki),
            word: payload_end + usize::from(self.word),
            end: payload_end + usize::from(self.len),
        }
    }
}

/// The word of an SRTCP packet (RFC 3711 §3.4): whether it is encrypted, and its index.
pub(crate) fn rtcp_word(encrypted: bool, index: u32) -> u32 {
    let flag = if encrypted { E_FLAG } else { 0 };
    flag | index
}

/// Reads the word of an SRTCP packet.
pub(crate) fn read_rtcp_word(word: u32) -> (bool, u32) {
    (word & E_FLAG != 0, word & !E_FLAG)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    /// RFC 3711 §3.1 and §3.4: payload, (index,) MKI, tag.
    #[test]
    fn with_hmac_the_tag_is_last() {
        let suite = Suite::from(Profile::Aes128CmSha1_32);
        let rtp = TrailerFormat::new(Kind::Rtp, suite, 3).behind(100);
        assert_eq!((rtp.mki, rtp.tag, rtp.end), (100, 103, 107));
        let rtcp = TrailerFormat::new(Kind::Rtcp, suite, 3).behind(100);
        let places = (rtcp.word, rtcp.mki, rtcp.tag, rtcp.end);
        assert_eq!(places, (100, 104, 107, 117));
    }

    /// RFC 7714 §8.2 and §9.2: payload, tag, (index,) MKI.
    #[test]
    fn with_gcm_the_tag_is_first() {
        let suite = Suite::from(Profile::AeadAes128Gcm);
        let rtp = TrailerFormat::new(Kind::Rtp, suite, 3).behind(100);
        assert_eq!((rtp.tag, rtp.mki, rtp.end), (100, 116, 119));
        let rtcp = TrailerFormat::new(Kind::Rtcp, suite, 3).behind(100);
        let places = (rtcp.tag, rtcp.word, rtcp.mki, rtcp.end);
        assert_eq!(places, (100, 116, 120, 123));
    }

    #[test]
    fn the_rtcp_word_goes_both_ways() {
        let word = rtcp_word(true, 0x7fff_fffe);
        assert_eq!(word, 0xffff_fffe);
        assert_eq!(read_rtcp_word(word), (true, 0x7fff_fffe));
        assert_eq!(read_rtcp_word(rtcp_word(false, 5)), (false, 5));
    }
}
