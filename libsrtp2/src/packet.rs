//! A packet in the memory of a C caller.

use std::marker::PhantomData;

/// A packet that C handed over: a pointer and a length.
pub(crate) struct Packet<'a> {
    start: *mut u8,
    len: usize,
    memory: PhantomData<&'a mut [u8]>,
}

impl<'a> Packet<'a> {
    /// The packet at `start`.
    ///
    /// # Safety
    ///
    /// `len` bytes from `start` on, and behind them as many as protection under the caller's policy adds,
    /// are memory that nobody else touches for `'a`. This is what `srtp.h` asks of callers.
    pub(crate) unsafe fn new(start: *mut u8, len: usize) -> Self {
        Self {
            start,
            len,
            memory: PhantomData,
        }
    }

    /// The packet as it stands.
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        // SAFETY: `new` was promised these bytes for `'a`, and gives out a single `Packet`.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }

    /// The packet and the bytes behind it that protection adds: exactly `trailer` of them.
    #[inline]
    pub(crate) fn with_trailer(&mut self, trailer: usize) -> &mut [u8] {
        // SAFETY: `new` was promised these bytes too, and callers pass no more than the policy's trailer.
        // What stands there is written, never looked at.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.len + trailer) }
    }

    /// The same for as long as its memory is ours: for packets that run together.
    pub(crate) fn into_slice(self, trailer: usize) -> &'a mut [u8] {
        // SAFETY: as in `with_trailer`; the packet is gone, so that this is the only way to its memory.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.len + trailer) }
    }

    /// Its length.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

/// The SSRC of an RTP packet, if it has a whole fixed header.
#[inline]
pub(crate) fn rtp_ssrc(packet: &[u8]) -> Option<u32> {
    let fixed = packet.first_chunk::<12>()?;
    Some(u32::from_be_bytes([
        fixed[8], fixed[9], fixed[10], fixed[11],
    ]))
}

/// The SSRC of the sender of an RTCP packet.
#[inline]
pub(crate) fn rtcp_ssrc(packet: &[u8]) -> Option<u32> {
    let fixed = packet.first_chunk::<8>()?;
    Some(u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]))
}

/// Whether the header of an RTP packet ends within it: what libsrtp looks at first.
pub(crate) fn has_whole_header(packet: &[u8]) -> bool {
    let Some(&first) = packet.first() else {
        return false;
    };
    let csrc_end = 12 + 4 * usize::from(first & 0x0f);
    if first & 0x10 == 0 {
        return packet.len() >= csrc_end;
    }
    packet.get(csrc_end + 2..csrc_end + 4).is_some_and(|words| {
        let words = usize::from(u16::from_be_bytes([words[0], words[1]]));
        packet.len() >= csrc_end + 4 + 4 * words
    })
}

/// Whether an RTP packet has CSRCs and no header extension.
pub(crate) fn has_csrcs_alone(packet: &[u8]) -> bool {
    packet
        .first()
        .is_some_and(|first| first & 0x0f != 0 && first & 0x10 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_end_within_their_packets() {
        let mut packet = [0; 40];
        for (first, words, len) in [(0x80, 0, 12), (0x83, 0, 24), (0x90, 2, 24), (0x92, 3, 36)] {
            packet[0] = first;
            let csrc_end = 12 + 4 * usize::from(first & 0x0f);
            packet[csrc_end + 2..csrc_end + 4].copy_from_slice(&u16::to_be_bytes(words));
            assert!(has_whole_header(&packet[..len]));
            assert!(!has_whole_header(&packet[..len - 1]));
        }
        assert!(!has_whole_header(&[]));
        assert!(has_csrcs_alone(&[0x81]) && !has_csrcs_alone(&[0x91]) && !has_csrcs_alone(&[0x80]));
    }
}
