//! Proof of the peer's addresses, for a lite agent.

use crate::remote::Remote;
use crate::request::Role;
use crate::rtt::RoundTrip;
use crate::stun::{BufferTooSmall, Message, TransactionId};
use crate::{Credentials, Discard, Path, Random};
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

/// How long an answer is waited for before the question is put again, which doubles each time: the
/// RTO of RFC 8445 §14.3.
const RTO: Duration = Duration::from_millis(500);

/// How often a question is put by the clock; afterwards each check of the peer's puts it again. The
/// last wait ends after 7.5 s, by when a peer that is there has checked again.
const MAX_TRANSMISSIONS: u32 = 4;

/// A question is not put again sooner than this, however many checks come: the Ta of RFC 8445 §14.2.
const PACE: Duration = Duration::from_millis(50);

/// The priority that a peer-reflexive candidate would have (RFC 8445 §7.1.1).
const PRIORITY: u32 = 0x6E00_01FF;

/// Asks addresses that a check came from to answer one of ours. Who names an address that is not
/// its own, or repeats a check of somebody's from there, can't: it never sees the question.
pub(crate) struct Prover {
    random: Random,
    remote: Remote,
    tiebreaker: u64,
    questions: Vec<Question>,
    rtt: RoundTrip,
}

/// A check of ours, not answered yet.
#[derive(Debug, Hash)]
struct Question {
    path: Path,
    id: TransactionId,
    /// How often it was sent.
    transmissions: u32,
    /// When it was sent last.
    sent: Instant,
    /// When it is to be sent, for the first time or again.
    due: Option<Instant>,
}

impl Question {
    fn transmitted(&mut self, now: Instant) {
        self.transmissions = self.transmissions.saturating_add(1);
        self.sent = now;
        let again = self.transmissions < MAX_TRANSMISSIONS;
        self.due = again.then(|| now + RTO * (1 << (self.transmissions - 1)));
    }
}

impl Prover {
    pub(crate) fn new(remote: &Credentials, mut random: Random) -> Self {
        let mut tiebreaker = [0; 8];
        random(&mut tiebreaker);
        Self {
            random,
            remote: Remote::new(remote),
            tiebreaker: u64::from_ne_bytes(tiebreaker),
            questions: Vec::new(),
            rtt: RoundTrip::default(),
        }
    }

    /// A check of the peer's came over this path: ask there, or ask again.
    pub(crate) fn ask(&mut self, now: Instant, path: Path) {
        let known = self.questions.iter_mut().find(|asked| asked.path == path);
        if let Some(question) = known {
            let soonest = question.sent + PACE;
            let again = if soonest > now { soonest } else { now };
            question.due = Some(question.due.map_or(again, |due| due.min(again)));
            return;
        }
        self.questions.push(Question {
            path,
            id: TransactionId::generate(&mut self.random),
            transmissions: 0,
            sent: now,
            due: Some(now),
        });
    }

    /// Forgets what was asked on other paths than these.
    pub(crate) fn retain(&mut self, is_wanted: impl Fn(&Path) -> bool) {
        self.questions.retain(|question| is_wanted(&question.path));
    }

    /// When a question is to be put again.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.questions.iter().filter_map(|asked| asked.due).min()
    }

    /// The round trip of questions that were answered at once.
    pub(crate) const fn rtt(&self) -> Option<Duration> {
        self.rtt.smoothed()
    }

    /// Writes the next question that is due.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        local_ufrag: &str,
    ) -> Option<Result<(Path, usize), BufferTooSmall>> {
        let is_due = |asked: &&mut Question| asked.due.is_some_and(|at| at <= now);
        let due = self.questions.iter_mut().find(is_due)?;
        due.transmitted(now);
        let (path, role) = (due.path, (Role::Controlled, self.tiebreaker));
        let written = self
            .remote
            .write_check(buf, due.id, local_ufrag, PRIORITY, role, |_| Ok(()));
        Some(written.map(|len| (path, len)))
    }

    /// Takes the answer to a question. Whatever it says, the address that it came from is the peer's.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        path: Path,
        message: &Message<'_>,
    ) -> Result<(), Discard> {
        let id = message.transaction_id();
        let asked = self
            .questions
            .iter()
            .position(|asked| asked.id == id && asked.path == path)
            .ok_or(Discard::UnknownTransaction)?;
        self.remote.authenticate(message)?;
        let question = self.questions.swap_remove(asked);
        if question.transmissions == 1 {
            self.rtt
                .sample(now.saturating_duration_since(question.sent));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Prover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prover")
            .field("questions", &self.questions)
            .finish_non_exhaustive()
    }
}

impl Hash for Prover {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.remote.ufrag(), &self.questions, &self.rtt).hash(state);
    }
}
