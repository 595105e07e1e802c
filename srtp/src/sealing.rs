//! Preparing a packet for its seal: all that a sender does to it but the cryptography.

use crate::classify::Kind;
use crate::cryptex::{self, Preparation, Span};
use crate::error::ProtectError;
use crate::event::Event;
use crate::extension;
use crate::header::{RTCP_CLEAR_LEN, RtpHeader, rtcp_ssrc};
use crate::index::{OutOfRange, estimate, join, roc};
use crate::kernel::{Job, Layout};
use crate::limits::PACKET_MAX;
use crate::profile::Transform;
use crate::replay::{ReplayList, Verdict};
use crate::sender::Sender;
use crate::session::SessionKeys;
use crate::streams::{RTCP_INDEX_MAX, TableFull};
use crate::trailer::{WORD_LEN, rtcp_word};

/// A packet that has its index, and must be sealed under it.
///
/// It is filled in where it stands: inside a `Result` it would be copied, and a copy waits for the
/// stores before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealing {
    pub(crate) kind: Kind,
    /// The place of the master key.
    pub(crate) key: usize,
    pub(crate) index: u64,
    ssrc: u32,
    layout: Layout,
}

impl Sealing {
    /// A place to fill.
    pub(crate) const EMPTY: Self = Self {
        kind: Kind::Rtp,
        key: 0,
        index: 0,
        ssrc: 0,
        layout: Layout::EMPTY,
    };

    /// The kernel's job.
    ///
    /// # Panics
    ///
    /// If `buffer` is not the one the packet was prepared in.
    #[inline(always)]
    pub(crate) fn job<'a>(&self, session: &'a SessionKeys, buffer: &'a mut [u8]) -> Job<'a> {
        let key = match self.kind {
            Kind::Rtp => &session.rtp,
            Kind::Rtcp => &session.rtcp,
        };
        let iv = key.iv(self.ssrc, self.index);
        Job::new(&key.key, buffer, iv, self.layout)
            .expect("invariant: the packet was prepared in here")
    }
}

impl Sender {
    /// Checks an RTP packet, takes its index, and writes what stands in the clear; gives the length
    /// of the protected packet.
    #[inline(always)]
    pub(crate) fn prepare_rtp(
        &mut self,
        buffer: &mut [u8],
        len: usize,
        sealing: &mut Sealing,
    ) -> Result<usize, ProtectError> {
        let packet = buffer.get(..len).ok_or(ProtectError::LengthBeyondBuffer)?;
        let header = RtpHeader::parse(packet)?;
        let preparation = if self.config.cryptex {
            Preparation::of(&header).map_err(|_| ProtectError::ExtensionNotEncryptable)?
        } else if cryptex::is_marked(&header) {
            return Err(ProtectError::ReservedExtension);
        } else {
            Preparation::Nothing
        };
        if self.ring.has_header_keys() {
            check_extension(packet, header)?;
        }
        let payload_end = len + preparation.growth();
        if payload_end > PACKET_MAX {
            return Err(ProtectError::TooLong);
        }
        let trailer = self.ring.trailer(Kind::Rtp).behind(payload_end);
        if buffer.len() < trailer.end {
            return Err(ProtectError::BufferTooSmall(trailer.end));
        }
        let index = if self.sent.is_some() {
            self.take_rtp_index_or_repeat(&buffer[..len], header)?
        } else {
            self.take_rtp_index(header.ssrc, header.sequence_number)?
        };

        // From here on nothing fails: the index is used up.
        let mut span = Span::payload(&header);
        if preparation != Preparation::Nothing || self.ring.has_header_keys() {
            span = self.rewrite_header(preparation, buffer, len, header, index);
        }
        self.write_mki(buffer, trailer.mki);
        sealing.kind = Kind::Rtp;
        sealing.key = self.ring.active();
        sealing.index = index;
        sealing.ssrc = header.ssrc;
        let layout = &mut sealing.layout;
        layout.clear = span.start;
        layout.end = payload_end;
        layout.tag = trailer.tag;
        layout.trailer = rtp_trailer(self.ring.rtp_transform(), index);
        layout.hole = span.hole;
        Ok(trailer.end)
    }

    /// Checks an RTCP packet, takes its index, and writes what stands in the clear; gives the
    /// length of the protected packet.
    #[inline(never)]
    pub(crate) fn prepare_rtcp(
        &mut self,
        buffer: &mut [u8],
        len: usize,
    ) -> Result<(usize, Sealing), ProtectError> {
        let packet = buffer.get(..len).ok_or(ProtectError::LengthBeyondBuffer)?;
        let ssrc = rtcp_ssrc(packet)?;
        if len > PACKET_MAX {
            return Err(ProtectError::TooLong);
        }
        let trailer = self.ring.trailer(Kind::Rtcp).behind(len);
        if buffer.len() < trailer.end {
            return Err(ProtectError::BufferTooSmall(trailer.end));
        }
        let index = self.take_rtcp_index(ssrc)?;

        let encrypted = self.config.encrypt_rtcp && self.ring.suite().rtcp().encrypts();
        let word = rtcp_word(encrypted, index);
        buffer[trailer.word..trailer.word + WORD_LEN].copy_from_slice(&word.to_be_bytes());
        self.write_mki(buffer, trailer.mki);
        let sealing = Sealing {
            kind: Kind::Rtcp,
            key: self.ring.active(),
            index: index.into(),
            ssrc,
            layout: Layout {
                clear: if encrypted { RTCP_CLEAR_LEN } else { len },
                end: len,
                tag: trailer.tag,
                trailer: Some(word),
                hole: None,
            },
        };
        Ok((trailer.end, sealing))
    }

