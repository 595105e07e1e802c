//! The agent itself: its verbs, and how it takes the peer's checks.

use super::ControllingConfig;
use super::check_list::{CheckList, State};
use super::requester::{Purpose, Requester, Retransmission, Written};
use super::schedule::Progress;
use crate::request::{Request, Role};
use crate::responder::Responder;
use crate::stun::{Class, ErrorCode, Message, MessageWriter};
use crate::valid_list::{ConsentRules, ValidList};
use crate::{
    Candidate, ConsentLoss, Credentials, Discard, Envelope, Event, FailureReason, Outcome, Path,
    PathStanding, SendRefused, Statistics, Transmit,
};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A full ICE agent with host candidates only, which begins as the controlling one.
///
/// It nominates once (RFC 8445 §8.1.1), and until then it sends over the first path that works, so
/// that a call is up one round trip earlier. A nomination that goes unanswered gives way to that of
/// the next pair that works; consent is asked for on every pair that does, so that there is one to
/// fall back on, and if that happens it is nominated too.
#[derive(Debug)]
pub struct ControllingAgent {
    pub(super) responder: Responder,
    pub(super) requester: Requester,
    pub(super) checks: CheckList,
    pub(super) valid: ValidList,
    pub(super) progress: Progress,
    pub(super) pacing: Duration,
    /// How long the PAC timer of RFC 8863 §4 runs.
    pub(super) patience: Duration,
    pub(super) revoked: bool,
    pub(super) statistics: Statistics,
}

impl ControllingAgent {
    /// Makes an agent. Give it local candidates, the peer's credentials and candidates, in any order.
    #[must_use]
    pub fn new(local: Credentials, config: ControllingConfig) -> Self {
        let retransmission = Retransmission {
            rto: config.rto,
            max_transmissions: config.max_transmissions.max(1),
        };
        Self {
            responder: Responder::new(local),
            requester: Requester::new(config.random, retransmission, config.pacing),
            checks: CheckList::default(),
            valid: ValidList::new(ConsentRules {
                timeout: config.consent_timeout,
                loss: ConsentLoss::NoAnswer,
                returns: config.consent_returns,
            }),
            progress: Progress::default(),
            pacing: config.pacing,
            patience: retransmission.duration(),
            revoked: false,
            statistics: Statistics::default(),
        }
    }

    /// Our credentials, for the SDP.
    #[must_use]
    pub const fn local(&self) -> &Credentials {
        self.responder.local()
    }

    /// Sets the peer's credentials: checks start when there is a pair of candidates. Afterwards poll
    /// transmits.
    pub fn set_remote(&mut self, remote: &Credentials) {
        self.responder.set_remote_ufrag(remote.ufrag());
        self.requester.set_remote(remote);
    }

    /// Adds the address of a UDP socket of ours, the best one first. Afterwards poll transmits.
    pub fn add_local_candidate(&mut self, address: SocketAddr) {
        self.checks.add_local(address);
    }

    /// Adds a candidate of the peer; one that is of no use, such as a TCP one, is skipped.
    /// Afterwards poll transmits.
    pub fn add_remote_candidate(&mut self, candidate: &Candidate) {
        self.checks.add_remote(candidate);
        if self.checks.has_waiting() {
            self.progress.failed = false;
        }
    }

    /// The peer has no more candidates (RFC 8838): if there is no pair by now, only a check of
    /// the peer can make one. The agent waits for that as long as a check of ours takes to time
    /// out (RFC 8863 §4). Afterwards arm the timer again.
    pub fn end_of_candidates(&mut self) {
        self.progress.candidates_ended = true;
    }

