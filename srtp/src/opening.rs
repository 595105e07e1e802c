//! Opening a packet: parse, estimate the index, check replay, authenticate, decrypt, commit, in this order.

use crate::classify::Kind;
use crate::config::{CryptexPolicy, Duplicates, RocRecovery};
use crate::cryptex::{self, Span};
use crate::error::UnprotectError;
use crate::event::Event;
use crate::extension;
use crate::header::{RTCP_CLEAR_LEN, RtpHeader, padding_is_valid, rtcp_ssrc};
use crate::index::INDEX_MAX;
use crate::kernel::{Job, Layout};
use crate::profile::Transform;
use crate::receiver::{Freshness, Receiver, Unprotected};
use crate::replay::Verdict;
use crate::sealing::{check, next_index, rtp_trailer};
use crate::session::SessionKeys;
use crate::streams::TableFull;
use crate::trailer::{Trailer, read_rtcp_word, rtcp_word};

/// A packet that was looked at, under the key and index it seems to have.
///
/// It is filled in where it stands: inside a `Result` it would be copied, and a copy waits for the stores before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    kind: Kind,
    /// The place of the master key.
    key: usize,
    ssrc: u32,
    index: u64,
    /// Where the header ends, of which nothing is wiped.
    header_len: usize,
    /// Whether the header says that padding ends the payload.
    padding: bool,
    layout: Layout,
}

impl Opening {
    /// A place to fill.
    pub(crate) const EMPTY: Self = Self {
        kind: Kind::Rtp,
        key: 0,
        ssrc: 0,
        index: 0,
        header_len: 0,
        padding: false,
        layout: Layout::EMPTY,
    };

    /// The kernel's job.
    ///
    /// # Panics
    ///
    /// If `packet` is not the one that was looked at.
    #[inline(always)]
    fn job<'a>(&self, session: &'a SessionKeys, packet: &'a mut [u8]) -> Job<'a> {
        let key = match self.kind {
            Kind::Rtp => &session.rtp,
            Kind::Rtcp => &session.rtcp,
        };
        let iv = key.iv(self.ssrc, self.index);
        Job::new(&key.key, packet, iv, self.layout).expect("invariant: this packet was looked at")
    }

    fn is_same_guess(&self, other: &Self) -> bool {
        (self.key, self.index) == (other.key, other.index)
    }
}

impl Receiver {
    /// Unprotects one packet, without counting the reason if it is dropped.
    #[inline(always)]
    pub(crate) fn unprotect_uncounted(
        &mut self,
        kind: Kind,
        packet: &mut [u8],
    ) -> Result<Unprotected, UnprotectError> {
        let mut opening = Opening::EMPTY;
        self.prepare(kind, packet, &mut opening)?;
        if self.open(&opening, packet) {
            return self.commit(&opening, packet);
        }
        // What is rare takes a copy: an opening whose address nobody has stays in registers.
        self.open_otherwise(opening, packet)
    }

    /// Unprotects a packet again that failed in a batch, and counts: packets before it may have changed what its index seems to be.
    #[cold]
    pub(crate) fn unprotect_again(
        &mut self,
        failed: Opening,
        packet: &mut [u8],
    ) -> Result<Unprotected, UnprotectError> {
        let mut opening = Opening::EMPTY;
        let result = match self.prepare(failed.kind, packet, &mut opening) {
            Ok(()) if !opening.is_same_guess(&failed) && self.open(&opening, packet) => {
                self.commit(&opening, packet)
            }
            Ok(()) => self.open_otherwise(opening, packet),
            Err(reason) => Err(reason),
        };
        self.count(result)
    }

    /// Looks at a packet; nothing changes.
    #[inline(always)]
    pub(crate) fn prepare(
        &self,
        kind: Kind,
        packet: &[u8],
        opening: &mut Opening,
    ) -> Result<(), UnprotectError> {
        let profile = self.ring.profile();
        let trailer_len = Trailer::len(kind, profile, self.ring.mki_len());
        let payload_end = packet
            .len()
            .checked_sub(trailer_len)
            .ok_or(UnprotectError::Truncated)?;
        let trailer = Trailer::behind(payload_end, kind, profile, self.ring.mki_len());
        match kind {
            Kind::Rtp => self.look_at_rtp(packet, trailer, payload_end, opening)?,
            Kind::Rtcp => *opening = self.look_at_rtcp(packet, trailer, payload_end)?,
        }
        Ok(())
    }