    /// The index of an RTP packet, which is taken by this.
    #[inline(always)]
    pub(crate) fn take_rtp_index(
        &mut self,
        ssrc: u32,
        sequence_number: u16,
    ) -> Result<u64, ProtectError> {
        self.check_lifetime(Kind::Rtp)?;
        let place = match self.streams.find(ssrc) {
            Some(place) => place,
            None => self.make_stream(ssrc, sequence_number)?,
        };
        let list = self.streams.list(place, Kind::Rtp);
        let index = index_to_take(list, sequence_number)?;
        match self.take(ssrc, place, Kind::Rtp, index) {
            Verdict::New => Ok(index),
            // RFC 3711 §9.1, RFC 7714 §8.4: no second packet under the same key and index.
            Verdict::Used => Err(ProtectError::IndexUsed),
            Verdict::TooOld => Err(ProtectError::IndexTooOld),
        }
    }

    /// Makes a stream for an SSRC that has none, if it may send this.
    #[cold]
    fn make_stream(&mut self, ssrc: u32, sequence_number: u16) -> Result<usize, ProtectError> {
        let list = self.streams.lists(ssrc).rtp;
        let index = index_to_take(&list, sequence_number)?;
        if index < list.next() {
            return Err(ProtectError::IndexTooOld);
        }
        self.streams
            .find_or_make(ssrc)
            .map_err(|TableFull| ProtectError::TooManyStreams)
    }

    /// The index of an RTCP packet, which is taken by this.
    fn take_rtcp_index(&mut self, ssrc: u32) -> Result<u32, ProtectError> {
        self.check_lifetime(Kind::Rtcp)?;
        let next = self.streams.lists(ssrc).rtcp.next();
        let index = next.max(self.config.first_rtcp_index.into());
        // RFC 3711 §3.4: the index starts at 0; §9.2: it never wraps.
        if index > RTCP_INDEX_MAX {
            return Err(ProtectError::IndexExhausted);
        }
        let place = self
            .streams
            .find_or_make(ssrc)
            .map_err(|TableFull| ProtectError::TooManyStreams)?;
        self.take(ssrc, place, Kind::Rtcp, index);
        Ok(index as u32)
    }

    #[inline(always)]
    fn check_lifetime(&self, kind: Kind) -> Result<(), ProtectError> {
        // RFC 3711 §9.2, RFC 5764 §4.1.2: a key at the end of its lifetime protects nothing more.
        if self.ring.key(self.ring.active()).is_exhausted(kind) {
            return Err(ProtectError::KeyExhausted);
        }
        Ok(())
    }

    /// Takes an index if it is new, and counts a packet of the key then.
    #[inline(always)]
    fn take(&mut self, ssrc: u32, place: usize, kind: Kind, index: u64) -> Verdict {
        let entry = self.streams.enter(place, kind, index);
        if entry.verdict == Verdict::New {
            if entry.expires {
                self.events.push(Event::StreamExpiring { ssrc, kind });
            }
            let active = self.ring.active();
            self.ring.key_mut(active).count(kind, &mut self.events);
        }
        entry.verdict
    }

    #[inline(always)]
    fn write_mki(&self, buffer: &mut [u8], at: usize) {
        if self.ring.mki_len() == 0 {
            return;
        }
        let mki = self.ring.key(self.ring.active()).mki();
        buffer[at..at + mki.len()].copy_from_slice(mki);
    }

    /// Encrypts header extensions one by one (RFC 6904), or makes ready for Cryptex (RFC 9335);
    /// says what to encipher.
    #[inline(never)]
    fn rewrite_header(
        &mut self,
        preparation: Preparation,
        buffer: &mut [u8],
        len: usize,
        header: RtpHeader,
        index: u64,
    ) -> Span {
        let span = preparation.apply(buffer, len, &header);
        let ids = self.config.encrypted_extensions;
        if !ids.is_empty() {
            let active = self.ring.active();
            self.ring.prepare(active, index);
            if let Some(key) = &self.ring.key(active).session_of(index).header {
                extension::apply(buffer, &header, ids, key, index)
                    .expect("invariant: the extension was checked");
            }
        }
        span
    }
}

/// Whether the header extension can be encrypted.
#[inline(never)]
fn check_extension(packet: &[u8], header: RtpHeader) -> Result<(), ProtectError> {
    extension::check(packet, &header).map_err(|_| ProtectError::ExtensionMalformed)
}

/// The index of a sequence number, given the indexes used.
#[inline(always)]
pub(crate) fn next_index(list: &ReplayList, sequence_number: u16) -> Result<u64, OutOfRange> {
    match list.highest() {
        Some(highest) => estimate(highest, sequence_number),
        // RFC 3711 §3.3.1: the ROC starts at zero, unless it was set.
        None => Ok(join(list.first_roc(), sequence_number)),
    }
}

/// The index that an RTP packet is sent under.
#[inline(always)]
pub(crate) fn index_to_take(list: &ReplayList, sequence_number: u16) -> Result<u64, ProtectError> {
    next_index(list, sequence_number).map_err(|error| match error {
        // RFC 3711 §3.3.1, appendix A: what lies more than 2^15 ahead at ROC 0 is of the ROC
        // before. Sealed under ROC 0, it would take all that follows to ROC 1.
        OutOfRange::Below => ProtectError::IndexTooOld,
        OutOfRange::Above => ProtectError::IndexExhausted,
    })
}

/// What HMAC authenticates behind an SRTP packet (RFC 3711 §4.2): the ROC. AES-GCM has it in its
/// nonce.
#[inline(always)]
pub(crate) fn rtp_trailer(transform: Transform, index: u64) -> Option<u32> {
    match transform {
        Transform::Cm | Transform::Null => Some(roc(index)),
        Transform::Gcm => None,
    }
}
