//! Preparing a packet for its seal: all that a sender does to it but the cryptography.

use crate::classify::Kind;
use crate::cryptex::{Preparation, Span};
use crate::error::ProtectError;
use crate::event::Event;
use crate::extension;
use crate::header::{RTCP_CLEAR_LEN, RtpHeader, rtcp_ssrc};
use crate::index::{estimate, join, roc};
use crate::kernel::{Job, Layout};
use crate::profile::Transform;
use crate::replay::{ReplayList, Verdict};
use crate::sender::Sender;
use crate::session::SessionKeys;
use crate::streams::{RTCP_INDEX_MAX, TableFull};
use crate::trailer::{Trailer, rtcp_word};

/// A packet that has its index, and has to be sealed under it.
///
/// It is filled in where it stands: inside a `Result` it would be copied, and a copy waits for the stores before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealing {
    pub(crate) kind: Kind,
    /// The place of the master key.
    pub(crate) key: usize,
    pub(crate) index: u64,
    /// Length of the protected packet.
    pub(crate) len: usize,
    ssrc: u32,
    layout: Layout,
}

impl Sealing {
    /// A place to fill.
    pub(crate) const EMPTY: Self = Self {
        kind: Kind::Rtp,
        key: 0,
        index: 0,
        len: 0,
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
    /// Checks an RTP packet, takes its index, and writes what stands in the clear.
    #[inline(always)]
    pub(crate) fn prepare_rtp(
        &mut self,
        buffer: &mut [u8],
        len: usize,
        sealing: &mut Sealing,
    ) -> Result<(), ProtectError> {
        let profile = self.ring.profile();
        let packet = buffer.get(..len).ok_or(ProtectError::LengthBeyondBuffer)?;
        let header = RtpHeader::parse(packet)?;
        let preparation = if self.config.cryptex {
            Preparation::of(&header).map_err(|_| ProtectError::ExtensionNotEncryptable)?
        } else {
            Preparation::Nothing
        };
        let ids = self.config.encrypted_extensions;
        if !ids.is_empty() {
            check_extension(packet, header)?;
        }
        let payload_end = len + preparation.growth();
        let trailer = Trailer::behind(payload_end, Kind::Rtp, profile, self.ring.mki_len());
        if buffer.len() < trailer.end {
            return Err(ProtectError::BufferTooSmall(trailer.end));
        }
        let index = self.take_rtp_index(header.ssrc, header.sequence_number)?;

        // From here on nothing fails: the index is used up.
        let mut span = Span::payload(&header);
        let ssrc = header.ssrc;
        if preparation != Preparation::Nothing || !ids.is_empty() {
            span = self.rewrite_header(preparation, buffer, len, header, index);
        }
        self.write_mki(buffer, trailer.mki);
        *sealing = Sealing {
            kind: Kind::Rtp,
            key: self.ring.active(),
            index,
            len: trailer.end,
            ssrc,
            layout: Layout {
                clear: span.start,
                end: payload_end,
                tag: trailer.tag,
                trailer: rtp_trailer(profile.transform(), index),
                hole: span.hole,
            },
        };
        Ok(())
    }

    /// Checks an RTCP packet, takes its index, and writes what stands in the clear.
    pub(crate) fn prepare_rtcp(
        &mut self,
        buffer: &mut [u8],
        len: usize,
    ) -> Result<Sealing, ProtectError> {
        let profile = self.ring.profile();
        let packet = buffer.get(..len).ok_or(ProtectError::LengthBeyondBuffer)?;
        let ssrc = rtcp_ssrc(packet)?;
        let trailer = Trailer::behind(len, Kind::Rtcp, profile, self.ring.mki_len());
        if buffer.len() < trailer.end {
            return Err(ProtectError::BufferTooSmall(trailer.end));
        }
        let index = self.take_rtcp_index(ssrc)?;

        let encrypted = self.config.encrypt_rtcp && profile.transform() != Transform::Null;
        let word = rtcp_word(encrypted, index);
        buffer[trailer.word..trailer.word + word.len()].copy_from_slice(&word);
        self.write_mki(buffer, trailer.mki);
        Ok(Sealing {
            kind: Kind::Rtcp,
            key: self.ring.active(),
            index: index.into(),
            len: trailer.end,
            ssrc,
            layout: Layout {
                clear: if encrypted { RTCP_CLEAR_LEN } else { len },
                end: len,
                tag: trailer.tag,
                trailer: Some(word),
                hole: None,
            },
        })
    }

    /// The index of an RTP packet, which is taken by this.
    #[inline(always)]
    fn take_rtp_index(&mut self, ssrc: u32, sequence_number: u16) -> Result<u64, ProtectError> {
        self.check_lifetime(Kind::Rtp)?;
        let place = self.streams.find(ssrc);
        let (list, bits) = match place {
            Some(place) => {
                let (list, bits) = self.streams.list(place, Kind::Rtp);
                (*list, bits)
            }
            None => self.streams.list_of(ssrc, Kind::Rtp),
        };
        let index = next_index(&list, sequence_number).ok_or(ProtectError::IndexExhausted)?;
        match check(&list, bits, index) {
            Verdict::New => {}
            // RFC 3711 §9.1, RFC 7714 §8.4: no second packet under the same key and index.
            Verdict::Used => return Err(ProtectError::IndexUsed),
            Verdict::TooOld => return Err(ProtectError::IndexTooOld),
        }
        self.take(ssrc, place, Kind::Rtp, index)?;
        Ok(index)
    }

    /// The index of an RTCP packet, which is taken by this.
    fn take_rtcp_index(&mut self, ssrc: u32) -> Result<u32, ProtectError> {
        self.check_lifetime(Kind::Rtcp)?;
        let index = self.streams.list_of(ssrc, Kind::Rtcp).0.next();
        // RFC 3711 §3.4: the index starts at 0; §9.2: it never wraps.
        if index > RTCP_INDEX_MAX {
            return Err(ProtectError::IndexExhausted);
        }
        self.take(ssrc, None, Kind::Rtcp, index)?;
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

    #[inline(always)]
    fn take(
        &mut self,
        ssrc: u32,
        place: Option<usize>,
        kind: Kind,
        index: u64,
    ) -> Result<(), ProtectError> {
        let place = match place {
            Some(place) => place,
            None => self
                .streams
                .find_or_make(ssrc)
                .map_err(|TableFull| ProtectError::TooManyStreams)?,
        };
        if self.streams.insert(place, kind, index) {
            self.events.push(Event::StreamExpiring { ssrc, kind });
        }
        let active = self.ring.active();
        self.ring.key_mut(active).count(kind, &mut self.events);
        Ok(())
    }

    #[inline(always)]
    fn write_mki(&self, buffer: &mut [u8], at: usize) {
        if self.ring.mki_len() == 0 {
            return;
        }
        let mki = self.ring.key(self.ring.active()).mki();
        buffer[at..at + mki.len()].copy_from_slice(mki);
    }

    /// Encrypts header extensions one by one (RFC 6904), or makes ready for Cryptex (RFC 9335); says what to encipher.
    #[inline(never)]
    fn rewrite_header(
        &self,
        preparation: Preparation,
        buffer: &mut [u8],
        len: usize,
        mut header: RtpHeader,
        index: u64,
    ) -> Span {
        let span = preparation.apply(buffer, len, &mut header);
        let ids = self.config.encrypted_extensions;
        if !ids.is_empty() {
            let found = self.ring.session(self.ring.active(), index);
            if let Some(key) = &found.keys().header {
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
pub(crate) fn next_index(list: &ReplayList, sequence_number: u16) -> Option<u64> {
    match list.highest() {
        Some(highest) => estimate(highest, sequence_number),
        // RFC 3711 §3.3.1: the ROC starts at zero, unless it was set.
        None => Some(join(roc(list.floor()), sequence_number)),
    }
}

/// What a list says of an index; `bits` is empty for a stream that is not held.
#[inline(always)]
pub(crate) fn check(list: &ReplayList, bits: &[u64], index: u64) -> Verdict {
    if bits.is_empty() {
        return if index < list.next() {
            Verdict::TooOld
        } else {
            Verdict::New
        };
    }
    list.check(bits, index)
}

/// What HMAC authenticates behind an SRTP packet (RFC 3711 §4.2): the ROC. AES-GCM has it in its nonce.
#[inline(always)]
pub(crate) fn rtp_trailer(transform: Transform, index: u64) -> Option<[u8; 4]> {
    match transform {
        Transform::Cm | Transform::Null => Some(roc(index).to_be_bytes()),
        Transform::Gcm => None,
    }
}