    /// Checks the lifetime of a key, and what the replay list says of an index.
    #[inline(always)]
    fn admit(&self, kind: Kind, key: usize, verdict: Verdict) -> Result<(), UnprotectError> {
        // RFC 3711 §9.2, RFC 5764 §4.1.2: a key at the end of its lifetime opens nothing more.
        if self.ring.key(key).is_exhausted(kind) {
            return Err(UnprotectError::KeyExhausted);
        }
        // RFC 3711 §3.3: replay is checked before authentication. Whoever wants to hear of duplicates hears of authentic ones.
        match (verdict, self.config.duplicates) {
            (Verdict::Used, Duplicates::Drop) => Err(UnprotectError::Replayed),
            (Verdict::TooOld, Duplicates::Drop) => Err(UnprotectError::TooOld),
            _ => Ok(()),
        }
    }

    #[inline(always)]
    fn look_at_rtp(
        &self,
        packet: &[u8],
        trailer: Trailer,
        payload_end: usize,
        opening: &mut Opening,
    ) -> Result<(), UnprotectError> {
        let header = RtpHeader::parse(&packet[..payload_end])?;
        let span = match self.config.cryptex {
            CryptexPolicy::Off => Span::payload(&header),
            // RFC 9335 §5.3: CSRCs or extensions in the clear are not taken where all have to be encrypted.
            CryptexPolicy::Require if cryptex::is_bare(&header) => {
                return Err(UnprotectError::NotCryptex);
            }
            _ if cryptex::is_marked(&header) => Span::cryptex(&header),
            _ => Span::payload(&header),
        };
        let key = self.key_of(packet, trailer)?;
        let (list, bits) = self.list(header.ssrc, Kind::Rtp);
        let index =
            next_index(&list, header.sequence_number).ok_or(UnprotectError::IndexExhausted)?;
        self.admit(Kind::Rtp, key, check(&list, bits, index))?;
        *opening = Opening {
            kind: Kind::Rtp,
            key,
            ssrc: header.ssrc,
            index,
            header_len: header.len,
            padding: header.padding,
            layout: Layout {
                clear: span.start,
                end: payload_end,
                tag: trailer.tag,
                trailer: rtp_trailer(self.ring.profile().transform(), index),
                hole: span.hole,
            },
        };
        Ok(())
    }

    fn look_at_rtcp(
        &self,
        packet: &[u8],
        trailer: Trailer,
        payload_end: usize,
    ) -> Result<Opening, UnprotectError> {
        let ssrc = rtcp_ssrc(&packet[..payload_end])?;
        let word = packet
            .get(trailer.word..)
            .and_then(|behind| behind.first_chunk())
            .ok_or(UnprotectError::Truncated)?;
        let (encrypted, index) = read_rtcp_word(*word);
        // RFC 3711 §3.4: the E flag says whether the packet is encrypted, but the receiver's policy whether that will do.
        let may_be_clear = !self.config.require_encrypted_rtcp
            || self.ring.profile().transform() == Transform::Null;
        if !encrypted && !may_be_clear {
            return Err(UnprotectError::NotEncrypted);
        }
        let key = self.key_of(packet, trailer)?;
        let (list, bits) = self.list(ssrc, Kind::Rtcp);
        self.admit(Kind::Rtcp, key, check(&list, bits, index.into()))?;
        Ok(Opening {
            kind: Kind::Rtcp,
            key,
            ssrc,
            index: index.into(),
            header_len: RTCP_CLEAR_LEN,
            padding: false,
            layout: Layout {
                clear: if encrypted {
                    RTCP_CLEAR_LEN
                } else {
                    payload_end
                },
                end: payload_end,
                tag: trailer.tag,
                trailer: Some(rtcp_word(encrypted, index)),
                hole: None,
            },
        })
    }

