//! Cryptex: CSRCs and header extensions encrypted with the payload (RFC 9335).

use std::num::NonZeroUsize;

use crate::extension::{ONE_BYTE, TWO_BYTE};
use crate::header::{EXTENSION_WORD_LEN, RTP_FIXED_LEN, RtpHeader};

/// What a one-byte header extension is "defined by" with Cryptex (RFC 9335 §5).
const CRYPTEX_ONE_BYTE: u16 = 0xc0de;

/// What a two-byte header extension is "defined by" with Cryptex (RFC 9335 §5).
const CRYPTEX_TWO_BYTE: u16 = 0xc2de;

/// The flag in the first byte that says there is a header extension (RFC 3550 §5.1).
const X_BIT: u8 = 0x10;

/// Which bytes of a packet are enciphered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Where they start.
    pub(crate) start: usize,
    /// The four bytes among them that stay in the clear, where there are CSRCs before them.
    pub(crate) hole: Option<NonZeroUsize>,
}

impl Span {
    /// The payload alone.
    #[inline(always)]
    pub(crate) fn payload(header: &RtpHeader) -> Self {
        Self {
            start: header.len,
            hole: None,
        }
    }

    /// CSRCs, header extension and payload (RFC 9335 §5.2).
    #[inline(always)]
    pub(crate) fn cryptex(header: &RtpHeader) -> Self {
        if header.has_csrcs() {
            Self {
                start: RTP_FIXED_LEN,
                hole: NonZeroUsize::new(header.csrc_end),
            }
        } else {
            Self {
                start: header.csrc_end + EXTENSION_WORD_LEN,
                hole: None,
            }
        }
    }
}

/// What a sender does to a packet before it encrypts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preparation {
    /// Nothing: there are neither CSRCs nor a header extension.
    Nothing,
    /// Mark the header extension with this.
    Mark(u16),
    /// Insert an empty header extension, for CSRCs alone.
    Insert,
}

/// The header extension is not one of RFC 8285, and can't be marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unmarkable;

impl Preparation {
    #[inline(always)]
    pub(crate) fn of(header: &RtpHeader) -> Result<Self, Unmarkable> {
        match header.extension {
            Some(ONE_BYTE) => Ok(Self::Mark(CRYPTEX_ONE_BYTE)),
            // The four bits that the application may set have no place in the mark.
            Some(TWO_BYTE) => Ok(Self::Mark(CRYPTEX_TWO_BYTE)),
            Some(_) => Err(Unmarkable),
            // RFC 9335 §5.1: CSRCs without an extension get an empty one.
            None if header.has_csrcs() => Ok(Self::Insert),
            None => Ok(Self::Nothing),
        }
    }

    /// How many bytes the packet grows by.
    pub(crate) fn growth(self) -> usize {
        match self {
            Self::Insert => EXTENSION_WORD_LEN,
            Self::Nothing | Self::Mark(_) => 0,
        }
    }

    /// Prepares the packet of `len` bytes in `buffer`, which has room to grow; returns what to
    /// encipher.
    pub(crate) fn apply(self, buffer: &mut [u8], len: usize, header: &RtpHeader) -> Span {
        match self {
            Self::Nothing => return Span::payload(header),
            Self::Mark(mark) => write_mark(buffer, header, mark),
            Self::Insert => {
                let at = header.csrc_end;
                buffer.copy_within(at..len, at + EXTENSION_WORD_LEN);
                buffer[at..at + EXTENSION_WORD_LEN].fill(0);
                buffer[0] |= X_BIT;
                write_mark(buffer, header, CRYPTEX_ONE_BYTE);
            }
        }
        Span::cryptex(header)
    }
}

/// Whether the header says that a received packet came with Cryptex.
pub(crate) fn is_marked(header: &RtpHeader) -> bool {
    matches!(header.extension, Some(CRYPTEX_ONE_BYTE | CRYPTEX_TWO_BYTE))
}

/// Whether a received packet bares what Cryptex would have hidden.
pub(crate) fn is_bare(header: &RtpHeader) -> bool {
    !is_marked(header) && (header.has_csrcs() || header.extension.is_some())
}

/// Restores the "defined by profile" field of a decrypted packet's header extension (RFC 9335 §5.3).
pub(crate) fn unmark(packet: &mut [u8], header: &RtpHeader) {
    let plain = match header.extension {
        Some(CRYPTEX_ONE_BYTE) => ONE_BYTE,
        Some(CRYPTEX_TWO_BYTE) => TWO_BYTE,
        _ => return,
    };
    write_mark(packet, header, plain);
}

fn write_mark(packet: &mut [u8], header: &RtpHeader, mark: u16) {
    packet[header.csrc_end..header.csrc_end + 2].copy_from_slice(&mark.to_be_bytes());
}
