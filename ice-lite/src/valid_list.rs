//! The valid list (RFC 8445 §7.2.5.3.2): paths that authenticated, consent on them, and what may be
//! sent over them. Which of them is selected is decided in `selection`.

use crate::queue::Queue;
use crate::rate_limit::RateLimit;
use crate::valid_pair::ValidPair;
use crate::{
    ConsentLoss, Discard, Envelope, Event, Path, PathStanding, RemovalReason, SendRefused,
};
use std::time::{Duration, Instant};

/// How many paths a session keeps. RFC 8445 §6.1.2.5 allows 100 pairs in a check list; a browser
/// with IPv4 and IPv6 on three interfaces makes 6 of them to one server address.
const MAX_PAIRS: usize = 16;

/// New paths at once, and the milliseconds for one more: all the pairs of a browser, then one a quarter of a
/// second, which no real change of network exceeds.
type NewPaths = RateLimit<{ MAX_PAIRS as u32 }, 250>;

/// Changes of the selected path at once, and the milliseconds for one more. Packets that arrive out of order
/// around a change must not make the path flap.
pub(crate) type Changes = RateLimit<8, 200>;

/// Each pair can report that it came, was selected and went, and the session that consent is lost.
const MAX_EVENTS: u32 = 3 * MAX_PAIRS as u32 + 1;

/// The place of a pair in the list. It stays the same as long as the pair is there.
pub(crate) type Slot = usize;

#[derive(Debug, Hash)]
pub(crate) struct ValidList {
    pub(crate) slots: Vec<Option<ValidPair>>,
    pub(crate) selected: Option<Slot>,
    pub(crate) generation: u32,
    /// How many nominations there were since the last restart.
    pub(crate) nominations: u32,
    /// The highest NOMINATION since the last restart.
    pub(crate) highest_number: Option<u32>,
    /// The peer has answered a check of ours: an address that is its own can be proved.
    pub(crate) peer_answers: bool,
    /// A pair to look at again, and when: the selected one may be silent by then.
    pub(crate) reconsider: Option<(Instant, Slot)>,
    rules: ConsentRules,
    /// Consent was lost on the last path that could be selected.
    pub(crate) ended: bool,
    new_paths: NewPaths,
    pub(crate) changes: Changes,
    pub(crate) change_count: u64,
    pub(crate) events: Queue<Event>,
}

/// How consent is lost, and whether it can come back.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) struct ConsentRules {
    pub(crate) timeout: Duration,
    /// How this kind of agent loses consent by time.
    pub(crate) loss: ConsentLoss,
    /// Whether the same credentials may give it again on the same path.
    pub(crate) returns: bool,
}

