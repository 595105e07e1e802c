//! When which request is begun: checks at their pace, the nomination, consent.

use super::ControllingAgent;
use super::check_list::State;
use super::requester::Purpose;
use crate::request::Role;
use crate::{Event, FailureReason};
use std::time::{Duration, Instant};

/// RFC 7675 §5.1: consent is asked for every 5 s, times a random factor of 0.8 to 1.2.
const CONSENT_INTERVAL: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(6));

/// How long a pair that works waits for better ones that are still being checked. Four paces of the
/// check list, or one long round trip.
pub(super) const NOMINATION_DELAY: Duration = Duration::from_millis(200);

/// Where the agent stands, between two restarts.
#[derive(Debug, Default, Hash)]
pub(super) struct Progress {
    pub(super) next_check: Option<Instant>,
    pub(super) next_consent: Option<Instant>,
    /// When to nominate the best pair, even if better ones are still being checked.
    pub(super) nominate_at: Option<Instant>,
    pub(super) nominated: bool,
    /// When the PAC timer (RFC 8863 §4) ends, before which ICE does not fail. It begins when both
    /// sides' credentials are known.
    pub(super) patient_until: Option<Instant>,
    /// The peer has no more candidates.
    pub(super) candidates_ended: bool,
    /// How a check has failed last.
    pub(super) last_failure: Option<FailureReason>,
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
        let role = self.requester.role();
        if self.progress.next_check.is_none_or(|at| at <= now)
            && let Some(check) = self.checks.next(role)
        {
            check.state = State::InProgress;
            check.triggered = false;
            self.requester
                .start(now, check.path, Purpose::Check, check.priority_attribute());
            // RFC 8445 §14.2: one check every Ta.
            self.progress.next_check = Some(now + self.pacing);
        }
        self.begin_nomination(now);
        self.begin_consent(now);
    }

    /// RFC 8445 §8.1.1: nominates the best pair that works, once.
    fn begin_nomination(&mut self, now: Instant) {
        let role = self.requester.role();
        if role == Role::Controlled
            || self.progress.nominated
            || self.requester.is_under_way(Purpose::Nominate)
        {
            return;
        }
        let Some((path, better_under_way)) = self.checks.best_succeeded(role) else {
            return;
        };
        let patience_ends = self.progress.nominate_at.is_none_or(|at| at <= now);
        if !better_under_way || patience_ends {
            let priority = self
                .checks
                .find(&path)
                .map_or(0, |check| check.priority_attribute());
            self.requester.start(now, path, Purpose::Nominate, priority);
        }
    }

    fn begin_consent(&mut self, now: Instant) {
        if self.progress.next_consent.is_none_or(|at| at > now) {
            return;
        }
        self.progress.next_consent = None;
        if let Some(path) = self.valid.selected() {
            let priority = self
                .checks
                .find(&path)
                .map_or(0, |check| check.priority_attribute());
            self.requester.start(now, path, Purpose::Consent, priority);
            self.schedule_consent(now);
        }
    }

    pub(super) fn schedule_consent(&mut self, now: Instant) {
        if self.progress.next_consent.is_none() {
            let (least, most) = CONSENT_INTERVAL;
            self.progress.next_consent = Some(now + self.requester.spread(least, most));
        }
    }

    /// Reports that no path was found, when nothing more can be hoped for.
    pub(super) fn fail_if_due(&mut self, now: Instant) {
        if self.progress.patient_until.is_none_or(|until| until > now) {
            return;
        }
        if let Some(reason) = self.hopeless() {
            self.progress.failed = true;
            self.valid.report(Event::Failed { reason });
        }
    }

    /// Why there is no path and none is being looked for, unless a check of the peer's changes that.
    fn hopeless(&self) -> Option<FailureReason> {
        let over = self.revoked || self.progress.failed || self.valid.selected().is_some();
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
            .filter(|_| active && self.checks.has_waiting());
        let undecided = active && !progress.nominated;
        let nominate_at = progress.nominate_at.filter(|_| {
            undecided
                && self.requester.role() == Role::Controlling
                && !self.requester.is_under_way(Purpose::Nominate)
                && self.checks.best_succeeded(Role::Controlling).is_some()
        });
        let consent = progress
            .next_consent
            .filter(|_| active && self.valid.selected().is_some());
        let failure = progress.patient_until.filter(|_| self.hopeless().is_some());
        [
            next_check,
            nominate_at,
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
