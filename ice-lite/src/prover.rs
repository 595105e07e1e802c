//! Proof of the peer's addresses, for a lite agent.

use crate::remote::Remote;
use crate::request::Role;
use crate::rtt::RoundTrip;
use crate::stun::{BufferTooSmall, Message, MessageWriter, TransactionId};
use crate::{Credentials, Discard, Path, Random};
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

/// How long to wait for an answer before asking again, which doubles each time: the
/// RTO of RFC 8445 §14.3.
const RTO: Duration = Duration::from_millis(500);

/// How often to ask by the clock; afterwards each check of the peer triggers another question. The
/// last wait ends after 7.5 s, by when a peer that is there has checked again.
const MAX_TRANSMISSIONS: u32 = 4;

/// The least time between two questions, however many checks come: the Ta of RFC 8445 §14.2.
const PACE: Duration = Duration::from_millis(50);

/// The priority that a peer-reflexive candidate would have (RFC 8445 §7.1.1).
const PRIORITY: u32 = 0x6E00_01FF;

/// Asks the address that a check came from to answer one of ours. Whoever forges an address that is not
/// theirs, or replays somebody's check from there, can't: they never see the question.
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
    /// Random. The transactions of it differ in their last byte, which counts them: so an answer tells
    /// which of them it answers, as long as there were not more than a byte tells apart.
    id: TransactionId,
    /// How often it was sent.
    transmissions: u32,
    /// When it was sent for the first time.
    first: Instant,
    /// When it was sent last.
    sent: Instant,
    /// When it is to be sent, for the first time or again.
    due: Option<Instant>,
}

impl Question {
    fn new(now: Instant, path: Path, id: TransactionId) -> Self {
        Self {
            path,
            id,
            transmissions: 0,
            first: now,
            sent: now,
            due: Some(now),
        }
    }

    /// It is sent; gives the transaction.
    fn transmit(&mut self, now: Instant) -> TransactionId {
        let mut id = self.id;
        id.0[LAST] ^= self.transmissions as u8;
        self.transmissions = self.transmissions.saturating_add(1);
        if self.transmissions == 1 {
            self.first = now;
        }
        self.sent = now;
        let again = self.transmissions < MAX_TRANSMISSIONS;
        self.due = again.then(|| now + RTO * (1 << (self.transmissions - 1)));
        id
    }

    /// Which transmission has this transaction.
    fn transmission(&self, id: TransactionId) -> Option<u32> {
        let number = u32::from(self.id.0[LAST] ^ id.0[LAST]);
        (id.0[..LAST] == self.id.0[..LAST] && number < self.transmissions).then_some(number)
    }

    /// The round trip, if the first or the last transmission was answered: a check of the peer's on its
    /// way here while our question is on its way there has it put again before any answer can come.
    fn round_trip(&self, now: Instant, answered: u32) -> Option<Duration> {
        let sent = match answered {
            _ if self.transmissions > COUNTED => return None,
            0 => self.first,
            last if last + 1 == self.transmissions => self.sent,
            _ => return None,
        };
        Some(now.saturating_duration_since(sent))
    }
}

/// The place of the last byte of a transaction id.
const LAST: usize = 11;

