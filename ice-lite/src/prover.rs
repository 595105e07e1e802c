//! Proof of the peer's addresses, for a lite agent that has to speak first.

use crate::remote::Remote;
use crate::request::Role;
use crate::stun::{BufferTooSmall, Message, TransactionId};
use crate::{Credentials, Discard, Path, Random};
use std::hash::{Hash, Hasher};

/// The priority that a peer-reflexive candidate would have (RFC 8445 §7.1.1).
const PRIORITY: u32 = 0x6E00_01FF;

/// Asks addresses that a check came from to answer one of ours. Who names an address that is not
/// its own, or repeats a check of somebody's from there, can't: it never sees the question.
pub(crate) struct Prover {
    random: Random,
    remote: Remote,
    tiebreaker: u64,
    questions: Vec<Question>,
}

/// A check of ours, not answered yet.
#[derive(Debug, Hash)]
struct Question {
    path: Path,
    id: TransactionId,
    /// It is to be sent, for the first time or again.
    is_due: bool,
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
        }
    }

    /// A check of the peer's came over this path: ask there, or ask again.
    pub(crate) fn ask(&mut self, path: Path) {
        let known = self.questions.iter_mut().find(|asked| asked.path == path);
        if let Some(question) = known {
            question.is_due = true;
            return;
        }
        self.questions.push(Question {
            path,
            id: TransactionId::generate(&mut self.random),
            is_due: true,
        });
    }

    /// Forgets what was asked on other paths than these.
    pub(crate) fn retain(&mut self, is_wanted: impl Fn(&Path) -> bool) {
        self.questions.retain(|question| is_wanted(&question.path));
    }

    /// Writes the next question that is due.
    pub(crate) fn poll(
        &mut self,
        buf: &mut [u8],
        local_ufrag: &str,
    ) -> Option<Result<(Path, usize), BufferTooSmall>> {
        let due = self.questions.iter_mut().find(|asked| asked.is_due)?;
        due.is_due = false;
        let (path, role) = (due.path, (Role::Controlled, self.tiebreaker));
        let written = self
            .remote
            .write_check(buf, due.id, local_ufrag, PRIORITY, role, |_| Ok(()));
        Some(written.map(|len| (path, len)))
    }

    /// Takes the answer to a question. Whatever it says, the address that it came from is the peer's.
    pub(crate) fn receive(&mut self, path: Path, message: &Message<'_>) -> Result<(), Discard> {
        let id = message.transaction_id();
        let asked = self
            .questions
            .iter()
            .position(|asked| asked.id == id && asked.path == path)
            .ok_or(Discard::UnknownTransaction)?;
        self.remote.authenticate(message)?;
        self.questions.swap_remove(asked);
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
        (self.remote.ufrag(), &self.questions).hash(state);
    }
}
