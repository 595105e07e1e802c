//! The valid list (RFC 8445 §7.2.5.3.2): paths that authenticated, consent on them, and which of
//! them is selected.

use crate::queue::Queue;
use crate::rate_limit::RateLimit;
use crate::valid_pair::ValidPair;
use crate::{ConsentLoss, Discard, Event, Path, RemovalReason, SendRefused};
use std::time::{Duration, Instant};

/// How many paths a session keeps. RFC 8445 §6.1.2.5 allows 100 pairs in a check list; a browser
/// with IPv4 and IPv6 on three interfaces makes 6 of them to one server address.
const MAX_PAIRS: usize = 16;

/// New paths at once, and the milliseconds for one more: all the pairs of a browser, then one a quarter of a
/// second, which no real change of network exceeds.
type NewPaths = RateLimit<{ MAX_PAIRS as u32 }, 250>;

/// Changes of the selected path at once, and the milliseconds for one more. Packets that arrive out of order
/// around a change must not make the path flap.
type Changes = RateLimit<8, 200>;

/// Each pair can report that it came, was selected and went, and the session that consent is lost.
const MAX_EVENTS: u32 = 3 * MAX_PAIRS as u32 + 1;

/// The place of a pair in the list. It stays the same as long as the pair is there.
pub(crate) type Slot = usize;

#[derive(Debug, Hash)]
pub(crate) struct ValidList {
    slots: Vec<Option<ValidPair>>,
    selected: Option<Slot>,
    generation: u32,
    /// The highest NOMINATION since the last restart.
    nomination: Option<u32>,
    consent_timeout: Duration,
    /// How this kind of agent loses consent by time.
    timeout_loss: ConsentLoss,
    /// Consent was lost on the last path that could be selected.
    ended: bool,
    new_paths: NewPaths,
    changes: Changes,
    change_count: u64,
    events: Queue<Event>,
}

impl ValidList {
    pub(crate) fn new(consent_timeout: Duration, timeout_loss: ConsentLoss) -> Self {
        Self {
            slots: Vec::new(),
            selected: None,
            generation: 0,
            nomination: None,
            consent_timeout,
            timeout_loss,
            ended: false,
            new_paths: NewPaths::default(),
            changes: Changes::default(),
            change_count: 0,
            events: Queue::new(MAX_EVENTS, 0),
        }
    }

    pub(crate) fn find(&self, path: &Path) -> Option<Slot> {
        self.slots
            .iter()
            .position(|slot| slot.as_ref().is_some_and(|pair| pair.path == *path))
    }

    pub(crate) fn pair(&self, slot: Slot) -> Option<&ValidPair> {
        self.slots.get(slot)?.as_ref()
    }

    pub(crate) fn pair_mut(&mut self, slot: Slot) -> Option<&mut ValidPair> {
        self.slots.get_mut(slot)?.as_mut()
    }

    pub(crate) fn is_valid(&self, path: &Path) -> bool {
        self.find(path)
            .and_then(|slot| self.pair(slot))
            .is_some_and(ValidPair::is_live)
    }

    pub(crate) fn selected(&self) -> Option<Path> {
        self.selected_pair().map(|pair| pair.path)
    }

    fn selected_pair(&self) -> Option<&ValidPair> {
        self.pair(self.selected?)
    }

    /// Takes in a path over which a request of the peer's authenticated under the present
    /// credentials; nothing changes when it is refused.
    pub(crate) fn admit(
        &mut self,
        now: Instant,
        path: Path,
        priority: u64,
    ) -> Result<Slot, Discard> {
        if self.find(&path).is_none() && !self.new_paths.take(now) {
            return Err(Discard::PathRateLimited);
        }
        self.admit_proved(now, path, priority)
    }

    /// Takes in a path over which the peer answered a check of ours.
    pub(crate) fn admit_proved(
        &mut self,
        now: Instant,
        path: Path,
        priority: u64,
    ) -> Result<Slot, Discard> {
        if let Some(slot) = self.find(&path) {
            return self.readmit(now, slot, priority);
        }
        let slot = self.free_slot();
        self.slots[slot] = Some(ValidPair::new(path, self.generation, priority, now));
        self.events.push(Event::PairValidated { path });
        Ok(slot)
    }

    fn readmit(&mut self, now: Instant, slot: Slot, priority: u64) -> Result<Slot, Discard> {
        let (generation, timeout) = (self.generation, self.consent_timeout);
        let is_selected = self.selected == Some(slot);
        let pair = self
            .pair_mut(slot)
            .expect("invariant: found slots hold a pair");
        let path = pair.path;
        if pair.generation != generation {
            let was_live = pair.is_live();
            pair.generation = generation;
            pair.nominated = false;
            pair.lost = None;
            pair.consent = now;
            if !was_live {
                self.events.push(Event::PairValidated { path });
            }
        } else if !pair.is_live() || is_selected && pair.consent_expired(now, timeout) {
            // RFC 7675 §5.1: once consent is lost, by time even if no timer has run yet, the same
            // credentials must not be used on this 5-tuple again.
            return Err(Discard::ConsentLost);
        }
        if let Some(pair) = self.pair_mut(slot) {
            pair.priority = priority;
        }
        Ok(slot)
    }

