//! Which of the valid paths is sent over.
//!
//! A path changes for three reasons, and each is held against what the selected path does:
//!
//! | what comes over another valid path | is followed |
//! | --- | --- |
//! | a nomination with the highest number | at once |
//! | a nomination, the selected path being nominated too | while the selected one carries no traffic, if this one does or its priority is higher, or if the selected one has carried some or is silent: then the last nomination wins |
//! | SRTP, or DTLS of the peer's | at once, if it is nominated or the selected one is not; else when the selected one is silent |
//! | a check, or an answer to ours | when the selected one is silent and the peer has come here after it was last heard there, or has been silent for long |
//!
//! And one demand goes before all: as long as the selected address is proved, and the peer is one
//! that answers checks, a path is not followed before its own address is proved. Of two that have
//! carried nothing, the proved one wins, for a path whose answers don't come works one way only.
//!
//! What is refused because the selected path is not silent yet is looked at again when it would be.

use crate::valid_list::{Slot, ValidList};
use crate::valid_pair::{LONG_SILENCE, SILENCE, ValidPair};
use crate::{Event, Path};
use std::time::Instant;

/// What has come over a path that is not selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// A nomination.
    Nomination,
    /// An authenticated packet of DTLS or SRTP.
    Traffic,
    /// A check, an answer to one, or nothing new: it is looked at again.
    Sign,
}

impl ValidList {
    /// We may send on this path; if there is no better one yet, we do.
    pub(crate) fn allow_sending(&mut self, slot: Slot) {
        if let Some(pair) = self.pair_mut(slot) {
            pair.sendable = true;
        }
        if self.selected.is_none() {
            self.select(slot);
        }
    }

    /// The controlling side nominated this pair. A numbered nomination holds if it is the highest.
    pub(crate) fn nominate(&mut self, now: Instant, slot: Slot, number: Option<u32>) {
        if number.is_some() && number <= self.highest_number {
            return self.note_sign(now, slot);
        }
        self.highest_number = self.highest_number.max(number);
        self.nominations = self.nominations.saturating_add(1);
        let nominations = self.nominations;
        let Some(pair) = self.pair_mut(slot) else {
            return;
        };
        pair.hear(now);
        pair.nominated = Some(nominations);
        pair.number = number;
        self.challenge(now, slot, Cause::Nomination);
    }

    /// An authenticated DTLS or SRTP packet came over this path.
    pub(crate) fn note_traffic(&mut self, now: Instant, path: &Path) {
        let Some(slot) = self.find(path) else { return };
        let Some(pair) = self.pair_mut(slot).filter(|pair| pair.is_live()) else {
            return;
        };
        pair.note_traffic(now);
        self.challenge(now, slot, Cause::Traffic);
    }

    /// A new check came over this path, or an answer to one of ours.
    pub(crate) fn note_sign(&mut self, now: Instant, slot: Slot) {
        if let Some(pair) = self.pair_mut(slot) {
            pair.hear(now);
            self.challenge(now, slot, Cause::Sign);
        }
    }

    /// The peer answered a random number of ours from there.
    pub(crate) fn confirm_address(&mut self, now: Instant, path: &Path) {
        self.peer_answers = true;
        if let Some(slot) = self.find(path) {
            if let Some(pair) = self.pair_mut(slot) {
                pair.confirm_address();
            }
            self.note_sign(now, slot);
        }
    }

    /// The peer has answered what was sent over this path and nowhere else.
    pub(crate) fn prove_address(&mut self, path: &Path) {
        let pair = self.find(path).and_then(|slot| self.pair_mut(slot));
        if let Some(pair) = pair.filter(|pair| pair.is_live()) {
            pair.confirm_address();
        }
    }

    /// Looks again at a pair for which the selected one was not silent enough.
    pub(crate) fn reconsider_if_due(&mut self, now: Instant) {
        if let Some((_, slot)) = self.reconsider.take_if(|(at, _)| *at <= now) {
            self.challenge(now, slot, Cause::Sign);
        }
    }

