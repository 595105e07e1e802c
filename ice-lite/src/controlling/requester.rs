//! The side of an agent that sends checks, retransmits them and reads the answers.

use crate::remote::Remote;
use crate::request::Role;
use crate::rtt::RoundTrip;
use crate::stun::{
    AttributeType, BufferTooSmall, ErrorCode, Message, MessageType, MessageWriter, TransactionId,
};
use crate::{Credentials, Discard, Path, Random, Transmit};
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

/// Rm of RFC 8489 §6.2.1: how many RTOs to wait after the last transmission.
const LAST_WAIT: u32 = 16;

/// How often the wait doubles at most, so that no configuration overflows.
const MAX_DOUBLINGS: u32 = 16;

/// How long to wait for the answer to a consent check: by then the next one has been sent.
const CONSENT_WAIT: Duration = Duration::from_secs(6);

/// How often the peer's own checks may bring a check of ours forward: as often as it is sent without them.
const MAX_HASTENINGS: u32 = 7;

/// How checks are retransmitted (RFC 8489 §6.2.1).
#[derive(Debug, Clone, Copy)]
pub(super) struct Retransmission {
    pub(super) rto: Duration,
    pub(super) max_transmissions: u32,
}

impl Retransmission {
    /// How long an unanswered transaction takes: 39.5 s with 500 ms and 7 transmissions.
    pub(super) fn duration(self) -> Duration {
        let doublings = self.max_transmissions.saturating_sub(1).min(MAX_DOUBLINGS);
        let rtos = (1 << doublings) - 1 + LAST_WAIT;
        self.rto.saturating_mul(rtos).min(MAX_WAIT)
    }
}

/// The requests under way, and what they are made with.
pub(super) struct Requester {
    random: Random,
    retransmission: Retransmission,
    remote: Option<Remote>,
    role: Role,
    tiebreaker: u64,
    transactions: Vec<Transaction>,
    rtt: RoundTrip,
    pacing: Duration,
    /// Nothing is sent before.
    next_turn: Option<Instant>,
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Purpose {
    /// To see whether a path works.
    Check,
    /// To choose it.
    Nominate,
    /// To ask for consent again (RFC 7675).
    Consent,
    /// To carry what its owner adds over a path that is being checked. It is a check too, but its going
    /// unanswered means nothing.
    Carry,
}

impl Purpose {
    pub(super) const ALL: [Self; 4] = [Self::Check, Self::Nominate, Self::Consent, Self::Carry];
}

/// What a request is sent over, and with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) path: Path,
    /// The value of PRIORITY.
    pub(super) priority: u32,
    /// Whether it counts against the limit of an address that is not proved.
    pub(super) limited: bool,
}

/// A request that was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    pub(super) transmit: Transmit,
    /// See [`Target::limited`].
    pub(super) limited: bool,
}

/// A request that awaits its answer.
#[derive(Debug, Hash)]
pub(super) struct Transaction {
    id: TransactionId,
    pub(super) path: Path,
    pub(super) purpose: Purpose,
    priority: u32,
    limited: bool,
    pub(super) role: Role,
    begun: Instant,
    sent: Instant,
    transmissions: u32,
    /// It was sent more than once.
    resent: bool,
    /// How often it was sent because the peer has checked the same pair.
    hastened: u32,
    /// When to send again, or after the last transmission, when to give up.
    next: Instant,
}

/// An authenticated answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Success,
    Error(ErrorCode),
    /// It came from elsewhere than the request went to (RFC 8445 §7.2.5.2.1).
    Asymmetric,
}

impl Requester {
    pub(super) fn new(
        mut random: Random,
        retransmission: Retransmission,
        pacing: Duration,
    ) -> Self {
        let tiebreaker = draw_u64(&mut random);
        Self {
            random,
            retransmission,
            remote: None,
            role: Role::Controlling,
            tiebreaker,
            transactions: Vec::new(),
            rtt: RoundTrip::default(),
            pacing,
            next_turn: None,
        }
    }

    pub(super) fn set_remote(&mut self, remote: &Credentials) {
        self.remote = Some(Remote::new(remote));
    }

    pub(super) const fn knows_remote(&self) -> bool {
        self.remote.is_some()
    }

    pub(super) fn restart(&mut self) {
        self.remote = None;
        self.transactions.clear();
    }

    pub(super) const fn role(&self) -> Role {
        self.role
    }

    pub(super) const fn tiebreaker(&self) -> u64 {
        self.tiebreaker
    }