    /// An empty slot; if there is none, that of the pair we can best do without.
    fn free_slot(&mut self) -> Slot {
        if let Some(slot) = self.slots.iter().position(Option::is_none) {
            return slot;
        }
        if self.slots.len() < MAX_PAIRS {
            // Most calls have one pair for all their life.
            self.slots.reserve_exact(1);
            self.slots.push(None);
            return self.slots.len() - 1;
        }
        let worth = |slot: &Slot| {
            self.pair(*slot).map(|pair| {
                let current = pair.generation == self.generation;
                (pair.is_live(), current, pair.nominated, pair.consent)
            })
        };
        let others = (0..self.slots.len()).filter(|&slot| Some(slot) != self.selected);
        let slot = others
            .min_by_key(worth)
            .expect("invariant: only one of 16 pairs is selected");
        self.remove(slot, RemovalReason::Evicted);
        slot
    }

    fn remove(&mut self, slot: Slot, reason: RemovalReason) {
        if let Some(pair) = self.slots[slot].take()
            && pair.is_live()
        {
            self.events.push(Event::PairRemoved {
                path: pair.path,
                reason,
            });
        }
    }

    /// The peer's consent to receive on this path was renewed.
    pub(crate) fn renew_consent(&mut self, now: Instant, slot: Slot) {
        if let Some(pair) = self.pair_mut(slot) {
            pair.consent = now;
        }
    }

    /// We may send on this path; if there is no better one yet, we do.
    pub(crate) fn allow_sending(&mut self, slot: Slot) {
        if let Some(pair) = self.pair_mut(slot) {
            pair.sendable = true;
        }
        if self.selected.is_none() {
            self.select(slot);
        }
    }

    /// The controlling side nominated this pair.
    ///
    /// The rules, for a peer that nominates once as for one that nominates every pair:
    /// a numbered nomination holds if it is the highest; a path that carries traffic is not left on
    /// a mere nomination, for Firefox nominates all pairs and a captured request names any address
    /// ([`Self::note_traffic`] follows the peer when its packets move); before there was traffic the
    /// higher priority wins (RFC 8445 §8.1.1), in a lull the newest nomination.
    pub(crate) fn nominate(&mut self, now: Instant, slot: Slot, number: Option<u32>) {
        if number.is_some() && number <= self.nomination {
            return;
        }
        self.nomination = self.nomination.max(number);
        let Some(pair) = self.pair_mut(slot) else {
            return;
        };
        pair.nominated = true;
        if number.is_some() || self.outranks_selected(now, slot) {
            self.change_to(now, slot);
        }
    }

    fn outranks_selected(&self, now: Instant, slot: Slot) -> bool {
        let (Some(selected), Some(pair)) = (self.selected_pair(), self.pair(slot)) else {
            return true;
        };
        if selected.generation != self.generation || !selected.nominated {
            true
        } else if selected.has_carried_traffic() {
            !selected.carries_traffic(now)
        } else {
            pair.priority > selected.priority
        }
    }

    /// An authenticated DTLS or SRTP packet came over this path.
    pub(crate) fn note_traffic(&mut self, now: Instant, path: &Path) {
        let Some(slot) = self.find(path) else { return };
        let Some(pair) = self.pair_mut(slot).filter(|pair| pair.is_live()) else {
            return;
        };
        pair.note_traffic(now);
        let (nominated, generation) = (pair.nominated, pair.generation);
        if Some(slot) == self.selected || generation != self.generation {
            return;
        }
        if nominated
            || self
                .selected_pair()
                .is_none_or(|selected| !selected.nominated)
        {
            self.change_to(now, slot);
        }
    }

    pub(crate) fn credit(&mut self, path: &Path, len: usize) {
        if let Some(pair) = self.find(path).and_then(|slot| self.pair_mut(slot)) {
            pair.credit(len);
        }
    }

    /// Takes `len` bytes from the budget of a valid path, if it has so many.
    pub(crate) fn try_debit(&mut self, path: &Path, len: usize) -> bool {
        let pair = self.find(path).and_then(|slot| self.pair_mut(slot));
        pair.is_some_and(|pair| pair.is_live() && pair.try_debit(len))
    }

    pub(crate) fn is_confirmed(&self, slot: Slot) -> bool {
        self.pair(slot).is_some_and(ValidPair::is_confirmed)
    }

