//! What the answers to our checks mean (RFC 8445 §7.2.5).

use super::ControllingAgent;
use super::check_list::State;
use super::requester::{Purpose, Transaction, Verdict};
use super::schedule::{MAX_ROLE_CHANGES, NOMINATION_DELAY};
use crate::request::Role;
use crate::stun::{ErrorCode, Message};
use crate::valid_list::Slot;
use crate::{ConsentLoss, Discard, FailureReason, Outcome, Path};
use std::time::Instant;

impl ControllingAgent {
    pub(super) fn receive_response<'d>(
        &mut self,
        now: Instant,
        path: Path,
        message: Message<'d>,
    ) -> Result<Outcome<'d>, Discard> {
        let (transaction, verdict) = self.requester.receive(now, path, &message)?;
        self.statistics.responses_received += 1;
        match verdict {
            Verdict::Success => self.succeeded(now, &transaction),
            Verdict::Error(code) => self.refused(now, &transaction, code),
            Verdict::Asymmetric => {
                self.check_failed(now, &transaction, FailureReason::AsymmetricPath);
            }
        }
        Ok(Outcome::Response(message))
    }

    /// RFC 8445 §7.2.5.3: the pair is valid.
    fn succeeded(&mut self, now: Instant, transaction: &Transaction) {
        let role = self.requester.role();
        let check = self.checks.find(&transaction.path);
        let priority = check.as_ref().map_or(0, |check| check.pair_priority(role));
        let Ok(slot) = self.valid.admit_proved(now, transaction.path, priority) else {
            // Consent on it was lost before, so it counts as unanswered.
            return self.check_failed(now, transaction, FailureReason::NoAnswer);
        };
        self.valid.renew_consent(now, slot);
        let mut wanted_by_peer = false;
        if let Some(check) = check {
            check.state = State::Succeeded;
            wanted_by_peer = check.nominated_by_peer;
        }
        if matches!(transaction.purpose, Purpose::Check | Purpose::Carry) {
            self.valid.allow_sending(slot);
        }
        self.valid.confirm_address(now, &transaction.path);
        match transaction.purpose {
            Purpose::Consent => {}
            Purpose::Check | Purpose::Carry => {
                self.progress
                    .nominate_at
                    .get_or_insert(now + NOMINATION_DELAY);
                if wanted_by_peer && role == Role::Controlled {
                    self.agree(now, slot, None);
                }
            }
            Purpose::Nominate => {
                self.valid.settle(slot);
                self.conclude();
            }
        }
        self.schedule_consent(now, &transaction.path);
    }

    /// The controlling peer has nominated a pair that works (RFC 8445 §7.3.1.5).
    pub(super) fn agree(&mut self, now: Instant, slot: Slot, number: Option<u32>) {
        self.valid.nominate(now, slot, number);
        self.conclude();
    }

    /// RFC 8445 §8.1.2: the other checks are given up.
    fn conclude(&mut self) {
        self.progress.nominated = true;
        self.checks.conclude();
        self.requester.cancel(Purpose::Check);
    }

    fn refused(&mut self, now: Instant, transaction: &Transaction, code: ErrorCode) {
        match code {
            // A peer that finds a conflict in every role is not asked forever.
            ErrorCode::ROLE_CONFLICT if self.progress.role_changes < MAX_ROLE_CHANGES => {
                self.progress.role_changes += 1;
                // RFC 8445 §7.2.5.1: change the role, unless that has been done since, and repeat.
                if transaction.role == self.requester.role() {
                    self.requester.switch_role();
                }
                if transaction.purpose == Purpose::Check
                    && let Some(check) = self.checks.find(&transaction.path)
                {
                    check.state = State::Waiting;
                    check.triggered = true;
                }
            }
            // RFC 7675 §5.2: the peer revokes its consent.
            ErrorCode::FORBIDDEN if transaction.purpose == Purpose::Consent => {
                if let Some(slot) = self.valid.find(&transaction.path) {
                    self.valid.lose(slot, ConsentLoss::Revoked);
                }
            }
            ErrorCode(number) => {
                self.check_failed(now, transaction, FailureReason::Refused(number));
            }
        }
    }

    pub(super) fn check_failed(
        &mut self,
        now: Instant,
        transaction: &Transaction,
        reason: FailureReason,
    ) {
        match transaction.purpose {
            Purpose::Consent | Purpose::Carry => return,
            Purpose::Nominate => self.put_off_nomination(now),
            Purpose::Check => {}
        }
        if let Some(check) = self.checks.find(&transaction.path) {
            check.state = State::Failed;
        }
        self.progress.last_failure = Some(reason);
    }
}
