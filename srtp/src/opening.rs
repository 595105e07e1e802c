//! Opening a packet: parse, estimate the index, check replay, authenticate and decrypt, in this
//! order. What is authentic is then committed.

use std::num::NonZeroUsize;

use crate::classify::Kind;
use crate::config::{CryptexPolicy, Duplicates};
use crate::cryptex::{self, Span};
use crate::error::UnprotectError;
use crate::header::{RTCP_CLEAR_LEN, RtpHeader, rtcp_ssrc};
use crate::index::OutOfRange;
use crate::kernel::{Job, Layout};
use crate::limits::PACKET_MAX;
use crate::receiver::{Receiver, Unprotected};
use crate::replay::{ReplayList, Verdict};
use crate::sealing::{next_index, rtp_trailer};
use crate::session::SessionKeys;
use crate::streams::Known;
use crate::trailer::{Trailer, read_rtcp_word, rtcp_word};

/// What a packet that was looked at claims to be, until its tag proves it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    /// The place of the master key.
    pub(crate) key: usize,
    pub(crate) ssrc: u32,
    pub(crate) index: u64,
    /// Where the header ends.
    pub(crate) header_len: usize,
    /// Where what is enciphered starts and ends.
    pub(crate) clear: usize,
    pub(crate) end: usize,
    /// Whether the header says that padding ends the payload.
    pub(crate) padding: bool,
}

impl Claim {
    pub(crate) fn is_same_guess(&self, other: &Self) -> bool {
        (self.key, self.index) == (other.key, other.index)
    }
}

/// A packet that was looked at.
///
/// It is filled in where it stands: inside a `Result` it would be copied, and a copy waits for the
/// stores before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    pub(crate) claim: Claim,
    /// Where the tag stands.
    tag: usize,
    /// What is authenticated besides the packet.
    pub(crate) trailer: Option<u32>,
    /// What Cryptex leaves in the clear.
    hole: Option<NonZeroUsize>,
}

impl Opening {
    /// A place to fill.
    pub(crate) const EMPTY: Self = Self {
        claim: Claim {
            key: 0,
            ssrc: 0,
            index: 0,
            header_len: 0,
            clear: 0,
            end: 0,
            padding: false,
        },
        tag: 0,
        trailer: None,
        hole: None,
    };

    /// The kernel's job.
    ///
    /// # Panics
    ///
    /// If `packet` is not the one that was looked at.
    #[inline(always)]
    fn job<'a>(&self, kind: Kind, session: &'a SessionKeys, packet: &'a mut [u8]) -> Job<'a> {
        let claim = &self.claim;
        let key = match kind {
            Kind::Rtp => &session.rtp,
            Kind::Rtcp => &session.rtcp,
        };
        let iv = key.iv(claim.ssrc, claim.index);
        let layout = Layout {
            clear: claim.clear,
            end: claim.end,
            tag: self.tag,
            trailer: self.trailer,
            hole: self.hole,
        };
        Job::new(&key.key, packet, iv, layout).expect("invariant: this packet was looked at")
    }
}

impl Receiver {
    /// Unprotects one packet, without counting the reason if it is dropped.
    #[inline(always)]
    pub(crate) fn unprotect_uncounted(
        &mut self,
        kind: Kind,
        packet: &mut [u8],
        unprotected: &mut Unprotected,
    ) -> Result<(), UnprotectError> {
        let mut opening = Opening::EMPTY;
        self.look_at(kind, packet, &mut opening)?;
        if self.open(kind, &opening, packet) {
            return self.commit(kind, &opening.claim, packet, unprotected);
        }
        // What is rare takes a copy: an opening whose address nobody has stays in registers.
        *unprotected = self.open_otherwise(kind, opening, packet)?;
        Ok(())
    }