    /// Follows the peer to this pair, now or when the selected one has become silent.
    fn challenge(&mut self, now: Instant, slot: Slot, cause: Cause) {
        if self.selected == Some(slot) {
            return;
        }
        let (Some(selected), Some(pair)) = (self.selected_pair(), self.pair(slot)) else {
            return self.change_to(now, slot);
        };
        if !pair.is_live() || !pair.sendable || pair.generation != self.generation {
            return;
        }
        if self.prefers(now, pair, selected, cause) {
            return self.change_to(now, slot);
        }
        let later = [SILENCE, LONG_SILENCE]
            .into_iter()
            .filter_map(|limit| selected.heard().checked_add(limit))
            .find(|&at| at > now && self.prefers(at, pair, selected, Cause::Sign));
        if let Some(at) = later
            && self.reconsider.is_none_or(|(other, _)| at <= other)
        {
            self.reconsider = Some((at, slot));
        }
    }

    fn prefers(&self, now: Instant, pair: &ValidPair, selected: &ValidPair, cause: Cause) -> bool {
        let silent = selected.is_silent(now, SILENCE);
        let gone = selected.is_silent(now, LONG_SILENCE);
        let (proved, selected_proved) = (pair.is_confirmed(), selected.is_confirmed());
        if !proved && selected_proved && self.peer_answers && !gone {
            return false;
        }
        let moved = silent && (pair.succeeds(selected) || gone);
        if selected.generation != self.generation {
            return pair.is_nominated() || cause == Cause::Traffic || moved;
        }
        let unused = !selected.has_carried_traffic();
        let ranks = pair.is_nominated() || !selected.is_nominated();
        if proved && !selected_proved && unused && ranks {
            return true;
        }
        match (pair.nominated, selected.nominated) {
            (Some(_), None) => true,
            (None, None) => cause == Cause::Traffic || moved,
            (None, Some(_)) => silent && (cause == Cause::Traffic || moved),
            (Some(_), Some(_)) if self.is_numbered_highest(pair) => true,
            (Some(last), Some(before)) => match cause {
                Cause::Traffic => true,
                _ if self.is_numbered_highest(selected) && !silent => false,
                _ if unused && pair.carries_traffic(now) => true,
                Cause::Nomination if selected.carries_traffic(now) => false,
                Cause::Nomination if !unused => true,
                _ if unused && pair.priority > selected.priority => true,
                _ => moved || silent && last > before,
            },
        }
    }

    fn is_numbered_highest(&self, pair: &ValidPair) -> bool {
        pair.number.is_some() && pair.number == self.highest_number
    }

    /// Changes the selected path, if it is another one and the last changes are not too recent.
    fn change_to(&mut self, now: Instant, slot: Slot) {
        let eligible = self
            .pair(slot)
            .is_some_and(|pair| pair.sendable && pair.is_live());
        if self.selected != Some(slot) && eligible && self.changes.take(now) {
            self.select(slot);
        }
    }

    pub(crate) fn select(&mut self, slot: Slot) {
        let Some(pair) = self.pair_mut(slot) else {
            return;
        };
        let path = pair.path;
        self.selected = Some(slot);
        self.ended = false;
        self.reconsider = None;
        self.change_count += 1;
        self.events.push(Event::Selected { path });
    }

    /// Which path takes the place of one that is lost.
    pub(crate) fn best_remaining(&self) -> Option<Slot> {
        let rank = |slot: &Slot| {
            let pair = self
                .pair(*slot)
                .filter(|pair| pair.is_live() && pair.sendable)?;
            let current = pair.generation == self.generation;
            let wanted = (pair.is_confirmed(), pair.is_nominated());
            Some((current, wanted, pair.heard(), pair.priority))
        };
        let best = (0..self.slots.len()).max_by_key(rank)?;
        rank(&best).map(|_| best)
    }

    /// We, the controlling side, have nominated this pair and the peer has agreed.
    pub(crate) fn settle(&mut self, slot: Slot) {
        self.nominations = self.nominations.saturating_add(1);
        let nominations = self.nominations;
        let Some(pair) = self.pair_mut(slot) else {
            return;
        };
        pair.nominated = Some(nominations);
        pair.sendable = true;
        if self.selected != Some(slot) {
            self.select(slot);
        }
    }
}