impl ValidList {
    pub(crate) fn new(rules: ConsentRules) -> Self {
        Self {
            slots: Vec::new(),
            selected: None,
            generation: 0,
            nominations: 0,
            highest_number: None,
            peer_answers: false,
            reconsider: None,
            rules,
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

    pub(crate) fn selected_pair(&self) -> Option<&ValidPair> {
        self.pair(self.selected?)
    }

    /// What is known of a valid path.
    pub(crate) fn standing(&self, path: &Path) -> Option<PathStanding> {
        let pair = self.pair(self.find(path)?).filter(|pair| pair.is_live())?;
        Some(PathStanding {
            proved: pair.is_confirmed(),
            heard: pair.heard(),
        })
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
        let (generation, rules) = (self.generation, self.rules);
        let is_selected = self.selected == Some(slot);
        let pair = self
            .pair_mut(slot)
            .expect("invariant: found slots hold a pair");
        let path = pair.path;
        if pair.generation != generation {
            let was_live = pair.is_live();
            pair.generation = generation;
            pair.nominated = None;
            pair.number = None;
            pair.lost = None;
            pair.consent = now;
            pair.begin(now);
            if !was_live {
                self.events.push(Event::PairValidated { path });
            }
        } else if !pair.is_live() || is_selected && pair.consent_expired(now, rules.timeout) {
            // RFC 7675 §5.1: once consent is lost, by time even if no timer has run yet, the same
            // credentials must not be used on this 5-tuple again, unless the application wants it.
            if !rules.returns || pair.lost == Some(ConsentLoss::Revoked) {
                return Err(Discard::ConsentLost);
            }
            if pair.is_live() {
                self.lose(slot, rules.loss);
            }
            self.revive(now, slot);
        }
        if let Some(pair) = self.pair_mut(slot) {
            pair.priority = priority;
        }
        Ok(slot)
    }

    /// Consent that had run out is given again.
    fn revive(&mut self, now: Instant, slot: Slot) {
        let Some(pair) = self.pair_mut(slot) else {
            return;
        };
        let path = pair.path;
        pair.lost = None;
        pair.consent = now;
        pair.begin(now);
        self.events.push(Event::PairValidated { path });
        self.events.push(Event::ConsentRegained { path });
    }

    /// An empty slot or, if there is none, that of the pair that we can best do without.
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
                let wanted = (pair.is_confirmed(), pair.is_nominated());
                (pair.is_live(), current, wanted, pair.consent)
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

    /// The valid paths whose address is not known to be the peer's.
    pub(crate) fn unconfirmed(&self) -> impl Iterator<Item = Path> {
        let pairs = self.slots.iter().flatten();
        let unconfirmed = |pair: &&ValidPair| pair.is_live() && !pair.is_confirmed();
        pairs.filter(unconfirmed).map(|pair| pair.path)
    }

    /// What is known of where a message goes, to those who add to it.
    pub(crate) fn envelope(&self, path: Path) -> Envelope {
        let pair = self.find(&path).and_then(|slot| self.pair(slot));
        let allowance = pair.map_or(0, ValidPair::allowance);
        Envelope { path, allowance }
    }

    /// Somebody else has proved to be at the other end of this path: the peer has to prove it again, if it is
    /// one that answers. Says whether it is to be asked.
    pub(crate) fn doubt(&mut self, now: Instant, path: &Path) -> bool {
        let slot = self.find(path).filter(|_| self.peer_answers);
        let pair = slot.and_then(|slot| self.pair_mut(slot));
        pair.is_some_and(|pair| pair.is_live() && pair.doubt(now))
    }

    /// Accounts for an answer or a check that is sent without being asked for.
    pub(crate) fn debit(&mut self, path: &Path, len: usize) {
        if let Some(pair) = self.find(path).and_then(|slot| self.pair_mut(slot)) {
            pair.debit(len);
        }
    }

    pub(crate) fn authorize_send(&mut self, now: Instant, len: usize) -> Result<Path, SendRefused> {
        let Some(slot) = self.selected else {
            return Err(match self.ended {
                true => SendRefused::ConsentExpired,
                false => SendRefused::NotConnected,
            });
        };
        self.authorize_on(now, slot, len)
    }

    /// As [`Self::authorize_send`], over a path other than the selected one if that may be.
    pub(crate) fn authorize_reply(
        &mut self,
        now: Instant,
        path: &Path,
        len: usize,
    ) -> Result<Path, SendRefused> {
        let timeout = self.rules.timeout;
        let usable = |pair: &ValidPair| {
            pair.is_live() && pair.sendable && !pair.consent_expired(now, timeout)
        };
        let slot = self.find(path);
        match slot.filter(|&slot| self.pair(slot).is_some_and(usable)) {
            Some(slot) => self.authorize_on(now, slot, len),
            None => self.authorize_send(now, len),
        }
    }

    fn authorize_on(&mut self, now: Instant, slot: Slot, len: usize) -> Result<Path, SendRefused> {
        let timeout = self.rules.timeout;
        let pair = self.pair_mut(slot).ok_or(SendRefused::NotConnected)?;
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

    /// Removes the pairs whose consent has run out.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        let ConsentRules { timeout, loss, .. } = self.rules;
        for slot in 0..self.slots.len() {
            let expired = |pair: &ValidPair| pair.is_live() && pair.consent_expired(now, timeout);
            if self.pair(slot).is_some_and(expired) {
                self.lose(slot, loss);
            }
        }
        for pair in self.slots.iter_mut().flatten() {
            pair.settle_doubt(now);
        }
        self.reconsider_if_due(now);
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

    /// From now on checks come under new credentials. The present paths live on until consent on
    /// them, which nothing renews any more, runs out.
    pub(crate) const fn restart(&mut self) {
        self.generation += 1;
        self.nominations = 0;
        self.highest_number = None;
        self.peer_answers = false;
        self.reconsider = None;
    }

    /// When consent runs out next.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let live = self.slots.iter().flatten().filter(|pair| pair.is_live());
        let consent = live.map(|pair| pair.consent).min();
        let expiry = consent.and_then(|at| at.checked_add(self.rules.timeout));
        let reconsider = self.reconsider.map(|(at, _)| at);
        let doubts = self.slots.iter().flatten();
        let doubts = doubts.filter_map(ValidPair::doubt_ends);
        expiry.into_iter().chain(reconsider).chain(doubts).min()
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