    /// Looks at a packet; nothing changes.
    #[inline(always)]
    pub(crate) fn look_at(
        &self,
        kind: Kind,
        packet: &[u8],
        opening: &mut Opening,
    ) -> Result<(), UnprotectError> {
        let format = self.ring.trailer(kind);
        let payload_end = packet
            .len()
            .checked_sub(format.len())
            .ok_or(UnprotectError::Truncated)?;
        if payload_end > PACKET_MAX {
            return Err(UnprotectError::TooLong);
        }
        let trailer = format.behind(payload_end);
        match kind {
            Kind::Rtp => self.look_at_rtp(packet, trailer, payload_end, opening)?,
            Kind::Rtcp => *opening = self.look_at_rtcp(packet, trailer, payload_end)?,
        }
        Ok(())
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
            CryptexPolicy::Off if cryptex::is_marked(&header) => {
                return Err(UnprotectError::UnexpectedCryptex);
            }
            CryptexPolicy::Off => Span::payload(&header),
            // RFC 9335 §5.3: CSRCs or extensions in the clear are refused where all must be
            // encrypted.
            CryptexPolicy::Require if cryptex::is_bare(&header) => {
                return Err(UnprotectError::NotCryptex);
            }
            _ if cryptex::is_marked(&header) => Span::cryptex(&header),
            _ => Span::payload(&header),
        };
        let key = self.key_of(packet, trailer)?;
        let known = self.streams.known(header.ssrc, Kind::Rtp);
        let index = likely_index(&known.list, header.sequence_number)?;
        self.admit(Kind::Rtp, key, &known, index)?;
        *opening = Opening {
            claim: Claim {
                key,
                ssrc: header.ssrc,
                index,
                header_len: header.len,
                clear: span.start,
                end: payload_end,
                padding: header.padding,
            },
            tag: trailer.tag,
            trailer: rtp_trailer(self.ring.rtp_transform(), index),
            hole: span.hole,
        };
        Ok(())
    }

    #[inline(never)]
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
        let key = self.key_of(packet, trailer)?;
        let (encrypted, index) = read_rtcp_word(u32::from_be_bytes(*word));
        // RFC 3711 §3.4: the E flag says whether the packet is encrypted, but the receiver's policy
        // whether that will do.
        let may_be_clear =
            !self.config.require_encrypted_rtcp || !self.ring.suite().rtcp().encrypts();
        if !encrypted && !may_be_clear {
            return Err(UnprotectError::NotEncrypted);
        }
        let known = self.streams.known(ssrc, Kind::Rtcp);
        self.admit(Kind::Rtcp, key, &known, index.into())?;
        Ok(Opening {
            claim: Claim {
                key,
                ssrc,
                index: index.into(),
                header_len: RTCP_CLEAR_LEN,
                clear: if encrypted {
                    RTCP_CLEAR_LEN
                } else {
                    payload_end
                },
                end: payload_end,
                padding: false,
            },
            tag: trailer.tag,
            trailer: Some(rtcp_word(encrypted, index)),
            hole: None,
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

    /// Checks the lifetime of a key, and the index against its replay list.
    #[inline(always)]
    pub(crate) fn admit(
        &self,
        kind: Kind,
        key: usize,
        known: &Known,
        index: u64,
    ) -> Result<(), UnprotectError> {
        // RFC 3711 §9.2, RFC 5764 §4.1.2: a key at the end of its lifetime opens nothing more.
        if self.ring.key(key).is_exhausted(kind) {
            return Err(UnprotectError::KeyExhausted);
        }
        // RFC 3711 §3.3: replay is checked before authentication. Whoever wants to hear of
        // duplicates hears of authentic ones.
        if self.config.duplicates != Duplicates::Drop {
            return Ok(());
        }
        match self.streams.check(known, kind, index) {
            Verdict::New => Ok(()),
            Verdict::Used => Err(UnprotectError::Replayed),
            Verdict::TooOld => Err(UnprotectError::TooOld),
        }
    }

    /// The job of a packet that was looked at, where session keys don't change.
    #[inline(always)]
    pub(crate) fn job<'a>(
        &'a self,
        kind: Kind,
        opening: &Opening,
        packet: &'a mut [u8],
    ) -> Job<'a> {
        opening.job(kind, &self.ring.key(opening.claim.key).session, packet)
    }

    /// Authenticates and decrypts. If the tag is wrong, the packet is left as it was.
    #[inline(always)]
    pub(crate) fn open(&mut self, kind: Kind, opening: &Opening, packet: &mut [u8]) -> bool {
        if self.ring.is_periodic() {
            return self.open_periodic(kind, *opening, packet);
        }
        self.job(kind, opening, packet).unprotect().is_ok()
    }

    /// The same where session keys change with the index (RFC 3711 §4.3.1).
    #[cold]
    fn open_periodic(&mut self, kind: Kind, opening: Opening, packet: &mut [u8]) -> bool {
        let Claim { key, index, .. } = opening.claim;
        self.ring.prepare(key, index);
        let session = self.ring.key(key).session_of(index);
        opening.job(kind, session, packet).unprotect().is_ok()
    }
}

/// What the index of a received packet is taken for, given the indexes received.
#[inline(always)]
fn likely_index(list: &ReplayList, sequence_number: u16) -> Result<u64, UnprotectError> {
    match next_index(list, sequence_number) {
        Ok(index) => Ok(index),
        // Our senders seal no such packet. Others take it for one of ROC 0, and if it is not, its
        // tag will tell.
        Err(OutOfRange::Below) => Ok(sequence_number.into()),
        Err(OutOfRange::Above) => Err(UnprotectError::IndexExhausted),
    }
}
