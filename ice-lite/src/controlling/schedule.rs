//! When which request is begun: checks at their pace, the nomination, consent.

use super::ControllingAgent;
use super::check_list::State;
use super::requester::{Purpose, Target};
use crate::request::Role;
use crate::{Event, FailureReason, Path};
use std::time::{Duration, Instant};

/// RFC 7675 §5.1: consent is asked for every 5 s, times a random factor of 0.8 to 1.2.
const CONSENT_INTERVAL: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(6));

/// How long a working pair waits for better ones that are still being checked. Four paces of the
/// check list, or one long round trip.
pub(super) const NOMINATION_DELAY: Duration = Duration::from_millis(200);

/// How long to pause after a failed nomination: a round trip to anywhere.
const NOMINATION_RETRY: Duration = Duration::from_millis(500);

/// How often the peer may report a role conflict. Two agents of one role settle it with one.
pub(super) const MAX_ROLE_CHANGES: u32 = 4;

/// Where the agent stands, between two restarts.
#[derive(Debug, Default, Hash)]
pub(super) struct Progress {
    pub(super) next_check: Option<Instant>,
    /// When to nominate the best pair, even if better ones are still being checked.
    pub(super) nominate_at: Option<Instant>,
    pub(super) nominated: bool,
    /// No pair is nominated before.
    pub(super) nomination_put_off: Option<Instant>,
    pub(super) role_changes: u32,
    /// When the PAC timer (RFC 8863 §4) ends, before which ICE does not fail. It begins when both
    /// sides' credentials are known.
    pub(super) patient_until: Option<Instant>,
    /// When it has begun.
    pub(super) patient_since: Option<Instant>,
    /// The peer has no more candidates.
    pub(super) candidates_ended: bool,
    /// How a check has failed last.
    pub(super) last_failure: Option<FailureReason>,
    /// Something waits to be carried by checks.
    pub(super) cargo: bool,
    /// [`Event::Failed`] was reported.
    pub(super) failed: bool,
}

impl ControllingAgent {
    /// Begins the requests whose time has come.
    pub(super) fn begin_due(&mut self, now: Instant) {
        if !self.requester.knows_remote() || self.revoked {
            return;
        }
        let patience = self.patience;
        self.progress.patient_until.get_or_insert(now + patience);
        self.progress.patient_since.get_or_insert(now);
        let role = self.requester.role();
        if self.progress.next_check.is_none_or(|at| at <= now) {
            let begun = match self.checks.next(role) {
                Some(check) => {
                    check.state = State::InProgress;
                    check.triggered = false;
                    Some((Purpose::Check, check.target()))
                }
                None => self.carrier().map(|target| (Purpose::Carry, target)),
            };
            if let Some((purpose, target)) = begun {
                self.requester.start(now, purpose, target);
                // RFC 8445 §14.2: one check every Ta.
                self.progress.next_check = Some(now + self.pacing);
            }
        }
        self.begin_nomination(now);
        self.begin_consent(now);
    }

    /// Begins a request that carries waiting cargo, if there is any and no path to send it over.
    fn carrier(&self) -> Option<Target> {
        let waits = self.progress.cargo && self.valid.selected().is_none();
        let role = self.requester.role();
        waits.then(|| self.checks.best_under_way(role))?
    }

    /// RFC 8445 §8.1.1: nominates the best pair that works, once; and later that to which sending had
    /// to move.
    fn begin_nomination(&mut self, now: Instant) {
        if self.nomination_due().is_none_or(|at| at > now) {
            return;
        }
        let nominee = self.nominee();
        if let Some(check) = nominee.and_then(|path| self.checks.find(&path)) {
            self.requester.start(now, Purpose::Nominate, check.target());
        }
    }