    pub(super) const fn smoothed_rtt(&self) -> Option<Duration> {
        self.rtt.smoothed()
    }

    pub(super) const fn set_role(&mut self, role: Role) {
        self.role = role;
    }

    /// A 487 says that the peer has our role (RFC 8445 §7.2.5.1).
    pub(super) fn switch_role(&mut self) {
        self.role = match self.role {
            Role::Controlling => Role::Controlled,
            Role::Controlled => Role::Controlling,
        };
        // RFC 8445 §7.2.5.1: the tiebreaker is drawn anew.
        self.tiebreaker = draw_u64(&mut self.random);
    }

    /// A duration between these two, evenly spread.
    pub(super) fn spread(&mut self, least: Duration, most: Duration) -> Duration {
        let share = (draw_u64(&mut self.random) >> 48) as u32;
        least + (most.saturating_sub(least)) * share / 0x1_0000
    }

    /// Begins a transaction; `poll` sends it.
    pub(super) fn start(&mut self, now: Instant, purpose: Purpose, target: Target) {
        let id = TransactionId::generate(&mut self.random);
        let Target {
            path,
            priority,
            limited,
        } = target;
        self.transactions.push(Transaction {
            id,
            path,
            purpose,
            priority,
            limited,
            role: self.role,
            begun: now,
            sent: now,
            transmissions: 0,
            resent: false,
            hastened: 0,
            next: now,
        });
    }

    /// The peer has reached us over this path: a check of ours that has a long wait ahead is sent
    /// again at once, for it may get through now (a triggered check, RFC 8445 §7.3.1.4).
    pub(super) fn hasten(&mut self, now: Instant, path: &Path) {
        let rto = self.retransmission.rto;
        let check = |t: &&mut Transaction| t.purpose == Purpose::Check && t.path == *path;
        if let Some(transaction) = self.transactions.iter_mut().find(check)
            && transaction.next.saturating_duration_since(now) > rto
            && transaction.hastened < MAX_HASTENINGS
        {
            transaction.resent = true;
            transaction.hastened += 1;
            transaction.transmissions = 0;
            transaction.next = now;
        }
    }

    pub(super) fn is_under_way(&self, purpose: Purpose) -> bool {
        self.transactions
            .iter()
            .any(|transaction| transaction.purpose == purpose)
    }

    /// Forgets transactions of this purpose.
    pub(super) fn cancel(&mut self, purpose: Purpose) {
        self.transactions
            .retain(|transaction| transaction.purpose != purpose);
    }

    /// Writes the next request that is due.
    pub(super) fn poll(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        local_ufrag: &str,
        add: impl FnOnce(&mut MessageWriter<'_>, Path, bool),
    ) -> Option<Result<Written, BufferTooSmall>> {
        let (remote, timing, tiebreaker) =
            (self.remote.as_ref()?, self.retransmission, self.tiebreaker);
        // RFC 8445 §14.2: Ta between two requests, whatever they are for.
        if self.next_turn.is_some_and(|at| at > now) {
            return None;
        }
        let due = self
            .transactions
            .iter_mut()
            .find(|t| t.is_due(now, timing))?;
        due.transmitted(now, timing);
        self.next_turn = now.checked_add(self.pacing);
        let (path, limited) = (due.path, due.limited);
        let written = due.write(buf, remote, local_ufrag, tiebreaker, |writer| {
            add(writer, path, limited);
        });
        Some(written.map(|len| Written {
            transmit: Transmit { path, len },
            limited,
        }))
    }

    /// Takes the transactions that nobody answered in time.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Transaction> {
        let timing = self.retransmission;
        self.transactions
            .extract_if(.., |t| t.is_exhausted(timing) && t.next <= now)
            .collect()
    }

