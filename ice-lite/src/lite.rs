//! The ICE-lite agent of a server.

use crate::prover::Prover;
use crate::request::{Request, Role};
use crate::responder::Responder;
use crate::stun::{BufferTooSmall, ErrorCode, Message, MessageWriter};
use crate::valid_list::{ConsentRules, ValidList};
use crate::{
    ConsentLoss, Credentials, Discard, Envelope, Event, Outcome, Path, PathStanding, Random,
    SendRefused, Statistics, Transmit,
};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// How a lite agent behaves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LiteConfig {
    /// How long after the last authenticated check of a path sending on it stops. RFC 7675 §5.1
    /// says 30 s, the default.
    pub consent_timeout: Duration,
    /// Whether consent that was lost by time comes back with the next check over the same path, and
    /// without an ICE restart. RFC 7675 §5.1 says no, the default: nothing may be sent to the peer of a call
    /// that was given up. A server that wants calls to survive a longer outage says yes.
    pub consent_returns: bool,
}

impl Default for LiteConfig {
    fn default() -> Self {
        Self {
            consent_timeout: Duration::from_secs(30),
            consent_returns: false,
        }
    }
}

/// An ICE-lite agent: it answers checks, and is always controlled (RFC 8445 §2.5). It sends none, except
/// for those of [`Self::prove_addresses`].
///
/// A full agent asks for consent with checks of its own; a lite one takes the peer's checks as
/// consent, and stops sending on a path when none came for [`LiteConfig::consent_timeout`].
#[derive(Debug)]
pub struct LiteAgent {
    responder: Responder,
    valid: ValidList,
    prover: Option<Box<Prover>>,
    revoked: bool,
    statistics: Statistics,
}

impl LiteAgent {
    /// Makes an agent. It answers checks from the start, before the peer's ufrag is known.
    #[must_use]
    pub fn new(local: Credentials, config: LiteConfig) -> Self {
        Self {
            responder: Responder::new(local),
            valid: ValidList::new(ConsentRules {
                timeout: config.consent_timeout,
                loss: ConsentLoss::NoCheck,
                returns: config.consent_returns,
            }),
            prover: None,
            revoked: false,
            statistics: Statistics::default(),
        }
    }

    /// Our credentials, for the SDP.
    #[must_use]
    pub const fn local(&self) -> &Credentials {
        self.responder.local()
    }

    /// Sets the peer's credentials: from now on requests must name its ufrag.
    pub fn set_remote(&mut self, remote: &Credentials) {
        self.responder.set_remote_ufrag(remote.ufrag());
    }

    /// From now until [`Self::restart`], each check of the peer's from an address that is not proved
    /// makes us send one there. Its answer, which echoes our random transaction id under the peer's
    /// password, proves the address: the peer receives what is sent there. Call it as soon as the
    /// peer's credentials are known.
    ///
    /// It is no connectivity check of RFC 8445: it makes no path valid, renews no consent, nominates
    /// nothing, and it counts against the limit. A peer that answers none is limited until
    /// [`Self::prove`], and its paths are followed without proof.
    pub fn prove_addresses(&mut self, now: Instant, remote: &Credentials, random: Random) {
        let mut prover = Box::new(Prover::new(remote, random));
        for path in self.valid.unconfirmed() {
            prover.ask(now, path);
        }
        self.prover = Some(prover);
    }