    /// The pair to nominate, if one is to be.
    fn nominee(&self) -> Option<Path> {
        let role = self.requester.role();
        if role == Role::Controlled || self.requester.is_under_way(Purpose::Nominate) {
            return None;
        }
        if !self.progress.nominated {
            return self.checks.best_succeeded(role).map(|(path, _)| path);
        }
        let moved = self.valid.selected_pair().filter(|pair| {
            let current = pair.generation == self.valid.generation;
            current && !pair.is_nominated() && self.checks.works(&pair.path)
        });
        moved.map(|pair| pair.path)
    }

    /// When that is to be done.
    fn nomination_due(&self) -> Option<Instant> {
        self.nominee()?;
        let progress = &self.progress;
        let best = self.checks.best_succeeded(self.requester.role());
        let better_under_way = best.is_some_and(|(_, better)| better) && !progress.nominated;
        // Long ago, which means at once.
        let wait = progress.nominate_at.filter(|_| better_under_way);
        wait.or(progress.patient_since)
            .max(progress.nomination_put_off)
    }

    pub(super) fn put_off_nomination(&mut self, now: Instant) {
        self.progress.nomination_put_off = Some(now + NOMINATION_RETRY);
    }

    /// A pair on which nobody answers gives way to another one that works.
    pub(super) fn give_way(&mut self, now: Instant) {
        if self.nomination_gives_way().is_none_or(|at| at > now) {
            return;
        }
        if let Some((path, _)) = self.requester.nominating() {
            self.requester.cancel(Purpose::Nominate);
            if let Some(check) = self.checks.find(&path) {
                check.state = State::Failed;
            }
        }
    }

    /// When the nomination that is under way gives way.
    fn nomination_gives_way(&self) -> Option<Instant> {
        let (path, begun) = self.requester.nominating()?;
        let other = self.checks.has_other(&path);
        other.then(|| begun + self.requester.nomination_patience())
    }

    /// RFC 7675 §5.1, on every pair that works: a path to fall back on must be one.
    fn begin_consent(&mut self, now: Instant) {
        while let Some(check) = self.checks.next_consent(now) {
            let target = check.target();
            check.next_consent = None;
            self.requester.start(now, Purpose::Consent, target);
            self.schedule_consent(now, &target.path);
        }
    }

    pub(super) fn schedule_consent(&mut self, now: Instant, path: &Path) {
        let (least, most) = CONSENT_INTERVAL;
        if let Some(check) = self.checks.find(path)
            && check.next_consent.is_none()
        {
            check.next_consent = Some(now + self.requester.spread(least, most));
        }
    }

    /// Reports that no path was found, once there is no more hope of one.
    pub(super) fn fail_if_due(&mut self, now: Instant) {
        if self.progress.patient_until.is_none_or(|until| until > now) {
            return;
        }
        if let Some(reason) = self.hopeless() {
            self.progress.failed = true;
            self.valid.report(Event::Failed { reason });
        }
    }

    /// Why there is no path and none is being looked for, unless a check of the peer changes that.
    fn hopeless(&self) -> Option<FailureReason> {
        let progress = &self.progress;
        // A path that was agreed on and lost is no failure to find one.
        let ended = self.revoked || progress.failed || progress.nominated;
        let over = ended || self.valid.selected().is_some();
        if over || !self.checks.all_failed() {
            None
        } else if self.checks.is_empty() {
            let ended = self.progress.candidates_ended;
            ended.then_some(FailureReason::NoCandidatePairs)
        } else {
            self.progress.last_failure
        }
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let progress = &self.progress;
        let active = self.requester.knows_remote() && !self.revoked;
        let next_check = progress
            .next_check
            .filter(|_| active && (self.checks.has_waiting() || self.carrier().is_some()));
        let nomination = self.nomination_due().filter(|_| active);
        let gives_way = self.nomination_gives_way().filter(|_| active);
        let consent = self.checks.consent_due().filter(|_| active);
        let failure = progress.patient_until.filter(|_| self.hopeless().is_some());
        [
            next_check,
            nomination,
            gives_way,
            consent,
            failure,
            self.requester.next_timeout(),
            self.valid.next_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