    /// When something is due.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let timing = self.retransmission;
        let next = |t: &Transaction| match t.is_exhausted(timing) {
            true => t.next,
            false => self.next_turn.map_or(t.next, |turn| turn.max(t.next)),
        };
        self.transactions.iter().map(next).min()
    }

    /// The pair that is being nominated, and since when.
    pub(super) fn nominating(&self) -> Option<(Path, Instant)> {
        let nominates = |t: &&Transaction| t.purpose == Purpose::Nominate;
        let transaction = self.transactions.iter().find(nominates)?;
        Some((transaction.path, transaction.begun))
    }

    /// How long a nomination may go unanswered while another pair works: it is sent twice.
    pub(super) fn nomination_patience(&self) -> Duration {
        self.retransmission.rto.saturating_mul(3).min(MAX_WAIT)
    }

    /// Authenticates a response, and takes the transaction that it ends.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        path: Path,
        message: &Message<'_>,
    ) -> Result<(Transaction, Verdict), Discard> {
        let id = message.transaction_id();
        let index = self
            .transactions
            .iter()
            .position(|transaction| transaction.id == id);
        let index = index.ok_or(Discard::UnknownTransaction)?;
        let remote = self.remote.as_ref().ok_or(Discard::UnknownTransaction)?;
        remote.authenticate(message)?;
        let verdict = self.verdict(index, path, message)?;
        let transaction = self.transactions.swap_remove(index);
        if !transaction.resent && verdict == Verdict::Success {
            self.rtt
                .sample(now.saturating_duration_since(transaction.sent));
        }
        Ok((transaction, verdict))
    }

    fn verdict(&self, index: usize, path: Path, message: &Message<'_>) -> Result<Verdict, Discard> {
        if self
            .transactions
            .get(index)
            .is_none_or(|transaction| transaction.path != path)
        {
            return Ok(Verdict::Asymmetric);
        }
        match message.error_code() {
            Some(code) if message.kind() == MessageType::BINDING_ERROR => Ok(Verdict::Error(code)),
            None if message.kind() == MessageType::BINDING_ERROR => Err(Discard::Malformed),
            // RFC 8489 §6.3.3: a success response with unknown required attributes is discarded.
            _ if has_unknown_required(message) => Err(Discard::Malformed),
            _ if message.xor_mapped_address().is_none() => Err(Discard::MappedAddressMissing),
            _ => Ok(Verdict::Success),
        }
    }
}

fn has_unknown_required(message: &Message<'_>) -> bool {
    message
        .attributes()
        .any(|a| a.kind.comprehension_required() && a.kind.name().is_none())
}

fn draw_u64(random: &mut Random) -> u64 {
    let mut bytes = [0; 8];
    random(&mut bytes);
    u64::from_ne_bytes(bytes)
}

impl Transaction {
    const fn max_transmissions(&self, timing: Retransmission) -> u32 {
        match self.purpose {
            // RFC 7675 §5.1: a consent check is not retransmitted, the next one is a new request.
            // What is carried goes with the next one.
            Purpose::Consent | Purpose::Carry => 1,
            Purpose::Check | Purpose::Nominate => timing.max_transmissions,
        }
    }

    const fn is_exhausted(&self, timing: Retransmission) -> bool {
        self.transmissions >= self.max_transmissions(timing)
    }

    fn is_due(&self, now: Instant, timing: Retransmission) -> bool {
        !self.is_exhausted(timing) && self.next <= now
    }

    fn transmitted(&mut self, now: Instant, timing: Retransmission) {
        // RFC 8489 §6.2.1: the wait doubles with each transmission; after the last it is Rm RTOs.
        let wait = match (
            self.purpose,
            self.transmissions + 1 >= self.max_transmissions(timing),
        ) {
            (Purpose::Consent | Purpose::Carry, _) => CONSENT_WAIT,
            (_, true) => timing.rto.saturating_mul(LAST_WAIT),
            (_, false) => timing
                .rto
                .saturating_mul(1 << self.transmissions.min(MAX_DOUBLINGS)),
        };
        if self.transmissions > 0 {
            self.resent = true;
        } else if !self.resent {
            self.sent = now;
        }
        self.transmissions += 1;
        self.next = now + wait.min(MAX_WAIT);
    }

    fn write(
        &self,
        buf: &mut [u8],
        remote: &Remote,
        local_ufrag: &str,
        tiebreaker: u64,
        add: impl FnOnce(&mut MessageWriter<'_>),
    ) -> Result<usize, BufferTooSmall> {
        let role = (self.role, tiebreaker);
        remote.write_check(buf, self.id, local_ufrag, self.priority, role, |writer| {
            if self.purpose == Purpose::Nominate {
                writer.attribute(AttributeType::USE_CANDIDATE, &[])?;
            }
            add(writer);
            Ok(())
        })
    }
}

/// A bound for waits, so that no configuration overflows the clock.
const MAX_WAIT: Duration = Duration::from_secs(3600);

impl std::fmt::Debug for Requester {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requester")
            .field("role", &self.role)
            .field("transactions", &self.transactions)
            .finish_non_exhaustive()
    }
}

impl Hash for Requester {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.remote.as_ref().map(Remote::ufrag).hash(state);
        (self.role, self.tiebreaker, &self.transactions, &self.rtt).hash(state);
    }
}
