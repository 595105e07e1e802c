//! Committing an authentic packet: only now does anything change.

use crate::classify::Kind;
use crate::config::{CryptexPolicy, Duplicates};
use crate::cryptex;
use crate::error::UnprotectError;
use crate::event::Event;
use crate::extension;
use crate::header::{RTCP_CLEAR_LEN, RTP_FIXED_LEN, RtpHeader, padding_is_valid};
use crate::opening::Claim;
use crate::receiver::{Freshness, Receiver, Unprotected};
use crate::replay::Verdict;
use crate::streams::TableFull;

impl Receiver {
    /// Takes an authentic packet, decrypted in its buffer.
    ///
    /// What it is goes into its place field by field: inside a `Result` it would be copied, and a
    /// copy waits for the stores before it.
    #[inline(always)]
    pub(crate) fn commit(
        &mut self,
        kind: Kind,
        claim: &Claim,
        packet: &mut [u8],
        unprotected: &mut Unprotected,
    ) -> Result<(), UnprotectError> {
        let freshness = match self.enter(kind, claim) {
            Ok(freshness) => freshness,
            Err(reason) => return Err(wipe(kind, *claim, packet, reason)),
        };
        if kind == Kind::Rtp
            && let Err(reason) = self.restore_header(claim, packet)
        {
            return Err(wipe(kind, *claim, packet, reason));
        }
        *unprotected = self.hand_out(kind, claim, freshness, packet);
        Ok(())
    }

    /// Enters an authentic packet into the table. One that is no news changes nothing: whoever
    /// recorded it could send it as often as he likes.
    #[inline(always)]
    fn enter(&mut self, kind: Kind, claim: &Claim) -> Result<Freshness, UnprotectError> {
        let Some(place) = self.streams.find(claim.ssrc) else {
            return self.enter_new_stream(kind, claim);
        };
        self.enter_at(place, kind, claim)
    }

    #[inline(always)]
    fn enter_at(
        &mut self,
        place: usize,
        kind: Kind,
        claim: &Claim,
    ) -> Result<Freshness, UnprotectError> {
        let periodic = self.ring.is_periodic();
        let key = self.ring.key_mut(claim.key);
        // Only in a batch, where the packets before were not yet counted when this one was looked
        // at.
        if key.is_exhausted(kind) {
            return Err(UnprotectError::KeyExhausted);
        }
        let entry = self.streams.enter(place, kind, claim.index);
        if entry.verdict == Verdict::New {
            key.count(kind, &mut self.events);
            if periodic {
                key.keep(claim.index);
            }
            if entry.expires {
                let ssrc = claim.ssrc;
                self.events.push(Event::StreamExpiring { ssrc, kind });
            }
        }
        self.freshness(entry.verdict)
    }

    #[inline(always)]
    fn freshness(&self, verdict: Verdict) -> Result<Freshness, UnprotectError> {
        match (verdict, self.config.duplicates) {
            (Verdict::New, _) => Ok(Freshness::New),
            // Only in a batch, where the packet before was not yet entered when this one was looked
            // at.
            (Verdict::Used, Duplicates::Drop) => Err(UnprotectError::Replayed),
            (Verdict::TooOld, Duplicates::Drop) => Err(UnprotectError::TooOld),
            (Verdict::Used, _) => Ok(Freshness::Duplicate),
            (Verdict::TooOld, _) => Ok(Freshness::TooOld),
        }
    }

    /// Makes a place for an SSRC that has none, if the packet is news.
    #[cold]
    fn enter_new_stream(&mut self, kind: Kind, claim: &Claim) -> Result<Freshness, UnprotectError> {
        if self.ring.key(claim.key).is_exhausted(kind) {
            return Err(UnprotectError::KeyExhausted);
        }
        let known = self.streams.known(claim.ssrc, kind);
        let verdict = self.streams.check(&known, kind, claim.index);
        if verdict != Verdict::New {
            return self.freshness(verdict);
        }
        let place = self
            .streams
            .find_or_make(claim.ssrc)
            .map_err(|TableFull| UnprotectError::TooManyStreams)?;
        self.enter_at(place, kind, claim)
    }

    /// Gives a decrypted RTP packet the header that was sent, and checks what only a decrypted
    /// packet shows.
    #[inline(always)]
    fn restore_header(&mut self, claim: &Claim, packet: &mut [u8]) -> Result<(), UnprotectError> {
        if self.config.cryptex != CryptexPolicy::Off || self.ring.has_header_keys() {
            self.decrypt_header(*claim, packet)?;
        }
        // RFC 3550 §A.1: padding that does not fit makes the packet invalid.
        if claim.padding && !padding_is_valid(&packet[claim.header_len..claim.end]) {
            return Err(UnprotectError::Padding);
        }
        Ok(())
    }

    /// Undoes what Cryptex and RFC 6904 did to the header. What says where its parts stand was
    /// never encrypted.
    #[inline(never)]
    fn decrypt_header(&mut self, claim: Claim, packet: &mut [u8]) -> Result<(), UnprotectError> {
        let header = RtpHeader::parse(&packet[..claim.end])?;
        if self.config.cryptex != CryptexPolicy::Off {
            cryptex::unmark(packet, &header);
        }
        let ids = self.config.encrypted_extensions;
        if !ids.is_empty() {
            self.ring.prepare(claim.key, claim.index);
            if let Some(key) = &self.ring.key(claim.key).session_of(claim.index).header {
                extension::apply(packet, &header, ids, key, claim.index)
                    .map_err(|_| UnprotectError::ExtensionMalformed)?;
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn hand_out(
        &mut self,
        kind: Kind,
        claim: &Claim,
        freshness: Freshness,
        packet: &mut [u8],
    ) -> Unprotected {
        match (freshness, kind) {
            (Freshness::New, Kind::Rtp) => self.statistics.rtp += 1,
            (Freshness::New, Kind::Rtcp) => self.statistics.rtcp += 1,
            (Freshness::Duplicate | Freshness::TooOld, _) => self.statistics.duplicates += 1,
        }
        let mut len = claim.end;
        if freshness != Freshness::New && self.config.duplicates != Duplicates::Deliver {
            packet[claim.header_len..len].fill(0);
            len = claim.header_len;
        }
        Unprotected {
            len,
            ssrc: claim.ssrc,
            index: claim.index,
            freshness,
        }
    }
}

/// Leaves no plaintext of a packet that is dropped after it was decrypted: neither of its payload
/// nor of its CSRCs and header extensions, which Cryptex and RFC 6904 encrypt.
#[cold]
pub(crate) fn wipe(
    kind: Kind,
    claim: Claim,
    packet: &mut [u8],
    reason: UnprotectError,
) -> UnprotectError {
    let fixed_len = match kind {
        Kind::Rtp => RTP_FIXED_LEN,
        Kind::Rtcp => RTCP_CLEAR_LEN,
    };
    packet[fixed_len..claim.end].fill(0);
    reason
}