    /// Takes a datagram whose first byte says STUN. Afterwards poll everything.
    pub fn handle_datagram<'d>(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &'d [u8],
    ) -> Outcome<'d> {
        self.receive(now, path, datagram).unwrap_or_else(|reason| {
            self.statistics.count(reason);
            Outcome::Discarded(reason)
        })
    }

    fn receive<'d>(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &'d [u8],
    ) -> Result<Outcome<'d>, Discard> {
        let message = Message::parse(datagram).map_err(|_| Discard::Malformed)?;
        match message.class() {
            Class::Success | Class::Error => self.receive_response(now, path, message),
            Class::Request | Class::Indication => {
                self.receive_request(now, path, message, datagram.len())
            }
        }
    }

    fn receive_request<'d>(
        &mut self,
        now: Instant,
        path: Path,
        message: Message<'d>,
        len: usize,
    ) -> Result<Outcome<'d>, Discard> {
        let request = self.responder.authenticate(&message)?;
        let valid = &self.valid;
        if !self.responder.is_retransmission(request.id, &path, valid)? {
            if let Some(code) = self.refusal(&request) {
                self.statistics.requests_received += 1;
                self.responder.refuse(path, &request, code);
                return Ok(Outcome::Refused(code));
            }
            self.accept(now, path, &request, len)?;
        }
        self.statistics.requests_received += 1;
        self.responder.accept(path, request.id);
        Ok(Outcome::Request(message))
    }

    fn refusal(&self, request: &Request<'_>) -> Option<ErrorCode> {
        if self.revoked {
            return Some(ErrorCode::FORBIDDEN);
        }
        // RFC 8445 §7.3.1.1: of two agents with one role, the controlling one is that with the
        // larger tiebreaker; the other one is told so, or we give way in `accept`.
        let (ours, own) = (self.requester.role(), self.requester.tiebreaker());
        let conflict = matches!(request.role, Some((theirs, tiebreaker))
            if theirs == ours && (ours == Role::Controlling) == (own >= tiebreaker));
        let conflict = conflict.then_some(ErrorCode::ROLE_CONFLICT);
        request.refusal().or(conflict)
    }

    /// A new authenticated request: its path is valid, and is to be checked by us too.
    fn accept(
        &mut self,
        now: Instant,
        path: Path,
        request: &Request<'_>,
        len: usize,
    ) -> Result<(), Discard> {
        let slot = self.valid.admit(now, path, request.priority.into())?;
        self.responder.remember(request.id, slot);
        self.valid.credit(&path, len);
        self.valid.note_sign(now, slot);
        if let Some((theirs, _)) = request.role
            && theirs == self.requester.role()
        {
            let role = match theirs {
                Role::Controlling => Role::Controlled,
                Role::Controlled => Role::Controlling,
            };
            self.requester.set_role(role);
            self.requester.cancel(Purpose::Nominate);
        }
        if !self.valid.pair(slot).is_some_and(|pair| pair.sendable) {
            self.valid.renew_consent(now, slot);
        }
        let Some(check) = self.checks.trigger(path, request.priority) else {
            return Ok(());
        };
        if check.state == State::InProgress {
            self.requester.hasten(now, &path);
        }
        if request.use_candidate && self.requester.role() == Role::Controlled {
            check.nominated_by_peer = true;
            if check.state == State::Succeeded {
                self.agree(now, slot, request.nomination);
            }
        }
        Ok(())
    }

    /// Lets time pass. Afterwards poll everything.
    pub fn handle_timeout(&mut self, now: Instant) {
        for transaction in self.requester.expire(now) {
            self.check_failed(now, &transaction, FailureReason::NoAnswer);
        }
        self.valid.handle_timeout(now);
        let valid = &self.valid;
        self.checks.forsake(|path| !valid.is_valid(path));
        self.give_way(now);
        self.fail_if_due(now);
    }

    /// Writes the next answer or check. A buffer of [`crate::MAX_MESSAGE`] bytes always suffices.
    #[must_use]
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.poll_transmit_with(now, buf, |_, _| {})
    }

    /// As [`Self::poll_transmit`]; `add` may add attributes to a request or a success response.
    #[must_use]
    pub fn poll_transmit_with(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        mut add: impl FnMut(&mut MessageWriter<'_>, Envelope),
    ) -> Option<Transmit> {
        let valid = &self.valid;
        if self.responder.has_answer() {
            let statistics = &mut self.statistics;
            let transmit = self
                .responder
                .poll_answer(buf, statistics, |writer, path| {
                    add(writer, valid.envelope(path));
                })?;
            self.valid.debit(&transmit.path, transmit.len);
            return Some(transmit);
        }
        self.begin_due(now);
        let (local, valid) = (self.responder.local().ufrag(), &self.valid);
        let written = self
            .requester
            .poll(now, buf, local, |writer, path, limited| {
                let named = Envelope {
                    path,
                    allowance: usize::MAX,
                };
                add(writer, if limited { valid.envelope(path) } else { named });
            })?;
        match written {
            // Whoever sent the check need not own the address that it came from.
            Ok(Written { transmit, limited })
                if limited && !self.valid.try_debit(&transmit.path, transmit.len) =>
            {
                self.statistics.count(Discard::CheckLimited);
                None
            }
            Ok(Written { transmit, .. }) => {
                self.statistics.requests_sent += 1;
                Some(transmit)
            }
            Err(_) => {
                self.statistics.count(Discard::BufferTooSmall);
                None
            }
        }
    }

    /// Whether something waits to be carried to the peer by what [`Self::poll_transmit_with`] adds.
    /// While it does and no path is selected, a further check of a pair that is under way follows
    /// every [`ControllingConfig::pacing`], as soon as no other pair waits for its first. Afterwards
    /// poll transmits, and arm the timer again.
    pub const fn set_cargo(&mut self, waits: bool) {
        self.progress.cargo = waits;
    }

    /// What happened. Poll after every call that takes `&mut self`.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.valid.poll_event()
    }

    /// When [`Self::handle_timeout`] should be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_due()
    }

    /// Whether a check on this path has authenticated, and its consent lives.
    #[must_use]
    pub fn is_valid(&self, path: &Path) -> bool {
        self.valid.is_valid(path)
    }

    /// The path that we send over.
    #[must_use]
    pub fn selected(&self) -> Option<Path> {
        self.valid.selected()
    }

    /// Asks to send `len` bytes now, and accounts for them: send them over the path given back.
    ///
    /// # Errors
    ///
    /// When nothing may be sent.
    pub fn authorize_send(&mut self, now: Instant, len: usize) -> Result<Path, SendRefused> {
        self.valid.authorize_send(now, len)
    }

    /// As [`crate::LiteAgent::credit`].
    pub fn credit(&mut self, path: &Path, len: usize) {
        self.valid.credit(path, len);
    }

    /// As [`crate::LiteAgent::authorize_reply`].
    ///
    /// # Errors
    ///
    /// As [`Self::authorize_send`].
    pub fn authorize_reply(
        &mut self,
        now: Instant,
        path: &Path,
        len: usize,
    ) -> Result<Path, SendRefused> {
        self.valid.authorize_reply(now, path, len)
    }

    /// As [`crate::LiteAgent::confirm`].
    pub fn confirm(&mut self, now: Instant, path: &Path) {
        self.valid.note_traffic(now, path);
    }

    /// As [`crate::LiteAgent::prove`].
    pub fn prove(&mut self, path: &Path) {
        self.valid.prove_address(path);
    }

    /// As [`crate::LiteAgent::standing`].
    #[must_use]
    pub fn standing(&self, path: &Path) -> Option<PathStanding> {
        self.valid.standing(path)
    }

    /// Ends sending, after an authenticated close of the session (RFC 7675 §5.2): later checks are
    /// answered with 403.
    pub fn revoke_consent(&mut self) {
        self.revoked = true;
        self.valid.lose_all(ConsentLoss::Revoked);
        for purpose in Purpose::ALL {
            self.requester.cancel(purpose);
        }
    }

    /// ICE restart (RFC 8445 §9) with new credentials; then give the peer's, and its candidates.
    /// Sending goes on over the old path until one is nominated under the new credentials.
    pub fn restart(&mut self, local: Credentials) {
        self.revoked = false;
        self.responder.restart(local);
        self.requester.restart();
        self.checks.restart();
        self.valid.restart();
        self.progress = Progress::default();
    }

    /// The smoothed round-trip time of checks (RFC 6298 §2), once one was answered.
    #[must_use]
    pub const fn rtt(&self) -> Option<Duration> {
        self.requester.smoothed_rtt()
    }

    /// Totals since the agent was made.
    #[must_use]
    pub const fn statistics(&self) -> Statistics {
        self.statistics.with_queues(&self.responder, &self.valid)
    }

    /// A hash of all state except the statistics, equal before and after every discarded datagram.
    #[must_use]
    pub fn state_digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.responder, &self.requester, &self.checks, &self.valid).hash(&mut hasher);
        (&self.progress, self.revoked).hash(&mut hasher);
        hasher.finish()
    }
}
