//! What else the key and the index of a packet can be whose tag is wrong.

use crate::classify::Kind;
use crate::config::RocRecovery;
use crate::error::UnprotectError;
use crate::index::INDEX_MAX;
use crate::opening::{Claim, Opening};
use crate::receiver::{Receiver, Unprotected};
use crate::sealing::rtp_trailer;

impl Receiver {
    /// Unprotects a packet again that failed in a batch, and counts: packets before it may have
    /// changed what its index seems to be.
    #[cold]
    pub(crate) fn unprotect_again(
        &mut self,
        kind: Kind,
        failed: Claim,
        packet: &mut [u8],
    ) -> Result<Unprotected, UnprotectError> {
        let mut opening = Opening::EMPTY;
        let result = match self.look_at(kind, packet, &mut opening) {
            Ok(())
                if !opening.claim.is_same_guess(&failed) && self.open(kind, &opening, packet) =>
            {
                self.committed(kind, &opening.claim, packet)
            }
            Ok(()) => self.open_otherwise(kind, opening, packet),
            Err(reason) => Err(reason),
        };
        self.count(result)
    }

    fn committed(
        &mut self,
        kind: Kind,
        claim: &Claim,
        packet: &mut [u8],
    ) -> Result<Unprotected, UnprotectError> {
        let mut unprotected = Unprotected::NONE;
        self.commit(kind, claim, packet, &mut unprotected)?;
        Ok(unprotected)
    }

    /// Tries what else the key and the index can be.
    #[cold]
    pub(crate) fn open_otherwise(
        &mut self,
        kind: Kind,
        first: Opening,
        packet: &mut [u8],
    ) -> Result<Unprotected, UnprotectError> {
        let guess = first.claim;
        let keys = match self.ring.mki_len() {
            0 => 0..self.ring.len(),
            _ => guess.key..guess.key + 1,
        };
        for key in keys {
            for index in [Some(guess.index), self.next_roc(kind, &guess)] {
                let Some(index) = index else { continue };
                let claim = Claim {
                    key,
                    index,
                    ..guess
                };
                let known = self.streams.known(claim.ssrc, kind);
                if claim.is_same_guess(&guess) || self.admit(kind, key, &known, index).is_err() {
                    continue;
                }
                let mut opening = first;
                opening.claim = claim;
                if kind == Kind::Rtp {
                    opening.trailer = rtp_trailer(self.ring.profile().transform(), index);
                }
                if self.open(kind, &opening, packet) {
                    self.statistics.recovered += u64::from(index != guess.index);
                    return self.committed(kind, &claim, packet);
                }
            }
        }
        Err(UnprotectError::Forged)
    }

    /// The index one ROC further on, where it may be that.
    fn next_roc(&self, kind: Kind, claim: &Claim) -> Option<u64> {
        if kind == Kind::Rtcp {
            return None;
        }
        let list = self.streams.known(claim.ssrc, Kind::Rtp).list;
        let first_packet_beyond_the_edge =
            list.highest().is_none() && claim.index & 0xffff < 0x8000;
        let wanted = match self.config.roc_recovery {
            RocRecovery::Never => false,
            RocRecovery::FirstPacket => first_packet_beyond_the_edge,
            RocRecovery::Always => first_packet_beyond_the_edge || list.highest().is_some(),
        };
        let index = claim.index + 0x1_0000;
        (wanted && index <= INDEX_MAX).then_some(index)
    }
}