    /// The peer answered a random number of ours from there.
    pub(crate) fn confirm_address(&mut self, path: &Path) {
        if let Some(pair) = self.find(path).and_then(|slot| self.pair_mut(slot)) {
            pair.confirm_address();
        }
    }

    /// The valid paths whose address is not known to be the peer's.
    pub(crate) fn unconfirmed(&self) -> impl Iterator<Item = Path> {
        let pairs = self.slots.iter().flatten();
        let unconfirmed = |pair: &&ValidPair| pair.is_live() && !pair.is_confirmed();
        pairs.filter(unconfirmed).map(|pair| pair.path)
    }

    /// Accounts for an answer or a check that is sent without being asked for.
    pub(crate) fn debit(&mut self, path: &Path, len: usize) {
        if let Some(pair) = self.find(path).and_then(|slot| self.pair_mut(slot)) {
            pair.debit(len);
        }
    }

    pub(crate) fn authorize_send(&mut self, now: Instant, len: usize) -> Result<Path, SendRefused> {
        let (timeout, ended) = (self.consent_timeout, self.ended);
        let Some(pair) = self.selected.and_then(|slot| self.pair_mut(slot)) else {
            return Err(if ended {
                SendRefused::ConsentExpired
            } else {
                SendRefused::NotConnected
            });
        };
        // RFC 7675 §5.1: sending stops when consent expires, whether or not a timer has run.
        if pair.consent_expired(now, timeout) {
            return Err(SendRefused::ConsentExpired);
        }
        if pair.try_debit(len) {
            Ok(pair.path)
        } else {
            Err(SendRefused::AmplificationLimit)
        }
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

    fn select(&mut self, slot: Slot) {
        let Some(pair) = self.pair_mut(slot) else {
            return;
        };
        let path = pair.path;
        self.selected = Some(slot);
        self.ended = false;
        self.change_count += 1;
        self.events.push(Event::Selected { path });
    }

    /// Removes the pairs whose consent has run out.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        for slot in 0..self.slots.len() {
            let timeout = self.consent_timeout;
            let expired = |pair: &ValidPair| pair.is_live() && pair.consent_expired(now, timeout);
            if self.pair(slot).is_some_and(expired) {
                self.lose(slot, self.timeout_loss);
            }
        }
    }

    /// Consent on this path is lost. If it was selected, another valid path takes its place.
    pub(crate) fn lose(&mut self, slot: Slot, reason: ConsentLoss) {
        if self.selected != Some(slot) {
            return self.remove(slot, RemovalReason::Consent(reason));
        }
        let Some(pair) = self.pair_mut(slot) else {
            return;
        };
        let path = pair.path;
        pair.lost = Some(reason);
        self.events.push(Event::PairRemoved {
            path,
            reason: RemovalReason::Consent(reason),
        });
        self.selected = None;
        match self.best_remaining() {
            Some(next) => self.select(next),
            None => {
                self.ended = true;
                self.events.push(Event::ConsentExpired { path, reason });
            }
        }
    }

    fn best_remaining(&self) -> Option<Slot> {
        let rank = |slot: &Slot| {
            let pair = self
                .pair(*slot)
                .filter(|pair| pair.is_live() && pair.sendable)?;
            let current = pair.generation == self.generation;
            Some((current, pair.nominated, pair.consent, pair.priority))
        };
        let best = (0..self.slots.len()).max_by_key(rank)?;
        rank(&best).map(|_| best)
    }

    /// Consent is lost on every path.
    pub(crate) fn lose_all(&mut self, reason: ConsentLoss) {
        let others = (0..self.slots.len()).filter(|&slot| Some(slot) != self.selected);
        for slot in others.collect::<Vec<_>>() {
            self.lose(slot, reason);
        }
        if let Some(slot) = self.selected {
            self.lose(slot, reason);
        }
    }

    /// We, the controlling side, have nominated this pair and the peer has agreed.
    pub(crate) fn settle(&mut self, slot: Slot) {
        let Some(pair) = self.pair_mut(slot) else {
            return;
        };
        pair.nominated = true;
        pair.sendable = true;
        if self.selected != Some(slot) {
            self.select(slot);
        }
    }

    /// From now on checks come under new credentials. The present paths live on until consent on
    /// them, which nothing renews any more, runs out.
    pub(crate) const fn restart(&mut self) {
        self.generation += 1;
        self.nomination = None;
    }

    /// When consent runs out next.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let live = self.slots.iter().flatten().filter(|pair| pair.is_live());
        live.map(|pair| pair.consent)
            .min()?
            .checked_add(self.consent_timeout)
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    pub(crate) fn report(&mut self, event: Event) {
        self.events.push(event);
    }

    pub(crate) const fn change_count(&self) -> u64 {
        self.change_count
    }

    pub(crate) const fn events_dropped(&self) -> u64 {
        self.events.dropped()
    }
}