    /// The key that the packet names, or the one to try first.
    #[inline(always)]
    fn key_of(&self, packet: &[u8], trailer: Trailer) -> Result<usize, UnprotectError> {
        let mki_len = self.ring.mki_len();
        if mki_len == 0 {
            return Ok(self.ring.active());
        }
        packet
            .get(trailer.mki..trailer.mki + mki_len)
            .and_then(|mki| self.ring.find(mki))
            .ok_or(UnprotectError::UnknownMki)
    }

    /// The job of a packet that was looked at, where session keys don't change.
    #[inline(always)]
    pub(crate) fn job<'a>(&'a self, opening: &Opening, packet: &'a mut [u8]) -> Job<'a> {
        opening.job(&self.ring.key(opening.key).session, packet)
    }

    /// Authenticates and decrypts. If the tag is wrong, the packet is left as it was.
    #[inline(always)]
    fn open(&mut self, opening: &Opening, packet: &mut [u8]) -> bool {
        if self.ring.key(opening.key).is_periodic() {
            return self.open_periodic(*opening, packet);
        }
        self.job(opening, packet).unprotect().is_ok()
    }

    /// The same where session keys change with the index (RFC 3711 §4.3.1).
    #[cold]
    fn open_periodic(&mut self, opening: Opening, packet: &mut [u8]) -> bool {
        let found = self.ring.session(opening.key, opening.index);
        let authentic = opening.job(found.keys(), packet).unprotect().is_ok();
        if authentic && let Some((period, keys)) = found.derived() {
            self.ring.keep(opening.key, period, *keys);
        }
        authentic
    }

    /// Tries what else the key and the index can be.
    #[cold]
    fn open_otherwise(
        &mut self,
        first: Opening,
        packet: &mut [u8],
    ) -> Result<Unprotected, UnprotectError> {
        let keys = match self.ring.mki_len() {
            0 => 0..self.ring.len(),
            _ => first.key..first.key + 1,
        };
        for key in keys {
            for index in [Some(first.index), self.next_roc(&first)] {
                let Some(index) = index else { continue };
                let mut opening = Opening {
                    key,
                    index,
                    ..first
                };
                if opening.kind == Kind::Rtp {
                    opening.layout.trailer = rtp_trailer(self.ring.profile().transform(), index);
                }
                let (list, bits) = self.list(opening.ssrc, opening.kind);
                let verdict = check(&list, bits, index);
                if opening.is_same_guess(&first) || self.admit(opening.kind, key, verdict).is_err()
                {
                    continue;
                }
                if self.open(&opening, packet) {
                    self.statistics.recovered += u64::from(index != first.index);
                    return self.commit(&opening, packet);
                }
            }
        }
        Err(UnprotectError::Forged)
    }

    /// The index one ROC further on, where it may be that.
    fn next_roc(&self, opening: &Opening) -> Option<u64> {
        if opening.kind == Kind::Rtcp {
            return None;
        }
        let (list, _) = self.list(opening.ssrc, Kind::Rtp);
        let first_packet_beyond_the_edge =
            list.highest().is_none() && opening.index & 0xffff < 0x8000;
        let wanted = match self.config.roc_recovery {
            RocRecovery::Never => false,
            RocRecovery::FirstPacket => first_packet_beyond_the_edge,
            RocRecovery::Always => first_packet_beyond_the_edge || list.highest().is_some(),
        };
        let index = opening.index + 0x1_0000;
        (wanted && index <= INDEX_MAX).then_some(index)
    }

    /// Takes an authentic packet: only now does anything change.
    #[inline(always)]
    pub(crate) fn commit(
        &mut self,
        opening: &Opening,
        packet: &mut [u8],
    ) -> Result<Unprotected, UnprotectError> {
        let freshness = match self.enter(opening) {
            Ok(freshness) => freshness,
            Err(reason) => return Err(wipe(*opening, packet, reason)),
        };
        if opening.kind == Kind::Rtp
            && let Err(reason) = self.restore_header(opening, packet)
        {
            return Err(wipe(*opening, packet, reason));
        }
        Ok(self.hand_out(opening, freshness, packet))
    }

