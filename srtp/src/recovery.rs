//! What else the key and the index of a packet can be whose tag is wrong.

use crate::classify::Kind;
use crate::commit::wipe;
use crate::config::RocRecovery;
use crate::error::UnprotectError;
use crate::index::{self, HALF_CYCLE};
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
        let keys = match self.ring.has_mki() {
            false => 0..self.ring.len(),
            true => guess.key..guess.key + 1,
        };
        for key in keys {
            for index in [Some(guess.index), self.other_index(kind, &guess)] {
                let Some(index) = index else { continue };
                let claim = Claim {
                    key,
                    index,
                    ..guess
                };
                // Of what can't be new, the replay list says so once it is authentic.
                if claim.is_same_guess(&guess) || self.ring.key(key).is_exhausted(kind) {
                    continue;
                }
                let mut opening = first;
                opening.claim = claim;
                if kind == Kind::Rtp {
                    opening.trailer = rtp_trailer(self.ring.rtp_transform(), index);
                }
                if self.open(kind, &opening, packet) {
                    self.statistics.recovered += u64::from(index != guess.index);
                    return self.committed(kind, &claim, packet);
                }
            }
        }
        Err(UnprotectError::Forged)
    }

    /// What else the index may be: that of the next ROC, or of the one before.
    fn other_index(&self, kind: Kind, guess: &Claim) -> Option<u64> {
        if kind == Kind::Rtcp || self.config.roc_recovery == RocRecovery::Never {
            return None;
        }
        let list = self.streams.known(guess.ssrc, Kind::Rtp).list;
        if list.highest().is_some() {
            let always = self.config.roc_recovery == RocRecovery::Always;
            return index::after(guess.index).filter(|_| always);
        }
        // The first packet of an SSRC: those before the edge may have been lost, or those behind it
        // have overtaken this one since the ROC was told.
        if guess.index % (2 * HALF_CYCLE) < HALF_CYCLE {
            index::after(guess.index)
        } else {
            index::before(guess.index)
        }
    }

    /// Whether packets that came before this one, in the same batch, may have changed what its index
    /// is taken for.
    #[inline(always)]
    pub(crate) fn has_moved_past(&self, claim: &Claim) -> bool {
        let Some(place) = self.streams.find(claim.ssrc) else {
            return true;
        };
        let next = self.streams.list(place, Kind::Rtp).next();
        // One less on either side: the highest index is the one before `next`.
        next.abs_diff(claim.index) >= HALF_CYCLE - 1
    }

    /// Takes an authentic packet of a batch, unless it would not have been opened after those that
    /// came before it.
    #[cold]
    pub(crate) fn commit_late(
        &mut self,
        kind: Kind,
        claim: Claim,
        packet: &mut [u8],
        unprotected: &mut Unprotected,
    ) -> Result<(), UnprotectError> {
        let mut now = Opening::EMPTY;
        let looked_at = self.look_at(kind, packet, &mut now);
        let reason = match looked_at {
            Ok(()) if now.claim.is_same_guess(&claim) => {
                return self.commit(kind, &claim, packet, unprotected);
            }
            Ok(()) if self.other_index(kind, &now.claim) == Some(claim.index) => {
                self.statistics.recovered += 1;
                return self.commit(kind, &claim, packet, unprotected);
            }
            Ok(()) => UnprotectError::Forged,
            Err(reason) => reason,
        };
        Err(wipe(kind, claim, packet, reason))
    }
}