    /// Takes a datagram whose first byte says STUN. Afterwards poll transmits and events, and arm
    /// the timer again.
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
        if message.class().is_response() {
            self.receive_proof(now, path, &message)?;
            return Ok(Outcome::Response(message));
        }
        let request = self.responder.authenticate(&message)?;
        let valid = &self.valid;
        if !self.responder.is_retransmission(request.id, &path, valid)? {
            if let Some(code) = self.refusal(&request) {
                self.statistics.requests_received += 1;
                self.responder.refuse(path, &request, code);
                return Ok(Outcome::Refused(code));
            }
            self.accept(now, path, &request, datagram.len())?;
        }
        self.statistics.requests_received += 1;
        self.responder.accept(path, request.id);
        Ok(Outcome::Request(message))
    }

    /// An answer to a check of ours: the address it came from is the peer's.
    fn receive_proof(
        &mut self,
        now: Instant,
        path: Path,
        message: &Message<'_>,
    ) -> Result<(), Discard> {
        let prover = self.prover.as_mut().ok_or(Discard::UnknownTransaction)?;
        prover.receive(now, path, message)?;
        self.statistics.responses_received += 1;
        self.statistics.addresses_proved += 1;
        self.valid.confirm_address(now, &path);
        Ok(())
    }

    const fn refusal(&self, request: &Request<'_>) -> Option<ErrorCode> {
        if self.revoked {
            return Some(ErrorCode::FORBIDDEN);
        }
        // RFC 8445 §6.1.1, §7.3.1.1: a lite agent stays controlled, so a peer that says it is
        // controlled too must change its role, whatever the tiebreakers.
        match (request.refusal(), request.role) {
            (None, Some((Role::Controlled, _))) => Some(ErrorCode::ROLE_CONFLICT),
            (refusal, _) => refusal,
        }
    }

    /// A new authenticated request: its path becomes, or stays, valid.
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
        self.valid.renew_consent(now, slot);
        self.valid.allow_sending(slot);
        match request.use_candidate || request.nomination.is_some() {
            true => self.valid.nominate(now, slot, request.nomination),
            false => self.valid.note_sign(now, slot),
        }
        if let Some(prover) = &mut self.prover
            && !self.valid.is_confirmed(slot)
        {
            prover.retain(|asked| self.valid.is_valid(asked));
            prover.ask(now, path);
        }
        Ok(())
    }

    /// Lets time pass. Afterwards poll transmits and events, and arm the timer again.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.valid.handle_timeout(now);
        if let Some(prover) = &mut self.prover {
            prover.retain(|asked| self.valid.is_valid(asked));
        }
    }

    /// Writes the next answer. A buffer of [`crate::MAX_MESSAGE`] bytes always suffices.
    #[must_use]
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.poll_transmit_with(now, buf, |_, _| {})
    }

    /// As [`Self::poll_transmit`]; `add` may add attributes to a success response, and to a check of
    /// [`Self::prove_addresses`].
    #[must_use]
    pub fn poll_transmit_with(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        mut add: impl FnMut(&mut MessageWriter<'_>, Envelope),
    ) -> Option<Transmit> {
        if !self.responder.has_answer() {
            return self.poll_proof(now, buf, add);
        }
        let valid = &self.valid;
        let statistics = &mut self.statistics;
        let transmit = self
            .responder
            .poll_answer(buf, statistics, |writer, path| {
                add(writer, valid.envelope(path));
            })?;
        self.valid.debit(&transmit.path, transmit.len);
        Some(transmit)
    }

    /// Writes the next check of ours, if its path has so much left of its limit.
    fn poll_proof(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        mut add: impl FnMut(&mut MessageWriter<'_>, Envelope),
    ) -> Option<Transmit> {
        let prover = self.prover.as_mut().filter(|_| !self.revoked)?;
        let local = self.responder.local().ufrag();
        loop {
            let valid = &self.valid;
            let written = prover.poll(now, buf, local, |writer, path| {
                add(writer, valid.envelope(path));
            })?;
            match written {
                Ok((path, len)) if self.valid.try_debit(&path, len) => {
                    self.statistics.requests_sent += 1;
                    return Some(Transmit { path, len });
                }
                // The peer's next check gives it more.
                Ok(_) => {}
                Err(BufferTooSmall) => self.statistics.count(Discard::BufferTooSmall),
            }
        }
    }

    /// What happened. Poll after every call that takes `&mut self`.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.valid.poll_event()
    }

    /// When [`Self::handle_timeout`] should be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let prover = self.prover.as_ref().filter(|_| !self.revoked);
        let question = prover.and_then(|prover| prover.next_timeout());
        question.into_iter().chain(self.valid.next_timeout()).min()
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
    /// When nothing, or not so much, may be sent.
    pub fn authorize_send(&mut self, now: Instant, len: usize) -> Result<Path, SendRefused> {
        self.valid.authorize_send(now, len)
    }

    /// Credits bytes of a datagram from a valid path that was accepted without proof yet, such as a
    /// ClientHello: three times as many may be sent there. The agent credits checks itself.
    pub fn credit(&mut self, path: &Path, len: usize) {
        self.valid.credit(path, len);
    }

    /// Asks to send `len` bytes now in answer to what has come over `path`, and accounts for them: send
    /// them over the path given back. It is `path`, if that is valid, else the selected one.
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

    /// Notes that a DTLS record or SRTP packet from this valid path authenticated: we follow the peer
    /// to it if it is nominated, or the selected path is silent. It does not end the limit.
    pub fn confirm(&mut self, now: Instant, path: &Path) {
        self.valid.note_traffic(now, path);
    }

    /// Notes that the peer has answered, from this valid path, something unforeseeable that was sent
    /// there and nowhere else, such as our flight of a handshake: the address is proved.
    pub fn prove(&mut self, path: &Path) {
        self.valid.prove_address(path);
    }

    /// Tells that the peer of another session has proved to be at this path: ours is asked whether it still is
    /// there, and its address counts as not proved if no answer comes within 3 s. A peer that answers no
    /// checks is not doubted. Says whether it is asked; then poll transmits, and arm the timer again.
    #[must_use]
    pub fn doubt(&mut self, now: Instant, path: &Path) -> bool {
        let Some(prover) = self.prover.as_mut() else {
            return false;
        };
        let doubted = self.valid.doubt(now, path);
        if doubted {
            prover.ask(now, *path);
        }
        doubted
    }

    /// What is known of a valid path.
    #[must_use]
    pub fn standing(&self, path: &Path) -> Option<PathStanding> {
        self.valid.standing(path)
    }

    /// The smoothed round-trip time (RFC 6298 §2) of the checks of [`Self::prove_addresses`], once one
    /// was answered.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.prover.as_ref().and_then(|prover| prover.rtt())
    }

    /// Ends sending, after an authenticated close of the session (RFC 7675 §5.2): later checks are
    /// answered with 403.
    pub fn revoke_consent(&mut self) {
        self.revoked = true;
        self.valid.lose_all(ConsentLoss::Revoked);
    }

    /// ICE restart (RFC 8445 §9): requests must now carry the new credentials. Sending goes on over
    /// the old path until one is nominated, or carries traffic, under the new ones.
    pub fn restart(&mut self, local: Credentials) {
        self.revoked = false;
        self.prover = None;
        self.responder.restart(local);
        self.valid.restart();
    }

    /// Totals since the agent was made.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.statistics.with_queues(&self.responder, &self.valid)
    }

    /// A hash of all state except the statistics, equal before and after every discarded datagram.
    #[must_use]
    pub fn state_digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.responder, &self.valid, &self.prover, self.revoked).hash(&mut hasher);
        hasher.finish()
    }
}