    /// Enters an authentic packet into the table.
    #[inline(always)]
    fn enter(&mut self, opening: &Opening) -> Result<Freshness, UnprotectError> {
        let &Opening {
            kind, ssrc, index, ..
        } = opening;
        let key = self.ring.key_mut(opening.key);
        // Only in a batch, where the packets before were not yet counted when this one was looked at.
        if key.is_exhausted(kind) {
            return Err(UnprotectError::KeyExhausted);
        }
        key.count(kind, &mut self.events);
        let place = self
            .streams
            .find_or_make(ssrc)
            .map_err(|TableFull| UnprotectError::TooManyStreams)?;
        let (list, bits) = self.streams.list(place, kind);
        let verdict = list.check(bits, index);
        if verdict == Verdict::New && self.streams.insert(place, kind, index) {
            self.events.push(Event::StreamExpiring { ssrc, kind });
        }
        match (verdict, self.config.duplicates) {
            (Verdict::New, _) => Ok(Freshness::New),
            // Only in a batch, where the packet before was not yet entered when this one was looked at.
            (Verdict::Used, Duplicates::Drop) => Err(UnprotectError::Replayed),
            (Verdict::TooOld, Duplicates::Drop) => Err(UnprotectError::TooOld),
            (Verdict::Used, _) => Ok(Freshness::Duplicate),
            (Verdict::TooOld, _) => Ok(Freshness::TooOld),
        }
    }

    /// Gives a decrypted RTP packet the header that was sent, and checks what only a decrypted packet shows.
    #[inline(always)]
    fn restore_header(
        &mut self,
        opening: &Opening,
        packet: &mut [u8],
    ) -> Result<(), UnprotectError> {
        if self.config.cryptex != CryptexPolicy::Off || !self.config.encrypted_extensions.is_empty()
        {
            self.decrypt_header(*opening, packet)?;
        }
        // RFC 3550 §A.1: padding that does not fit makes the packet invalid.
        if opening.padding && !padding_is_valid(&packet[opening.header_len..opening.layout.end]) {
            return Err(UnprotectError::Padding);
        }
        Ok(())
    }

    /// Undoes what Cryptex and RFC 6904 did to the header. What says where its parts stand was never encrypted.
    #[inline(never)]
    fn decrypt_header(
        &mut self,
        opening: Opening,
        packet: &mut [u8],
    ) -> Result<(), UnprotectError> {
        let header = RtpHeader::parse(&packet[..opening.layout.end])?;
        if self.config.cryptex != CryptexPolicy::Off {
            cryptex::unmark(packet, &header);
        }
        let ids = self.config.encrypted_extensions;
        if !ids.is_empty() {
            let found = self.ring.session(opening.key, opening.index);
            if let Some(key) = &found.keys().header {
                extension::apply(packet, &header, ids, key, opening.index)
                    .map_err(|_| UnprotectError::ExtensionMalformed)?;
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn hand_out(
        &mut self,
        opening: &Opening,
        freshness: Freshness,
        packet: &mut [u8],
    ) -> Unprotected {
        match (freshness, opening.kind) {
            (Freshness::New, Kind::Rtp) => self.statistics.rtp += 1,
            (Freshness::New, Kind::Rtcp) => self.statistics.rtcp += 1,
            (Freshness::Duplicate | Freshness::TooOld, _) => self.statistics.duplicates += 1,
        }
        let mut len = opening.layout.end;
        if freshness != Freshness::New && self.config.duplicates != Duplicates::Deliver {
            packet[opening.header_len..len].fill(0);
            len = opening.header_len;
        }
        Unprotected {
            len,
            ssrc: opening.ssrc,
            index: opening.index,
            freshness,
        }
    }
}

/// Leaves no plaintext of a packet that is dropped after it was decrypted.
#[cold]
fn wipe(opening: Opening, packet: &mut [u8], reason: UnprotectError) -> UnprotectError {
    packet[opening.header_len.min(opening.layout.clear)..opening.layout.end].fill(0);
    reason
}