/// As many transmissions as a byte tells apart.
const COUNTED: u32 = 256;

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

    /// A check of the peer came over this path: ask there, or ask again.
    pub(crate) fn ask(&mut self, now: Instant, path: Path) {
        let known = self.questions.iter_mut().find(|asked| asked.path == path);
        if let Some(question) = known {
            let soonest = question.sent + PACE;
            let again = if soonest > now { soonest } else { now };
            question.due = Some(question.due.map_or(again, |due| due.min(again)));
            return;
        }
        let id = TransactionId::generate(&mut self.random);
        self.questions.push(Question::new(now, path, id));
    }

    /// Forgets what was asked on other paths than these.
    pub(crate) fn retain(&mut self, is_wanted: impl Fn(&Path) -> bool) {
        self.questions.retain(|question| is_wanted(&question.path));
        self.rest();
    }

    /// A call asks when it begins and when it moves, and thousands that do neither need no room for
    /// what they might ask.
    fn rest(&mut self) {
        if self.questions.is_empty() {
            self.questions = Vec::new();
        }
    }

    /// When to ask again.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.questions.iter().filter_map(|asked| asked.due).min()
    }

    /// The smoothed round trip of questions.
    pub(crate) const fn rtt(&self) -> Option<Duration> {
        self.rtt.smoothed()
    }

    /// Writes the next question that is due.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        local_ufrag: &str,
        add: impl FnOnce(&mut MessageWriter<'_>, Path),
    ) -> Option<Result<(Path, usize), BufferTooSmall>> {
        let is_due = |asked: &&mut Question| asked.due.is_some_and(|at| at <= now);
        let due = self.questions.iter_mut().find(is_due)?;
        let id = due.transmit(now);
        let (path, role) = (due.path, (Role::Controlled, self.tiebreaker));
        let written = self
            .remote
            .write_check(buf, id, local_ufrag, PRIORITY, role, |writer| {
                add(writer, path);
                Ok(())
            });
        Some(written.map(|len| (path, len)))
    }

    /// Takes the answer to a question. Whatever it says, it proves the address that it came from.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        path: Path,
        message: &Message<'_>,
    ) -> Result<(), Discard> {
        let id = message.transaction_id();
        let mut questions = self.questions.iter().enumerate();
        let (place, number) = questions
            .find_map(|(place, asked)| {
                let number = asked.transmission(id).filter(|_| asked.path == path)?;
                Some((place, number))
            })
            .ok_or(Discard::UnknownTransaction)?;
        self.remote.authenticate(message)?;
        let question = self.questions.swap_remove(place);
        self.rest();
        if let Some(round_trip) = question.round_trip(now, number) {
            self.rtt.sample(round_trip);
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

#[cfg(test)]
mod tests {
    use std::hash::DefaultHasher;

    use super::*;

    fn prover() -> Prover {
        let remote = Credentials::generate(&mut |out| out.fill(7));
        let mut number = 0;
        Prover::new(
            &remote,
            Box::new(move |out| {
                number += 1;
                out.fill(number);
            }),
        )
    }

    fn path(port: u16) -> Path {
        let [local, remote] = [1, port].map(|port| ([192, 0, 2, 1], port).into());
        Path::udp(local, remote)
    }

    fn digest(prover: &Prover) -> u64 {
        let mut hasher = DefaultHasher::new();
        prover.hash(&mut hasher);
        hasher.finish()
    }

    /// Nothing is asked over a path that the agent has given up.
    #[test]
    fn questions_end_with_their_paths() {
        let (mut prover, now) = (prover(), Instant::now());
        for port in [2, 3] {
            prover.ask(now, path(port));
        }
        prover.retain(|&known| known == path(3));
        let mut buf = [0; 200];
        let asked = prover.poll(now, &mut buf, "local", |_, _| {});
        assert!(asked.is_some_and(|sent| sent.is_ok_and(|(over, _)| over == path(3))));
        assert!(prover.poll(now, &mut buf, "local", |_, _| {}).is_none());
        prover.retain(|_| false);
        assert_eq!(prover.next_timeout(), None);
    }

    /// A question is part of what decides about datagrams to come, and is shown.
    #[test]
    fn digest_and_debug_cover_questions() {
        let (mut prover, now) = (prover(), Instant::now());
        let before = (digest(&prover), format!("{prover:?}"));
        assert_eq!(before.1, "Prover { questions: [], .. }");
        prover.ask(now, path(2));
        assert_ne!(digest(&prover), before.0);
        assert!(format!("{prover:?}").contains("192.0.2.1:2"));
    }
}
